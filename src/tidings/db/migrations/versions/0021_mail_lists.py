"""Mailing lists that write to us, and their messages that wait to be read."""

import sqlalchemy as sa
from alembic import op

from tidings.db.types import UtcDateTime

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "mail_list",
        sa.Column("id", number, primary_key=True),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("refused", sa.Boolean(), nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.Column("first_at", UtcDateTime(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.Column(
            "source_id",
            number,
            sa.ForeignKey("source.id", ondelete="SET NULL", name="fk_mail_list_source_id"),
        ),
        sa.UniqueConstraint("key", name="uq_mail_list_key"),
        sa.UniqueConstraint("source_id", name="uq_mail_list_source_id"),
    )
    op.create_table(
        "mail_message",
        sa.Column("id", number, primary_key=True),
        sa.Column(
            "list_id",
            number,
            sa.ForeignKey("mail_list.id", ondelete="CASCADE", name="fk_mail_message_list_id"),
            nullable=False,
        ),
        sa.Column("arrived_at", UtcDateTime(), nullable=False),
        sa.Column("has_failed", sa.Boolean(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("message", sa.JSON(), nullable=False),
    )
    op.create_index("ix_mail_message_list_id", "mail_message", ["list_id"])
