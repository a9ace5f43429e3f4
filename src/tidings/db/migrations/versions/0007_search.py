"""The index of words, made of what is stored already, and searches that are saved."""

import logging

import sqlalchemy as sa
from alembic import context, op

from tidings.db.types import UtcDateTime

revision = "0007"
down_revision = "0006"

# Entries after which it is said how many were indexed.
STEP = 10_000

logger = logging.getLogger(__name__)

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "search",
        sa.Column("id", Id, nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("added_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search")),
        sa.UniqueConstraint("slug", name=op.f("uq_search_slug")),
    )
    connection = op.get_bind()
    for statement in _SQLITE if connection.dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(statement)
    # Words are made by today's program, whatever they were when this schema was new.
    context.config.attributes["rebuild_index"](connection, _Progress().advance)


class _Progress:
    """Says now and then how far it is: of a million entries it takes many minutes."""

    def __init__(self) -> None:
        self._done = 0

    def advance(self, indexed: int) -> None:
        before, self._done = self._done, self._done + indexed
        if before // STEP < self._done // STEP:
            logger.info("entries made searchable", extra={"entries": self._done})


_SQLITE = (
    """
    CREATE TABLE entry_words (
        entry_id INTEGER PRIMARY KEY REFERENCES entry (id) ON DELETE CASCADE,
        title TEXT NOT NULL,
        lead TEXT NOT NULL,
        body TEXT NOT NULL
    )
    """,
    """
    CREATE VIRTUAL TABLE entry_index USING fts5 (
        title, lead, body,
        content = 'entry_words', content_rowid = 'entry_id', columnsize = 0,
        tokenize = "ascii tokenchars '+#'"
    )
    """,
    """
    CREATE TRIGGER entry_words_added AFTER INSERT ON entry_words BEGIN
        INSERT INTO entry_index (rowid, title, lead, body)
        VALUES (new.entry_id, new.title, new.lead, new.body);
    END
    """,
    """
    CREATE TRIGGER entry_words_removed AFTER DELETE ON entry_words BEGIN
        INSERT INTO entry_index (entry_index, rowid, title, lead, body)
        VALUES ('delete', old.entry_id, old.title, old.lead, old.body);
    END
    """,
    """
    CREATE TRIGGER entry_words_changed AFTER UPDATE ON entry_words BEGIN
        INSERT INTO entry_index (entry_index, rowid, title, lead, body)
        VALUES ('delete', old.entry_id, old.title, old.lead, old.body);
        INSERT INTO entry_index (rowid, title, lead, body)
        VALUES (new.entry_id, new.title, new.lead, new.body);
    END
    """,
)

_POSTGRESQL = (
    """
    CREATE TABLE entry_words (
        entry_id BIGINT PRIMARY KEY REFERENCES entry (id) ON DELETE CASCADE,
        title TSVECTOR NOT NULL,
        lead TSVECTOR NOT NULL,
        body TSVECTOR NOT NULL
    )
    """,
    "ALTER TABLE entry_words ALTER body SET STORAGE EXTERNAL",
    """
    CREATE INDEX ix_entry_words_body ON entry_words USING gin (body)
    WITH (gin_pending_list_limit = 256)
    """,
)
