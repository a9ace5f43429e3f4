"""Entries as they are stored and shown."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tidings.domain.documents import Enclosure, Image


class EntryState(StrEnum):
    """Who may see an entry."""

    PUBLIC = "public"
    """In feeds, pages and digests; has a `seq`."""
    BACKFILL = "backfill"
    """Older than the first poll's newest: on its source's page only."""
    HELD = "held"
    """Waiting for the operator."""
    HIDDEN = "hidden"
    """Withdrawn by the operator, keeps its `seq`; or dropped by a filter, and never had one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCredit:
    """What is said of a source wherever one of its entries stands."""

    id: int
    slug: str
    title: str
    url: str
    site_url: str | None
    language: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicCredit:
    """A topic as a label."""

    slug: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A stored entry.

    Attributes:
        seq: Publish sequence; None while it was never public.
        atom_id: The identifier our feeds give it, fixed at insert.
        published: The publisher's claim, aware UTC, however odd.
        first_seen_at: When we first stored it.
        changed_at: When what a reader sees last changed; `first_seen_at` if never.
        sort_at: Where it stands in time on our pages; computed once, never in the future.
        content: Sanitized HTML; None where the caller asked for entries without it.
    """

    id: int
    seq: int | None
    source: SourceCredit
    topics: tuple[TopicCredit, ...] = ()
    atom_id: str
    guid: str | None = None
    title: str = ""
    url: str | None = None
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    published: datetime | None = None
    updated: datetime | None = None
    first_seen_at: datetime
    changed_at: datetime
    sort_at: datetime
    state: EntryState
    excerpt: str = ""
    language: str | None = None
    image: Image | None = None
    enclosures: tuple[Enclosure, ...] = ()
    content: str | None = None
