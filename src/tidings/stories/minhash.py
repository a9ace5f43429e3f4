"""Sketches: what is compared of entries, and by what those find each other that are alike.

A sketch has the address of the page, the words of the title, and the opening of the text as a set
of hashed n-grams. Its keys are what two sketches that are alike have in common, most likely, so
that they find each other among a million: the page, the title, and bands of minima
(one-permutation MinHash) over the whole opening and over its first words.

Numbers in titles, however they are written: by them the parts of a series differ.
"""

import re
import struct
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from zlib import crc32

from tidings.model.cjk import HAN, HANGUL, KANA
from tidings.model.text import text_of
from tidings.model.urls import page_of

# Characters of clean HTML that are looked at, and without its markup.
READ, LOOKED_AT = 12_000, 2_500

# Words of an n-gram and of the opening, and n-grams of its lead.
WIDTH, OPENING, LEAD = 3, 160, 40

# The same in characters, where words are not spaced.
CJK_WIDTH, CJK_OPENING, CJK_LEAD = 4, 300, 80

# Characters that say as much as a word.
CJK_CHARACTERS = 1.75

# An odd number by which hashes of words are mixed, in so many bits.
MIX, ALL_BITS = 0x9E3779B97F4A7C15, 2**64 - 1

# Bins that n-grams fall into; two neighbours make a band.
BINS = 12

# N-grams of a text that has bands, and words of a title that is a key.
MIN_GRAMS, MIN_TITLE = 8, 4

_CJK_RANGES = f"{KANA}{HAN}{HANGUL}"

_CJK = re.compile(f"[{_CJK_RANGES}]")

_TOKEN = re.compile(rf"[{_CJK_RANGES}]|\d+(?:[.,:]\d+)+|[^\W_{_CJK_RANGES}]+")

_FORMULA = re.compile(r"<math\b.*?(?:</math>|\Z)", re.DOTALL)

_DIGITS = re.compile(r"\d+(?:[.,:/-]\d+)*")

_WORDS = (
    "one two three four five six seven eight nine ten eleven twelve",
    "first second third fourth fifth sixth seventh eighth ninth tenth",
    "january february march april may june july august september october november december",
    "monday tuesday wednesday thursday friday saturday sunday",
    "spring summer autumn fall winter",
)

_ENGLISH = re.compile(rf"\b(?:{'|'.join(' '.join(_WORDS).split())})\b")

_ROMAN = re.compile(r"\b(?:part|chapter|volume|vol|episode|act|book|season|no)\.?\s+([ivx]+)\b")

_CHINESE = re.compile(
    "第[零〇一二三四五六七八九十百千两]+|[零〇一二三四五六七八九十百千两]+(?=[月日号周期章回集季届部篇讲课版次])"
    "|(?:星期|礼拜|周)[一二三四五六日天]|(?<=[(【·:—-])[上中下一二三四五六七八九十](?=[)】篇集部]?\\s*$)"
    "|[上中下](?=[篇集部]\\b)|[春夏秋冬](?=季)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """What is compared of an entry.

    Attributes:
        page: Where it leads, without what does not matter; None if that is no page of its own.
        title: Its words, or characters where those are not spaced.
        title_figures: The numbers among them, also as words.
        grams: Hashes of the n-grams of the opening.
        figures: The numbers in the opening.
        is_spaced: Whether the text is written in words, not in characters.
        keys: What those have in common that are alike, most likely.
    """

    page: str | None
    title: tuple[str, ...]
    title_figures: frozenset[str]
    grams: frozenset[int]
    figures: frozenset[str]
    is_spaced: bool
    keys: tuple[int, ...]

    @property
    def title_words(self) -> float:
        """How many words the title has, or characters that say as much."""
        return _words(self.title)

    @property
    def text_words(self) -> float:
        """How many words of the text are compared, or characters that say as much."""
        return len(self.grams) / (1 if self.is_spaced else CJK_CHARACTERS)


def sketch_of(title: str, url: str | None, text: str) -> Sketch:
    """Return the sketch of an entry; `text` is clean HTML, or plain."""
    page, words = page_of(url), tuple(_tokens(title))
    opening = _tokens(_plain(text))
    is_cjk = _is_cjk(opening)
    opening = opening[: CJK_OPENING if is_cjk else OPENING]
    width, lead = (CJK_WIDTH, CJK_LEAD) if is_cjk else (WIDTH, LEAD)
    grams = _grams(opening, width)
    return Sketch(
        page=page,
        title=words,
        title_figures=title_numbers(title),
        grams=frozenset(grams),
        figures=frozenset(token for token in opening if token[0].isdigit()),
        is_spaced=not is_cjk,
        keys=(*_names(page, words), *_bands("text", grams), *_bands("lead", grams[:lead])),
    )


def _plain(text: str) -> str:
    return text_of(_FORMULA.sub(" x ", text[:READ]))[:LOOKED_AT]


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(unicodedata.normalize("NFKC", text).casefold())


def _is_cjk(tokens: Sequence[str]) -> bool:
    return 2 * sum(1 for token in tokens[:CJK_LEAD] if _CJK.match(token)) > len(tokens[:CJK_LEAD])


def _words(tokens: Sequence[str]) -> float:
    return len(tokens) / (CJK_CHARACTERS if _is_cjk(tokens) else 1)


def _grams(tokens: Sequence[str], width: int) -> list[int]:
    """Return the hashes of all n-grams, each once, in their order."""
    hashes = [crc32(token.encode()) for token in tokens]
    mixed = hashes
    for step in range(1, width):
        mixed = [
            (before * MIX + last) & ALL_BITS
            for before, last in zip(mixed, hashes[step:], strict=False)
        ]
    return list(dict.fromkeys(gram >> 32 for gram in mixed)) if len(tokens) >= width else []


def _names(page: str | None, title: Sequence[str]) -> Iterator[int]:
    if page:
        yield _key("page", page)
    if _words(title) >= MIN_TITLE:
        yield _key("title", " ".join(title))


def _bands(name: str, grams: Sequence[int]) -> Iterator[int]:
    """Yield keys of which two sets share one the more likely, the more they are alike."""
    if len(grams) < MIN_GRAMS:
        return
    least: list[int | None] = [None] * BINS
    for gram in grams:
        place, value = gram % BINS, gram // BINS
        known = least[place]
        if known is None or value < known:
            least[place] = value
    for place in range(0, BINS, 2):
        yield _key(name, str(place), *(str(_filled(least, place + side)) for side in (0, 1)))


def _filled(least: Sequence[int | None], place: int) -> int:
    """Return the minimum of a bin; an empty one borrows from the next that is not."""
    steps = range(len(least))
    return next(
        step << 32 | value
        for step in steps
        if (value := least[(place + step) % len(least)]) is not None
    )


def _key(*parts: str) -> int:
    """Return a number that a database can hold."""
    [number] = struct.unpack(">q", blake2b("\0".join(parts).encode(), digest_size=8).digest())
    return int(number)


def title_numbers(title: str) -> frozenset[str]:
    """Return the numbers in a title, and the words that number and date."""
    return frozenset(_figures(unicodedata.normalize("NFKC", title).casefold()))


def _figures(title: str) -> Iterator[str]:
    for number in _DIGITS.findall(title):
        yield number.replace(",", "")
    yield from _ENGLISH.findall(title)
    yield from _ROMAN.findall(title)
    yield from _CHINESE.findall(title)
