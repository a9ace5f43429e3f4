"""Values that everybody speaks of: entries, sources, subscribers, newsletters, addresses.

Frozen dataclasses and pure functions on them; the standard library only. Nothing is read or
written here.
"""
