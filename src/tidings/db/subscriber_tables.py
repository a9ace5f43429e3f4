"""Tables of subscribers: sign-ups, consent, suppressions, bounces, transactional mail."""

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from tidings.db.mail_tables import delivery, newsletter, subscriber, subscription
from tidings.db.tables import Id, metadata
from tidings.db.types import UtcDateTime

# Sign-ups that are not confirmed yet (double opt-in).
sign_up = Table(
    "sign_up",
    metadata,
    Column("id", Id, primary_key=True),
    Column("address", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("newsletter_id", Id, ForeignKey(newsletter.c.id, ondelete="CASCADE"), nullable=False),
    Column("frequency", Text, nullable=False),
    Column("hour", Integer, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("weekday", Integer, nullable=False, server_default="0"),
    Column("language", Text, nullable=False),
    Column("topics", JSON, nullable=False),
    Column("form", Text, nullable=False),
    Column("wording", Text, nullable=False),
    Column("network", Text),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("asked_times", Integer, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    UniqueConstraint("key", "newsletter_id"),
    Index(None, "expires_at"),
)

# Changes of address that are not confirmed yet at the new one.
address_change = Table(
    "address_change",
    metadata,
    Column("id", Id, primary_key=True),
    Column(
        "subscriber_id",
        Id,
        ForeignKey(subscriber.c.id, ondelete="CASCADE"),
        nullable=False,
        unique=True,
    ),
    Column("address", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)

# Consent log of subscribers, append-only; deleted when the person is erased.
consent = Table(
    "consent",
    metadata,
    Column("id", Id, primary_key=True),
    Column("subscriber_id", Id, ForeignKey(subscriber.c.id, ondelete="CASCADE"), nullable=False),
    Column("newsletter", Text),
    Column("at", UtcDateTime, nullable=False),
    Column("event", Text, nullable=False),
    Column("form", Text),
    Column("wording", Text),
    Column("network", Text),
    Column("details", JSON, nullable=False),
    Index(None, "subscriber_id"),
)

# Addresses that get nothing any more, as keyed hashes: erased people are in it, too.
suppression = Table(
    "suppression",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("evidence", Text),
)

# Bounces and complaints; `report` is a hash of the report, so that reading it twice counts once.
bounce = Table(
    "bounce",
    metadata,
    Column("id", Id, primary_key=True),
    Column("subscriber_id", Id, ForeignKey(subscriber.c.id, ondelete="CASCADE"), nullable=False),
    Column("delivery_id", Id, ForeignKey(delivery.c.id, ondelete="CASCADE")),
    Column("at", UtcDateTime, nullable=False),
    Column("kind", Text, nullable=False),
    Column("status", Text),
    Column("diagnostic", Text, nullable=False),
    Column("report", LargeBinary, nullable=False, unique=True),
    Index(None, "subscriber_id", "at"),
    Index(None, "delivery_id"),
)

# Transactional messages: confirm, welcome, goodbye, a new address, the operator's daily note.
notice = Table(
    "notice",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("newsletter_id", Id, ForeignKey(newsletter.c.id, ondelete="CASCADE")),
    Column("subscription_id", Id, ForeignKey(subscription.c.id, ondelete="CASCADE")),
    Column("sign_up_id", Id, ForeignKey(sign_up.c.id, ondelete="CASCADE")),
    Column("address_change_id", Id, ForeignKey(address_change.c.id, ondelete="CASCADE")),
    Column("details", JSON, nullable=False),
    Column("message_id", Text, nullable=False, unique=True),
    Column("made_at", UtcDateTime, nullable=False),
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
    CheckConstraint("attempts >= 0", name="attempts"),
    Index(
        "ix_notice_waiting",
        "next_try_at",
        "id",
        sqlite_where=text("finished_at IS NULL"),
        postgresql_where=text("finished_at IS NULL"),
    ),
    Index(None, "subscription_id"),
    Index(None, "sign_up_id"),
    Index(None, "address_change_id"),
)

# Rate limits: requests in the window that began at `since`, by the keyed hash of who sent them.
quota = Table(
    "quota",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("since", UtcDateTime, nullable=False),
    Column("used", Integer, nullable=False),
)
