"""Plain text as mail programs show it: harmless, of a bounded length, in lines of a bounded width."""

import re

from tidings.domain.cjk import FULL_WIDTH, HANGUL
from tidings.rendering.xml_text import xml_line

WIDTH = 78
"""Columns of a line, as RFC 5322 asks."""

_OVERRIDES = re.compile("[\u202a-\u202e\u2066-\u2069]")
_OPENING = "（［｛〈《「『【〔〖‘“"  # noqa: RUF001 - marks of Chinese and Japanese
_CLOSING = "）］｝〉》」』】〕〗’”、。，．：；？！…—・ー々,.;:?!%)"  # noqa: RUF001 - the same
_UNIT = re.compile(
    rf"[{_OPENING}]*(?:(?:\\\(.*?\\\)|[^\s{FULL_WIDTH}])+|[{FULL_WIDTH}])[{re.escape(_CLOSING)}]*\s*"
)
_WIDE = re.compile(f"[{FULL_WIDTH}\u1100-\u115f\u3000{HANGUL}\uffe0-\uffe6\U0001f300-\U0001faff]")
_MARK = re.compile("[\u0300-\u036f\u200b-\u200d\u20d0-\u20ff\ufe00-\ufe0f]")


def one_line(text: str) -> str:
    """Return `text` as one line that cannot change how the text around it is shown."""
    return xml_line(_OVERRIDES.sub("", text))


def clipped(text: str, limit: int) -> str:
    """Return `text`, or its beginning and an ellipsis: at most `limit` characters.

    Words and formulas stay whole where they can.
    """
    if len(text) <= limit:
        return text
    head = text[:limit]
    if head.rfind("\\(") > head.rfind("\\)"):
        head = head[: head.rfind("\\(")]
    blank = head.rfind(" ", len(head) // 2)
    return head[: limit - 1 if blank < 0 else blank].rstrip() + "…"


def columns(text: str) -> int:
    """Return how many columns `text` takes where all letters have the same width."""
    if text.isascii():
        return len(text)
    return len(text) + len(_WIDE.findall(text)) - len(_MARK.findall(text))


def wrapped(text: str, indent: str = "") -> str:
    """Return `text` in lines of at most `WIDTH` columns, each after `indent`.

    Scripts without blanks break between characters, but not before a mark that ends
    something or after one that begins it. A word, a formula or an address that is wider
    than a line has one of its own.
    """
    lines: list[str] = []
    line, used = indent, 0
    for unit in _UNIT.findall(" ".join(text.split())):
        word = unit.rstrip()
        size = columns(word)
        if used and len(indent) + used + size > WIDTH:
            lines.append(line.rstrip())
            line, used = indent, 0
        line += unit
        used += size + len(unit) - len(word)
    return "\n".join([*lines, line.rstrip()])
