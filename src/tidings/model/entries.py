"""Entries as they are stored and shown."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from tidings.model.feed import Enclosure, Image

# Characters of the excerpt that stand in for a missing title.
HEADLINE_LENGTH = 80


class EntryState(StrEnum):
    """Who may see an entry."""

    PUBLIC = "public"
    """In feeds, pages and digests; has a `seq`."""
    BACKFILL = "backfill"
    """Older than the first poll's newest: on its source's page only."""
    HELD = "held"
    """To be released or hidden by the operator."""
    HIDDEN = "hidden"
    """Withdrawn by the operator, keeps its `seq`; or dropped by a filter, and never had one."""


class Republish(StrEnum):
    """How much of its entries a source lets us show."""

    FULL = "full"
    EXCERPT = "excerpt"
    """All but the body and its pictures; who wants those goes to the publisher."""
    TITLE = "title"
    """The title and the link, with who wrote it and when."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCredit:
    """A source as it is credited beside its entries.

    Attributes:
        url: Of its feed; empty if that is private.
        guid: The id in its own feed.
        rights: The copyright notice in its own feed.
        noindex: Search engines are asked to leave its pages out.
    """

    id: int
    slug: str
    title: str
    url: str
    site_url: str | None
    language: str | None = None
    guid: str | None = None
    rights: str | None = None
    republish: Republish = Republish.FULL
    noindex: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicCredit:
    """A topic as a label."""

    slug: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlsoAt:
    """The same story at another source."""

    id: int
    title: str
    url: str | None
    source: SourceCredit


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A stored entry.

    Attributes:
        seq: Publish sequence; None while it was never public.
        atom_id: The identifier our feeds give it, fixed at insert.
        published: The publisher's claim, aware UTC, however odd.
        first_seen_at: When we first stored it.
        changed_at: When what a visitor sees last changed; `first_seen_at` if never.
        sort_at: Its place in time on our pages; computed once, never in the future.
        image: Its main picture.
        content: Sanitized HTML; None where the caller asked for entries without it.
        pictures: Those beside `content`, to be shown with it; empty where `content` is None.
        change: The number of the last change of anything shown of it.
        pinned_at: When the operator put it on top of the first page.
        story_id: Its story; None if it is in none.
        follows: Whether an older public entry leads the story.
        also_at: The other public entries of the story, the oldest first.
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
    pictures: tuple[Image, ...] = ()
    enclosures: tuple[Enclosure, ...] = ()
    content: str | None = None
    change: int = 0
    pinned_at: datetime | None = None
    story_id: int | None = None
    follows: bool = False
    also_at: tuple[AlsoAt, ...] = ()


def permitted(entry: Entry) -> Entry:
    """Return an entry with no more than its source lets us show to the public."""
    republish = entry.source.republish
    if republish is Republish.FULL:
        return entry
    content = None if entry.content is None else ""
    if republish is Republish.EXCERPT:
        return replace(entry, content=content, pictures=())
    return replace(entry, content=content, excerpt="", image=None, pictures=(), enclosures=())


def headline(entry: Entry) -> str:
    """Return the title, failing that the beginning of the excerpt, failing that the source's title."""
    if entry.title or not entry.excerpt:
        return entry.title or entry.source.title
    if len(entry.excerpt) <= HEADLINE_LENGTH:
        return entry.excerpt
    head = entry.excerpt[:HEADLINE_LENGTH]
    blank = head.rfind(" ", HEADLINE_LENGTH // 2)
    return (head if blank < 0 else head[:blank]) + "…"
