"""The SQL of full-text search: queries, the index, saved searches."""
