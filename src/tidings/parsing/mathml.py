"""MathML from TeX, and from publishers by an allow-list of elements and attributes.

The result does not go through the sanitizer. So nothing is copied: every element, attribute and
text is written and escaped here.
"""

import html
import re
from collections.abc import Iterable
from functools import lru_cache
from xml.etree.ElementTree import Element

from latex2mathml.converter import convert_to_element
from selectolax.lexbor import LexborNode

from tidings.parsing.text_cleaning import collapse_whitespace

MAX_TEX = 2048
MAX_MATHML = 64 * 1024
MAX_DEPTH = 100

# Characters of TeX that is remembered, as most is: a few megabytes at most.
SHORT = 100

TOKENS = frozenset({"mi", "mn", "mo", "ms", "mtext"})
_LAYOUT = (
    "math menclose merror mfrac mmultiscripts mover mpadded mphantom mprescripts mroot mrow mspace"
    " msqrt mstyle msub msubsup msup mtable mtd mtr munder munderover none"
)
_ELEMENTS = TOKENS | frozenset(_LAYOUT.split())
_DROPPED = frozenset({"annotation", "annotation-xml", "script", "style", "template", "title"})
_ATTRIBUTE_NAMES = (
    "accent accentunder columnalign columnlines columnspacing columnspan depth displaystyle fence"
    " form frame height largeop linethickness lspace mathcolor mathvariant maxsize minsize"
    " movablelimits notation rowalign rowlines rowspacing rowspan rspace scriptlevel separator"
    " stretchy symmetric voffset width"
)
_ATTRIBUTES = frozenset(_ATTRIBUTE_NAMES.split())
_VALUE = re.compile(r"[A-Za-z0-9.,+#% -]{1,60}")
_CODE_POINT = re.compile(r"&#x([0-9A-Fa-f]{2,6});")
# Macros are not expanded: one that doubles itself would fill the memory.
_DEFINITION = re.compile(r"\\(?:def|let|newcommand|renewcommand|providecommand)\b")
_WITHOUT_MEANING = re.compile(r"\\(?:label\s*\{[^{}]*\}|(?:nonumber|notag|displaystyle)\b)")
_SYNONYM = re.compile(r"\\bm\b")


def from_tex(tex: str, *, display: bool) -> str | None:
    """Return the MathML of `tex`; None if it is too long or cannot be parsed."""
    if len(tex) > MAX_TEX or _DEFINITION.search(tex):
        return None
    written = (_convert_short if len(tex) <= SHORT else _convert)(tex)
    return _math(written, tex, display=display) if "<mi>\\" not in written else None


def from_node(node: LexborNode, *, tex: str, display: bool) -> str | None:
    """Return a publisher's `<math>` with allowed elements only; None if it is too long."""
    return _math(_children(node, 0), tex, display=display)


def _convert(tex: str) -> str:
    """Return what stands inside `<math>`; empty if `tex` cannot be parsed."""
    plain = _SYNONYM.sub(r"\\boldsymbol", _WITHOUT_MEANING.sub("", tex))
    try:
        return "".join(map(_from_element, convert_to_element(plain)))
    except Exception:  # noqa: BLE001 - the converter lets out whatever its lists and dicts raise
        return ""


# Authors write the same few symbols again and again.
_convert_short = lru_cache(maxsize=1024)(_convert)


def _math(written: str, tex: str, *, display: bool) -> str | None:
    if not written or len(written) > MAX_MATHML:
        return None
    form = "block" if display else "inline"
    return f'<math display="{form}" alttext="{html.escape(tex)}">{written}</math>'


def _from_element(element: Element) -> str:
    text = _CODE_POINT.sub(lambda found: html.unescape(found[0]), element.text or "")
    inner = html.escape(text, quote=False) + "".join(map(_from_element, element))
    return _written(element.tag, element.attrib.items(), inner)


def local_name(node: LexborNode) -> str:
    """Return the name of an element without a prefix, as in `mml:math`."""
    return (node.tag or "").rpartition(":")[2]


def _from_node(node: LexborNode, depth: int) -> str:
    tag = local_name(node)
    if tag == "-text" or depth > MAX_DEPTH:
        return html.escape(collapse_whitespace(node.text_lexbor()).strip(), quote=False)
    if tag.startswith("-") or tag in _DROPPED:
        return ""
    if tag == "mfenced":
        return _fenced(node, depth)
    inner = _children(node, depth + 1)
    if tag not in _ELEMENTS or tag == "math":
        return inner
    return _written(tag, node.attributes.items(), inner)


def fences(node: LexborNode) -> tuple[str, str, str]:
    """Return the opening and closing fence of an `<mfenced>`, and its separators."""
    given = {"open": "(", "close": ")", "separators": ","} | node.attributes
    opening, closing, between = (given[name] or "" for name in ("open", "close", "separators"))
    return opening, closing, "".join(between.split())


def _fenced(node: LexborNode, depth: int) -> str:
    """Return an `<mfenced>` as `mrow` with operators: MathML Core dropped the element."""
    opening, closing, separators = fences(node)
    inner = ""
    for number, child in enumerate(node.iter(include_text=False)):
        between = separators[min(number, len(separators)) - 1] if number and separators else ""
        inner += (_sign(between) if between else "") + _from_node(child, depth + 1)
    return f"<mrow>{_sign(opening)}{inner}{_sign(closing)}</mrow>"


def _sign(text: str) -> str:
    return f"<mo>{html.escape(text, quote=False)}</mo>"


def _children(node: LexborNode, depth: int) -> str:
    return "".join(_from_node(child, depth) for child in node.iter(include_text=True))


def _written(tag: str, attributes: Iterable[tuple[str, str | None]], inner: str) -> str:
    kept = "".join(
        f' {name}="{value}"'
        for name, value in attributes
        if name in _ATTRIBUTES and value and _VALUE.fullmatch(value)
    )
    return f"<{tag}{kept}>{inner}</{tag}>"
