"""The SQL of subscribers."""
