"""What a poll leaves to be written: where its source stands, and what came."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tidings.model.sources import SourceState
from tidings.model.status import PollOutcome
from tidings.model.websub import HubNote
from tidings.polling.compare import Changes


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptDocument:
    """A document as it came; the fields as in `Document` of `parsing`."""

    source_id: int
    fetched_at: datetime
    url: str
    content_type: str | None
    charset: str | None
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PolledSource:
    """Where a source stands after a poll, and what the poll brought.

    The fields from `state` to `history` are columns, written as they are; those with a default
    only where they are not None.

    Attributes:
        notice: What the operator should know; empty to take back what was said.
        document: What came, to be kept for reading it again; None if nothing was read.
        adopts: The address it is followed at from now on, which no other source has.
        hub_note: What follows between its hub and us.
        polled_before: The poll before this one, as it was known when this one began.
    """

    id: int
    state: SourceState
    first_polled_at: datetime | None
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
    adopts: str | None = None
    hub_note: HubNote | None = None
    polled_before: datetime | None
    outcome: PollOutcome
    retitled: bool = False
    was_failing: bool = False
    changes: Changes = field(default_factory=Changes)


# What documents say of the source itself.
SAID = ("feed_title", "site_url", "language", "feed_guid", "rights")
