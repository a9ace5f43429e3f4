"""The tables of stories: what entries are found by, and what was decided."""

from sqlalchemy import BigInteger, Column, Double, ForeignKey, Index, Table, Text

from tidings.storage.tables import Id, metadata
from tidings.storage.types import UtcDateTime


def _entry() -> ForeignKey:
    return ForeignKey("entry.seq", ondelete="CASCADE")


story = Table(
    "story",
    metadata,
    Column("id", Id, primary_key=True),
    Column("made_at", UtcDateTime, nullable=False),
)
"""What `entry.story_id` names; it goes when it has a single member left."""

story_key = Table(
    "story_key",
    metadata,
    Column("key", BigInteger, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Index(None, "seq"),
    sqlite_with_rowid=False,
)
"""What an entry that became public lately has in common with others that tell the same.

A `seq` is never given to another entry: what is left of one that was removed does no harm.
"""

likeness = Table(
    "likeness",
    metadata,
    Column("seq", BigInteger, _entry(), primary_key=True),
    Column("mate_seq", BigInteger, _entry(), primary_key=True),
    Column("because", Text, nullable=False),
    Column("score", Double, nullable=False),
    Column("joined_at", UtcDateTime, nullable=False),
    Index(None, "mate_seq"),
)
"""Why an entry is in its story: which other one it is like, and how much."""

apart = Table(
    "apart",
    metadata,
    Column("seq", BigInteger, _entry(), primary_key=True),
    Column("mate_seq", BigInteger, _entry(), primary_key=True),
    Column("decided_at", UtcDateTime, nullable=False),
    Index(None, "mate_seq"),
)
"""Pairs that are never one story, by the operator's word; the older one comes first."""
