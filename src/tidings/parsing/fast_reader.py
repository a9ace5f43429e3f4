"""A fast reader of plain feeds: what feedparser would make of them, or nothing at all.

Most feeds are well-formed and consist of a few dozen elements. Those are read here, ten times as
fast; at the first thing that is not known, the document is given up and left to feedparser.
"""

from functools import lru_cache
from typing import NamedTuple
from xml.parsers import expat

from feedparser.api import StrictFeedParser
from feedparser.urls import _urljoin, make_safe_absolute_uri
from feedparser.util import FeedParserDict

from tidings.parsing import elements, feedparser_limits
from tidings.parsing.elements import STRUCTURE
from tidings.parsing.feed_builder import Attributes, FeedBuilder, FeedElement, UnfamiliarError
from tidings.parsing.feedparser_limits import MAX_PIECES, ParsedByFeedparser
from tidings.parsing.known_elements import ELEMENTS, UNREAD
from tidings.parsing.newest import ENTRIES

# Less than the limits of `feedparser_limits`: what comes near one is left to it.
_MAX_DEPTH = 100
_MAX_ATTRIBUTES = 50
_MAX_NAMESPACES = 100

_XHTML = "http://www.w3.org/1999/xhtml"
_XLINK = "http://www.w3.org/1999/xlink"
_USERLAND = "http://backend.userland.com/rss"

_PREFIXES: dict[str, str] = {
    uri.lower(): prefix for uri, prefix in StrictFeedParser.namespaces.items()
}
_KNOWN_PREFIXES = {prefix.lower() for prefix in _PREFIXES.values() if prefix}

# Unknown elements are stored under their names; these names mean something.
_MEANINGFUL = {
    *("authors", "author_detail", "base", "content_detail", "contributors", "has_title"),
    *("links", "media_groups", "publisher_detail", "rights_detail", "subtitle_detail"),
    *("summary_detail", "tags", "texts", "title_detail", "titled_file"),
} | (set(FeedParserDict.keymap) - {"items"})

# The namespaces of formats, and those formats.
_FORMATS = {"http://purl.org/rss/1.0/": "rss10", "http://www.w3.org/2005/atom": "atom10"}
_RSS_090 = "http://my.netscape.com/rdf/simple/0.9/"


def read(document: str, *, url: str) -> ParsedByFeedparser | None:
    """Return what feedparser would make of the XML text `document`; None if that is not certain.

    Args:
        document: From the start tag of its root element on.
        url: What the outermost `xml:base` is relative to.
    """
    reader = _FastReader(url)
    try:
        reader.read(document)
    except (UnfamiliarError, expat.ExpatError):
        return None
    builder = reader.builder
    return ParsedByFeedparser(
        feed=builder.feed,
        entries=builder.entries,
        surplus=0,
        version=builder.version,
        skip_hours=frozenset(builder.skip_hours),
        skip_days=frozenset(builder.skip_days),
    )


class _Known(NamedTuple):
    """What is known of an element by its name alone.

    Attributes:
        element: None if it belongs to an extension, and is passed over with all that is in it.
        key: Its name as in `ELEMENTS`.
        tag: Its name with the standard prefix of its namespace.
    """

    element: FeedElement | None
    key: str
    tag: str


class _Open(NamedTuple):
    """An open element, what is in scope in it, and what was allowed around it."""

    element: FeedElement
    base: str
    language: str | None
    allowed: frozenset[str] | None


class _FastReader:
    def __init__(self, url: str) -> None:
        self.builder = FeedBuilder()
        self._url = url
        self._open: list[_Open] = []
        # Local names of the open elements of XHTML within a text.
        self._markup: list[str] = []
        # How many elements are open of an extension that is passed over.
        self._passed = 0
        # Namespaces by prefix, the standard one where there is one; as feedparser keeps them.
        self._in_use: dict[str, str] = {}
        self._known: dict[str, _Known] = {}
        self._attribute_names: dict[str, str] = {}

    def read(self, document: str) -> None:
        parser = expat.ParserCreate(namespace_separator=elements.SEPARATOR)
        parser.buffer_text = True
        parser.StartNamespaceDeclHandler = self._declare
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.Parse(document.encode(), True)

    def _declare(self, prefix: str | None, uri: str | None) -> None:
        if not uri:
            return
        uri = elements.canonical(uri)
        lower = uri.lower()
        if not self.builder.version:
            is_090 = not prefix and lower == _RSS_090
            self.builder.version = "rss090" if is_090 else _FORMATS.get(lower, "")
        if _USERLAND.removeprefix("http://") in lower:
            uri = lower = _USERLAND
        standard = _PREFIXES.get(lower)
        is_standard = prefix is not None and prefix.lower() in _KNOWN_PREFIXES
        # feedparser takes the declaration of XLink for an attribute.
        if uri == _XLINK or (is_standard and standard not in {None, prefix}):
            raise UnfamiliarError(f"{prefix} for {uri}")
        key = standard if standard is not None else prefix or ""
        if self._in_use.get(key) != uri:
            self._in_use[key] = uri
            self._known.clear()
        if len(self._in_use) > _MAX_NAMESPACES:
            raise UnfamiliarError("too many namespaces")

    def _start(self, name: str, raw: dict[str, str]) -> None:
        builder = self.builder
        if len(self._open) + len(self._markup) + self._passed > _MAX_DEPTH:
            raise UnfamiliarError("too deep")
        if builder.is_text_open:
            self._start_markup(name, raw)
            return
        if self._passed:
            self._pass(elements.split(name)[1])
            return
        element, key, tag = self._known.get(name) or self._find(name)
        if element is None:
            self._pass(elements.split(name)[1])
            return
        if builder.allowed is not None and key not in builder.allowed:
            raise UnfamiliarError(f"{tag} at this place")
        attributes = self._attributes(raw) if raw else {}
        builder.depth += 1
        builder.element = tag
        allowed = builder.allowed
        self._scope(tag, attributes)
        self._open.append(_Open(element, builder.base, builder.language, allowed))
        element.start(builder, attributes)

    def _end(self, _name: str) -> None:
        builder = self.builder
        if self._markup:
            builder.add(f"</{self._markup.pop()}>")
            return
        if self._passed:
            self._passed -= 1
            return
        closed = self._open.pop()
        closed.element.end(builder)
        builder.allowed = closed.allowed
        builder.depth -= 1
        if self._open:
            _, builder.base, builder.language, _ = self._open[-1]

    def _text(self, text: str) -> None:
        if not self._passed:
            self.builder.add(_escaped(text) if self.builder.is_markup else text)

    def _pass(self, local: str) -> None:
        """Pass over an element of an extension, unless the feed itself may be in it."""
        if not self.builder.in_entry and local.lower() in STRUCTURE:
            raise UnfamiliarError(f"{local} of an unknown namespace")
        self._passed += 1

    def _start_markup(self, name: str, raw: dict[str, str]) -> None:
        """Write the start tag of an element of XHTML into the open text."""
        namespace, local = elements.split(name)
        local = local.lower()
        is_plain = local == "div" or not feedparser_limits.has_handler(f"xhtml_{local}")
        is_special = local == "svg" or local in STRUCTURE or not is_plain
        if not self.builder.is_markup or namespace != _XHTML or is_special:
            raise UnfamiliarError(f"{local} in a text")
        if len(self.builder.pieces or ()) >= MAX_PIECES:
            raise UnfamiliarError("a text of too many pieces")
        attributes = self._attributes(raw)
        if "xml:base" in attributes:
            raise UnfamiliarError("a base in a text")
        self.builder.add(f"<{local}{StrictFeedParser.strattrs(attributes.items())}>")
        self._markup.append(local)

    def _scope(self, tag: str, attributes: Attributes) -> None:
        """Set the base and the language that are in scope in an element."""
        builder = self.builder
        if base := attributes.get("xml:base"):
            joined = feedparser_limits.joined(builder.base or self._url, base)
            builder.base = attributes["xml:base"] = _urljoin("", joined)
        elif builder.base:
            builder.base = _safe(builder.base)
        language = attributes.get("xml:lang", attributes.get("lang"))
        if language is not None:
            builder.language = language or None
        if builder.language and tag in {"feed", "rss"}:
            builder.feed["language"] = builder.language.replace("_", "-")

    def _attributes(self, raw: dict[str, str]) -> Attributes:
        if len(raw) > _MAX_ATTRIBUTES:
            raise UnfamiliarError("too many attributes")
        attributes: Attributes = {}
        for name, value in raw.items():
            key = self._attribute_names.get(name) or self._attribute_name(name)
            if key in attributes:
                raise UnfamiliarError(f"two attributes {key}")
            attributes[key] = value.lower() if key in {"rel", "type"} else value
        if "base" in attributes or attributes.get("xml:base") == "":
            raise UnfamiliarError("another base")
        return attributes

    def _attribute_name(self, name: str) -> str:
        namespace, local = elements.split(name)
        prefix = _PREFIXES.get((namespace or "").lower(), "")
        key = self._attribute_names[name] = (f"{prefix}:{local}" if prefix else local).lower()
        if key.startswith("xmlns"):
            raise UnfamiliarError(key)
        return key

    def _find(self, name: str) -> _Known:
        """Find out what an element is, as feedparser does; remember it."""
        namespace, local = elements.split(name)
        local = local.lower()
        used = next((prefix for prefix, uri in self._in_use.items() if uri == namespace), None)
        if namespace is not None and not elements.is_known(namespace, used):
            known = _Known(None, local, local)
        else:
            prefix = self._prefix(namespace or "")
            key = f"{prefix}_{local}" if prefix else local
            if local in ENTRIES and key not in ELEMENTS:
                raise UnfamiliarError(f"{key}, which counts among too many entries")
            known = _Known(_element(key), key, f"{prefix}:{local}" if prefix else local)
        self._known[name] = known
        return known

    def _prefix(self, namespace: str) -> str:
        lower = namespace.lower()
        if _USERLAND.removeprefix("http://") in lower:
            namespace = lower = _USERLAND
        if standard := _PREFIXES.get(lower):
            return standard.lower()
        used = (prefix for prefix, uri in self._in_use.items() if prefix and uri == namespace)
        return next(used, "").lower()


def _element(key: str) -> FeedElement:
    if known := ELEMENTS.get(key):
        return known
    if ":" in key or key in _MEANINGFUL or feedparser_limits.has_handler(key):
        raise UnfamiliarError(key)
    return UNREAD


@lru_cache(maxsize=16)  # called for every element
def _safe(base: str) -> str:
    """Return a base as feedparser inherits it."""
    return str(make_safe_absolute_uri(base, base) or base)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace(">", "&gt;").replace("<", "&lt;")
