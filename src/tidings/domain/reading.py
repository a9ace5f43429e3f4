"""How long it takes to read something."""

import re

from tidings.domain.cjk import HAN, HANGUL, KANA

WORDS_A_MINUTE = 250
CHARACTERS_A_MINUTE = 400
"""Of Chinese, Japanese and Korean, which have no blanks between words."""

_FORMULA_MARKUP = re.compile(r"<math\b.*?</math>", re.DOTALL)
_TAG = re.compile(r"<[^<>]*>")
_CHARACTER = re.compile(f"[{KANA}{HAN}{HANGUL}]")
_READ_WORD = re.compile(r"[^\W_]+(?:['\u2019.-][^\W_]+)*")


def minutes_to_read(content: str) -> int:
    """Return how long it takes to read clean HTML, in whole minutes, at least 1."""
    text = _TAG.sub(" ", _FORMULA_MARKUP.sub(" x ", content))
    others, characters = _CHARACTER.subn(" ", text)
    words = sum(1 for _ in _READ_WORD.finditer(others))
    return max(round(words / WORDS_A_MINUTE + characters / CHARACTERS_A_MINUTE), 1)
