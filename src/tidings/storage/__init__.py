"""The boundary to the database."""
