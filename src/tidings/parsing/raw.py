"""Uncleaned feeds and entries, in one shape for every format; access to feedparser's dictionaries.

feedparser's dictionaries resolve aliases (`updated` for `published`, say); `node_text` and `nodes`
do not: a missing field is missing.
"""

import re
from dataclasses import dataclass, field
from datetime import timedelta

from tidings.model.feed import Enclosure, Image

# Seconds of the longest recording that is believed: a week. Hours, minutes and seconds.
MAX_DURATION, MAX_UNITS = 7 * 24 * 3600, 3

# Authors of one entry that are read; categories and enclosures as well.
MAX_PARTS = 50

MAX_HUBS = 10

# The largest size of an enclosure that is believed: the largest exact integer in JSON (2**53 - 1).
MAX_LENGTH = 2**53 - 1

_NUMBER = re.compile("[0-9]{1,6}")

Node = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text, and whether it is HTML.

    Attributes:
        base: Its `xml:base`; may be relative to the document.
    """

    value: str = ""
    html: bool = False
    base: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierVersion:
    """An entry as an earlier version of our rules parsed it.

    Stored entries have revisions by those rules: they must not look updated only because we
    parse the same document better.
    """

    title: Text = field(default_factory=Text)
    body: Text = field(default_factory=Text)
    enclosures: tuple[Enclosure, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RawEntry:
    """One entry; every URL as written, to be resolved against `base`.

    Attributes:
        base: Its `xml:base`; may be relative to the document.
        published: The publication date as written.
        updated: The date of the last change as written.
        images: Candidates for its main picture, best first.
        pictures: Those beside the text, to be shown with it.
        by_first_rule: The entry as parsed by the first version of our rules.
        by_previous_rule: The same by the previous version; None if equal.
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
    by_first_rule: EarlierVersion = field(default_factory=EarlierVersion)
    by_previous_rule: EarlierVersion | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RawFeed:
    """An uncleaned document; the fields as in `ParsedFeed`, every URL as written."""

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
    disagreement: str = ""


def length_of(claim: object) -> int | None:
    """Return the claimed size of an enclosure in bytes; None if it is not believable."""
    try:
        length = int(claim) if isinstance(claim, str | int) else -1
    except ValueError:
        return None
    return length if 0 <= length <= MAX_LENGTH else None


def duration_of(claim: object) -> int | None:
    """Return a claimed duration in seconds; None if it is not believable.

    As `itunes:duration` has it: seconds, `MM:SS` or `HH:MM:SS`.
    """
    parts = str(claim).strip().partition(".")[0].split(":")
    if len(parts) > MAX_UNITS or not all(_NUMBER.fullmatch(part) for part in parts):
        return None
    seconds = 0
    for part in parts:
        seconds = 60 * seconds + int(part)
    return seconds if 0 < seconds <= MAX_DURATION else None


def pixels(claim: object) -> int | None:
    """Return a claimed side of a picture in pixels; None if it is not believable."""
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
