"""Sources that are pages without a feed, and articles that are fetched from their pages."""

import sqlalchemy as sa
from alembic import op

from tidings.db.types import UtcDateTime

revision = "0019"
down_revision = "0018"

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    of_source = sa.ForeignKey("source.id", ondelete="CASCADE")
    op.create_table(
        "source_page",
        sa.Column("source_id", Id, of_source, primary_key=True),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column("date", sa.Text(), nullable=False),
        sa.Column("watch", sa.Text(), nullable=False),
        sa.Column("seen", sa.Text(), nullable=True),
        sa.Column("changes", sa.Integer(), nullable=False, server_default="0"),
    )
    op.create_table(
        "source_text",
        sa.Column(
            "source_id", Id, sa.ForeignKey("source.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("fetched", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("failed", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("failing_since", UtcDateTime(), nullable=True),
    )
    op.create_table(
        "robots",
        sa.Column("site", sa.Text(), primary_key=True),
        sa.Column("fetched_at", UtcDateTime(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
    )
    # With a constant default a column is added at once, however many rows there are.
    op.add_column(
        "entry", sa.Column("full_text", sa.Boolean(), nullable=False, server_default=sa.false())
    )
