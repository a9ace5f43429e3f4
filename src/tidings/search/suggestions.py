"""Other spellings of a query, for when it finds little."""

import re
from collections.abc import Iterator

from tidings.search.query import MIN_STEM

# Spellings that are tried; each is a search of its own.
MOST = 8

# First parts that some write with a hyphen and others without.
_FIRST_PARTS = re.compile(r"(e|co|re|pre|non|sub|anti|multi|open|self|micro)(?=[a-z]{3})")

# Endings that some write without their apostrophe.
_BARE_ENDING = re.compile(r"(?<=[a-z]{2})(?:n(?=t$)|(?=(?:ll|re|ve)$))")

_WORD = re.compile(r"[a-z]+(?:[-'’][a-z]+)*", re.IGNORECASE)  # noqa: RUF001


def other_spellings(q: str) -> list[str]:
    """Return queries like `q` with one word spelled otherwise, the likeliest first.

    Plural or singular, an apostrophe or a hyphen more or less, and at last whatever begins so.
    Words in quotation marks, after a minus or a colon, and those of other scripts stay as they are.
    """
    found: list[str] = []
    for part in re.finditer(r'"[^"]*"?|\S+', q):
        if _WORD.fullmatch(part[0]):
            found += [q[: part.start()] + one + q[part.end() :] for one in _spellings(part[0])]
    # A word that begins so is the last resort of each.
    found.sort(key=lambda one: one.count("*"))
    return list(dict.fromkeys(found))[:MOST]


def _spellings(word: str) -> Iterator[str]:
    joined = re.sub(r"[-'’]", "", word)  # noqa: RUF001
    if joined != word:
        yield joined
        return
    lower = word.lower()
    yield from _numbers(word, lower)
    if ending := _BARE_ENDING.search(lower):
        yield f"{word[: ending.end()]}'{word[ending.end() :]}"
    if first := _FIRST_PARTS.match(lower):
        yield f"{word[: first.end()]}-{word[first.end() :]}"
    if len(word) >= MIN_STEM:
        yield f"{word}*"


def _numbers(word: str, lower: str) -> Iterator[str]:
    """Yield the singular of what looks like a plural, or the plural."""
    if len(word) < MIN_STEM:
        return
    if lower.endswith("ies"):
        yield f"{word[:-3]}y"
    elif lower.endswith(("ches", "shes", "sses", "xes", "zes")):
        yield word[:-2]
    elif lower.endswith("s") and not lower.endswith("ss"):
        yield word[:-1]
    elif lower.endswith("y") and lower[-2] not in "aeiou":
        yield f"{word[:-1]}ies"
    elif lower.endswith(("s", "x", "z", "ch", "sh")):
        yield f"{word}es"
    else:
        yield f"{word}s"
