"""The SQL of searching, and of the index of words."""
