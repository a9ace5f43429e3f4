"""Tokenizer of the full-text index, the same for SQLite and PostgreSQL.

A word is a run of letters and digits, in lower case and without accents. Scripts without blanks
between words (Chinese, Japanese, Thai …) are indexed as bigrams: every character together with
the one that follows it, so that any part of such a text is found, wherever it begins and ends.
"""

import re
import unicodedata
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import add

from tidings.model.cjk import COMMON_HAN, UNSPACED
from tidings.model.text import readable

# Words of one text that are indexed, from its beginning; a tsvector has 16,383 positions.
MAX_WORDS = 16_000

# Occurrences of one word that are indexed; PostgreSQL takes 256 positions of a lexeme.
MAX_OCCURRENCES = 250

# Characters of a word that count.
MAX_LENGTH = 50

# Bytes of all words of a text together; a tsvector takes a megabyte with all that it adds.
MAX_SIZE = 750_000

# Takes the position of a word that is left out, so that phrases do not match across it.
FILLER = "·"

# Marks on letters, which belong to words, for character classes.
COMBINING = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u06d6-\u06ed\u0711\u0730-\u074a\u07a6-\u07b0\u07eb-\u07f3\u0816-\u082d\u0859-\u085b"
    "\u08d3-\u0963\u0966-\u0dff\u135d-\u135f\u1712-\u1773\u180b-\u180d\u1a17-\u1b7f\u1dc0-\u1dff"
    "\u20d0-\u20f0\ua66f-\ua67d\ua8e0-\ua8f1\ufe20-\ufe2f"
)

_SUFFIX = (
    r"(?:(?<=[A-Za-z0-9])(?:\+\+|#)(?![A-Za-z0-9_+#]))?+"  # C++ and C# are languages, and not C
)

_RUN = re.compile(rf"[^\W_]++(?:[{COMBINING}]++[^\W_]*+)*+{_SUFFIX}")

# Letters of unspaced scripts that no normal form changes.
_STEADY = f"\u3005-\u3007\u3041-\u3096\u30a1-\u30fa\u30fc{COMMON_HAN}"

_UNSTEADY = re.compile(f"[^\\Wa-zA-Z0-9_{_STEADY}]|[{COMBINING}]")

_STEADY_RUN = re.compile(rf"[a-z0-9]++(?:(?:\+\+|#)(?![a-z0-9_+#]))?+|[{_STEADY}]++")

_UNSPACED_CHARACTER = re.compile(f"[{UNSPACED}]")

_STRETCH = re.compile(f"[{UNSPACED}]+|[^{UNSPACED}]+")

_ACCENT = re.compile("[\u0300-\u036f]+")

# Characters of an entry's HTML that are indexed.
MAX_CONTENT = 500_000

# Words of a text that are its lead.
LEAD = 100

# The mark that every entry has, and the beginning of all others (source, month, character …):
# words in the index that nobody can type.
MARK = "§"


@dataclass(frozen=True, slots=True, kw_only=True)
class WordPosition:
    """Where in a text some of its words are, as offsets of characters.

    Attributes:
        words: One, or those of a run whose normal form has another length.
    """

    start: int
    end: int
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedText:
    """The words of an entry, joined by blanks; then a mark for each single character.

    Attributes:
        lead: The title and the beginning of the text.
        body: The title and the whole text.
    """

    title: str
    lead: str
    body: str


def index_text(title: str, content: str) -> IndexedText:
    """Return the words of an entry to be indexed; `content` is clean HTML."""
    named, said = words_of(title), words_of(readable(content[:MAX_CONTENT]))
    return IndexedText(
        title=_joined(named),
        lead=_joined([*named, FILLER, *said[:LEAD]]),
        body=_joined([*named, FILLER, *said]),
    )


def words_of(text: str) -> list[str]:
    """Return the words of a text in their order.

    The last character of a run without blanks is a word by itself.
    """
    if text.isascii():  # nothing to normalise or to split
        return _STEADY_RUN.findall(text.lower())
    if not _UNSTEADY.search(text):
        runs = _STEADY_RUN.findall(text.lower())
        return [word for run in runs for word in ((run,) if run.isascii() else _pairs(run))]
    runs = _RUN.findall(_normalised(" ".join(_RUN.findall(text))))
    return [word for run in runs for word in ((run,) if run.isascii() else _split(run))]


def truncate(words: Sequence[str]) -> list[str]:
    """Return as many of the words as an index takes; those left out keep their positions."""
    kept = list(words[:MAX_WORDS])
    distinct = set(kept)
    if max(map(len, distinct), default=0) > MAX_LENGTH:
        kept = [word[:MAX_LENGTH] for word in kept]
        distinct = set(kept)
    if len(kept) * MAX_LENGTH * 4 > MAX_SIZE:
        sizes = list(accumulate(len(word.encode()) for word in kept))
        kept = kept[: bisect_right(sizes, MAX_SIZE)]
    repeated = len(kept) - len(distinct)
    counted = Counter(kept) if repeated >= MAX_OCCURRENCES else Counter()
    frequent = {word: MAX_OCCURRENCES for word, times in counted.items() if times > MAX_OCCURRENCES}
    if frequent:
        for place, word in enumerate(kept):
            if word in frequent:
                frequent[word] -= 1
                kept[place] = word if frequent[word] >= 0 else FILLER
    return kept


def characters_of(words: Iterable[str]) -> set[str]:
    """Return all characters of scripts without blanks: each is the first of some word."""
    begun = {word[0] for word in set(words) if not word.isascii()}
    return set(_UNSPACED_CHARACTER.findall("".join(begun)))


def find_words(text: str) -> Iterator[WordPosition]:
    """Yield the words of a text with their positions, the same words as are indexed."""
    for run in _RUN.finditer(text):
        for stretch in _STRETCH.finditer(text, *run.span()):
            yield from _word_positions(text, *stretch.span())


def is_character(word: str) -> bool:
    """Tell whether a word is a single character of a script without blanks."""
    return len(word) == 1 and bool(_UNSPACED_CHARACTER.match(word))


def _normalised(text: str) -> str:
    """Return a text without case, accents, and variants of characters (NFKC)."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    bare = _ACCENT.sub("", unicodedata.normalize("NFD", plain))
    return unicodedata.normalize("NFKC", bare)


def _split(run: str) -> Sequence[str]:
    if not _UNSPACED_CHARACTER.search(run):
        return (run,)
    words: list[str] = []
    for stretch in _STRETCH.findall(run):
        if _UNSPACED_CHARACTER.match(stretch):
            words += _pairs(stretch)
        else:
            words.append(stretch)
    return words


def _pairs(stretch: str) -> list[str]:
    return [*map(add, stretch, stretch[1:]), stretch[-1]]


def _word_positions(text: str, start: int, end: int) -> Iterator[WordPosition]:
    """Yield where the words of a run are; where its normal form has another length, all at once."""
    words = [word[:MAX_LENGTH] for word in words_of(text[start:end])]
    if len(words) == end - start and _UNSPACED_CHARACTER.match(text, start):
        for place, word in enumerate(words, start):
            yield WordPosition(start=place, end=place + len(word), words=(word,))
    elif words:
        yield WordPosition(start=start, end=end, words=tuple(words))


def _joined(words: Sequence[str]) -> str:
    kept = truncate(words)
    return " ".join([*kept, *(f"{MARK}{character}" for character in sorted(characters_of(kept)))])
