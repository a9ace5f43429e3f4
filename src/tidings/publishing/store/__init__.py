"""The SQL of publishing."""
