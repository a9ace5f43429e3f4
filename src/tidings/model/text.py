"""HTML to plain text, with superscripts and subscripts (10⁻⁹, n², H₂O); reading time; typos."""

import difflib
import html

# ruff: noqa: RUF001 - signs of mathematics look like letters
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from tidings.model.cjk import HAN, HANGUL, KANA

_INLINE = (
    "a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd mark math nobr q rb rp rt"
    " ruby s samp small span strike strong sub sup svg time tt u var wbr"
)

# Inline elements: they do not end a word.
INLINE = frozenset(_INLINE.split())

_INSIDE_TAG = r"""[^>=]*+(?:=\s*+(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z))?+[^>=]*+)*+"""

# Comments, and elements whose content is not shown. Possessive quantifiers: linear time.
HIDDEN = re.compile(
    r"<!--(?:-?>|.*?(?:--!?>|\Z))"
    rf"|<(script|style|template|textarea|select|iframe|title)(?=[\s/>]){_INSIDE_TAG}>?+"
    r".*?(?:</\1(?=[\s/>])[^>]*+>?+|\Z)",
    re.DOTALL | re.IGNORECASE,
)

# A tag: whether it closes, and its name.
TAG = re.compile(rf"<(/?)([a-zA-Z][^\s/>]*+){_INSIDE_TAG}>?+")

_DECLARATION = re.compile(r"<!\[CDATA\[|\]\]>|<[!?/][^>]*+>?+")

_SCRIPT = re.compile(r"<(su[bp])>([^<]{1,40})</\1>", re.IGNORECASE)

_FORMULA = re.compile(r'<math\b[^>]*?\balttext="([^"]*)"[^>]*+>.*?</math>', re.DOTALL)

_TABLES: Mapping[str, Mapping[int, int]] = MappingProxyType(
    {
        "^": str.maketrans("0123456789+-−=()einxkT", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵉⁱⁿˣᵏᵀ"),
        "_": str.maketrans("0123456789+-−=()eijnxtkmp", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₑᵢⱼₙₓₜₖₘₚ"),
    }
)

_MATHEMATICAL = re.compile(r"[\w+\-−±=()*/.,:′'°∗†‡∞Α-ω]{1,16}")

_AROUND_SIGN = re.compile(r"\s*([+\-−±=,])\s*")

_WORD = re.compile(r"[^\W\d_]{2,}")

_NOTE = re.compile(r"[\d,–-]*\d,[\d,–-]*")

_SIGNS = str.maketrans("oa′'°*∗†‡", "ºª′'°*∗†‡")

WORDS_A_MINUTE = 250

# Of Chinese, Japanese and Korean, which have no blanks between words.
CHARACTERS_A_MINUTE = 400

_FORMULA_MARKUP = re.compile(r"<math\b.*?</math>", re.DOTALL)

_TAG = re.compile(r"<[^<>]*>")

_CHARACTER = re.compile(f"[{KANA}{HAN}{HANGUL}]")

_READ_WORD = re.compile(r"[^\W_]+(?:['\u2019.-][^\W_]+)*")


def text_of(raw_html: str) -> str:
    """Return the visible text of HTML, in one line; takes time linear in the input."""
    shown = raw_html
    if "<" in shown:
        shown = join_blocks(TAG.split(HIDDEN.sub(" ", shown)))
        shown = _DECLARATION.sub(" ", shown)
    return " ".join(html.unescape(shown).split())


def readable(content: str) -> str:
    r"""Return sanitized HTML as one line of text, its formulas as TeX in `\(…\)`."""
    if "<math" in content:
        content = _FORMULA.sub(r" \\(\1\\) ", content)
    return text_of(with_scripts(content))


def with_scripts(raw_html: str) -> str:
    """Return HTML with the content of `sup` and `sub` as plain text that keeps its meaning."""
    if "<su" not in raw_html and "<SU" not in raw_html:
        return raw_html
    return _SCRIPT.sub(lambda one: script_of(one[1].lower(), one[2]), raw_html)


def join_blocks(pieces: list[str]) -> str:
    """Join text split by `TAG` (text, slash, name, text, …); a block element separates words."""
    text = pieces[:1]
    for name, piece in zip(pieces[2::3], pieces[3::3], strict=True):
        text.append(piece if name.lower() in INLINE else f" {piece}")
    return "".join(text)


def to_script(sign: str, text: str) -> str:
    """Return `text` as superscript or subscript: in Unicode's characters, else after `sign`.

    Args:
        sign: `^` for superscript, `_` for subscript.
        text: In one line.
    """
    table = _TABLES[sign]
    if text and all(ord(character) in table for character in text):
        return text.translate(table)
    return f"{sign}{text}" if len(text) == 1 else f"{sign}({text})"


def script_of(tag: str, text: str) -> str:
    """Return the content of `sup` or `sub` as plain text that keeps its meaning.

    Words stay as they are (1st, ™), and so does what is only set small.
    """
    compact = _AROUND_SIGN.sub(r"\1", text.strip())
    if not _MATHEMATICAL.fullmatch(compact):
        return text
    if tag == "sub":
        return f"_{compact}" if _WORD.fullmatch(compact) else to_script("_", compact)
    if _WORD.fullmatch(compact):
        return text
    if len(compact) == 1 and ord(compact) in _SIGNS:
        return compact.translate(_SIGNS)
    if _NOTE.fullmatch(compact):
        return compact.translate(_TABLES["^"])
    return to_script("^", compact)


def minutes_to_read(content: str) -> int:
    """Return how long it takes to read clean HTML, in whole minutes, at least 1."""
    text = _TAG.sub(" ", _FORMULA_MARKUP.sub(" x ", content))
    others, characters = _CHARACTER.subn(" ", text)
    words = sum(1 for _ in _READ_WORD.finditer(others))
    return max(round(words / WORDS_A_MINUTE + characters / CHARACTERS_A_MINUTE), 1)


def nearest(said: str, known: Iterable[str]) -> str | None:
    """Return the known name that is spelled most like `said`; None if none is close."""
    by_plain = {name.casefold(): name for name in known}
    found = difflib.get_close_matches(said.casefold(), by_plain, n=1)
    return by_plain[found[0]] if found else None
