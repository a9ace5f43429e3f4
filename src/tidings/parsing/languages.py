"""Language tags: as publishers claim them, and as scripts give them away."""

import re

from tidings.domain.cjk import HAN, HANGUL, JAMO, KANA

SAMPLE = 500
"""Characters that a guess looks at."""

_TAG = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8}){0,3}")
_SCRIPTS = {
    "ja": re.compile(f"[{KANA}]"),
    "ko": re.compile(f"[{JAMO}{HANGUL}]"),
    "zh": re.compile(f"[{HAN}]"),
}


def language_tag(claim: str) -> str | None:
    """Return `claim` as a BCP 47 tag, lower-case; None if it is none."""
    tag = claim.strip().lower().replace("_", "-")
    return tag if _TAG.fullmatch(tag) else None


def guess_language(text: str) -> str | None:
    """Return the language that the script of `text` stands for; None if many share it.

    Japanese is told from Chinese by its syllables, so they are looked for first.
    """
    start = text[:SAMPLE]
    for language, script in _SCRIPTS.items():
        if len(script.findall(start)) * 10 > len(start):
            return language
    return None
