"""Channels to chats and services, and the outbox of what they are told."""

import sqlalchemy as sa
from alembic import op

from tidings.db.types import UtcDateTime

revision = "0020"
down_revision = "0019"

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "channel",
        sa.Column("id", Id, primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=True),
        sa.Column(
            "newsletter_id", Id, sa.ForeignKey("newsletter.id", ondelete="CASCADE"), nullable=True
        ),
        sa.Column("topic_id", Id, sa.ForeignKey("topic.id", ondelete="CASCADE"), nullable=True),
        sa.Column("per_hour", sa.Integer(), nullable=False),
        sa.Column("watermark", sa.BigInteger(), nullable=False),
        sa.Column("added_at", UtcDateTime(), nullable=False),
        sa.Column("paused_at", UtcDateTime(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("wait_until", UtcDateTime(), nullable=True),
        sa.Column("accepted_at", UtcDateTime(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.UniqueConstraint("name", name="uq_channel_name"),
        sa.CheckConstraint(
            "newsletter_id IS NULL OR topic_id IS NULL", name="ck_channel_one_subject"
        ),
    )
    op.create_index("ix_channel_newsletter_id", "channel", ["newsletter_id"])
    op.create_index("ix_channel_topic_id", "channel", ["topic_id"])
    op.create_table(
        "channel_message",
        sa.Column("id", Id, primary_key=True),
        sa.Column(
            "channel_id", Id, sa.ForeignKey("channel.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("issue_id", Id, sa.ForeignKey("issue.id", ondelete="CASCADE"), nullable=True),
        sa.Column("from_seq", sa.BigInteger(), nullable=True),
        sa.Column("to_seq", sa.BigInteger(), nullable=True),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.UniqueConstraint("key", name="uq_channel_message_key"),
        sa.UniqueConstraint("channel_id", "to_seq", name="uq_channel_message_channel_id_to_seq"),
        sa.UniqueConstraint(
            "channel_id", "issue_id", name="uq_channel_message_channel_id_issue_id"
        ),
    )
    op.create_index("ix_channel_message_issue_id", "channel_message", ["issue_id"])
    op.create_index(
        "ix_channel_message_channel_id_made_at", "channel_message", ["channel_id", "made_at"]
    )
    op.create_index(
        "ix_channel_message_waiting",
        "channel_message",
        ["next_try_at"],
        sqlite_where=sa.text("finished_at IS NULL"),
        postgresql_where=sa.text("finished_at IS NULL"),
    )
