"""The use cases: transactions begin here."""
