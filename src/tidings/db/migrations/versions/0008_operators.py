"""The tokens of operators, and where they are signed in."""

import sqlalchemy as sa
from alembic import op

from tidings.db.types import UtcDateTime

revision = "0008"
down_revision = "0007"

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "operator_token",
        sa.Column("id", Id, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("last_used_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operator_token")),
        sa.UniqueConstraint("hash", name=op.f("uq_operator_token_hash")),
    )
    op.create_table(
        "operator_session",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("token_id", Id, nullable=False),
        sa.Column("began_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["token_id"],
            ["operator_token.id"],
            name=op.f("fk_operator_session_token_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_operator_session")),
    )
    op.create_index(op.f("ix_operator_session_token_id"), "operator_session", ["token_id"])
