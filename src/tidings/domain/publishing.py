"""What is published: the values feeds and pages are rendered from."""

from dataclasses import dataclass
from datetime import datetime

from tidings.domain.entries import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishSettings:
    """What the public sees; each is a setting under `[publish]`.

    Attributes:
        title: Of the feed and the page of everything.
        kicker: The small line above it.
        language: BCP 47, of the interface.
        feed_size: Entries in a feed.
        page_size: Entries on a page.
        first_poll: How many of a new source's entries become public at its first poll.
        fold: How many entries of one poll stand by themselves on pages of several sources; the
            rest is counted. 0 for all.
    """

    title: str
    kicker: str
    language: str
    feed_size: int
    page_size: int
    first_poll: int
    fold: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """A set of entries that has feeds and a page of its own.

    Attributes:
        kind: `all`, `topic` or `source`.
        slug: Empty for `all`.
    """

    kind: str
    slug: str = ""

    @property
    def path(self) -> str:
        """The page's path; its feeds are this, less the slash of the root, with a suffix."""
        return f"/{self.kind}s/{self.slug}" if self.slug else "/"

    def feed_path(self, form: str) -> str:
        """Return the path of a feed; `form` is `atom`, `rss` or `json`."""
        return f"{self.path}.{form}" if self.slug else f"/feed.{form}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedDocument:
    """One of our feeds, ready to be written in any form.

    Attributes:
        id: An absolute IRI that never changes.
        title: Plain text.
        page_url: Absolute URL of the page that shows the same.
        feed_urls: Absolute URL by form: `atom`, `rss`, `json`.
        updated: When a reader would last have seen a change, aware UTC.
        entries: Newest first, with content.
        language: BCP 47.
    """

    id: str
    title: str
    subtitle: str
    page_url: str
    feed_urls: dict[str, str]
    updated: datetime
    entries: tuple[Entry, ...]
    language: str = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedOutline:
    """A source as OPML lists it."""

    url: str
    title: str = ""
    site_url: str | None = None
    topics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedAddress:
    """A feed of a scope; `form` is `atom`, `rss` or `json`."""

    scope: Scope
    form: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PageAddress:
    """The page of a scope; `number` counts from 1, the newest."""

    scope: Scope
    number: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryAddress:
    """The page of one entry."""

    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueAddress:
    """The page of an issue, whether it is listed or not."""

    slug: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListAddress:
    """A list of everything of a kind.

    Attributes:
        name: `topics`, `sources`, `issues` (pages), `sources.opml` or `issues.atom`.
        number: Of the page, from 1, the newest; `issues` alone has several.
    """

    name: str
    number: int = 1


Address = FeedAddress | PageAddress | EntryAddress | IssueAddress | ListAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What is needed to say "not modified" without rendering.

    Attributes:
        change: Moves in the transaction of every visible change of what the address shows.
        changed_at: When it last did, aware UTC.
        fingerprint: Moves with our version, the templates and the settings.
    """

    change: int
    changed_at: datetime
    fingerprint: str

    @property
    def etag(self) -> str:
        """A strong entity tag, with its quotes."""
        return f'"{self.change}-{self.fingerprint}"'
