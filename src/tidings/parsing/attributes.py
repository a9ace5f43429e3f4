"""The attributes of HTML that may stay, and how attributes are written."""

import html
import re
from collections.abc import Mapping

from tidings.parsing.sanitizer import ATTRIBUTES
from tidings.parsing.text import clean_line

MAX_TITLE = 500

Attributes = Mapping[str, str | None]

_NUMBER = r"-?\d{1,6}"
_SPAN = r"[1-9]\d{0,2}"
_VALUES = {
    name: re.compile(pattern)
    for name, pattern in {
        "colspan": _SPAN,
        "datetime": r"[\dTZ:+. -]{1,40}",
        "dir": "ltr|rtl|auto",
        "lang": r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,4}",
        "rowspan": _SPAN,
        "scope": "col|row|colgroup|rowgroup",
        "start": _NUMBER,
        "type": "[1aAiI]",
        "value": _NUMBER,
    }.items()
}
_FLAGS = frozenset({"open", "reversed"})


def kept(tag: str, attributes: Attributes) -> dict[str, str]:
    """Return the harmless attributes of an element: no address is among them."""
    allowed = ATTRIBUTES["*"] | ATTRIBUTES.get(tag, frozenset())
    found = {}
    for name, value in attributes.items():
        if name not in allowed:
            continue
        pattern = _VALUES.get(name)
        if pattern and pattern.fullmatch(value or ""):
            found[name] = value or ""
        elif name in _FLAGS:
            found[name] = ""
        elif name == "title" and value:
            found[name] = clean_line(value, html=False, limit=MAX_TITLE)
    return found


def start_tag(tag: str, attributes: Mapping[str, str | int | None]) -> str:
    """Return a start tag; attributes that are None are left out."""
    written = "".join(
        f' {name}="{html.escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    return f"<{tag}{written}>"
