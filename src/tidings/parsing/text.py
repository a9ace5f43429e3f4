"""Text as people read it: no characters that are illegal, invisible or misleading."""

import re

import regex  # type: ignore[import-untyped]

from tidings.parsing import markup

MARKUP_ALLOWANCE = 16
"""How many times its limit a line may be long in HTML: the rest is not looked at."""

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NONCHARACTERS = "".join(
    f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000)
)
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u180e\u200b\u202a-\u202e\u2060-\u206f"
    f"\ufdd0-\ufdef\ufeff\ufff9-\ufffb\ud800-\udfff{_NONCHARACTERS}]"
)
_CLUSTER = regex.compile(r"\X")
_JOINERS = "\u200c\u200d "


def clean_line(raw: str, *, html: bool, limit: int = 1000) -> str:
    """Return one line of plain text of at most `limit` characters.

    Zero-width joiners stay: emoji, Persian and the scripts of India are written with them.
    So do the marks that give the direction of a word, but not those that override it.

    Args:
        raw: As the publisher wrote it.
        html: Whether `raw` is HTML: entities are decoded and tags go, as far as their names
            are those of HTML ("vector<int>" and "a < b" are text).
        limit: Characters; the line is cut between two grapheme clusters.
    """
    line = raw[: limit * MARKUP_ALLOWANCE]
    if line.lstrip().startswith("<![CDATA["):
        line = markup.without_sections(line)
    if html:
        line = markup.without_known_tags(line)
    line = spaced_once(line).strip(_JOINERS)
    return line if len(line) <= limit else cut(line, limit)


def clean_text(raw: str) -> str:
    """Return `raw` with nothing but characters that XML 1.0 allows."""
    return _NOT_XML.sub("", raw)


def spaced_once(raw: str) -> str:
    """Return `raw` without what nobody sees, every stretch of blanks as one space."""
    line = " ".join(raw.split())
    if not line.isprintable():
        line = " ".join(_UNSEEN.sub("", line).split())
    before = " " if raw[:1].isspace() else ""
    after = " " if line and raw[-1:].isspace() else ""
    return f"{before}{line}{after}"


def cut(line: str, limit: int) -> str:
    """Return the whole grapheme clusters among the first `limit` characters."""
    ends = [cluster.end() for cluster in _CLUSTER.finditer(line[: limit + 1])]
    whole = [end for end in ends if end <= limit]
    return line[: whole[-1] if whole else limit].rstrip()
