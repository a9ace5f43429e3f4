"""The tables of searching: the index of words, which is made from the entries, and saved searches.

On SQLite `entry_words` holds words, and triggers keep the full-text table `entry_index` in step;
on PostgreSQL it holds vectors of words, and has an index of its own.
"""

from sqlalchemy import Column, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import TSVECTOR

from tidings.storage.tables import Id, metadata
from tidings.storage.types import UtcDateTime

WordVector = Text().with_variant(TSVECTOR(), "postgresql")

entry_words = Table(
    "entry_words",
    MetaData(),
    Column("entry_id", Id, primary_key=True),
    Column("title", WordVector, nullable=False),
    Column("lead", WordVector, nullable=False),
    Column("body", WordVector, nullable=False),
)
"""What entries are found by; no part of a copy, which makes its own.

`lead` is the title and the beginning of the text, `body` is everything, with marks that narrow
a search.
"""

search = Table(
    "search",
    metadata,
    Column("id", Id, primary_key=True),
    Column("slug", Text, nullable=False, unique=True),
    Column("title", Text, nullable=False),
    Column("query", Text, nullable=False),
    Column("added_at", UtcDateTime, nullable=False),
)
"""Searches that have a page and feeds of their own."""
