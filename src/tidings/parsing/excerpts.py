"""Excerpts: the beginning of an entry in one line, cut at a sentence, clause or word."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice

import regex  # type: ignore[import-untyped]

from tidings.model.cjk import COMMON_HAN, HAN
from tidings.parsing.code import Code
from tidings.parsing.formulas import Formula
from tidings.parsing.text_cleaning import collapse_whitespace

MAX_CLUSTERS = 350
# However many combining marks a cluster has.
MAX_CHARACTERS = 8 * MAX_CLUSTERS
# Characters from which on it is worth checking whether the rest is needed.
ENOUGH = 2 * MAX_CLUSTERS
# Characters of an inline formula; a longer one counts as one that stands on its own line.
MAX_FORMULA = 160
ELLIPSIS = "…"
# Clusters that are left beside the ellipsis.
LIMIT = MAX_CLUSTERS - len(f" {ELLIPSIS}")


class Break(Enum):
    """Where a block ends."""

    BLOCK = "block"


class Pause(Enum):
    """Where a text may be cut, the best place first."""

    SENTENCE = "sentence"
    CLAUSE = "clause"
    WORD = "word"


# Parts of a body, in its order.
Piece = str | Formula | Code | Break

_UNSPACED = (
    r"\p{Han}\p{Bopomofo}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\u3001-\u30ff\u31f0-\u31ff\uff00-\uff9f"
)
_UNIT = regex.compile(
    rf"(?:https?://|www\.)(?:[!#-;=?-~]+|(?<=[/=?&#_.%-])[\p{{L}}\p{{M}}]+)+\p{{M}}*"
    rf"|\s+|(?=[{_UNSPACED}])\X|(?:[^\shw{_UNSPACED}]++|h(?!ttps?://)|w(?!ww\.)){{1,{MAX_CHARACTERS}}}+"
)
_CLUSTER = regex.compile(r"\X")
# Most of the characters that join no other: each is a cluster of its own, and white space or not,
# unspaced or not, is told by what follows.
_SINGLES = re.compile(
    r"[ -~\xa1-\xac\xae-\u02df\u0370-\u0482\u1e00-\u1fff\u2010-\u2027\u2030-\u205e"
    rf"\u3001-\u3029\u3041-\u3096\u309b-\u30ff{COMMON_HAN}\uff01-\uff9d]*"
)
_SINGLE_UNIT = re.compile(r"[^ \u3001-\uff9d]+|[^ ]")
_ADDRESS = re.compile(r"https?://|www\.")
_SENTENCE = regex.compile(r"[\p{STerm}…][\p{Pe}\p{Pf}\"']*\Z")
_CLAUSE = regex.compile(
    r"[[\p{Term}\p{Pd}]--[\p{STerm}]][\p{Pe}\p{Pf}\"']*\Z", flags=regex.VERSION1
)
_ABBREVIATION = regex.compile(
    r"(?:\A|[\s\p{Ps}\p{Pi}\"])(?:\w|\d{1,3}|Mr|Mrs|Ms|Dr|Prof|St|vs|No|Nr|Fig|al|ca|bzw"
    r"|[A-Za-z](?:\.[A-Za-z])+)\.\Z"
)
_DANGLING = regex.compile(r"[[\s\p{Ps}\p{Pi}\p{Pd}\p{Term}]--[\p{STerm}]]+\Z", flags=regex.VERSION1)
_WIDE_END = re.compile(r"[\u3001-\u303f\uff00-\uff65][\u2019\u201d]?\Z")
_HAN = re.compile(f"[{HAN}]")
_LETTER = re.compile(r"[^\W\d_]")


def excerpt(pieces: Sequence[Piece], *, language: str | None) -> str:
    """Return at most `MAX_CLUSTERS` grapheme clusters of one line; a cut ends in an ellipsis.

    Args:
        pieces: The body.
        language: Of the labels for code and formulas: Chinese, or else English. Without it the
            script of the text decides.
    """
    line = _Line(chinese=_is_chinese(pieces, language))
    for piece in pieces if _says_more_than_code(pieces) else map(_as_text, pieces):
        line.add(piece)
        if len(line.text) > ENOUGH and not _fits(line.text):
            break
    text = line.text.rstrip()
    return text if _fits(text) else _shortened(line)


def _says_more_than_code(pieces: Sequence[Piece]) -> bool:
    """Tell whether there is text beside code.

    If not, the code is the text: mail archives and commits come as one `pre`.
    """
    return any(
        isinstance(piece, Formula) or (isinstance(piece, str) and not piece.isspace())
        for piece in pieces
    )


def _as_text(piece: Piece) -> Piece:
    return f" {piece.source} " if isinstance(piece, Code) else piece


@dataclass(slots=True, kw_only=True)
class _Line:
    """A line that grows, with the spans of it that must not be cut."""

    chinese: bool
    text: str = ""
    wholes: list[tuple[int, int]] = field(default_factory=list)
    ended: bool = False

    def add(self, piece: Piece) -> None:
        match piece:
            case Break():
                self.ended = True
            case Formula(display=False) if len(piece.tex) <= MAX_FORMULA:
                self._append(piece.source, whole=True)
            case Formula():
                self._add_label("[公式]" if self.chinese else "[formula]")
            case Code():
                self._add_label("[代码]" if self.chinese else "[code]")
            case _:
                self._append(collapse_whitespace(piece))

    def units(self) -> Iterator[tuple[str, bool]]:
        """Yield units that are kept together, and whether one must not be cut even if too long."""
        done = 0
        for start, end in self.wholes:
            yield from _units(self.text[done:start])
            yield self.text[start:end], True
            done = end
        yield from _units(self.text[done:])

    def _add_label(self, label: str) -> None:
        self.ended = True
        self._append(label, whole=True)
        self.ended = True

    def _append(self, text: str, *, whole: bool = False) -> None:
        if self.ended and text.strip():
            if self.text and not self.text.endswith(" ") and not _WIDE_END.search(self.text[-2:]):
                self.text += " "
            self.ended = False
        if not self.text or self.text.endswith(" ") or self.ended:
            text = text.lstrip()
        if whole:
            self.wholes.append((len(self.text), len(self.text) + len(text)))
        self.text += text


def _fits(text: str) -> bool:
    if len(text) <= MAX_CLUSTERS or text.isascii():
        return len(text) <= MAX_CLUSTERS
    if _SINGLES.fullmatch(text, 0, MAX_CLUSTERS + 1):
        return False
    if len(text) > MAX_CHARACTERS:  # first, since clusters of flags take quadratic time
        return False
    beyond = islice(_CLUSTER.finditer(text), MAX_CLUSTERS, None)
    return next(beyond, None) is None


def _units(text: str) -> Iterator[tuple[str, bool]]:
    for found in _UNIT.finditer(text):
        unit = found[0]
        yield unit, unit.startswith(("http", "www."))


def _shortened(line: _Line) -> str:
    if ends := _ends_of_singles(line):
        return _cut(line.text, ends)
    text, clusters = "", 0
    for unit, whole in line.units():
        is_too_long = len(text) + len(unit) > MAX_CHARACTERS
        clusters += 0 if is_too_long else _count(unit)
        if is_too_long or clusters > LIMIT:
            if not text.strip() and not whole:
                return _first_clusters(unit, LIMIT) + ELLIPSIS
            break
        text += unit
        if not unit.isspace():
            ends.append(len(text))
    return _cut(text, ends)


def _ends_of_singles(line: _Line) -> list[int]:
    """Return the ends of all units that fit, if each character is one; nothing for other texts."""
    beginning = line.text[: LIMIT + len("https://")]
    if not _SINGLES.fullmatch(beginning) or _ADDRESS.search(beginning):
        return []
    ends: list[int] = []
    done = 0
    for start, end in [*line.wholes, (LIMIT + 1, LIMIT + 1)]:
        ends += (
            unit.end() for unit in _SINGLE_UNIT.finditer(beginning, done, min(start, LIMIT + 1))
        )
        ends.append(end)
        done = end
    return [end for end in ends if end <= LIMIT]


def _cut(text: str, ends: Sequence[int]) -> str:
    """Return the beginning of a text up to the best of the ends of its units, with an ellipsis."""
    pause, end = _best_end(text, ends)
    if pause is not Pause.SENTENCE:
        kept: str = _DANGLING.sub("", text[:end])
        return kept + ELLIPSIS
    gap = "" if _WIDE_END.search(text[:end]) else " "
    return f"{text[:end]}{gap}{ELLIPSIS}".strip()


def _best_end(text: str, ends: Sequence[int]) -> tuple[Pause, int]:
    """Return the last of the best pauses among `ends`."""
    last: dict[Pause, int] = {}
    for end in reversed(ends):
        if 2 * end < ends[-1]:  # would waste the room that is left
            break
        is_word = text[end - 1].isalnum()
        pause = Pause.WORD if is_word else _pause_of_sign(text[max(end - 24, 0) : end])
        last.setdefault(pause, end)
        if pause is Pause.SENTENCE:
            break
    return next(((pause, last[pause]) for pause in Pause if pause in last), (Pause.SENTENCE, 0))


def _pause_of_sign(tail: str) -> Pause:
    if _SENTENCE.search(tail) and not _ABBREVIATION.search(tail):
        return Pause.SENTENCE
    return Pause.CLAUSE if _CLAUSE.search(tail) else Pause.WORD


def _count(unit: str) -> int:
    return len(unit) if len(unit) == 1 or unit.isascii() else len(_CLUSTER.findall(unit))


def _first_clusters(text: str, limit: int) -> str:
    clusters: list[str] = _CLUSTER.findall(text[:MAX_CHARACTERS])
    return "".join(clusters[:limit])


def _is_chinese(pieces: Sequence[Piece], language: str | None) -> bool:
    if language:
        return language.lower().startswith("zh")
    if not any(isinstance(piece, Formula | Code) for piece in pieces):
        return False
    sample = "".join(piece for piece in pieces[:200] if isinstance(piece, str))[:MAX_CLUSTERS]
    return 2 * len(_HAN.findall(sample)) > len(_LETTER.findall(sample))
