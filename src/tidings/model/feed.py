"""A document to be parsed; and the feed and the entries, cleaned, that parsing makes of it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tidings.model.minhash import Sketch, sketch_of
from tidings.model.page_rules import PageRules, WatchedText
from tidings.model.words import IndexedText, index_text

# Version of the rule by which keys of new entries are made.
#
# Keys are looked up whatever their version. So a new rule gets the next number and makes no entry
# new, as long as `identity.entry_keys` goes on to return the old rule's key where that is known.
KEY_VERSION = 1

# In place of the raw hash of a removed entry: whatever comes under its key counts as unchanged.
REMOVED = b""

# Entries of one document that are parsed; the newest are kept.
MAX_ENTRIES = 2000

# No feed is older (RSS is of 1999); an earlier date is a publisher's mistake.
EARLIEST = datetime(1995, 1, 1, tzinfo=UTC)


def believable_date(claimed: datetime | None, *, now: datetime) -> datetime | None:
    """Return a claimed date of publication if an entry seen at `now` can be of that date."""
    return claimed if claimed and EARLIEST <= claimed <= now else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A fetched document.

    Attributes:
        url: The address that responded, after redirects.
        body: Decoded from its content encoding.
        content_type: Media type without parameters; the body itself wins.
        charset: The charset parameter of Content-Type, as written.
        language: Its language by Content-Language, or as stored; whatever it says itself wins.
        page: How it is read, if it is a page without a feed.
        entry: The entry whose page it is, if it is one that has the article.
    """

    url: str
    body: bytes
    content_type: str | None = None
    charset: str | None = None
    language: str | None = None
    page: PageRules | None = None
    entry: "ParsedEntry | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """How much of a source's first document is wanted at once.

    Attributes:
        count: So many of the newest entries, those not counted that say nothing.
        now: When the document was fetched; aware UTC.
    """

    count: int
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosure:
    """A file attached to an entry."""

    url: str
    type: str | None = None
    length: int | None = None
    """Bytes, as the publisher claims."""
    duration: int | None = None
    """Seconds that it lasts, likewise."""

    @property
    def is_audio(self) -> bool:
        """Whether its publisher says that it can be heard."""
        return (self.type or "").startswith("audio/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A picture of an entry; `alt` says what is to be seen, plain text."""

    url: str
    width: int | None = None
    height: int | None = None
    alt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A web address, as found."""

    url: str
    title: str = ""
    type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryTerms:
    """What is made of the text of an entry.

    Attributes:
        words: Its terms for the search index.
        sketch: MinHash to find its story by.
    """

    words: IndexedText
    sketch: Sketch


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedEntry:
    """One entry of a document: every field clean, every URL absolute http(s).

    Attributes:
        key: 16 bytes that identify the entry within its source (`KEY_VERSION`): from the guid,
            failing that the canonical link, failing that title, date and text.
        raw_hash: Hash of what the publisher wrote; equal means there is nothing to clean.
        revision: Hash of what a visitor would see; independent of how we clean it, and of dates.
        first_revision: The same by the first version of the rule, which stored entries may have.
        revision_before: The same as the version before parsed the entry; empty if no other.
        guid: The publisher's identifier as written, if there is one.
        title: Plain text, one line; empty if the entry has none.
        url: The entry's page (link rel=alternate).
        published: The publisher's claim, aware UTC; None if absent or unreadable.
        published_raw: The text from which `published` was parsed, or could not be.
        content: Sanitized HTML, with formulas as MathML and code highlighted; may be empty.
        excerpt: Plain text for people, one line, at most 350 grapheme clusters.
        language: BCP 47, lower-case, from the entry, failing that the feed, failing that guessed.
        image: Its main picture.
        pictures: Those that belong to it and are not in `content`.
        terms: What search and stories know it by, where that has been made already: see `terms_of`.
    """

    key: bytes
    raw_hash: bytes
    revision: bytes
    first_revision: bytes = b""
    revision_before: bytes = b""
    guid: str | None = None
    title: str = ""
    url: str | None = None
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    published: datetime | None = None
    published_raw: str | None = None
    updated: datetime | None = None
    content: str = ""
    excerpt: str = ""
    language: str | None = None
    image: Image | None = None
    pictures: tuple[Image, ...] = ()
    enclosures: tuple[Enclosure, ...] = ()
    terms: EntryTerms | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in it to show or to follow."""
        texts_and_files = (self.title, self.excerpt, self.content, self.image, self.enclosures)
        return not self.url and not any(texts_and_files)

    def reads_like(self, stored: bytes) -> bool:
        """Tell whether a visitor sees the same as of an entry with the revision `stored`."""
        return stored in {self.revision, self.first_revision, self.revision_before}


def terms_of(entry: ParsedEntry) -> EntryTerms:
    """Return the words and the sketch of an entry; to make them takes a while."""
    return entry.terms or EntryTerms(
        words=index_text(entry.title, entry.content),
        sketch=sketch_of(entry.title, entry.url, entry.content or entry.excerpt),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedFeed:
    """A parsed document.

    Attributes:
        title: Plain text, one line.
        guid: Its own id, as written.
        rights: Its copyright notice, plain text, one line.
        site_url: The page the feed belongs to.
        language: BCP 47, lower-case.
        format: As feedparser names it (`rss20`, `atom10`, …), or `json1`, `json11`, `page`.
        entries: The unknown and the changed ones, newest first as the document orders them.
        unchanged_keys: Keys of the entries that were skipped.
        unchanged: How many entries were skipped because their `raw_hash` is known.
        deferred: How many older entries of a first document are left for later, uncleaned.
        cut: How many entries beyond `MAX_ENTRIES` were not parsed.
        problems: What was wrong with the document, in words; it was parsed all the same.
        ttl: The pause between polls that the document asks for.
        hubs: Its WebSub hubs, best first.
        self_url: Its own address (`rel=self`), exactly as written: the topic at its hubs.
        skip_hours: The hours of the day, in UTC, in which the document asks not to be polled.
        skip_days: The days of the week, 0 for Monday, in which it asks the same.
        memo: What to hand in with the next document of the source, so that entries that stay the
            same are not read again; None if the document is not plain enough for that.
        disagreement: The field in which our own reader and feedparser differed, where both read
            the document; feedparser's result was used. Empty if they agreed, or one read alone.
        seen: The element that is watched on a page; None if none is.
    """

    title: str = ""
    subtitle: str = ""
    guid: str | None = None
    rights: str | None = None
    site_url: str | None = None
    language: str | None = None
    format: str = ""
    entries: tuple[ParsedEntry, ...] = ()
    unchanged_keys: frozenset[bytes] = frozenset()
    unchanged: int = 0
    deferred: int = 0
    cut: int = 0
    problems: tuple[str, ...] = field(default=())
    ttl: timedelta | None = None
    hubs: tuple[str, ...] = ()
    self_url: str | None = None
    skip_hours: frozenset[int] = frozenset()
    skip_days: frozenset[int] = frozenset()
    memo: bytes | None = None
    disagreement: str = ""
    seen: WatchedText | None = None
