"""The forms that feeds and lists are written in, one a module."""
