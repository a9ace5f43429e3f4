"""A small web of feeds, to see tidings work."""
