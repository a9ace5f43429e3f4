"""What publishing adds: changes by entry, rights, pages that keep their number, pings of hubs."""

import sqlalchemy as sa
from alembic import op

from tidings.db.types import UtcDateTime

revision = "0005"
down_revision = "0004"

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _extend_source()
    _extend_entry()
    op.add_column("feed_state", sa.Column("body_hash", sa.LargeBinary(), nullable=True))
    op.add_column("feed_state", sa.Column("hashed_change", sa.BigInteger(), nullable=True))
    unpaged: sa.Column[bool] = sa.Column(
        "is_paged", sa.Boolean(), nullable=False, server_default=sa.false()
    )
    op.add_column("feed_state", unpaged)
    unmarked = sa.Column("marked", sa.BigInteger(), nullable=False, server_default="0")
    op.add_column("counter", unmarked)
    op.execute(
        "INSERT INTO feed_state (scope, change, changed_at)"
        " SELECT 'site', change, changed_at FROM feed_state WHERE scope = 'all'"
    )
    _create_page_mark()
    _create_hub_ping()


def _extend_source() -> None:
    for column in (
        sa.Column("feed_guid", sa.Text(), nullable=True),
        sa.Column("rights", sa.Text(), nullable=True),
        sa.Column("republish", sa.Text(), nullable=False, server_default="full"),
        sa.Column("noindex", sa.Boolean(), nullable=False, server_default=sa.false()),
    ):
        op.add_column("source", column)


def _extend_entry() -> None:
    for column in (
        sa.Column("change", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("pinned_at", UtcDateTime(), nullable=True),
        sa.Column("story_id", Id, nullable=True),
        sa.Column("follows", sa.Boolean(), nullable=False, server_default=sa.false()),
    ):
        op.add_column("entry", column)
    if op.get_bind().dialect.name == "sqlite":
        _move_content_to_the_end()
        _let_folded_be_found()
    op.drop_index(op.f("ix_entry_state_seq"), "entry")
    op.drop_index(op.f("ix_entry_state_folded_sort_at_id"), "entry")
    op.create_index(op.f("ix_entry_state_follows_seq"), "entry", ["state", "follows", "seq"])
    op.create_index(
        op.f("ix_entry_state_follows_folded_sort_at_id"),
        "entry",
        ["state", "follows", "folded", "sort_at", "id"],
    )
    op.create_index("ix_entry_seq_change", "entry", ["seq", "change"])
    op.create_index(op.f("ix_entry_change_state"), "entry", ["change", "state"])
    op.create_index(op.f("ix_entry_source_id_seq"), "entry", ["source_id", "seq"])
    is_edited = sa.text("changed_at > first_seen_at")
    op.create_index(
        "ix_entry_edited",
        "entry",
        ["changed_at"],
        sqlite_where=is_edited,
        postgresql_where=is_edited,
    )
    for name, key in (("ix_entry_pinned", "pinned_at"), ("ix_entry_story", "story_id")):
        is_set = sa.text(f"{key} IS NOT NULL")
        op.create_index(name, "entry", [key], sqlite_where=is_set, postgresql_where=is_set)


def _move_content_to_the_end() -> None:
    """Put what is long behind all else: SQLite passes over it to come to what stands after it."""
    op.add_column("entry", sa.Column("body", sa.Text(), nullable=False, server_default=""))
    op.execute("UPDATE entry SET body = content")
    op.execute("ALTER TABLE entry DROP COLUMN content")
    op.execute("ALTER TABLE entry RENAME COLUMN body TO content")


def _let_folded_be_found() -> None:
    """Make the index of what is folded anew: SQLite takes it only for what is asked word for word."""
    op.drop_index("ix_entry_folded", "entry")
    columns, is_folded = ["source_id", "first_seen_at"], sa.text("folded = 1")
    op.create_index("ix_entry_folded", "entry", columns, sqlite_where=is_folded)


def _create_page_mark() -> None:
    op.create_table(
        "page_mark",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sort_at", UtcDateTime(), nullable=False),
        sa.Column("entry_id", Id, nullable=False),
        sa.Column("change", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "number", name=op.f("pk_page_mark")),
    )
    place = ["scope", "sort_at", "entry_id"]
    op.create_index(op.f("ix_page_mark_scope_sort_at_entry_id"), "page_mark", place)


def _create_hub_ping() -> None:
    op.create_table(
        "hub_ping",
        sa.Column("hub", sa.Text(), nullable=False),
        sa.Column("feed_url", sa.Text(), nullable=False),
        sa.Column("change", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", UtcDateTime(), nullable=True),
        sa.Column("accepted_at", UtcDateTime(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("hub", "feed_url", name=op.f("pk_hub_ping")),
    )
    op.create_index(op.f("ix_hub_ping_next_try_at"), "hub_ping", ["next_try_at"])
