"""Tables of newsletters: subscribers, subscriptions, issues, deliveries, the plan log."""

from secrets import randbelow

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from tidings.db.tables import Id, metadata
from tidings.db.types import Seconds, UtcDateTime


def _nonce() -> int:
    """Return a random number that links carry beside an id.

    After an erasure, or a restored backup, the id may belong to somebody else.
    """
    return randbelow(2**30)


# `watermark` and `next_issue_at` are those of its own edition, which the archive lists.
newsletter = Table(
    "newsletter",
    metadata,
    Column("id", Id, primary_key=True),
    Column("slug", Text, nullable=False, unique=True),
    Column("title", Text, nullable=False),
    Column("frequency", Text, nullable=False),
    Column("hour", Integer, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("weekday", Integer, nullable=False, server_default="0"),
    Column("language", Text, nullable=False),
    Column("reply_to", Text),
    Column("postal_address", Text),
    Column("sender", Text),
    Column("min_entries", Integer, nullable=False, server_default="1"),
    Column("max_entries", Integer, nullable=False, server_default="50"),
    Column("images", Boolean, nullable=False, server_default=false()),
    Column("review", Boolean, nullable=False, server_default=false()),
    Column("review_time", Seconds),
    Column("watermark", BigInteger, nullable=False),
    Column("next_issue_at", UtcDateTime, nullable=False),
)

newsletter_topic = Table(
    "newsletter_topic",
    metadata,
    Column("newsletter_id", Id, ForeignKey("newsletter.id", ondelete="CASCADE"), primary_key=True),
    Column("topic_id", Id, ForeignKey("topic.id", ondelete="CASCADE"), primary_key=True),
)

# `key` is the address in the form by which it is unique: case-folded.
subscriber = Table(
    "subscriber",
    metadata,
    Column("id", Id, primary_key=True),
    Column("address", Text, nullable=False),
    Column("key", Text, nullable=False, unique=True),
    Column("added_at", UtcDateTime, nullable=False),
    Column("token_version", Integer, nullable=False, default=_nonce, server_default="0"),
    Column("bounce_score", Double, nullable=False, server_default="0"),
    Column("bouncing_since", UtcDateTime),
    Column("bounced_at", UtcDateTime),
)

subscription = Table(
    "subscription",
    metadata,
    Column("id", Id, primary_key=True),
    Column("subscriber_id", Id, ForeignKey("subscriber.id", ondelete="CASCADE"), nullable=False),
    Column("newsletter_id", Id, ForeignKey("newsletter.id", ondelete="CASCADE"), nullable=False),
    Column("nonce", Integer, nullable=False, default=_nonce, server_default="0"),
    Column("frequency", Text, nullable=False),
    Column("hour", Integer, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("weekday", Integer, nullable=False, server_default="0"),
    Column("language", Text, nullable=False),
    Column("watermark", BigInteger, nullable=False),
    Column("next_issue_at", UtcDateTime, nullable=False),
    Column("confirmed_at", UtcDateTime, nullable=False),
    Column("paused_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("ended_because", Text),
    UniqueConstraint("subscriber_id", "newsletter_id"),
    Index(
        "ix_subscription_due",
        "next_issue_at",
        "id",
        sqlite_where=text("ended_at IS NULL AND paused_at IS NULL"),
        postgresql_where=text("ended_at IS NULL AND paused_at IS NULL"),
    ),
)

subscription_topic = Table(
    "subscription_topic",
    metadata,
    Column(
        "subscription_id", Id, ForeignKey("subscription.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("topic_id", Id, ForeignKey("topic.id", ondelete="CASCADE"), primary_key=True),
)

# The upper bound (`seq`) of all windows whose slots are due at `due_at`, fixed when the first of
# them is planned, so that subscribers with the same window get the same issue.
cut = Table(
    "cut",
    metadata,
    Column("due_at", UtcDateTime, primary_key=True),
    Column("seq", BigInteger, nullable=False),
)

# Slots at which a newsletter had many more recipients than ever before. Decided once, when all of
# them are still due: later the rest would look like few.
flood = Table(
    "flood",
    metadata,
    Column("newsletter_id", Id, ForeignKey("newsletter.id", ondelete="CASCADE"), primary_key=True),
    Column("due_at", UtcDateTime, primary_key=True),
)

# An issue under review: what became public after the newsletter's `watermark`, up to `to_seq`.
# `done_at` is set with the watermark moved: nobody is planned for entries beyond that.
draft = Table(
    "draft",
    metadata,
    Column("id", Id, primary_key=True),
    Column("newsletter_id", Id, ForeignKey("newsletter.id", ondelete="CASCADE"), nullable=False),
    Column("to_seq", BigInteger, nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("approved_at", UtcDateTime),
    Column("done_at", UtcDateTime),
    Column("lead_id", Id, ForeignKey("entry.id", ondelete="SET NULL")),
    Index(None, "newsletter_id", "id"),
    Index(None, "lead_id"),
    Index(
        "uq_draft_open",
        "newsletter_id",
        unique=True,
        sqlite_where=text("done_at IS NULL"),
        postgresql_where=text("done_at IS NULL"),
    ),
)

draft_text = Table(
    "draft_text",
    metadata,
    Column("draft_id", Id, ForeignKey("draft.id", ondelete="CASCADE"), primary_key=True),
    Column("language", Text, primary_key=True),
    Column("subject", Text),
    Column("note", Text),
)

# What became of entries that are not as they came. `position` is the order of those raised.
draft_entry = Table(
    "draft_entry",
    metadata,
    Column("draft_id", Id, ForeignKey("draft.id", ondelete="CASCADE"), primary_key=True),
    Column("entry_id", Id, ForeignKey("entry.id", ondelete="CASCADE"), primary_key=True),
    Column("act", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Index(None, "entry_id"),
)

# `draft_id`: the draft it went through, if any; both go with their newsletter alone.
issue = Table(
    "issue",
    metadata,
    Column("id", Id, primary_key=True),
    Column("newsletter_id", Id, ForeignKey("newsletter.id", ondelete="CASCADE"), nullable=False),
    Column("key", LargeBinary, nullable=False, unique=True),
    Column("slug", Text, nullable=False, unique=True),
    Column("listed", Boolean, nullable=False),
    Column("language", Text, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("from_seq", BigInteger, nullable=False),
    Column("to_seq", BigInteger, nullable=False),
    Column("since", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("entries", Integer, nullable=False),
    Column("draft_id", Id),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("html", Text, nullable=False),
    Index(None, "newsletter_id", "listed", "created_at"),
    Index(
        "ix_issue_listed",
        "created_at",
        "id",
        sqlite_where=text("listed = 1"),
        postgresql_where=text("listed"),
    ),
)

issue_entry = Table(
    "issue_entry",
    metadata,
    Column("issue_id", Id, ForeignKey("issue.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("entry_id", Id, ForeignKey("entry.id", ondelete="CASCADE"), nullable=False),
    Index(None, "entry_id"),
)

# One issue to one subscription. `marked_at` is committed right before the payload is written:
# without it nothing can have been sent. `finished_at` is set once nothing more is to happen.
delivery = Table(
    "delivery",
    metadata,
    Column("id", Id, primary_key=True),
    Column(
        "subscription_id", Id, ForeignKey("subscription.id", ondelete="CASCADE"), nullable=False
    ),
    Column("issue_id", Id, ForeignKey("issue.id", ondelete="CASCADE"), nullable=False),
    Column("slot", Text, nullable=False),
    Column("from_seq", BigInteger, nullable=False),
    Column("to_seq", BigInteger, nullable=False),
    Column("message_id", Text, nullable=False, unique=True),
    Column("planned_at", UtcDateTime, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_try_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("lease_owner", Text),
    Column("lease_until", UtcDateTime),
    Column("marked_at", UtcDateTime),
    Column("resent", Boolean, nullable=False),
    Column("reply", Text),
    Column("finished_at", UtcDateTime),
    CheckConstraint("to_seq > from_seq", name="window"),
    Index(
        "uq_delivery_slot",
        "subscription_id",
        "slot",
        unique=True,
        sqlite_where=text("state <> 'superseded'"),
        postgresql_where=text("state <> 'superseded'"),
    ),
    Index(
        "uq_delivery_window",
        "subscription_id",
        "from_seq",
        unique=True,
        sqlite_where=text("state <> 'superseded'"),
        postgresql_where=text("state <> 'superseded'"),
    ),
    Index(
        "ix_delivery_waiting",
        "next_try_at",
        "issue_id",
        "id",
        sqlite_where=text("finished_at IS NULL"),
        postgresql_where=text("finished_at IS NULL"),
    ),
    Index(
        "ix_delivery_unfinished",
        "subscription_id",
        sqlite_where=text("finished_at IS NULL"),
        postgresql_where=text("finished_at IS NULL"),
    ),
    Index(None, "state"),
    Index(None, "issue_id", "subscription_id"),
)

# Slots that brought no delivery, and why: `empty`, `few`, `late`, `repeated`, `restored`.
plan_log = Table(
    "plan_log",
    metadata,
    Column("id", Id, primary_key=True),
    Column(
        "subscription_id", Id, ForeignKey("subscription.id", ondelete="CASCADE"), nullable=False
    ),
    Column("slot", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("from_seq", BigInteger, nullable=False),
    Column("to_seq", BigInteger, nullable=False),
    Column("planned_at", UtcDateTime, nullable=False),
    Index(None, "subscription_id"),
)

# Pauses of relays that refuse us; of recipients' domains as well, named `domain:NAME`.
relay = Table(
    "relay",
    metadata,
    Column("name", Text, primary_key=True),
    Column("paused_until", UtcDateTime),
    Column("reason", Text),
)
