"""The tables of operators: who may act on the pages, and where they are signed in."""

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, Table, Text

from tidings.storage.tables import Id, metadata
from tidings.storage.types import UtcDateTime

operator_token = Table(
    "operator_token",
    metadata,
    Column("id", Id, primary_key=True),
    Column("hash", LargeBinary, nullable=False, unique=True),
    Column("label", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
)
"""What operators sign in with, as hashes: whoever reads the table cannot sign in."""

operator_session = Table(
    "operator_session",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("token_id", Id, ForeignKey("operator_token.id", ondelete="CASCADE"), nullable=False),
    Column("began_at", UtcDateTime, nullable=False),
    Index(None, "token_id"),
)
"""Browsers that are signed in, by the hash of their cookie; each lasts as long as its token."""
