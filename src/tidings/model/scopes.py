"""Scopes with feeds and pages, their addresses, feed documents, and archives (RFC 5005)."""

from dataclasses import dataclass
from datetime import datetime

from tidings.model.access import Access
from tidings.model.entries import Entry
from tidings.model.full_text import TextMode
from tidings.model.page_rules import PageRules

# Publish sequences in one archive. Never to be changed: feed readers do not fetch one twice.
ARCHIVE_SIZE = 100

# Below which programs find everything. Another version would have another one.
API_PATH = "/api/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishSettings:
    """Settings under `[publish]`.

    Attributes:
        title: Of the feed and the page of everything.
        kicker: The small line above it.
        language: BCP 47, of the interface.
        feed_size: Entries in a feed; in that of everything at least so many.
        page_size: Entries on a page.
        first_poll: How many of a new source's entries become public at its first poll.
        fold: How many entries of one poll pages of several sources show one by one; the rest is
            only counted. 0 for all.
    """

    title: str
    kicker: str
    language: str
    feed_size: int
    page_size: int
    first_poll: int
    fold: int


_FOLDERS = {"topic": "topics", "source": "sources", "search": "searches"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """A set of entries with feeds and pages of its own.

    Attributes:
        kind: `all`, `topic`, `source`, `search` (a saved one) or `query` (an ad-hoc one).
        slug: Empty for `all`; for a `query` its query string.
    """

    kind: str
    slug: str = ""

    @property
    def path(self) -> str:
        """The page's path; its feeds are this, less the slash of the root, with a suffix."""
        if self.kind == "query":
            return f"/?{self.slug}"
        return f"/{_FOLDERS[self.kind]}/{self.slug}" if self.slug else "/"

    def feed_path(self, form: str) -> str:
        """Return the path of a feed; `form` is the name of a format, and its suffix."""
        if self.kind == "query":
            return f"/feed.{form}?{self.slug}"
        return f"{self.path}.{form}" if self.slug else f"/feed.{form}"

    @property
    def name(self) -> str:
        """Its unique name, as in the change log."""
        return f"{self.kind}:{self.slug}" if self.slug else self.kind


EVERYTHING = Scope(kind="all")


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveLinks:
    """Links of a feed document to archives (RFC 5005): absolute URLs.

    Attributes:
        previous: The next older archive; None if there is none.
        following: The next newer archive; None if there is none yet.
        current: The subscription document; of an archive only.
    """

    previous: str | None = None
    following: str | None = None
    current: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedLink:
    """The address of a feed in one format."""

    form: str
    url: str
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedDocument:
    """One of our feeds, ready to be written in any format.

    Attributes:
        id: An absolute IRI that never changes.
        title: Plain text.
        page_url: Absolute URL of the page that shows the same.
        entries_url: Absolute URL of an entry's page up to its id; empty if there are no pages.
        forms: Its addresses in all formats, absolute URLs.
        updated: When a visitor would last have seen a change, aware UTC.
        entries: Newest first, with content.
        language: BCP 47.
        hubs: WebSub hubs that are pinged when it changes, absolute URLs.
        archive: Its links to archives; None if it has none.
        icon: Absolute URL of a small square picture.
        also_at: The words before the other sources of a story, in that language.
    """

    id: str
    title: str
    subtitle: str
    page_url: str
    forms: tuple[FeedLink, ...]
    updated: datetime
    entries: tuple[Entry, ...]
    language: str = "en"
    hubs: tuple[str, ...] = ()
    archive: ArchiveLinks | None = None
    icon: str | None = None
    also_at: str = "Also at: "
    entries_url: str = ""

    def url_of(self, form: str) -> str:
        """Return its address in one format."""
        return next(link.url for link in self.forms if link.form == form)

    @property
    def is_archive(self) -> bool:
        """Whether it is an archive, and never changes its set of entries."""
        return self.archive is not None and self.archive.current is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedOutline:
    """A source as a list has it.

    Attributes:
        page: How it is read, if it is a page without a feed.
        full_text: Of which entries the articles are fetched; None for none.
        access: What its requests carry, beside a login in the address.
    """

    url: str
    title: str = ""
    site_url: str | None = None
    topics: tuple[str, ...] = ()
    page: PageRules | None = None
    full_text: TextMode | None = None
    access: Access | None = None
    is_paused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedAddress:
    """A feed of a scope.

    Attributes:
        form: The name of its format, as `atom`.
        since: The change up to which the visitor has the feed already; 0 for all of it.
    """

    scope: Scope
    form: str
    since: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveAddress:
    """An archive of the feed of everything; `number` counts from 1, the oldest."""

    number: int

    @property
    def path(self) -> str:
        """Its path on our site."""
        return f"/archive/{self.number}.atom"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageAddress:
    """The page of a scope; `number` counts from 1, the oldest, and the newest has none."""

    scope: Scope
    number: int | None = None


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
        name: `topics`, `sources`, `issues` (pages), `sources.opml`, `issues.atom`, `sitemap.xml`
            or, where pages are files, `404.html` and `search`.
        number: Of the page of `issues`, from 1, the oldest, and the newest has none; of the page of
            `sources`, from 1, the first, which needs none; or of a part of the sitemap.
        topic: The slug of the topic that `sources` are to have; empty for all of them.
        q: What their titles or addresses are to contain.
        health: How they are to do, a `SourceHealth`; empty for all of them.
        order: By what they are ordered: `failing` first, `newest` entry first, or by title.
    """

    name: str
    number: int | None = None
    topic: str = ""
    q: str = ""
    health: str = ""
    order: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataAddress:
    """What programs read as JSON.

    Attributes:
        name: `entries`, `sources`, `topics` or `search`; of a single one `entry` or `source`.
        key: The id of that entry, the slug of that source.
        asked: The parameters of a list that were given, checked, by name.
    """

    name: str
    key: str = ""
    asked: tuple[tuple[str, str | int], ...] = ()


Address = (
    FeedAddress
    | ArchiveAddress
    | PageAddress
    | EntryAddress
    | IssueAddress
    | ListAddress
    | DataAddress
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheValidator:
    """What ETag and Last-Modified of a response are made of, without rendering it.

    Attributes:
        change: The number of the last visible change of what the address shows.
        changed_at: When that was, aware UTC.
        fingerprint: Hash of our version, the templates and the settings.
    """

    change: int
    changed_at: datetime
    fingerprint: str

    @property
    def etag(self) -> str:
        """A strong entity tag, with its quotes."""
        return f'"{self.change}-{self.fingerprint}"'


def full_archives(last_seq: int) -> int:
    """Return how many archives there are, `last_seq` being the last publish sequence."""
    # Only full ones: an archive must not change once a feed reader has fetched it (RFC 5005).
    return last_seq // ARCHIVE_SIZE


def archives_left_out(last_seq: int, *, feed_size: int) -> int:
    """Return how many archives precede the subscription document.

    That holds what follows them: `feed_size` publish sequences or more, if there are as many.
    """
    return full_archives(max(last_seq - feed_size, 0))


def archive_span(number: int) -> tuple[int, int]:
    """Return the first and the last publish sequence of an archive; 1 is the oldest."""
    return ARCHIVE_SIZE * (number - 1) + 1, ARCHIVE_SIZE * number
