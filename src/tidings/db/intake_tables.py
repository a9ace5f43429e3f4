"""Tables of what comes in, beside entries: documents, access, pages, pushes, mail, filters."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
)

from tidings.db.mail_tables import newsletter
from tidings.db.tables import Id, entry, metadata, source
from tidings.db.types import UtcDateTime


def _of_source() -> Column[int]:
    return Column("source_id", Id, ForeignKey(source.c.id, ondelete="CASCADE"), primary_key=True)


# Other keys under which stored entries came back, after their publisher changed their guids.
alias = Table(
    "alias",
    metadata,
    _of_source(),
    Column("key_version", Integer, primary_key=True),
    Column("key", LargeBinary, primary_key=True),
    Column("entry_id", Id, ForeignKey(entry.c.id, ondelete="CASCADE"), nullable=False),
    Index(None, "entry_id"),
)

# The last documents of each source as they came, compressed (zlib), for `source replay`.
document = Table(
    "document",
    metadata,
    _of_source(),
    Column("slot", Integer, primary_key=True),
    Column("fetched_at", UtcDateTime, nullable=False),
    Column("url", Text, nullable=False),
    Column("content_type", Text),
    Column("charset", Text),
    Column("language", Text),
    Column("body", LargeBinary, nullable=False),
)

# What the last reading of each source's document was made of, so that the next one can pass over
# what has not changed.
reading = Table(
    "reading",
    metadata,
    _of_source(),
    Column("memo", LargeBinary, nullable=False),
)

# Login, headers, cookies, proxy and user agent of a source; never shown or exported.
source_access = Table(
    "source_access",
    metadata,
    _of_source(),
    Column("user", Text),
    Column("password", Text),
    Column("headers", JSON, nullable=False),
    Column("cookies", JSON, nullable=False),
    Column("proxy", Text),
    Column("user_agent", Text),
)

# The selectors by which sources without a feed are read; with `watch`, what that element said last.
source_page = Table(
    "source_page",
    metadata,
    _of_source(),
    Column("item", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("link", Text, nullable=False),
    Column("date", Text, nullable=False),
    Column("watch", Text, nullable=False),
    Column("seen", Text),
    Column("changes", Integer, nullable=False, server_default="0"),
)

# The sources whose articles are fetched from their pages, and how that went.
source_text = Table(
    "source_text",
    metadata,
    _of_source(),
    Column("mode", Text, nullable=False),
    Column("fetched", Integer, nullable=False, server_default="0"),
    Column("failed", Integer, nullable=False, server_default="0"),
    Column("error", Text),
    Column("failing_since", UtcDateTime),
)

# The robots.txt of sites (scheme, host and port) whose pages are fetched; empty where there is none.
robots = Table(
    "robots",
    metadata,
    Column("site", Text, primary_key=True),
    Column("fetched_at", UtcDateTime, nullable=False),
    Column("rules", Text, nullable=False),
)

# WebSub subscriptions: `token` is in the callback's address, `act_at` when to send a request next.
#
# `pushed_body` is ingested, or read by the next poll; empty if that is to fetch the document, since
# several came, or one that is no use by itself.
websub = Table(
    "websub",
    metadata,
    _of_source(),
    Column("token", Text, nullable=False, unique=True),
    Column("hub", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("asked_at", UtcDateTime),
    Column("act_at", UtcDateTime, nullable=False),
    Column("lease_until", UtcDateTime),
    Column("pushed_at", UtcDateTime),
    Column("pushed_type", Text),
    Column("pushed_charset", Text),
    Column("pushed_body", LargeBinary),
    Column("misses", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("last_error", Text),
    Index(None, "act_at"),
)

# Mailing lists and newsletters that write to the mailbox of [inbox]; those without a source wait for
# the operator, unless they are refused.
mail_list = Table(
    "mail_list",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("refused", Boolean, nullable=False),
    Column("messages", BigInteger, nullable=False),
    Column("first_at", UtcDateTime, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
    Column("source_id", Id, ForeignKey(source.c.id, ondelete="SET NULL"), unique=True),
)

# Messages of lists until they are read; one that failed with others is tried again alone.
mail_message = Table(
    "mail_message",
    metadata,
    Column("id", Id, primary_key=True),
    Column("list_id", Id, ForeignKey(mail_list.c.id, ondelete="CASCADE"), nullable=False),
    Column("arrived_at", UtcDateTime, nullable=False),
    Column("has_failed", Boolean, nullable=False),
    Column("size", Integer, nullable=False),
    Column("message", JSON, nullable=False),
    Index(None, "list_id"),
)

# Filters of a source, or of a newsletter.
entry_filter = Table(
    "entry_filter",
    metadata,
    Column("id", Id, primary_key=True),
    Column("source_id", Id, ForeignKey(source.c.id, ondelete="CASCADE")),
    Column("newsletter_id", Id, ForeignKey(newsletter.c.id, ondelete="CASCADE")),
    Column("action", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("pattern", Text, nullable=False),
    Column("added_at", UtcDateTime, nullable=False),
    CheckConstraint("(source_id IS NULL) <> (newsletter_id IS NULL)", name="one_owner"),
    Index(None, "source_id"),
    Index(None, "newsletter_id"),
)
