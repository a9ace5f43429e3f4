"""Header lines: text that anybody wrote, made into lines that add nothing to the head.

Written here and not with the standard library, whose older versions let an encoded line
break through into the head, and whose newer ones fold differently: a letter that is sent
again must be the same byte for byte.
"""

import re
import textwrap
import unicodedata
from base64 import b64encode
from collections.abc import Sequence

from tidings.delivery.addresses import Sender

MAX_TEXT = 200
"""Characters; no client shows more of a subject or a name."""

WIDTH = 76
"""Bytes of a line with encoded words (RFC 2047); the others keep to it too."""

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_UNSAFE = {"Cc", "Cs", "Zl", "Zp", "Cn", "Co"}


def header_text(text: str) -> str:
    """Return `text` on one line, without what is invisible on purpose, cut to `MAX_TEXT`."""
    shown = "".join(" " if _is_unsafe(c) else c for c in text[: 50 * MAX_TEXT])
    line = " ".join(unicodedata.normalize("NFC", shown).split())
    return line if len(line) <= MAX_TEXT else f"{line[: MAX_TEXT - 1].rstrip()}…"


def text_header(name: str, text: str) -> str:
    """Return the header `name` with any text, folded, without the last line break."""
    line = header_text(text)
    if _is_plain(line):
        folded = textwrap.wrap(
            f"{name}: {line}", WIDTH - 1, break_long_words=False, break_on_hyphens=False
        )
        if folded[0] != f"{name}:" and all(len(part) < WIDTH for part in folded):
            return "\r\n ".join(folded)
    return f"{name}: {_folded(_encoded_words(line, after=name))}"


def address_header(name: str, sender: Sender) -> str:
    """Return the header `name` with a display name and an address."""
    text, bracketed = header_text(sender.name), f"<{sender.address}>"
    if not text:
        return f"{name}: {bracketed}"
    words = [_quoted_string(text)] if _is_plain(text) else _encoded_words(text, after=name)
    line = " ".join([*words, bracketed])
    is_short = len(name) + 2 + len(line) <= WIDTH
    return f"{name}: {line if is_short else _folded([*words, bracketed])}"


def list_header(name: str, title: str, list_id: str) -> str:
    """Return the header `name` with the identifier of a list (RFC 2919), on one line.

    Its title precedes it where that needs no encoding: rules by which people sort their mail
    look at the line as it is.
    """
    text = header_text(title)
    line = f"{name}: {_quoted_string(text)} <{list_id}>"
    is_fit = text and _is_plain(text) and len(line) <= WIDTH
    return line if is_fit else f"{name}: <{list_id}>"


def _quoted_string(text: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def _folded(words: Sequence[str]) -> str:
    return "\r\n ".join(words)


def _is_plain(text: str) -> bool:
    return text.isascii() and "=?" not in text


def _is_unsafe(character: str) -> bool:
    return character in _BIDI or unicodedata.category(character) in _UNSAFE


def _encoded_words(text: str, *, after: str) -> list[str]:
    """Return encoded words (RFC 2047), each short enough to stand behind the header's name."""
    room = (WIDTH - len(after) - len(": =?utf-8?b??=")) // 4 * 3
    words, chunk = [], b""
    for character in text:
        encoded = character.encode()
        if len(chunk) + len(encoded) > room:
            words.append(chunk)
            chunk = b""
        chunk += encoded
    return [f"=?utf-8?b?{b64encode(word).decode()}?=" for word in [*words, chunk]]
