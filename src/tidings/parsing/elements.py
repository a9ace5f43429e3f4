"""Overrides of feedparser's handlers: keep each text with its element; canonical namespaces."""

import html
import re
from functools import lru_cache

from feedparser.mixin import _FeedParserMixin

from tidings.parsing import text_cleaning
from tidings.parsing.raw import Node
from tidings.parsing.text_cleaning import clean_text

# A registered link relation by its whole name (RFC 4287, section 4.2.7.2).
RELATION = re.compile(r"https?://www\.iana\.org/assignments/(?:link-)?relations?/(?:.*[#/])?")

TEXTS = frozenset({"content", "description", "summary", "subtitle", "itunes_subtitle", "xhtml_div"})

XHTML = "application/xhtml+xml"

_ANY_XML = ("application/xml", "text/xml")

_OCTETS = "application/octet-stream"

_Attributes = dict[str, str]

# Between namespace and local name. Not a blank: expat refuses a namespace that holds its separator,
# and some publishers leave a blank in theirs. XML cannot contain this one.
SEPARATOR = "\x1f"

# Characters of a namespace; no known one is longer.
MAX_KNOWN = 200

# What makes a feed, in whatever namespace.
STRUCTURE = frozenset({"rss", "rdf", "feed", "channel", "item", "entry"})


class ElementReader(_FeedParserMixin):  # type: ignore[misc] # feedparser is untyped
    """Mixin before feedparser's own parsers; adds to their dictionaries, and removes nothing.

    - `texts` of an entry or feed: candidates for its body, each with its `element`, the type
      `declared`, its `base`, and under `before` how an earlier version of ours parsed it.
    - `base` of an entry.
    - `group` of a medium: those with the same number are one thing in several forms.
    - `title` and `description` of a medium, which feedparser takes for the entry's.
    """

    incontent: int
    _element = ""
    _group: Node = {}  # noqa: RUF012 - stands for no group, and is never written to
    _groups = 0
    _div_depth = 0
    _medium: Node | None = None

    def unknown_starttag(self, tag: str, attributes: list[tuple[str, str]]) -> None:
        """Note which element begins, and what addresses in it are relative to."""
        base = dict(attributes).get("xml:base")
        if not self.incontent:
            self._element = self._map_to_standard_prefix(tag).removeprefix(":")
        elif base and tag.rpartition(":")[2] == "div" and not "".join(self.elementstack[-1][2]):
            # The element that wraps XHTML (RFC 4287, section 3.1.1.3) is no part of it.
            self.contentparams["base"] = base
        super().unknown_starttag(tag, attributes)

    @property
    def is_in_other_xml(self) -> bool:
        """Whether the open text is XML of another vocabulary than XHTML, such as SVG."""
        kind = self.contentparams.get("type", "")
        return bool(self.incontent) and kind.endswith("xml") and kind != XHTML

    def take_as_xhtml(self) -> None:
        """Take a text whose type is any XML for XHTML, if XHTML begins in it."""
        is_beginning = not "".join(self.elementstack[-1][2]).strip()
        if is_beginning and self.contentparams.get("type") in _ANY_XML:
            self.contentparams.update(type=XHTML, is_found=True)

    def push_content(self, tag: str, attributes: _Attributes, kind: str, expecting: int) -> None:
        """Note what the element says of the text that begins."""
        super().push_content(tag, attributes, kind, expecting)
        self.contentparams["element"] = self._element
        self.contentparams["declared"] = attributes.get("type", "")
        is_of_medium = self._medium is not None and self._element.startswith("media:")
        self.contentparams["of_medium"] = is_of_medium

    def pop_content(self, tag: str) -> str | None:
        """Keep the text that ends."""
        is_encoded = bool(self.contentparams.get("base64"))
        raw = "".join(map(str, self.elementstack[-1][2])) if self.elementstack else ""
        written: str | None = self.pop(tag)
        detail: Node = {**self.contentparams, "value": written}
        detail |= _corrected(detail, raw, is_decoded=is_encoded and raw.strip() != written)
        self.incontent -= 1
        self.contentparams.clear()
        if written and not (self.insource or self.inimage or self.intextinput):
            self._keep(tag, detail)
        return written

    def _keep(self, tag: str, detail: Node) -> None:
        part = "title" if tag == "title" else "description"
        context = self.entries[-1] if self.inentry else self.feeddata
        if self._element.startswith("media:"):
            if self._medium is not None:
                self._medium.setdefault(part, detail)
                if tag == "title" and self._medium.get("is_file"):
                    context["titled_file"] = True  # an earlier version of ours took it
                return
            if self._group:
                self._group.setdefault(part, detail)
        if tag == "title":
            context["has_title"] = True
        elif tag in TEXTS:
            context.setdefault("texts", []).append(detail)

    def _is_base64(self, attributes: _Attributes, content: _Attributes) -> bool:
        if "base64" in {attributes.get("mode"), content["type"]}:
            return True
        # A type that is no media type, such as "CDATA", does not mean base64.
        kind = content["type"]
        is_binary = "/" in kind and "html" not in kind
        return is_binary and bool(super()._is_base64(attributes, content))

    def _start_item(self, attributes: _Attributes) -> None:
        super()._start_item(attributes)
        self.entries[-1]["base"] = self.baseuri
        self._medium, self._group, self._div_depth = None, {}, 0

    _start_entry = _start_item

    def _start_enclosure(self, attributes: _Attributes) -> None:
        super()._start_enclosure(attributes)
        self._medium = {"is_file": True}  # what is said in it is said of the file

    def _end_enclosure(self) -> None:
        self._medium = None

    def _start_xhtml_div(self, attributes: _Attributes) -> None:
        # Beside the description of an entry, some have its whole text as an element of XHTML.
        if self.inentry and not self.incontent:
            self._div_depth = self.depth
            self.push_content("xhtml_div", attributes, XHTML, 1)

    def _end_xhtml_div(self) -> None:
        if self.incontent and self.depth == self._div_depth:
            self._div_depth = 0
            self.pop_content("xhtml_div")

    def _start_link(self, attributes: _Attributes) -> None:
        is_typed = "type" in attributes
        if relation := attributes.get("rel"):
            attributes["rel"] = RELATION.sub("", relation.strip())
        for name in ("href", "url", "uri"):
            if not attributes.get(name, name).strip():
                del attributes[name]  # the address is the text of the element
        super()._start_link(attributes)
        links = self._get_context().get("links")
        if links and not is_typed and links[-1].get("rel") == "enclosure":
            links[-1].pop("type", None)  # feedparser takes every link for one to a page

    def _start_itunes_subtitle(self, attributes: _Attributes) -> None:
        # A teaser, which feedparser lets replace a channel's description.
        self.push_content("itunes_subtitle", attributes, "text/plain", 1)

    def _end_itunes_subtitle(self) -> None:
        self.pop_content("itunes_subtitle")

    def _start_media_group(self, _: _Attributes) -> None:
        self._groups += 1
        self._group = {"number": self._groups}
        self._get_context().setdefault("media_groups", []).append(self._group)

    def _end_media_group(self) -> None:
        self._group = {}

    def _start_media_content(self, attributes: _Attributes) -> None:
        super()._start_media_content(attributes)
        self._medium = self._get_context()["media_content"][-1]
        self._medium["group"] = self._group.get("number")

    def _end_media_content(self) -> None:
        self._medium = None

    def _start_media_thumbnail(self, attributes: _Attributes) -> None:
        super()._start_media_thumbnail(attributes)
        self._get_context()["media_thumbnail"][-1]["group"] = self._group.get("number")


def _corrected(detail: Node, raw: str, *, is_decoded: bool) -> Node:
    """Return corrections for a text that is not what its type says."""
    kind, written = str(detail["type"]), str(detail["value"] or "")
    before = {"type": kind, "value": written}
    if kind == _OCTETS and is_decoded and clean_text(written) == written:
        return {"type": "decoded", "before": before}  # a word that is no media type
    if kind == XHTML and "<" not in raw and "&lt;" in raw:
        # Not even the element that XHTML has to stand in is there: it is escaped, like HTML.
        meant = html.unescape(written)
        if text_cleaning.has_element(meant):
            return {"type": "text/html", "value": meant, "before": before}
    is_found = detail["element"] == "xhtml:div" or detail.get("is_found")
    return {"before": None} if is_found else {}


def canonical(namespace: str) -> str:
    """Return a namespace in the spelling of its specification."""
    return _canonical(namespace) if len(namespace) <= MAX_KNOWN else namespace


def split(name: str) -> tuple[str | None, str]:
    """Return the canonical namespace and the local name of what expat calls `name`."""
    namespace, _, local = name.rpartition(SEPARATOR)
    return (canonical(namespace) if namespace else None), local


def is_known(namespace: str, prefix: str | None) -> bool:
    """Tell whether feedparser knows a canonical namespace, or the prefix that usually means it."""
    is_specified = _plain(namespace) in _SPECIFIED or "backend.userland.com/rss" in namespace
    return is_specified or prefix in _PREFIXES


@lru_cache(maxsize=256)  # called for every element
def _canonical(namespace: str) -> str:
    return _SPECIFIED.get(_plain(namespace), namespace.strip())


def _plain(namespace: str) -> str:
    written = namespace.strip().lower().partition("://")
    return (written[2] or written[0]).removeprefix("www.").rstrip("/#")


_SPECIFIED: dict[str, str] = {_plain(uri): uri for uri in _FeedParserMixin.namespaces if uri}

_PREFIXES = frozenset(filter(None, _FeedParserMixin.namespaces.values()))
