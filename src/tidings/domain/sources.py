"""Sources: the URLs we poll, and where each one stands."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tidings.domain.entries import TopicCredit


class SourceState(StrEnum):
    """Whether a source is polled."""

    ACTIVE = "active"
    PAUSED = "paused"
    """By the operator."""
    RETIRED = "retired"
    """The publisher says it is gone for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source as the operator sees it.

    Attributes:
        title: The operator's, failing that the feed's, failing that the host's name.
        failures: Polls that failed in a row.
        last_error: Why the last poll failed; None if it did not.
        problems: What was wrong with the last document, although it could be read.
        entries: How many are stored, in whatever state.
        latest_at: `sort_at` of its newest public entry.
    """

    id: int
    slug: str
    url: str
    title: str
    site_url: str | None
    topics: tuple[TopicCredit, ...]
    state: SourceState
    added_at: datetime
    next_poll_at: datetime
    last_polled_at: datetime | None
    last_ok_at: datetime | None
    failures: int
    last_error: str | None
    problems: tuple[str, ...] = ()
    entries: int = 0
    latest_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DueSource:
    """What a poll needs to know of a source.

    Attributes:
        host: The `hostname:port` of its URL.
        imported: Came from an OPML list: its first poll makes no news for digests.
        first_polled_at: The first success that held entries; None until then.
        body_hash: Of the last document read whole; None if there is none.
        etag: With `last_modified`, opaque, and valid for `validators_url` only.
        feed_title: With `site_url` and `language`, as the last document said.
    """

    id: int
    url: str
    host: str
    imported: bool
    first_polled_at: datetime | None
    failures: int
    last_ok_at: datetime | None
    body_hash: bytes | None
    validators_url: str | None
    etag: str | None
    last_modified: str | None
    feed_title: str | None
    site_url: str | None
    language: str | None
