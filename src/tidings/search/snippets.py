"""What is shown of an entry that was found: the piece of its text that says why."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tidings.search.query import Term
from tidings.search.words import places_of

# Characters that lead up to what was found.
BEFORE = 80

# Characters of a piece.
LENGTH = 280

# Characters of a text that are looked at.
LOOKED_AT = 100_000

_BLANK = re.compile(r"\s")
ELLIPSIS = "…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A stretch of text, and whether it is what was looked for."""

    text: str
    is_found: bool = False


def marked(text: str, terms: Sequence[Term]) -> tuple[Piece, ...]:
    """Return the whole of a text in pieces."""
    pieces: list[Piece] = []
    done = 0
    for start, end in _spans(text, terms):
        if start > done:
            pieces.append(Piece(text=text[done:start]))
        pieces.append(Piece(text=text[start:end], is_found=True))
        done = end
    return (*pieces, Piece(text=text[done:])) if done < len(text) else tuple(pieces)


def find_snippet(text: str, terms: Sequence[Term]) -> tuple[Piece, ...] | None:
    """Return a piece of a text with the first place of something that was looked for."""
    place = _find_place(text[:LOOKED_AT], terms)
    if place is None:
        return None
    start = _beginning(text, max(place - BEFORE, 0), latest=place)
    end = _ending(text, start + LENGTH)
    before = ELLIPSIS if start else ""
    after = ELLIPSIS if end < len(text) else ""
    return marked(f"{before}{text[start:end]}{after}", terms)


def _spans(text: str, terms: Sequence[Term]) -> list[tuple[int, int]]:
    """Return where terms stand, in order and apart from each other."""
    words = [(word, found.start, found.end) for found in places_of(text) for word in found.words]
    spans = sorted(span for term in terms for span in _places(words, term))
    apart: list[tuple[int, int]] = []
    for start, end in spans:
        if apart and start <= apart[-1][1]:
            apart[-1] = apart[-1][0], max(end, apart[-1][1])
        else:
            apart.append((start, end))
    return apart


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
        elif term.is_open and word.startswith(last):
            places.append((stretch[0][1], min(start + 1, end)))
    return places


def _find_place(text: str, terms: Sequence[Term]) -> int | None:
    """Return where the first term that there is begins: by its plain spelling, if that is found."""
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
    """Return a place near `place` where a word begins."""
    blank = _BLANK.search(text, place, latest)
    return blank.end() if place and blank else place


def _ending(text: str, place: int) -> int:
    if place >= len(text):
        return len(text)
    blank = text.rfind(" ", place - BEFORE // 2, place)
    return blank if blank > 0 else place
