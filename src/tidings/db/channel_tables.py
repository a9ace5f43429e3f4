"""Tables of channels: what is told to chats and services, and the outbox of that."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from tidings.db.mail_tables import issue, newsletter
from tidings.db.tables import Id, metadata, topic
from tidings.db.types import UtcDateTime

# `url` and `secret` are what gives access, as they are. Without a newsletter and a topic a channel has
# every entry. `watermark` is the last `seq` that was made into messages, of those that are told of
# entries. Nothing is sent before `wait_until`. One lease for all messages: they are sent one by one.
channel = Table(
    "channel",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("url", Text, nullable=False),
    Column("secret", Text),
    Column("newsletter_id", Id, ForeignKey(newsletter.c.id, ondelete="CASCADE")),
    Column("topic_id", Id, ForeignKey(topic.c.id, ondelete="CASCADE")),
    Column("per_hour", Integer, nullable=False),
    Column("watermark", BigInteger, nullable=False),
    Column("added_at", UtcDateTime, nullable=False),
    Column("paused_at", UtcDateTime),
    Column("failures", Integer, nullable=False),
    Column("wait_until", UtcDateTime),
    Column("accepted_at", UtcDateTime),
    Column("last_error", Text),
    Column("lease_owner", Text),
    Column("lease_until", UtcDateTime),
    CheckConstraint("newsletter_id IS NULL OR topic_id IS NULL", name="one_subject"),
    Index(None, "newsletter_id"),
    Index(None, "topic_id"),
)

# An issue, or the entries that became public within (from_seq, to_seq]. `key` stays the same however
# often it is sent; `finished_at` is set once nothing more is to happen.
channel_message = Table(
    "channel_message",
    metadata,
    Column("id", Id, primary_key=True),
    Column("channel_id", Id, ForeignKey(channel.c.id, ondelete="CASCADE"), nullable=False),
    Column("key", Text, nullable=False, unique=True),
    Column("issue_id", Id, ForeignKey(issue.c.id, ondelete="CASCADE")),
    Column("from_seq", BigInteger),
    Column("to_seq", BigInteger),
    Column("made_at", UtcDateTime, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_try_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    UniqueConstraint("channel_id", "to_seq"),
    UniqueConstraint("channel_id", "issue_id"),
    Index(None, "issue_id"),
    Index(None, "channel_id", "made_at"),
    Index(
        "ix_channel_message_waiting",
        "next_try_at",
        sqlite_where=text("finished_at IS NULL"),
        postgresql_where=text("finished_at IS NULL"),
    ),
)
