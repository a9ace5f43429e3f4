"""Tables of sources, entries, stories, search and operators.

Migrations lead; these follow, and a test compares the two.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import TSVECTOR

from tidings.db.types import Seconds, UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Id = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers INTEGER keys by itself

# The last publish sequence and the last visible change. The lock on this row orders the
# transactions that take them.
#
# `instance` is a UUID that the ids of our feeds are made from; copies of the database keep it.
# `marked` is the last change that page boundaries (`page_mark`) have been updated for.
counter = Table(
    "counter",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("change", BigInteger, nullable=False),
    Column("instance", Text, nullable=False),
    Column("marked", BigInteger, nullable=False, server_default="0"),
    CheckConstraint("id = 1", name="one_row"),
)

# Leases on `hostname:port`: the holder is the only one to send requests there.
#
# `due_at` is when the first of its active sources is due, which triggers on `source` keep; there is
# an index, `ix_host_ready`, on the latest of the three times: when the host can be claimed.
host = Table(
    "host",
    metadata,
    Column("name", Text, primary_key=True),
    Column("lease_owner", Text),
    Column("lease_until", UtcDateTime),
    Column("cooldown_until", UtcDateTime),
    Column("due_at", UtcDateTime),
    Index(
        "ix_host_held",
        "lease_owner",
        sqlite_where=text("lease_owner IS NOT NULL"),
        postgresql_where=text("lease_owner IS NOT NULL"),
    ),
)

# `ix_source_failing` is on the time since when a source has failed, of those that do.
source = Table(
    "source",
    metadata,
    Column("id", Id, primary_key=True),
    Column("slug", Text, nullable=False, unique=True),
    Column("url", Text, nullable=False, unique=True),
    Column("host", Text, nullable=False),
    Column("given_title", Text),
    Column("feed_title", Text),
    Column("site_url", Text),
    Column("language", Text),
    Column("state", Text, nullable=False),
    Column("imported", Boolean, nullable=False),
    Column("added_at", UtcDateTime, nullable=False),
    Column("first_polled_at", UtcDateTime),
    Column("deferred", Integer, nullable=False, server_default="0"),
    Column("next_poll_at", UtcDateTime, nullable=False),
    Column("last_polled_at", UtcDateTime),
    Column("last_ok_at", UtcDateTime),
    Column("failures", Integer, nullable=False),
    Column("last_error", Text),
    Column("problems", JSON(none_as_null=True), nullable=False),
    Column("validators_url", Text),
    Column("etag", Text),
    Column("last_modified", Text),
    Column("body_hash", LargeBinary),
    Column("read_at", UtcDateTime),
    Column("silent_polls", Integer, nullable=False, server_default="0"),
    Column("given_interval", Seconds),
    Column("ttl", Seconds),
    Column("skip_hours", JSON, nullable=False, server_default="[]"),
    Column("skip_days", JSON, nullable=False, server_default="[]"),
    Column("learned_entries", Double, nullable=False, server_default="0"),
    Column("learned_seconds", Double, nullable=False, server_default="0"),
    Column("next_poll_because", Text),
    Column("failing_with", Text),
    Column("gone_at", UtcDateTime),
    Column("moved_to", Text),
    Column("moved_since", UtcDateTime),
    Column("moved_times", Integer, nullable=False, server_default="0"),
    Column("former_url", Text),
    Column("keeps_url", Boolean, nullable=False, server_default=false()),
    Column("looked_at", UtcDateTime),
    Column("notice", Text),
    Column("history", JSON(none_as_null=True), nullable=False, server_default="[]"),
    Column("feed_guid", Text),
    Column("rights", Text),
    Column("republish", Text, nullable=False, server_default="full"),
    Column("noindex", Boolean, nullable=False, server_default=false()),
    Column("hides_address", Boolean, nullable=False, server_default=false()),
    Index(None, "state", "next_poll_at"),
    Index(None, "host", "state", "next_poll_at"),
    Index(
        "ix_source_deferred",
        "id",
        sqlite_where=text("deferred > 0"),
        postgresql_where=text("deferred > 0"),
    ),
    Index(
        "ix_source_lost",
        "failing_with",
        sqlite_where=text("failing_with IS NOT NULL AND looked_at IS NULL"),
        postgresql_where=text("failing_with IS NOT NULL AND looked_at IS NULL"),
    ),
)

topic = Table(
    "topic",
    metadata,
    Column("id", Id, primary_key=True),
    Column("slug", Text, nullable=False, unique=True),
    Column("title", Text, nullable=False),
)

source_topic = Table(
    "source_topic",
    metadata,
    Column("source_id", Id, ForeignKey("source.id", ondelete="CASCADE"), primary_key=True),
    Column("topic_id", Id, ForeignKey("topic.id", ondelete="CASCADE"), primary_key=True),
    Index(None, "topic_id"),
)

entry = Table(
    "entry",
    metadata,
    Column("id", Id, primary_key=True),
    Column("source_id", Id, ForeignKey("source.id", ondelete="CASCADE"), nullable=False),
    Column("key_version", Integer, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("raw_hash", LargeBinary, nullable=False),
    Column("revision", LargeBinary, nullable=False),
    Column("seq", BigInteger, unique=True),
    Column("state", Text, nullable=False),
    Column("digest_eligible", Boolean, nullable=False),
    Column("atom_id", Text, nullable=False, unique=True),
    Column("guid", Text),
    Column("title", Text, nullable=False),
    Column("url", Text),
    Column("authors", JSON, nullable=False),
    Column("categories", JSON, nullable=False),
    Column("published", UtcDateTime),
    Column("published_raw", Text),
    Column("updated", UtcDateTime),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("sort_at", UtcDateTime, nullable=False),
    Column("language", Text),
    Column("image", JSON(none_as_null=True)),
    Column("enclosures", JSON, nullable=False),
    Column("folded", Boolean, nullable=False, server_default=false()),
    Column("updates", Integer, nullable=False, server_default="0"),
    Column("retouched_at", UtcDateTime),
    Column("history", JSON(none_as_null=True)),
    Column("excerpt", Text, nullable=False),
    Column("change", BigInteger, nullable=False, server_default="0"),
    Column("pinned_at", UtcDateTime),
    Column("story_id", Id),
    Column("follows", Boolean, nullable=False, server_default=false()),
    # Last: lists skip both without reading their pages.
    Column("content", Text, nullable=False),
    Column("pictures", JSON(none_as_null=True)),
    # The content is from the entry's page: what the feed has of it is less.
    Column("full_text", Boolean, nullable=False, server_default=false()),
    UniqueConstraint("source_id", "key_version", "key"),
    Index(None, "state", "follows", "seq"),
    Index(None, "state", "follows", "folded", "sort_at", "id"),
    Index("ix_entry_seq_change", "seq", "change"),
    Index(None, "change", "state"),
    Index(
        "ix_entry_edited",
        "changed_at",
        sqlite_where=text("changed_at > first_seen_at"),
        postgresql_where=text("changed_at > first_seen_at"),
    ),
    Index(
        "ix_entry_pinned",
        "pinned_at",
        sqlite_where=text("pinned_at IS NOT NULL"),
        postgresql_where=text("pinned_at IS NOT NULL"),
    ),
    Index(
        "ix_entry_story",
        "story_id",
        sqlite_where=text("story_id IS NOT NULL"),
        postgresql_where=text("story_id IS NOT NULL"),
    ),
    Index(
        "ix_entry_folded",
        "source_id",
        "first_seen_at",
        sqlite_where=text("folded = 1"),
        postgresql_where=text("folded"),
    ),
    Index(None, "source_id", "sort_at", "id"),
    Index(None, "source_id", "seq"),
)

# The keys of removed entries, so that these never come back as new.
tombstone = Table(
    "tombstone",
    metadata,
    Column("source_id", Id, ForeignKey("source.id", ondelete="CASCADE"), primary_key=True),
    Column("key_version", Integer, primary_key=True),
    Column("key", LargeBinary, primary_key=True),
    Column("removed_at", UtcDateTime, nullable=False),
)

# The last visible change of what is published, by scope.
#
# `body_hash` is of the feed that hubs were last pinged for, `hashed_change` the change it had.
# `is_paged` is false where page boundaries are still to be set.
feed_state = Table(
    "feed_state",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("change", BigInteger, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("body_hash", LargeBinary),
    Column("hashed_change", BigInteger),
    Column("is_paged", Boolean, nullable=False, server_default=false()),
    Index(
        "ix_feed_state_unpaged",
        "scope",
        sqlite_where=text("is_paged = 0"),
        postgresql_where=text("NOT is_paged"),
    ),
)

# Where numbered pages end: `sort_at` and id of the newest entry of each; the oldest page is 1.
#
# `change` is the last change of what the page shows, except of what all pages show.
page_mark = Table(
    "page_mark",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("sort_at", UtcDateTime, nullable=False),
    Column("entry_id", Id, nullable=False),
    Column("change", BigInteger, nullable=False),
    Index(None, "scope", "sort_at", "entry_id"),
)

# Pings of hubs for our own feeds; `next_try_at` is set while one has not been accepted.
hub_ping = Table(
    "hub_ping",
    metadata,
    Column("hub", Text, primary_key=True),
    Column("feed_url", Text, primary_key=True),
    Column("change", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_try_at", UtcDateTime),
    Column("accepted_at", UtcDateTime),
    Column("last_error", Text),
    Index(None, "next_try_at"),
)

# Polls by hour and outcome, with a histogram of how long after publication entries were seen.
poll_hour = Table(
    "poll_hour",
    metadata,
    Column("hour", UtcDateTime, primary_key=True),
    Column("outcome", Text, primary_key=True),
    Column("polls", BigInteger, nullable=False),
    Column("entries", BigInteger, nullable=False),
    Column("lag_15m", BigInteger, nullable=False),
    Column("lag_1h", BigInteger, nullable=False),
    Column("lag_6h", BigInteger, nullable=False),
    Column("lag_1d", BigInteger, nullable=False),
    Column("lag_more", BigInteger, nullable=False),
    Column("lag_seconds", BigInteger, nullable=False),
    Column("disagreements", BigInteger, nullable=False, server_default="0"),
)

WordVector = Text().with_variant(TSVECTOR(), "postgresql")

# The words of entries for full-text search, each column with marks that narrow a search. On
# SQLite triggers keep the FTS5 table `entry_index` in step; on PostgreSQL these are vectors, with
# GIN indexes.
#
# Metadata of its own: `backups.copy` leaves it out, since the other kind rebuilds it.
entry_words = Table(
    "entry_words",
    MetaData(),
    Column("entry_id", Id, primary_key=True),
    Column("title", WordVector, nullable=False),
    Column("lead", WordVector, nullable=False),
    Column("body", WordVector, nullable=False),
)

# Saved searches, with a page and feeds of their own.
search = Table(
    "search",
    metadata,
    Column("id", Id, primary_key=True),
    Column("slug", Text, nullable=False, unique=True),
    Column("title", Text, nullable=False),
    Column("query", Text, nullable=False),
    Column("added_at", UtcDateTime, nullable=False),
)

# Tokens that operators sign in with, as hashes: whoever reads the table cannot sign in.
operator_token = Table(
    "operator_token",
    metadata,
    Column("id", Id, primary_key=True),
    Column("hash", LargeBinary, nullable=False, unique=True),
    Column("label", Text, nullable=False),
    Column("role", Text, nullable=False, server_default="all"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
)

# What operators did on the pages; `who` is a name, so that it outlives their token.
audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("who", Text, nullable=False),
    Column("act", Text, nullable=False),
    Column("what", Text, nullable=False),
)

# Browsers that are signed in, by the hash of their cookie; each lasts as long as its token.
operator_session = Table(
    "operator_session",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("token_id", Id, ForeignKey("operator_token.id", ondelete="CASCADE"), nullable=False),
    Column("began_at", UtcDateTime, nullable=False),
    Index(None, "token_id"),
)


def _entry() -> ForeignKey:
    return ForeignKey("entry.seq", ondelete="CASCADE")


# Stories, which `entry.story_id` refers to; one with a single member left is deleted.
story = Table(
    "story",
    metadata,
    Column("id", Id, primary_key=True),
    Column("made_at", UtcDateTime, nullable=False),
)

# MinHash keys of entries that became public lately.
#
# No foreign key: a `seq` is never used again, so that keys of a removed entry do no harm.
story_key = Table(
    "story_key",
    metadata,
    Column("key", BigInteger, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Index(None, "seq"),
    sqlite_with_rowid=False,
)

# What is compared of entries, packed, as long as they have keys; one that was edited since has none.
sketch = Table(
    "sketch",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("packed", LargeBinary, nullable=False),
)

# Why an entry is in its story: which other one it matched, and how similar they are.
likeness = Table(
    "likeness",
    metadata,
    Column("seq", BigInteger, _entry(), primary_key=True),
    Column("mate_seq", BigInteger, _entry(), primary_key=True),
    Column("because", Text, nullable=False),
    Column("score", Double, nullable=False),
    Column("joined_at", UtcDateTime, nullable=False),
    Index(None, "mate_seq"),
)

# Pairs that the operator keeps apart: never one story; the older one comes first.
apart = Table(
    "apart",
    metadata,
    Column("seq", BigInteger, _entry(), primary_key=True),
    Column("mate_seq", BigInteger, _entry(), primary_key=True),
    Column("decided_at", UtcDateTime, nullable=False),
    Index(None, "mate_seq"),
)
