"""Convert MathML, and MathJax's rendering of it, to TeX: for plain text and screen readers."""
# ruff: noqa: RUF001 - signs of mathematics look like letters

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from selectolax.lexbor import LexborNode

from tidings.parsing import mathml
from tidings.parsing.text_cleaning import collapse_whitespace

# Nesting of elements; of what is deeper only the text is read.
MAX_DEPTH = 60

_UNREAD = frozenset({"annotation", "annotation-xml", "mphantom", "script", "style"})
_FURNITURE = frozenset({"surd", "line", "nstrut", "dstrut", "strut", "spacer", "stretchy-v"})
_LAYOUT = (
    "math mfenced mfrac menclose mmultiscripts mover mprescripts mroot mrow mspace msqrt mstyle msub"
    " msubsup msup mtable mtd mtr munder munderover semantics"
)
_MATHML = mathml.TOKENS | frozenset(_LAYOUT.split())
_NO_LINE = re.compile(r"0(?!\.?[1-9])")
_ESCAPED = re.compile(r"[%$&#_{}]")
_SIGNS = MappingProxyType(
    {"\u2212": "-", "\\": r"\backslash ", **dict.fromkeys("\u2061\u2062\u2063\u2064\u200b", "")}
)
_FUNCTIONS = (
    "arccos arcsin arctan arg cos cosh cot deg det dim exp gcd inf ker lim liminf limsup ln log max"
    " min sec sin sinh sup tan tanh"
)
_NAMES = frozenset(_FUNCTIONS.split())
_ACCENTS = MappingProxyType(
    {"^": "hat", "ˆ": "hat", "~": "tilde", "˜": "tilde", "¯": "bar", "‾": "bar", "_": "bar"}
    | {"→": "vec", "⃗": "vec", "˙": "dot", ".": "dot", "¨": "ddot", "⏞": "overbrace"}
)
_LIMITS = frozenset("∑∏∐∫∬∮⋃⋂⋁⋀⨁⨂")


def to_tex(node: LexborNode, depth: int = 0) -> str:
    """Return the TeX of an element of MathML, or of MathJax 3's output."""
    tag = _tag(node)
    if depth > MAX_DEPTH:
        return _escaped(collapse_whitespace(node.text_lexbor()))
    if tag in mathml.TOKENS:
        return _token(tag, _drawn(node) or collapse_whitespace(node.text_lexbor()).strip())
    if tag == "mtable":
        return _table(_parts(node), depth)
    written = [to_tex(part, depth + 1) for part in _parts(node)]
    build = _BUILT.get(tag)
    try:
        return build(node, written) if build else "".join(written)
    except ValueError:  # more parts than it can have, or fewer
        return "".join(written)


def _tag(node: LexborNode) -> str:
    tag = node.attributes.get("data-mml-node") or node.tag or ""
    name = tag.rpartition(":")[2].lower().removeprefix("mjx-")
    return name if tag != node.tag or name in _MATHML or tag == name else f"mjx-{name}"


def _parts(node: LexborNode) -> list[LexborNode]:
    """Return the child elements that are MathML, looking through layout boxes around them."""
    parts: list[LexborNode] = []
    for child in node.iter(include_text=False):
        tag = _tag(child)
        if tag in _UNREAD or tag.removeprefix("mjx-") in _FURNITURE:
            continue
        if child.tag == "g" and _drawn(child) == "√":
            continue  # of a root, its sign is drawn as a part of its own
        is_box = tag.startswith("mjx-") and tag not in {"mjx-texatom", "mjx-math"}
        if is_box or tag in {"svg", "defs"} or (tag == "g" and child.tag == "g"):
            parts += _parts(child)
        elif tag not in {"rect", "path", "use", "text"}:
            parts.append(child)
    return parts[:1] if _tag(node) == "semantics" else parts


def _drawn(node: LexborNode) -> str:
    """Return the characters of a token in MathJax's output, which names them by code point."""
    points = [glyph.attributes.get("data-c") or "" for glyph in node.css("[data-c]")]
    for glyph in node.css("mjx-c"):
        points += re.findall(r"\bmjx-c([0-9A-F]{2,6})\b", glyph.attributes.get("class") or "")
    signs = [int(point, 16) for point in points if re.fullmatch("[0-9A-Fa-f]{2,5}", point)]
    return "".join(map(chr, signs))


def _token(tag: str, text: str) -> str:
    if tag in {"mtext", "ms"}:
        return rf"\text{{{_escaped(text)}}}" if text else ""
    plain = unicodedata.normalize("NFKC", text) if tag != "mo" else text
    written = "".join(_SIGNS.get(sign, sign) for sign in _escaped(plain))
    if written in _NAMES:
        return rf"\{written} "
    return (
        rf"\mathrm{{{written}}}" if tag == "mi" and len(plain) > 1 and plain.isalpha() else written
    )


def _escaped(text: str) -> str:
    return _ESCAPED.sub(r"\\\g<0>", text)


def _group(tex: str) -> str:
    return tex if len(tex) == 1 or re.fullmatch(r"\w+|\\[a-z]+ ?", tex) else f"{{{tex}}}"


def _fraction(node: LexborNode, parts: Sequence[str]) -> str:
    above, below = parts
    has_line = not _NO_LINE.match(node.attributes.get("linethickness") or "")
    return rf"\{'frac' if has_line else 'binom'}{{{above}}}{{{below}}}"


def _root(_: LexborNode, parts: Sequence[str]) -> str:
    return rf"\sqrt{{{''.join(parts)}}}"


def _numbered_root(_: LexborNode, parts: Sequence[str]) -> str:
    inner, number = parts
    return rf"\sqrt[{number}]{{{inner}}}"


def _enclosed(node: LexborNode, parts: Sequence[str]) -> str:
    is_root = "radical" in (node.attributes.get("notation") or "")
    return _root(node, parts) if is_root else "".join(parts)


def _above(_: LexborNode, parts: Sequence[str]) -> str:
    base, script = parts
    return f"{_group(base)}^{{{script}}}"


def _below(_: LexborNode, parts: Sequence[str]) -> str:
    base, script = parts
    return f"{_group(base)}_{{{script}}}"


def _around(node: LexborNode, parts: Sequence[str]) -> str:
    base, below, above = parts
    if (node.tag or "").startswith("mjx-"):
        below, above = above, below  # there the upper one stands first
    return f"{_group(base)}_{{{below}}}^{{{above}}}"


def _over(_: LexborNode, parts: Sequence[str]) -> str:
    base, above = parts
    accent = _ACCENTS.get(above.strip().replace("\\_", "_"))
    if accent:
        return rf"\{accent}{{{base}}}"
    is_limit = base.strip() in _LIMITS
    return f"{base}^{{{above}}}" if is_limit else rf"\overset{{{above}}}{{{base}}}"


def _fenced(node: LexborNode, parts: Sequence[str]) -> str:
    opening, closing, separators = mathml.fences(node)
    inner = ""
    for number, part in enumerate(parts):
        between = separators[min(number, len(separators)) - 1] if number and separators else ""
        inner += between + part
    return f"{_escaped(opening)}{inner}{_escaped(closing)}"


def _table(rows: Sequence[LexborNode], depth: int) -> str:
    lines = [" & ".join(to_tex(cell, depth + 1) for cell in _parts(row)) for row in rows]
    return r"\begin{matrix}" + r" \\ ".join(lines) + r"\end{matrix}"


def _multiscripts(node: LexborNode, parts: Sequence[str]) -> str:
    base, *scripts = parts
    marks = [_tag(part) for part in _parts(node)][1:]
    turn = marks.index("mprescripts") if "mprescripts" in marks else len(marks)
    before = _pairs(scripts[turn + 1 :])
    return ("{}" + before if before else "") + _group(base) + _pairs(scripts[:turn])


def _pairs(scripts: Sequence[str]) -> str:
    below, above = "".join(scripts[::2]), "".join(scripts[1::2])
    return (f"_{{{below}}}" if below else "") + (f"^{{{above}}}" if above else "")


def _space(_: LexborNode, parts: Sequence[str]) -> str:
    return "".join(parts) or " "


_BUILT: Mapping[str, Callable[[LexborNode, Sequence[str]], str]] = MappingProxyType(
    {
        "menclose": _enclosed,
        "mfenced": _fenced,
        "mfrac": _fraction,
        "mmultiscripts": _multiscripts,
        "mover": _over,
        "mroot": _numbered_root,
        "mspace": _space,
        "msqrt": _root,
        "msub": _below,
        "msubsup": _around,
        "msup": _above,
        "munder": _below,
        "munderover": _around,
    }
)
