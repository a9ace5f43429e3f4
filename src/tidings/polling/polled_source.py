"""The result of a poll, ready to be written: the source's new state, and its changes."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tidings.model.full_text import TextNote
from tidings.model.page_rules import WatchedText
from tidings.model.service_status import PollOutcome
from tidings.model.sources import SourceState
from tidings.model.websub import HubNote
from tidings.polling.compare import Changes


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptDocument:
    """A document as it was fetched; the fields as in `parsing.document.Document`.

    Attributes:
        packed: Its body, compressed (zlib).
    """

    source_id: int
    fetched_at: datetime
    url: str
    content_type: str | None
    charset: str | None
    language: str | None
    packed: bytes

    @property
    def body(self) -> bytes:
        """The body as it came."""
        return zlib.decompress(self.packed)


def pack(body: bytes) -> bytes:
    """Return a body compressed, quickly: it is read again hardly ever."""
    return zlib.compress(body, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolledSource:
    """A source after a poll, and what the poll brought.

    The fields from `state` to `history` are columns, written as they are; those with a default
    only where they are not None.

    Attributes:
        notice: What the operator should know; empty to clear an earlier notice.
        document: What was fetched, kept for `replay`; None if nothing was parsed.
        deferred: How many older entries of its first document are left to be stored later.
        memo: What the document was read from; None where that is of no use to the next reading.
        disagreement: Where our own reader and feedparser differed; empty if nowhere, or not compared.
        seen: What a watched element of a page says now.
        text_note: What came of fetching the pages of its new entries; None if none was wanted.
        new_url: The address it is polled at from now on, which no other source has.
        hub_note: What changes in its WebSub subscription.
        polled_before: When it was polled last, as known when this poll began: an optimistic
            lock.
        metadata_changed: Its title, site, language, guid, rights or address changed.
        was_failing: The poll before this one failed.
        is_routine: Nothing differs from what is stored but the columns in `ROUTINE`.
    """

    id: int
    state: SourceState
    first_polled_at: datetime | None
    deferred: int
    next_poll_at: datetime
    next_poll_because: str
    last_polled_at: datetime
    last_ok_at: datetime | None
    read_at: datetime | None
    silent_polls: int
    failures: int
    last_error: str | None
    failing_with: str | None
    gone_at: datetime | None
    moved_to: str | None
    moved_since: datetime | None
    moved_times: int
    former_url: str | None
    looked_at: datetime | None
    validators_url: str | None
    etag: str | None
    last_modified: str | None
    body_hash: bytes | None
    ttl: timedelta | None
    skip_hours: Sequence[int]
    skip_days: Sequence[int]
    learned_entries: float
    learned_seconds: float
    problems: Sequence[str] | None = None
    notice: str | None = None
    feed_title: str | None = None
    site_url: str | None = None
    language: str | None = None
    feed_guid: str | None = None
    rights: str | None = None
    hides_address: bool = False
    history: Sequence[tuple[str, str]] | None = None
    document: KeptDocument | None = None
    memo: bytes | None = None
    disagreement: str = ""
    seen: WatchedText | None = None
    text_note: TextNote | None = None
    new_url: str | None = None
    hub_note: HubNote | None = None
    polled_before: datetime | None
    outcome: PollOutcome
    metadata_changed: bool = False
    was_failing: bool = False
    is_routine: bool = False
    changes: Changes = field(default_factory=Changes)


# Columns that a feed's own metadata fill.
FEED_METADATA = ("feed_title", "site_url", "language", "feed_guid", "rights")

# Columns that every poll writes.
ROUTINE = (
    *("next_poll_at", "next_poll_because", "last_polled_at", "last_ok_at"),
    *("read_at", "silent_polls", "learned_entries", "learned_seconds"),
    *("validators_url", "etag", "last_modified"),
)
