"""The dictionaries that feedparser would make of a plain feed, built without it.

Whatever is done here is what feedparser does, as bounded and mended by `feedparser_limits` and
`elements`: the oddities as well, for keys and revisions of stored entries depend on them.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from feedparser.api import StrictFeedParser
from feedparser.html import _cp1252
from feedparser.urls import _urljoin

from tidings.model.feed import MAX_ENTRIES
from tidings.parsing.elements import TEXTS, XHTML
from tidings.parsing.feedparser_limits import MAX_AUTHOR, MAX_TAGS
from tidings.parsing.raw import Node

Attributes = dict[str, str]

_KINDS = ("text/plain", "text/html", XHTML)
_BEYOND_LATIN_1 = re.compile("[^\x00-\xff]")
_CONTROL = re.compile("[\x80-\x9f]")


class UnfamiliarError(Exception):
    """Something in the document is left to feedparser; says what."""


class FeedBuilder:
    """A feed as far as it is read, and what is open at this point of the document.

    Attributes:
        feed: What is said of the feed, under feedparser's keys.
        entries: The same of each entry.
        depth: How many elements are open.
        base: The `xml:base` in scope; empty if there is none.
        language: The `xml:lang` in scope.
        element: The open element, with the standard prefix of its namespace.
        allowed: The only elements that are familiar at this place; None for all.
        pieces: The text of the open element so far; None where no text counts.
        is_text_open: Whether the open element is one of text alone.
        is_markup: Whether that text is XHTML.
        source: What is said of the feed that an entry was taken from, while that is open.
        medium: The open file or picture.
        group: The open group of media; empty if there is none.
        title_depth: Depth of the title that counts; -1 if there is none so far.
        has_content: Whether an entry's whole text was read, so that a second summary is one.
    """

    def __init__(self) -> None:
        self.feed: Node = {}
        self.entries: list[Node] = []
        self.version = ""
        self.skip_hours: set[int] = set()
        self.skip_days: set[int] = set()
        self.depth = 0
        self.base = ""
        self.language: str | None = None
        self.element = ""
        self.allowed: frozenset[str] | None = None
        self.pieces: list[str] | None = None
        self.is_text_open = self.is_markup = False
        self.in_feed = self.in_entry = self.in_image = self.in_author = self.in_owner = False
        self.source: Node | None = None
        self.medium: Node | None = None
        self.group: Node = {}
        self.groups = 0
        self.title_depth = -1
        self.has_content = self.is_guid_link = self.is_second_summary = False
        self._depths: dict[str, int] = {}
        self._detail: Node = {}
        self._beside: list[str] | None = None

    def context(self) -> Node:
        """Return what the open element belongs to."""
        if self.source is not None:
            return self.source
        if self.in_image and isinstance(image := self.feed.get("image"), dict):
            return image
        return self.entries[-1] if self.in_entry else self.feed

    def parts(self, key: str) -> list[Node]:
        """Return the list under `key` of what the open element belongs to; a new one if need be."""
        found = self.context().setdefault(key, [])
        if not isinstance(found, list):
            raise UnfamiliarError(key)
        return found

    def store(self, key: str, value: str, detail: Node | None = None) -> None:
        """Store a text; within an entry, no deeper one replaces it."""
        if self.in_entry and self.source is None:
            key = "summary" if key == "description" else key
            node = self.entries[-1]
            if self.depth <= self._depths.get(key, self.depth):
                self._depths[key] = self.depth
                node[key] = value
        elif self.in_feed or self.source is not None:
            key = "subtitle" if key == "description" else key
            node = self.context()
            node[key] = value
        else:
            return
        if detail is not None:
            node[f"{key}_detail"] = detail

    @property
    def is_text_expected(self) -> bool:
        """Whether feedparser takes the text of any element at this place."""
        return self.in_feed or self.in_entry or self.source is not None

    def begin_entry(self) -> None:
        """Begin an entry; what is said from now on is said of it."""
        if self.in_entry or len(self.entries) >= MAX_ENTRIES:
            raise UnfamiliarError("an entry in an entry, or too many")
        self.entries.append({"base": self.base})
        self._depths = {}
        self.in_entry, self.is_guid_link, self.title_depth = True, False, -1
        self.medium, self.group = None, {}

    def begin_author(self) -> None:
        """Begin a person: elements with a name and an address, or the name alone."""
        self.parts("authors").append({})
        self.in_author = True
        self.pieces = self._beside = []

    def end_author(self) -> None:
        """End a person; the text beside the elements is a name, if there are none."""
        self._beside = None
        self.in_author = False
        name = self.line()
        people = self.parts("authors")
        if name and not people[-1]:
            people[-1]["name"] = name[:MAX_AUTHOR]

    def add_category(self, term: str | None, scheme: str | None, label: str | None) -> None:
        """Add a category, unless it is there."""
        tags = self.parts("tags")
        if len(tags) >= MAX_TAGS:
            raise UnfamiliarError("too many categories")
        tag: Node = {"term": term, "scheme": scheme, "label": label}
        if any(tag.values()) and tag not in tags:
            tags.append(tag)

    def begin_text(self, _attributes: Attributes | None = None) -> None:
        """Begin a text, in an element that nothing but text is familiar in."""
        self.is_text_open = True
        self.pieces = []

    def written(self) -> str:
        """End a text; return it without blanks around it."""
        text = "".join(self.pieces or ()).strip()
        self.is_text_open = self.is_markup = False
        self.pieces = self._beside
        return text

    def add(self, piece: str) -> None:
        """Add to the open text, if any counts at this place."""
        if self.pieces is not None:
            self.pieces.append(piece)

    def line(self) -> str:
        """End a text; return it with its encoding mended."""
        return _mended(self.written())

    def address(self) -> str:
        """End a text that is a URL; return it resolved."""
        text = self.written()
        return _mended(self.resolved(text)) if text else ""

    def resolved(self, reference: str) -> str:
        """Return a reference resolved against the base in scope."""
        joined: str = _urljoin(self.base, reference)
        return joined

    def begin_typed_text(self, attributes: Attributes, default: str) -> None:
        """Begin a text that may be HTML.

        Args:
            attributes: Those of its element.
            default: Its type, where `attributes` does not say.
        """
        declared = attributes.get("type", "")
        kind = StrictFeedParser.map_content_type(attributes.get("type", default))
        if kind not in _KINDS or attributes.get("mode") == "base64":
            raise UnfamiliarError(f"a text of type {kind}")
        self._detail = {
            "type": kind,
            "language": self.language.replace("_", "-") if self.language else self.language,
            "base": self.base,
            "element": self.element,
            "declared": declared,
        }
        self.begin_text()
        self.is_markup = kind == XHTML

    def typed_text(self, *, is_expected: bool = True) -> tuple[str, Node]:
        """End a text that may be HTML; return it, and what is said of it.

        Args:
            is_expected: Whether feedparser reads text at this place; else it mends nothing.
        """
        detail = self._detail
        if self.is_markup:
            if not any(piece.startswith("<") for piece in self.pieces or ()):
                raise UnfamiliarError("XHTML without elements")
            if self.version == "atom10":
                self.pieces = _without_div(self.pieces or [])
        text = self.written()
        if is_expected:
            if detail["type"] == "text/plain" and not self.version.startswith("atom"):
                is_html = ("</" in text or "&" in text) and StrictFeedParser.looks_like_html(text)
                detail["type"] = "text/html" if is_html else "text/plain"
            text = _mended(text)
        detail["value"] = text
        return text, detail

    def keep(self, tag: str, detail: Node) -> None:
        """Keep a text with its element: a title, or a candidate for the body."""
        if not detail["value"] or self.source is not None or self.in_image:
            return
        context = self.entries[-1] if self.in_entry else self.feed
        if self.element.startswith("media:"):
            part = "title" if tag == "title" else "description"
            if self.medium is not None:
                self.medium.setdefault(part, detail)
                if tag == "title" and self.medium.get("is_file"):
                    context["titled_file"] = True
                return
            if self.group:
                self.group.setdefault(part, detail)
        if tag == "title":
            context["has_title"] = True
        elif tag in TEXTS:
            self.parts("texts").append(detail)


StartOfElement = Callable[[FeedBuilder, Attributes], None]
EndOfElement = Callable[[FeedBuilder], object]


@dataclass(frozen=True, slots=True)
class FeedElement:
    """What happens at the start tag and at the end tag of an element."""

    start: StartOfElement
    end: EndOfElement


def ignore(_builder: FeedBuilder, _attributes: Attributes) -> None:
    """Do nothing at a start tag: what is in the element counts as if that were not there."""


def ignore_end(_builder: FeedBuilder) -> None:
    """Do nothing at an end tag."""


def take_bare_text(builder: FeedBuilder, attributes: Attributes) -> None:
    """Begin the text of an element that feedparser has no rule for.

    Of such an element with attributes it takes those for the value.
    """
    if attributes:
        raise UnfamiliarError("attributes of a text")
    builder.begin_text()


def _mended(text: str) -> str:
    """Return `text`, decoded once more if it is UTF-8 read as Latin-1, and without C1 controls."""
    if text.isascii():
        return text
    if not _BEYOND_LATIN_1.search(text):
        with suppress(UnicodeDecodeError):
            text = text.encode("iso-8859-1").decode()
    return text.translate(_cp1252) if _CONTROL.search(text) else text


def _without_div(pieces: Sequence[str]) -> list[str]:
    """Return the pieces of XHTML without the element that wraps all of it."""
    kept = list(pieces)
    while len(kept) > 1 and not kept[-1].strip():
        kept.pop()
    first = next((n for n, piece in enumerate(kept[:-1]) if piece.strip()), len(kept) - 1)
    kept = kept[first:]
    if not (kept[0] == "<div>" or kept[0].startswith("<div ")) or kept[-1] != "</div>":
        return kept
    depth = 0
    for piece in kept[:-1]:
        if piece.startswith("</"):
            depth -= 1
            if depth == 0:
                return kept
        elif piece.startswith("<"):
            depth += 1
    return kept[1:-1]
