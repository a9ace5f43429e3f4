"""The SQL of stories."""
