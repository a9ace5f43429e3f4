"""HTML as text: what a reader would see of it."""

import html
import re

from tidings.domain.scripts import script_of

_INLINE = (
    "a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd mark math nobr q rb rp rt"
    " ruby s samp small span strike strong sub sup svg time tt u var wbr"
)

INLINE = frozenset(_INLINE.split())
"""Elements that end no word."""

_INSIDE_TAG = r"""[^>=]*+(?:=\s*+(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z))?+[^>=]*+)*+"""
HIDDEN = re.compile(
    r"<!--(?:-?>|.*?(?:--!?>|\Z))"
    rf"|<(script|style|template|textarea|select|iframe|title)(?=[\s/>]){_INSIDE_TAG}>?+"
    r".*?(?:</\1(?=[\s/>])[^>]*+>?+|\Z)",
    re.DOTALL | re.IGNORECASE,
)
"""Comments, and elements with all that is in them, which nobody sees."""

TAG = re.compile(rf"<(/?)([a-zA-Z][^\s/>]*+){_INSIDE_TAG}>?+")
"""A tag: whether it closes, and its name."""

_DECLARATION = re.compile(r"<!\[CDATA\[|\]\]>|<[!?/][^>]*+>?+")
_SCRIPT = re.compile(r"<(su[bp])>([^<]{1,40})</\1>", re.IGNORECASE)
_FORMULA = re.compile(r'<math\b[^>]*?\balttext="([^"]*)"[^>]*+>.*?</math>', re.DOTALL)


def text_of(raw_html: str) -> str:
    """Return what a reader would see, in one line; takes time linear in the input."""
    shown = raw_html
    if "<" in shown:
        shown = joined(TAG.split(HIDDEN.sub(" ", shown)))
        shown = _DECLARATION.sub(" ", shown)
    return " ".join(html.unescape(shown).split())


def readable(content: str) -> str:
    r"""Return sanitized HTML as one line of text, its formulas as `\(…\)`, as excerpts have them."""
    if "<math" in content:
        content = _FORMULA.sub(r" \\(\1\\) ", content)
    return text_of(with_scripts(content))


def with_scripts(raw_html: str) -> str:
    """Return HTML whose raised and lowered text is plain text that keeps its meaning."""
    if "<su" not in raw_html and "<SU" not in raw_html:
        return raw_html
    return _SCRIPT.sub(lambda one: script_of(one[1].lower(), one[2]), raw_html)


def joined(pieces: list[str]) -> str:
    """Join text, slash, name, text, …: the end of a block ends a word as well."""
    text = pieces[:1]
    for name, piece in zip(pieces[2::3], pieces[3::3], strict=True):
        text.append(piece if name.lower() in INLINE else f" {piece}")
    return "".join(text)
