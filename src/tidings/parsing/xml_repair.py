"""Repair XML that publishers get wrong, before a parser reads it: in linear time, losing no text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.entities import html5
from itertools import islice
from xml.sax.saxutils import escape

# Entities of a document type declaration that are expanded.
MAX_ENTITIES = 64

# Characters that all expansions may add up to ("billion laughs").
MAX_EXPANSION = 65_536

_ROOT = re.compile(
    r"<(?:[\w.-]{1,32}:)?(?:rss|feed|rdf|channel|html|opml)(?=[\s>/])", re.IGNORECASE
)
_WRAPPED = re.compile(
    r"<(rss(?=\s[^>]{0,2000}\bversion\b)|(?:[\w.-]{1,32}:)?feed(?=\s[^>]{0,2000}w3\.org/2005/Atom)"
    r"|(?:[\w.-]{1,32}:)?RDF(?=\s[^>]{0,2000}/rss/))(?=[\s>])",
    re.IGNORECASE,
)
_ROOT_OR_COMMENT = re.compile(f"<!--|{_ROOT.pattern}", re.IGNORECASE)
_ELEMENT = re.compile(r"<(?:[\w.-]{1,32}:)?(\w{1,32})")
_ENTITY = re.compile(
    r"<!ENTITY\s++([\w.-]{1,64})\s++(?:\"([^\"<%]{0,1024})\"|'([^'<%]{0,1024})')\s*+>",
    re.IGNORECASE,
)
_PROLOG = re.compile(r"<\?.*?(?:\?>|\Z)|<!--.*?(?:-->|\Z)|<!DOCTYPE.*", re.DOTALL | re.IGNORECASE)
_VERBATIM = re.compile(r"<!(?:\[CDATA\[|--)")
_STRAY_BRACKET = re.compile(r"<(?:(?![^\W\d]|[:/!?])|(?=[^<>\"'=]{1,1000}</))")
_REFERENCE = re.compile(
    r"&(?!(?:amp|lt|gt|quot|apos);)(?:#([xX]?)([0-9a-fA-F]{1,16});|(\w{1,64});)?"
)
_ILLEGAL = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairedXml:
    """An XML document without prolog.

    Attributes:
        text: From the start tag of its root element on; empty if there is none.
        root: The local name of that element, lower-case.
        first_line: The line of the document on which `text` begins, counted from 1.
        problems: What had to be repaired, in words.
    """

    text: str
    root: str = ""
    first_line: int = 1
    problems: tuple[str, ...] = ()


def repair(document: str) -> RepairedXml:
    """Return `document` as XML that parsers can read.

    - Everything before the root element is removed: blanks, output of broken scripts, the
      declaration, the document type, and an HTML page that the feed is wrapped in.
    - HTML's named references become characters, the document's own entities are expanded if they
      are plain and few, impossible references are removed.
    - Ampersands and angle brackets that cannot be markup are escaped.
    - Characters that XML forbids are removed.
    """
    start = _root(document) or _ELEMENT.search(document)
    if start is None:
        return RepairedXml(text="")
    problems = []
    if wrapped := _find_wrapped(document, start):
        document, start = wrapped
        problems.append("a page around the document")
    prolog = document[: start.start()]
    if not wrapped and _PROLOG.sub("", prolog).strip("\ufeff \t\r\n\0"):
        problems.append("text before the document")

    text, illegal = _ILLEGAL.subn("", document[start.start() :])
    if illegal:
        problems.append(f"{illegal} characters that XML forbids")
    references = _References(entities=_entities(prolog))
    text = "".join(_repaired_parts(text, references))
    if references.repaired:
        problems.append(f"{references.repaired} references that XML does not know")
    if references.strays:
        problems.append(f"{references.strays} stray signs of markup")
    name = _ELEMENT.match(text)
    return RepairedXml(
        text=text,
        root=name[1].lower() if name else "",
        first_line=prolog.count("\n") + 1,
        problems=tuple(problems),
    )


def _find_wrapped(document: str, root: re.Match[str]) -> tuple[str, re.Match[str]] | None:
    """Find a whole feed in an HTML page, as browsers save it and some servers send it.

    Return the document up to its end, and where it begins.
    """
    if "html" not in root[0].lower():
        return None
    start = _WRAPPED.search(document, root.end())
    end = document.rfind(f"</{start[1]}", start.end()) if start else -1
    return (document[: document.find(">", end) + 1], start) if start and end >= 0 else None


def _root(document: str) -> re.Match[str] | None:
    """Find the root element, but not in comments."""
    position = 0
    while found := _ROOT_OR_COMMENT.search(document, position):
        if found[0] != "<!--":
            return found
        position = document.find("-->", found.end())
        if position < 0:
            return _ROOT.search(document, found.end())
    return None


def _entities(prolog: str) -> dict[str, str]:
    entities: dict[str, str] = {}
    for name, quoted, single in islice(_ENTITY.findall(prolog), MAX_ENTITIES):
        # Entities within entities are not expanded: each level could multiply the size.
        value = _ILLEGAL.sub("", quoted or single)
        entities.setdefault(name, _REFERENCE.sub(_References(entities={}), value))
    return entities


def _repaired_parts(text: str, references: "_References") -> Iterator[str]:
    """Yield the parts of `text`, repaired but for CDATA; comments become their line breaks.

    So line numbers of later errors stay right.
    """
    position = 0
    while opening := _VERBATIM.search(text, position):
        yield references.repair(text[position : opening.start()])
        closing = "]]>" if opening[0].endswith("[") else "-->"
        end = text.find(closing, opening.end())
        if end < 0:
            yield text[opening.start() :]
            return
        position = end + len(closing)
        section = text[opening.start() : position]
        yield section if closing == "]]>" else "\n" * section.count("\n")
    yield references.repair(text[position:])


@dataclass(slots=True, kw_only=True)
class _References:
    """Replaces references; counts those that XML does not know, and stray signs of markup."""

    entities: dict[str, str]
    repaired: int = 0
    strays: int = 0
    budget: int = field(default=MAX_EXPANSION)

    def repair(self, part: str) -> str:
        """Return a part of a document without CDATA or comments, repaired."""
        part, strays = _STRAY_BRACKET.subn("&lt;", part)
        self.strays += strays + part.count("]]>")
        return _REFERENCE.sub(self, part.replace("]]>", "]]&gt;"))

    def __call__(self, reference: re.Match[str]) -> str:
        base, number, name = reference.groups()
        if number is not None:
            return self._character(reference[0], base, number)
        if name in self.entities:
            return self._expansion(reference[0], name)
        self.repaired += 1
        character = html5.get(f"{name};")
        return escape(character) if character else reference[0].replace("&", "&amp;", 1)

    def _character(self, whole: str, base: str, number: str) -> str:
        try:
            character = chr(int(number, 16 if base else 10))
        except (ValueError, OverflowError):
            character = "\0"
        if not _ILLEGAL.match(character):
            return whole
        self.repaired += 1
        return ""

    def _expansion(self, whole: str, name: str) -> str:
        value = self.entities[name]
        self.budget -= len(value)
        if self.budget < 0:
            self.repaired += 1
            return whole.replace("&", "&amp;", 1)
        return value
