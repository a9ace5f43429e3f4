"""The words of a text, as searching knows them: of whatever script, in whatever spelling.

A word is a stretch of letters and digits, in lower case and without accents. Scripts that are
written without blanks have no such stretches; there every character stands for itself, together
with the one that follows it. So a piece of such a text is found wherever it begins and ends.

What an entry is found by: its words, as an index takes them.
"""

import re
import unicodedata
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from tidings.model.cjk import UNSPACED
from tidings.model.text import readable

# Words of one text that can be found, counted from its beginning.
MAX_WORDS = 16_000

# Times that one word of a text can be found, likewise.
MAX_TIMES = 250

# Characters of a word that count.
MAX_LENGTH = 50

# Bytes of all words of a text together; PostgreSQL takes a megabyte with all that it adds.
MAX_SIZE = 750_000

# Stands where a word is not to be found any more; it is none itself.
FILLER = "·"

_MARKS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u06d6-\u06ed\u0711\u0730-\u074a\u07a6-\u07b0\u07eb-\u07f3\u0816-\u082d\u0859-\u085b"
    "\u08d3-\u0963\u0966-\u0dff\u135d-\u135f\u1712-\u1773\u180b-\u180d\u1a17-\u1b7f\u1dc0-\u1dff"
    "\u20d0-\u20f0\ua66f-\ua67d\ua8e0-\ua8f1\ufe20-\ufe2f"
)

_SUFFIX = (
    r"(?:(?<=[A-Za-z0-9])(?:\+\+|#)(?![A-Za-z0-9_+#]))?+"  # C++ and C# are languages, and not C
)

_RUN = re.compile(rf"[^\W_]++(?:[{_MARKS}]++[^\W_]*+)*+{_SUFFIX}")

_UNSPACED_CHARACTER = re.compile(f"[{UNSPACED}]")

_STRETCH = re.compile(f"[{UNSPACED}]+|[^{UNSPACED}]+")

_ACCENT = re.compile("[\u0300-\u036f]+")

# Characters of an entry's HTML that are searched.
MAX_CONTENT = 500_000

# Words of a text that are its beginning.
LEAD = 100

# The mark that every entry has; all others begin with it.
EVERY = "§"


@dataclass(frozen=True, slots=True, kw_only=True)
class WordPosition:
    """Where in a text some of its words are.

    Attributes:
        words: One, or those that a stretch without blanks consists of.
    """

    start: int
    end: int
    words: tuple[str, ...]


def words_of(text: str) -> list[str]:
    """Return the words of a text in their order.

    At the end of a stretch without blanks its last character stands by itself.
    """
    if text.isascii():
        return _RUN.findall(text.lower())
    runs = _RUN.findall(_folded(" ".join(_RUN.findall(text))))
    return [word for run in runs for word in ((run,) if run.isascii() else _split(run))]


def limited(words: Sequence[str]) -> list[str]:
    """Return as many of the words as an index takes; the places of the others stay as they are."""
    kept = [word[:MAX_LENGTH] for word in words[:MAX_WORDS]]
    if len(kept) * MAX_LENGTH * 4 > MAX_SIZE:
        sizes = list(accumulate(len(word.encode()) for word in kept))
        kept = kept[: bisect_right(sizes, MAX_SIZE)]
    counted = Counter(kept) if len(kept) > MAX_TIMES else Counter()
    frequent = {word: MAX_TIMES for word, times in counted.items() if times > MAX_TIMES}
    if frequent:
        for place, word in enumerate(kept):
            if word in frequent:
                frequent[word] -= 1
                kept[place] = word if frequent[word] >= 0 else FILLER
    return kept


def characters_of(words: Iterable[str]) -> set[str]:
    """Return the characters that words in scripts without blanks begin with: all there are."""
    begun = {word[0] for word in words if not word.isascii()}
    return set(filter(_UNSPACED_CHARACTER.match, begun))


def places_of(text: str) -> Iterator[WordPosition]:
    """Yield where the words of a text are; they are those that are indexed."""
    for run in _RUN.finditer(text):
        for stretch in _STRETCH.finditer(text, *run.span()):
            yield from _found(text, *stretch.span())


def is_character(word: str) -> bool:
    """Tell whether a word is a single character of a script without blanks."""
    return len(word) == 1 and bool(_UNSPACED_CHARACTER.match(word))


def _folded(text: str) -> str:
    """Return a text in its plainest spelling: compatible characters, case and accents are one."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    bare = _ACCENT.sub("", unicodedata.normalize("NFD", plain))
    return unicodedata.normalize("NFKC", bare)


def _split(run: str) -> Sequence[str]:
    if not _UNSPACED_CHARACTER.search(run):
        return (run,)
    words: list[str] = []
    for stretch in _STRETCH.findall(run):
        if _UNSPACED_CHARACTER.match(stretch):
            words += map("".join, pairwise(stretch))
            words.append(stretch[-1])
        else:
            words.append(stretch)
    return words


def _found(text: str, start: int, end: int) -> Iterator[WordPosition]:
    """Yield where the words of a stretch are; if their spelling is another, all at once."""
    words = [word[:MAX_LENGTH] for word in words_of(text[start:end])]
    if len(words) == end - start and _UNSPACED_CHARACTER.match(text, start):
        for place, word in enumerate(words, start):
            yield WordPosition(start=place, end=place + len(word), words=(word,))
    elif words:
        yield WordPosition(start=start, end=end, words=tuple(words))


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexed:
    """The words of an entry; then a mark for each character of a script without blanks.

    Attributes:
        lead: The title and the beginning of the text.
        body: The title and the whole text.
    """

    title: str
    lead: str
    body: str


def indexed(title: str, content: str) -> Indexed:
    """Return the words of an entry; `content` is clean HTML."""
    named, said = words_of(title), words_of(readable(content[:MAX_CONTENT]))
    return Indexed(
        title=_joined(named),
        lead=_joined([*named, FILLER, *said[:LEAD]]),
        body=_joined([*named, FILLER, *said]),
    )


def _joined(words: Sequence[str]) -> str:
    kept = limited(words)
    return " ".join([*kept, *(f"{EVERY}{character}" for character in sorted(characters_of(kept)))])
