"""The SQL of newsletters and of the outbox."""
