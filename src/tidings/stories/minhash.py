"""Sketches of entries for near-duplicate detection: n-grams, and MinHash keys to look them up by.

A sketch has the address of the page, the words of the title, the numbers in both, and the opening
of the text as a set of hashed n-grams. Its keys (page, title, and bands of one-permutation MinHash
over the whole opening and over its first words) are likely to be shared by similar sketches, so
that these are found among a million.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from zlib import crc32

from tidings.model.cjk import HAN, HANGUL, KANA
from tidings.model.text import text_of
from tidings.model.urls import normalised_page

# Characters of clean HTML that are read, and of its text.
MAX_HTML, MAX_TEXT = 12_000, 2_500

# Words of an n-gram and of the opening, and n-grams of its lead. Only the opening: feeds differ in
# how much of an article they carry, and in what they put below it.
WIDTH, OPENING, LEAD = 3, 160, 40

# The same in characters, where there are no blanks between words.
CJK_WIDTH, CJK_OPENING, CJK_LEAD = 4, 300, 80

# Characters that count as one word.
CJK_CHARACTERS = 1.75

# The odd multiplier by which hashes of words are mixed, in 64 bits. Keys are stored, and compared
# with those of other versions and machines: they must not depend on Python's own `hash`.
MIX, ALL_BITS = 0x9E3779B97F4A7C15, 2**64 - 1

# Bins of one-permutation hashing; two neighbours make a band.
BINS = 12

# The fewest n-grams of a text that has bands, and words of a title that is a key.
# Below that, unrelated entries share them: "Hello world", "Photo by me".
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
        page: Its link, normalised; None if that is no page of its own.
        title: Its words, or characters where there are no blanks between words.
        title_numbers: The numbers among them, also those written as words.
        grams: Hashes of the n-grams of the opening.
        numbers: The numbers in the opening.
        is_spaced: Whether the text has blanks between words.
        keys: Similar entries are likely to share one.
    """

    page: str | None
    title: tuple[str, ...]
    title_numbers: frozenset[str]
    grams: frozenset[int]
    numbers: frozenset[str]
    is_spaced: bool
    keys: tuple[int, ...]

    @property
    def title_words(self) -> float:
        """How many words the title has; of CJK, as many as its characters count for."""
        return _words(self.title)

    @property
    def text_words(self) -> float:
        """How many words of the text are compared; of CJK, as many as its characters count for."""
        return len(self.grams) / (1 if self.is_spaced else CJK_CHARACTERS)


def sketch_of(title: str, url: str | None, text: str) -> Sketch:
    """Return the sketch of an entry; `text` is clean HTML, or plain."""
    page, words = normalised_page(url), tuple(_tokens(title))
    opening = _tokens(_plain(text))
    is_cjk = _is_cjk(opening)
    opening = opening[: CJK_OPENING if is_cjk else OPENING]
    width, lead = (CJK_WIDTH, CJK_LEAD) if is_cjk else (WIDTH, LEAD)
    grams = _grams(opening, width)
    return Sketch(
        page=page,
        title=words,
        title_numbers=title_numbers(title),
        grams=frozenset(grams),
        numbers=frozenset([token for token in opening if token[0].isdigit()]),
        is_spaced=not is_cjk,
        keys=(*_exact_keys(page, words), *_bands("text", grams), *_bands("lead", grams[:lead])),
    )


def _plain(text: str) -> str:
    # Cut before the markup is read: the content may be a megabyte.
    return text_of(_FORMULA.sub(" x ", text[:MAX_HTML]))[:MAX_TEXT]


def _tokens(text: str) -> list[str]:
    # NFKC: sources differ in wide letters and ligatures.
    return _TOKEN.findall(unicodedata.normalize("NFKC", text).casefold())


def _is_cjk(tokens: Sequence[str]) -> bool:
    lead = tokens[:CJK_LEAD]
    return 2 * len(list(filter(_CJK.match, lead))) > len(lead)


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
    # The upper half, which multiplying mixes best; in order, for the first ones are the lead.
    return list(dict.fromkeys(gram >> 32 for gram in mixed)) if len(tokens) >= width else []


def _exact_keys(page: str | None, title: Sequence[str]) -> Iterator[int]:
    if page:
        yield _key("page", page)
    if _words(title) >= MIN_TITLE:
        yield _key("title", " ".join(title))


def _bands(name: str, grams: Sequence[int]) -> Iterator[int]:
    """Yield a key for each band; the more similar two sets are, the likelier they share one."""
    if len(grams) < MIN_GRAMS:
        return
    least: list[int | None] = [None] * BINS
    for gram in grams:
        place, value = gram % BINS, gram // BINS
        known = least[place]
        if known is None or value < known:
            least[place] = value
    minima = [str(_bin_minimum(least, place)) for place in range(BINS)]
    for place in range(0, BINS, 2):
        yield _key(name, str(place), minima[place], minima[place + 1])


def _bin_minimum(least: Sequence[int | None], place: int) -> int:
    """Return the minimum of a bin; an empty one borrows from the next (densification)."""
    own = least[place]
    if own is not None:
        return own
    steps = range(len(least))
    return next(
        # With the distance: a borrowed minimum is not equal to that bin's own.
        step << 32 | value
        for step in steps
        if (value := least[(place + step) % len(least)]) is not None
    )


def _key(*parts: str) -> int:
    """Return a 64-bit key; signed, since databases have no others."""
    # Big-endian by name, so that keys are equal on every machine.
    digest = blake2b("\0".join(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def title_numbers(title: str) -> frozenset[str]:
    """Return the numbers in a title, also those in words: ordinals, months, weekdays, seasons."""
    return frozenset(_numbers(unicodedata.normalize("NFKC", title).casefold()))


def _numbers(title: str) -> Iterator[str]:
    for number in _DIGITS.findall(title):
        # 1,000 and 1000 are the same number.
        yield number.replace(",", "")
    yield from _ENGLISH.findall(title)
    yield from _ROMAN.findall(title)
    yield from _CHINESE.findall(title)
