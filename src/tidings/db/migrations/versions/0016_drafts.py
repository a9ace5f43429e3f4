"""Issues under review: what editors change in them before they go."""

import sqlalchemy as sa
from alembic import op

from tidings.db.types import Seconds, UtcDateTime

revision = "0016"
down_revision = "0015"

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column(
        "newsletter",
        sa.Column("review", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.add_column("newsletter", sa.Column("review_time", Seconds(), nullable=True))
    op.create_table(
        "draft",
        sa.Column("id", Id, primary_key=True),
        sa.Column(
            "newsletter_id", Id, sa.ForeignKey("newsletter.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("to_seq", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("approved_at", UtcDateTime(), nullable=True),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.Column("lead_id", Id, sa.ForeignKey("entry.id", ondelete="SET NULL"), nullable=True),
    )
    op.create_index("ix_draft_newsletter_id_id", "draft", ["newsletter_id", "id"])
    op.create_index("ix_draft_lead_id", "draft", ["lead_id"])
    is_open = sa.text("done_at IS NULL")
    op.create_index(
        "uq_draft_open",
        "draft",
        ["newsletter_id"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    of_draft = sa.ForeignKey("draft.id", ondelete="CASCADE")
    op.create_table(
        "draft_text",
        sa.Column("draft_id", Id, of_draft, primary_key=True),
        sa.Column("language", sa.Text(), primary_key=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
    )
    op.create_table(
        "draft_entry",
        sa.Column("draft_id", Id, sa.ForeignKey("draft.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("entry_id", Id, sa.ForeignKey("entry.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
    )
    op.create_index("ix_draft_entry_entry_id", "draft_entry", ["entry_id"])
    # No foreign key: SQLite cannot add one to a table, and drafts go with the newsletter alone.
    op.add_column("issue", sa.Column("draft_id", Id, nullable=True))
