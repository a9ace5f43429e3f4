"""Tidings: follows many feeds and tells people what is new."""
