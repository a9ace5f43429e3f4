"""What operators may do on the pages, and what they did."""

import sqlalchemy as sa
from alembic import op

from tidings.db.types import UtcDateTime

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column(
        "operator_token", sa.Column("role", sa.Text(), nullable=False, server_default="all")
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
    )
