"""A document as its publisher wrote it, in one shape for every format: nothing is clean yet.

feedparser's dictionaries, read without their aliases: a missing field is missing.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from tidings.model.feed import Enclosure, Image

# Authors, categories and enclosures of one entry that are read, of each.
MAX_PARTS = 50

MAX_HUBS = 10

# Bytes of an enclosure that are believed: what every reader of JSON can count to.
MAX_LENGTH = 2**53 - 1

Node = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A piece of text, and whether it is to be read as HTML.

    Attributes:
        base: What `xml:base` says of the addresses in it; may be relative to the document.
    """

    value: str = ""
    html: bool = False
    base: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierReading:
    """What an earlier rule of reading finds in an entry, where that may be something else.

    Stored entries are known by it: a document that stays as it is must not look changed only
    because we read it better.
    """

    title: Text = field(default_factory=Text)
    body: Text = field(default_factory=Text)
    enclosures: tuple[Enclosure, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RawEntry:
    """One entry; every URL as written, to be resolved against `base`.

    Attributes:
        base: What `xml:base` says; may itself be relative to the document.
        published: The publication date as written.
        updated: The date of the last change as written.
        images: Pictures that may stand for the entry, best first.
        pictures: Those beside the text, to be shown with it.
        first_reading: What entries are recognised by that were stored long ago.
        reading_before: The same of those that were stored until lately; None if no other.
    """

    guid: str = ""
    url: str = ""
    base: str = ""
    title: Text = field(default_factory=Text)
    body: Text = field(default_factory=Text)
    language: str = ""
    authors: tuple[Text, ...] = ()
    categories: tuple[Text, ...] = ()
    published: str = ""
    updated: str = ""
    images: tuple[Image, ...] = ()
    pictures: tuple[Image, ...] = ()
    enclosures: tuple[Enclosure, ...] = ()
    first_reading: EarlierReading = field(default_factory=EarlierReading)
    reading_before: EarlierReading | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RawFeed:
    """A whole document; the fields as in `ParsedFeed`, every URL as written."""

    title: Text
    subtitle: Text
    site_url: str
    language: str
    format: str
    entries: tuple[RawEntry, ...]
    guid: str = ""
    rights: Text = field(default_factory=Text)
    cut: int = 0
    problems: tuple[str, ...] = ()
    ttl: timedelta | None = None
    hubs: tuple[str, ...] = ()
    self_url: str = ""
    skip_hours: frozenset[int] = frozenset()
    skip_days: frozenset[int] = frozenset()


def length_of(claim: object) -> int | None:
    """Return the bytes that an enclosure claims to have; None if that cannot be."""
    try:
        length = int(claim) if isinstance(claim, str | int) else -1
    except ValueError:
        return None
    return length if 0 <= length <= MAX_LENGTH else None


def pixels(claim: object) -> int | None:
    """Return a side of a picture as claimed; None if that cannot be."""
    length = length_of(claim)
    return length if length and length < 2**15 else None


def node_text(node: Node, key: str) -> str:
    """Return the text under `key`, without blanks around it; empty if there is none."""
    value = dict.get(node, key)
    return value.strip() if isinstance(value, str) else ""


def nodes(node: Node, key: str) -> list[Node]:
    """Return the dictionaries under `key`: a list of them, one, or none."""
    value = dict.get(node, key)
    if isinstance(value, dict):
        return [value]
    if isinstance(value, list):
        return [element for element in value if isinstance(element, dict)]
    return []
