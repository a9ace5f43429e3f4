"""Revision hashes: what a visitor sees of an entry, by what was written, not by how we clean it."""

import html
import re
from collections.abc import Sequence
from functools import lru_cache

from tidings.model.feed import Enclosure
from tidings.model.identity import digest
from tidings.parsing.absolute_urls import absolute_url
from tidings.parsing.raw import Text

_INVISIBLE = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style|template)(?=[\s/>]).*?(?:</\1(?=[\s/>])[^>]*+>?|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_NAME = r"/?[a-zA-Z][^\s/>]*+"
_ATTRIBUTES = r"""(?:[^>"']|"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z))*+"""
_TAG = re.compile(f"(<{_NAME}{_ATTRIBUTES}>?+)")
_PARTS_OF_TAG = re.compile(f"<({_NAME})({_ATTRIBUTES})")
_ATTRIBUTE = re.compile(
    r"""(?<=[\s"'/])(href|src|alt|width|height)\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'>]++))""",
    re.IGNORECASE,
)
_PICTURES = ("img", "source")


# Characters of a tag that is remembered.
SHORT = 100

# Version of the rules by which title, body and files are chosen among an entry's elements.
#
# With new rules the number changes, and the hash by those before is still made beside the new one:
# no stored entry may look updated only because we parse it better.
RULE_VERSION = "2"


def visible_parts(title: str, body: Text, enclosures: Sequence[Enclosure]) -> tuple[str, ...]:
    """Return what a visitor sees of an entry: its text, markup, pictures and link targets.

    Left out is what publishers change at will: dates, the entry's own link, tracking
    parameters, the queries of pictures and files, pictures of one pixel, comments, scripts, and
    attributes that only style. Blanks count: in code and verse they are visible.

    Args:
        title: Plain text.
        body: As the publisher wrote it.
        enclosures: Its files.
    """
    said = _seen(body.value).strip() if body.html else body.value.strip()
    files = [file.url.partition("?")[0] for file in enclosures]
    return (title, "html" if body.html else "plain", said, *files)


def revision(shown: Sequence[str]) -> bytes:
    """Return a hash of the visible parts of an entry."""
    return digest("rule", RULE_VERSION, *shown)


def first_revision(shown: Sequence[str]) -> bytes:
    """Return the hash by the first version of the rules, as it is stored of old entries."""
    return digest(*shown)


def _seen(raw_html: str) -> str:
    pieces: list[str] = _TAG.split(_INVISIBLE.sub("", raw_html))
    pieces[::2] = map(html.unescape, pieces[::2])
    pieces[1::2] = [
        (_seen_of_short_tag if len(tag) <= SHORT else _seen_of_tag)(tag) for tag in pieces[1::2]
    ]
    return "".join(pieces)


def _seen_of_tag(tag: str) -> str:
    [(written, attributes)] = _PARTS_OF_TAG.findall(tag)
    name = written.lower()
    if "=" not in attributes:
        return f"\0{name}\0"
    given = {
        found[1].lower(): found[2] or found[3] or found[4] or ""
        for found in _ATTRIBUTE.finditer(attributes)
    }
    sizes = {given.pop("width", ""), given.pop("height", "")}
    if name == "img" and sizes & {"0", "1"}:
        return ""
    shown = [
        f"{attribute}={value if attribute == 'alt' else _address(name, value)}\0"
        for attribute, value in sorted(given.items())
    ]
    return "".join([f"\0{name}\0", *shown])


_seen_of_short_tag = lru_cache(maxsize=1024)(_seen_of_tag)


def _address(name: str, value: str) -> str:
    written = html.unescape(value).partition("#")[0]
    if name in _PICTURES:
        written = written.partition("?")[0]
    return absolute_url(written) or written
