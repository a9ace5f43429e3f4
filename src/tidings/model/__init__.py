"""Values that all packages share: entries, sources, subscribers, newsletters, addresses.

Frozen dataclasses and pure functions; the standard library only, no I/O.
"""
