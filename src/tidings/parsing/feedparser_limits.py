"""feedparser's strict and loose parser, with limits on nesting, attributes, namespaces and text."""

from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from urllib.parse import urljoin
from xml.parsers import expat
from xml.sax.xmlreader import AttributesNSImpl

from feedparser.api import LooseFeedParser, StrictFeedParser

from tidings.model.text import INLINE
from tidings.parsing import elements, newest
from tidings.parsing.elements import ElementReader
from tidings.parsing.raw import Node

# Nesting of elements; of what is deeper only the text is read.
MAX_DEPTH = 256

# Elements and runs of text in one body; of what follows only the text is read.
MAX_PIECES = 100_000

MAX_ATTRIBUTES = 100
MAX_NAMESPACES = 200
MAX_BASE = 2048

# Characters of an author that are searched for a mail address.
MAX_AUTHOR = 500

# Categories of one entry: feedparser compares each with all others.
MAX_TAGS = 200

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_TRUNCATED = (
    expat.errors.codes[expat.errors.XML_ERROR_NO_ELEMENTS],
    expat.errors.codes[expat.errors.XML_ERROR_UNCLOSED_TOKEN],
    expat.errors.codes[expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION],
    expat.errors.codes[expat.errors.XML_ERROR_PARTIAL_CHAR],
)
# What feedparser raises where elements stand in unusual places or hold unusual values.
_FEEDPARSER_ERRORS = (LookupError, TypeError, ValueError)

# Elements with a line of text; the text of markup in them is theirs. Guids and links are not among
# them: keys of stored entries are made of those as feedparser reads them.
_LINE_ELEMENTS = frozenset(
    {"author", "category", "itunes_keywords", "name", "published", "updated"}
)

_PHRASES = INLINE | {"div", "p"}
_XHTML = "http://www.w3.org/1999/xhtml"

_Attributes = list[tuple[str, str]]
_Name = tuple[str | None, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedByFeedparser:
    """feedparser's result.

    Attributes:
        surplus: How many entries were skipped, because there are too many newer ones.
        version: The format as feedparser names it; empty if unknown.
        skip_hours: Hours of the day, in UTC, in which the document asks not to be polled.
        skip_days: The same days of the week, 0 for Monday.
        error: Why the document is not well-formed, and where: a message and a line.
    """

    feed: Node
    entries: list[Node]
    surplus: int
    version: str
    skip_hours: frozenset[int]
    skip_days: frozenset[int]
    error: tuple[str, int] | None = None


def read(document: str, *, url: str) -> ParsedByFeedparser:
    """Parse the XML text `document`, as far as it can be read.

    A document that is well-formed but truncated is read to its end. With any other fault it is
    parsed again by the loose parser. An element at which feedparser fails is skipped alone.

    Args:
        document: From the start tag of its root element on.
        url: What the outermost `xml:base` is relative to; without one, URLs stay as written.
    """
    strict = _Strict(url, newest.positions_to_read(document))
    error = strict.read(document)
    if error is None:
        return _found(strict)
    if error.code in _TRUNCATED:
        strict.close()
        return _found(strict, error)
    loose = _Loose(url)
    loose.feed(document)
    return _found(loose, error)


def has_handler(key: str) -> bool:
    """Tell whether feedparser does anything at an element with the standard name `key`."""
    return hasattr(_Strict, f"_start_{key}") or hasattr(_Strict, f"_end_{key}")


def joined(base: str, reference: str) -> str:
    """Return an `xml:base` resolved against the one around it."""
    try:
        resolved = urljoin(base, reference.strip())
    except ValueError:
        return base
    return resolved if len(resolved) <= MAX_BASE else base


class _Bounded(ElementReader):
    """Limits and fixes of both parsers; a mixin before each of them."""

    inauthor: int
    baseuri: str
    can_be_relative_uri = ElementReader.can_be_relative_uri - {"id"}

    def __init__(self, url: str) -> None:
        super().__init__("", None, "utf-8")
        self._url = url
        self.resolve_relative_uris = self.sanitize_html = False
        self.surplus = 0
        self.skip_hours: set[int] = set()
        self.skip_days: set[int] = set()

    def unknown_starttag(self, tag: str, attributes: _Attributes) -> None:
        self._close_texts_at(tag)
        kept = attributes[:MAX_ATTRIBUTES]
        if base := dict(kept).get("xml:base"):
            kept = [pair for pair in kept if pair[0] not in {"xml:base", "base"}]
            # feedparser resolves only absolute bases; the first one it takes as it is.
            outer, self.baseuri = self.baseuri or self._url, ""
            kept.append(("xml:base", joined(outer, base)))
        with suppress(*_FEEDPARSER_ERRORS):
            super().unknown_starttag(tag, kept)

    def unknown_endtag(self, tag: str) -> None:
        self._close_texts_at(tag)
        try:
            super().unknown_endtag(tag)
        except _FEEDPARSER_ERRORS:
            super().unknown_endtag("unread")  # pops its stacks, and does nothing else
        # feedparser does not reset the base where no outer element has one.
        self.baseuri = self.basestack[-1] if self.basestack else ""

    def _close_texts_at(self, tag: str) -> None:
        """Close texts that are still open where an entry begins or ends."""
        if self.incontent and tag.rpartition(":")[2] in newest.ENTRIES:
            while self.incontent and self.elementstack:
                with suppress(*_FEEDPARSER_ERRORS):
                    self.pop_content(self.elementstack[-1][0])
            self.incontent = 0

    def track_namespace(self, prefix: str | None, uri: str) -> None:
        if len(self.namespaces_in_use) < MAX_NAMESPACES:
            super().track_namespace(prefix, uri)

    def _sync_author_detail(self, key: str = "author") -> None:
        """Do nothing: feedparser would split names and mail addresses in the wrong places."""

    def _end_author(self) -> None:
        written = self.pop("author")
        self.inauthor = 0
        people = dict.get(self._get_context(), "authors")
        if written and people and not people[-1]:
            people[-1]["name"] = written[:MAX_AUTHOR]

    _end_managingeditor = _end_author

    def _add_tag(self, *tag: str | None) -> None:
        if len(dict.get(self._get_context(), "tags", ())) < MAX_TAGS:
            super()._add_tag(*tag)

    def _end_hour(self) -> None:
        hour = self.pop("hour") or ""
        if not self.inentry and hour.isdecimal() and len(hour) <= 2 and int(hour) <= 24:
            self.skip_hours.add(int(hour) % 24)

    def _end_day(self) -> None:
        day = (self.pop("day") or "").lower()[:3]
        if not self.inentry and day in DAYS:
            self.skip_days.add(DAYS.index(day))


class _Strict(_Bounded, StrictFeedParser):  # type: ignore[misc] # feedparser is untyped
    def __init__(self, url: str, wanted: frozenset[int] | None) -> None:
        super().__init__(url)
        self._wanted = wanted
        self._position = -1
        # Open elements, and whether the start of each was passed on to feedparser.
        self._open: list[tuple[_Name, bool]] = []
        # Depth of the element that is being skipped; 0 if none is.
        self._passed_depth = 0
        self._is_in_extension = False
        # Namespaces of the feed's own structure: some publishers use one of their own.
        self._own: set[str | None] = {None}

    def read(self, document: str) -> expat.ExpatError | None:
        """Parse `document` as far as it is well-formed; return the error there."""
        parser = expat.ParserCreate(namespace_separator=elements.SEPARATOR)
        parser.buffer_text = True
        parser.StartNamespaceDeclHandler = self.startPrefixMapping
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self.characters
        try:
            parser.Parse(document.encode(), True)
        except expat.ExpatError as error:
            parser.buffer_text = False  # flushes the buffer
            return error
        return None

    def close(self) -> None:
        """End every element that is still open."""
        while self._open:
            self._end()

    def startPrefixMapping(self, prefix: str | None, uri: str | None) -> None:  # noqa: N802 - SAX
        super().startPrefixMapping(prefix, elements.canonical(uri or ""))

    def characters(self, text: str) -> None:
        if not self._passed_depth:
            super().characters(text)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, local = elements.split(name)
        if self._is_in_extension and not self.inentry and local.lower() in newest.ENTRIES:
            self._passed_depth, self._is_in_extension = 0, False  # it only wraps entries
        if self._passed_depth:
            self._open.append(((namespace, local), False))
            return
        is_seen = len(self._open) < MAX_DEPTH and self._is_read(namespace, local)
        if is_seen:
            self._is_in_extension = self._is_foreign(namespace, local)
            if self._is_in_extension or self._is_surplus(local):
                is_seen, self._passed_depth = False, len(self._open) + 1
        if namespace in self._own and not elements.is_known(namespace or "", None):
            namespace = None
        self._open.append(((namespace, local), is_seen))
        if is_seen:
            few = islice(attributes.items(), MAX_ATTRIBUTES)
            named = {elements.split(attribute): value for attribute, value in few}
            self.startElementNS((namespace, local), None, AttributesNSImpl(named, {}))

    def _end(self, _name: str = "") -> None:
        if len(self._open) == self._passed_depth:
            self._passed_depth, self._is_in_extension = 0, False
        name, was_seen = self._open.pop()
        if was_seen:
            self.endElementNS(name, None)

    def _is_read(self, namespace: str | None, local: str) -> bool:
        """Tell whether an element counts at its place, not only its text."""
        if not self.elementstack:
            return True
        element, _, pieces = self.elementstack[-1]
        if self.incontent:
            if namespace == _XHTML:
                self.take_as_xhtml()
            return len(pieces) < MAX_PIECES and not self.is_in_other_xml
        is_markup = namespace in {None, _XHTML} and local.lower() in _PHRASES
        return not (is_markup and element in _LINE_ELEMENTS)

    def _is_foreign(self, namespace: str | None, local: str) -> bool:
        """Tell whether an element belongs to an unknown extension.

        Elements in it are not the entry's, though they may have the same names: the title and
        author of an `activity:object`, the link of a `podcast:liveItem`.
        """
        if self.incontent or namespace in self._own:
            return False
        if not self.inentry and local.lower() in elements.STRUCTURE:
            self._own.add(namespace)
            return False
        prefixes = (name for name, uri in self.namespaces_in_use.items() if uri == namespace)
        return not elements.is_known(namespace or "", next(prefixes, None))

    def _is_surplus(self, local: str) -> bool:
        if self._wanted is None or self.inentry or local.lower() not in newest.ENTRIES:
            return False
        self._position += 1
        if self._position in self._wanted:
            return False
        self.surplus += 1
        return True


class _Loose(_Bounded, LooseFeedParser):  # type: ignore[misc] # feedparser is untyped
    def __init__(self, url: str) -> None:
        super().__init__(url)
        # Well-known prefixes are used without being declared.
        self.namespacemap |= dict.fromkeys(("atom", "atom10", "a10"), "")


def _found(parser: _Strict | _Loose, error: expat.ExpatError | None = None) -> ParsedByFeedparser:
    return ParsedByFeedparser(
        feed=parser.feeddata,
        entries=parser.entries,
        surplus=parser.surplus,
        version=parser.version,
        skip_hours=frozenset(parser.skip_hours),
        skip_days=frozenset(parser.skip_days),
        error=(expat.ErrorString(error.code), error.lineno) if error else None,
    )
