"""Sanitizer: the allow-list of HTML elements and attributes, which all content goes through last."""

import html
import re
from collections.abc import Mapping

import nh3

from tidings.parsing.text_cleaning import clean_line

_TAGS = (
    "a abbr audio b bdi bdo blockquote br caption cite code dd del details dfn div dl dt em"
    " figcaption figure h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q rp rt ruby s samp small"
    " source span strong sub summary sup table tbody td tfoot th thead time tr u ul var video"
)

# Elements that are allowed in an entry.
TAGS = frozenset(_TAGS.split())

# Attributes that are allowed on them; `*` is for all.
ATTRIBUTES = {
    "*": frozenset({"dir", "lang"}),
    "a": frozenset({"href", "title"}),
    "abbr": frozenset({"title"}),
    "audio": frozenset({"src"}),
    "details": frozenset({"open"}),
    "dfn": frozenset({"title"}),
    "img": frozenset({"src", "alt", "title", "width", "height"}),
    "li": frozenset({"value"}),
    "ol": frozenset({"start", "reversed", "type"}),
    "source": frozenset({"src", "type"}),
    "td": frozenset({"colspan", "rowspan"}),
    "th": frozenset({"colspan", "rowspan", "scope"}),
    "time": frozenset({"datetime"}),
    "video": frozenset({"src", "poster", "width", "height"}),
}

# Attributes that we add, with the only values they may have.
FIXED = {
    "audio": {"controls": "", "preload": "none"},
    "img": {"loading": "lazy", "decoding": "async", "referrerpolicy": "no-referrer"},
    "video": {"controls": "", "preload": "none"},
}

_CLEANER = nh3.Cleaner(
    tags=set(TAGS),
    clean_content_tags={"script", "style"},
    attributes={tag: set(names) for tag, names in ATTRIBUTES.items()},
    tag_attribute_values={
        tag: {name: {value} for name, value in fixed.items()} for tag, fixed in FIXED.items()
    },
    url_schemes={"http", "https", "mailto"},
    url_relative="deny",
    link_rel="noopener noreferrer nofollow ugc",
)

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


def sanitize(html: str) -> str:
    """Return `html` with only what the allow-list names, balanced; links get `rel=nofollow` etc."""
    return _CLEANER.clean(html)


def allowed_attributes(tag: str, attributes: Attributes) -> dict[str, str]:
    """Return the allowed attributes of an element, without those that hold URLs."""
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
