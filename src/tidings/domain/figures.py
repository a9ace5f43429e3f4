"""Numbers in titles, however they are written: by them the parts of a series differ."""

import re
import unicodedata
from collections.abc import Iterator

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


def title_numbers(title: str) -> frozenset[str]:
    """Return the numbers in a title, and the words that number and date."""
    return frozenset(_figures(unicodedata.normalize("NFKC", title).casefold()))


def _figures(title: str) -> Iterator[str]:
    for number in _DIGITS.findall(title):
        yield number.replace(",", "")
    yield from _ENGLISH.findall(title)
    yield from _ROMAN.findall(title)
    yield from _CHINESE.findall(title)
