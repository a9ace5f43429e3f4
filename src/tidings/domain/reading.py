"""How long it takes to read something."""

import re

WORDS_A_MINUTE = 250
CHARACTERS_A_MINUTE = 400
"""Of Chinese, Japanese and Korean, which have no blanks between words."""

_FORMULA = re.compile(r"<math\b.*?</math>", re.DOTALL)
_TAG = re.compile(r"<[^<>]*>")
_CHARACTER = re.compile(
    "[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
)
_WORD = re.compile(r"[^\W_]+(?:['\u2019.-][^\W_]+)*")


def minutes_to_read(content: str) -> int:
    """Return how long it takes to read clean HTML, in whole minutes, at least 1."""
    text = _TAG.sub(" ", _FORMULA.sub(" x ", content))
    others, characters = _CHARACTER.subn(" ", text)
    words = sum(1 for _ in _WORD.finditer(others))
    return max(round(words / WORDS_A_MINUTE + characters / CHARACTERS_A_MINUTE), 1)
