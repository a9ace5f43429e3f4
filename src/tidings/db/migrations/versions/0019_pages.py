"""Sources that are pages without a feed."""

import sqlalchemy as sa
from alembic import op

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
