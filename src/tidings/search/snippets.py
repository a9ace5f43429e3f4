"""Snippets: the part of an entry's text that matches, with the matches highlighted."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tidings.model.words import find_words, is_character
from tidings.search.query import Term

# Characters before the match.
CONTEXT = 80

# Characters of a snippet.
LENGTH = 280

# Characters of a text that are searched for a match.
MAX_TEXT = 100_000

_BLANK = re.compile(r"\s")
ELLIPSIS = "…"


@dataclass(frozen=True, slots=True, kw_only=True)
class SnippetPart:
    """A part of a text; `is_found` if it matches, and is to be highlighted."""

    text: str
    is_found: bool = False


def highlight(text: str, terms: Sequence[Term]) -> tuple[SnippetPart, ...]:
    """Return the whole text in parts, the matches among them."""
    parts: list[SnippetPart] = []
    done = 0
    for start, end in _spans(text, terms):
        if start > done:
            parts.append(SnippetPart(text=text[done:start]))
        parts.append(SnippetPart(text=text[start:end], is_found=True))
        done = end
    return (*parts, SnippetPart(text=text[done:])) if done < len(text) else tuple(parts)


def find_snippet(text: str, terms: Sequence[Term]) -> tuple[SnippetPart, ...] | None:
    """Return a snippet around the first match in a text; None if nothing matches."""
    place = _find_place(text[:MAX_TEXT], terms)
    if place is None:
        return None
    start = _beginning(text, max(place - CONTEXT, 0), latest=place)
    end = _ending(text, start + LENGTH)
    before = ELLIPSIS if start else ""
    after = ELLIPSIS if end < len(text) else ""
    return highlight(f"{before}{text[start:end]}{after}", terms)


def _spans(text: str, terms: Sequence[Term]) -> list[tuple[int, int]]:
    """Return where terms match, as (start, end), in order; overlapping matches are merged."""
    words = [(word, found.start, found.end) for found in find_words(text) for word in found.words]
    spans = sorted(span for term in terms for span in _places(words, term))
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def _places(words: Sequence[tuple[str, int, int]], term: Term) -> list[tuple[int, int]]:
    places = []
    *whole, last = term.words
    for number in range(len(words) - len(whole)):
        stretch = words[number : number + len(whole) + 1]
        word, start, end = stretch[-1]
        if [one for one, _, _ in stretch[:-1]] != whole:
            continue
        if word == last:
            places.append((stretch[0][1], end))
        elif term.is_prefix and word.startswith(last):
            places.append((stretch[0][1], min(start + 1, end) if is_character(last) else end))
    return places


def _find_place(text: str, terms: Sequence[Term]) -> int | None:
    """Return where the first term that matches begins; None if none does."""
    # Plain search first: splitting the whole text into words takes much longer. Where
    # lower case has another length ("İ"), places would not fit.
    lower = text.lower()
    if len(lower) == len(text):
        for term in terms:
            place = lower.find(term.words[0])
            while place >= 0:
                nearby = text[max(place - 1, 0) : place + LENGTH]
                if spans := _spans(nearby, [term]):
                    return max(place - 1, 0) + spans[0][0]
                place = lower.find(term.words[0], place + 1)
    spans = _spans(text, terms)
    return spans[0][0] if spans else None


def _beginning(text: str, place: int, *, latest: int) -> int:
    """Return the beginning of a word at or after `place`, up to `latest`."""
    blank = _BLANK.search(text, place, latest)
    return blank.end() if place and blank else place


def _ending(text: str, place: int) -> int:
    if place >= len(text):
        return len(text)
    blank = text.rfind(" ", place - CONTEXT // 2, place)
    return blank if blank > 0 else place
