"""The SQL of what operators do and see."""
