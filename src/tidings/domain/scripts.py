"""Raised and lowered text where nothing but plain text can stand: 10⁻⁹, n², H₂O."""
# ruff: noqa: RUF001 - signs of mathematics look like letters

import re
from collections.abc import Mapping
from types import MappingProxyType

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


def to_script(sign: str, text: str) -> str:
    """Return `text` as a script: in characters made for it, failing that behind `sign`.

    Args:
        sign: `^` for what is raised, `_` for what is lowered.
        text: In one line.
    """
    table = _TABLES[sign]
    if text and all(ord(character) in table for character in text):
        return text.translate(table)
    return f"{sign}{text}" if len(text) == 1 else f"{sign}({text})"


def script_of(tag: str, text: str) -> str:
    """Return what an element `sup` or `sub` holds as plain text that keeps its meaning.

    Words that are raised stay as they are, as in 1st, and so does what only stands small.
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
