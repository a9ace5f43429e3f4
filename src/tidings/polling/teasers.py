"""Tell a teaser from a whole text: it is short, and says that there is more, or nothing at all."""

import re

from tidings.model.cjk import HAN, KANA
from tidings.model.feed import ParsedEntry
from tidings.model.text import text_of

# Letters of a teaser at most; one of Chinese or Japanese says as much as three.
MAX_LETTERS, WIDE = 1200, 3

# Letters at the end in which it is said: "The post … appeared first on …" may follow.
TAIL = 200

_WIDE = re.compile(f"[{HAN}{KANA}]")

_MORE = re.compile(
    r"(?:…|\.\.\.)\W*$|[\[(]\s*(?:…|\.\.\.)\s*[\])]|\b(?:Read more|Continue reading)\b"
    r"|(?i:\b(?:read|see|continue|keep)\s+(?:more|on|reading|the\s+(?:rest|full|whole)\b[\w\s]{0,30})\W*$)"
    r"|阅读(?:全文|原文|更多|完整)|继续阅读|查看(?:全文|更多|原文)|全文(?:链接|阅读)|点击(?:阅读|查看)|続きを読む|더 보기"
)

_LAST_LINK = re.compile(r"<a\b[^>]*\bhref=\"([^\"]*)\"[^>]*>(?:(?!<a\b).)*\Z", re.DOTALL)


def is_teaser(entry: ParsedEntry) -> bool:
    """Tell whether the feed has only the beginning of an entry, as far as that can be seen."""
    text = text_of(entry.content)
    if not text:
        return True
    if len(text) + (WIDE - 1) * len(_WIDE.findall(text)) > MAX_LETTERS:
        return False
    last = _LAST_LINK.search(entry.content)
    leads_to_itself = last is not None and last[1].partition("#")[0] == entry.url
    return leads_to_itself or _MORE.search(text[-TAIL:]) is not None
