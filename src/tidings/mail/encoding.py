"""Transfer encodings of a text with gaps, done once: later only the gaps are filled.

Header lines: text that anybody wrote, made into lines that add nothing to the head.

Written here and not with the standard library, whose older versions let an encoded line
break through into the head, and whose newer ones fold differently: a letter that is sent
again must be the same byte for byte.
"""

import re
import textwrap
import unicodedata
from base64 import b64encode, encodebytes
from binascii import b2a_qp
from collections.abc import Sequence
from typing import Protocol

from tidings.mail.addresses import Sender

CRLF = b"\r\n"

# Characters; no client shows more of a subject or a name.
MAX_TEXT = 200

# Bytes of a line with encoded words (RFC 2047); the others keep to it too.
WIDTH = 76

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

_UNSAFE = {"Cc", "Cs", "Zl", "Zp", "Cn", "Co"}


class EncodedText(Protocol):
    """A text that is ready for the wire, but for its gaps.

    Attributes:
        encoding: The value of Content-Transfer-Encoding.
        size: Bytes, without what goes into the gaps.
    """

    encoding: str
    size: int

    def filled(self, values: Sequence[bytes]) -> bytes:
        """Return the whole text with a value in every gap: one for each kind of gap."""


def encoded(text: str, gaps: Sequence[str]) -> EncodedText:
    """Encode `text` in the way that takes fewer bytes.

    Args:
        text: Its line breaks, of whatever kind, become CRLF.
        gaps: What stands for a gap in it, a mark for each kind; no two overlap.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    parts = re.split(f"({'|'.join(map(re.escape, gaps))})", lines) if gaps else [lines]
    segments = [part.encode(errors="replace") for part in parts[::2]]
    kinds = [gaps.index(mark) for mark in parts[1::2]]
    quoted = QuotedPrintable(segments, kinds)
    if any(len(segment) < 2 for segment in segments[1:-1]):
        return quoted  # base64 could not carry three bytes over from one gap to the next
    base64 = Base64(segments, kinds)
    return base64 if base64.size < quoted.size else quoted


class QuotedPrintable:
    """Readable, and short for what is mostly ASCII; a gap stands on lines of its own."""

    encoding = "quoted-printable"

    def __init__(self, segments: Sequence[bytes], kinds: Sequence[int]) -> None:
        """Between two segments each is a gap of one of `kinds`."""
        self._first, *literals = map(_quoted, segments)
        self._rest = list(zip(kinds, literals, strict=True))
        self.size = len(self._first) + sum(map(len, literals))

    def filled(self, values: Sequence[bytes]) -> bytes:
        """Return the whole text with a value in every gap: one for each kind of gap."""
        lines = [b"=\r\n" + _quoted(value) + b"=\r\n" for value in values]
        parts = [self._first]
        for kind, literal in self._rest:
            parts += (lines[kind], literal)
        return b"".join(parts)


class Base64:
    """Shorter for what is mostly not ASCII.

    It goes by groups of three bytes. The last group before a gap and the first one behind it
    are therefore encoded together with the value; how many bytes behind a gap that takes depends
    on what stands before them, so each segment behind one is encoded in three ways.
    """

    encoding = "base64"

    def __init__(self, segments: Sequence[bytes], kinds: Sequence[int]) -> None:
        """Between two segments each is a gap of one of `kinds`."""
        first, *following = (segment.replace(b"\n", CRLF) for segment in segments)
        literal, self._edge = _whole_groups(first, is_last=not following)
        last = len(following) - 1
        behind = [
            [(one[:taken], *_whole_groups(one[taken:], is_last=n == last)) for taken in range(3)]
            for n, one in enumerate(following)
        ]
        self._first = literal
        self._rest = list(zip(kinds, behind, strict=True))
        self.size = len(literal) + sum(len(ways[0][1]) for ways in behind)

    def filled(self, values: Sequence[bytes]) -> bytes:
        """Return the whole text with a value in every gap: one for each kind of gap."""
        parts, edge = [self._first], self._edge
        for kind, ways in self._rest:
            before = edge + values[kind]
            taken, literal, edge = ways[-len(before) % 3]
            parts += (_base64(before + taken), literal)
        return b"".join(parts)


def _whole_groups(segment: bytes, *, is_last: bool) -> tuple[bytes, bytes]:
    """Return what can be encoded now, and what has to wait for what comes behind the gap."""
    end = len(segment) if is_last else len(segment) - len(segment) % 3
    return _base64(segment[:end]), segment[end:]


def _quoted(segment: bytes) -> bytes:
    # One byte more keeps room on the last line for the "=" of a soft break.
    return b2a_qp(segment + b"x", istext=True)[:-1].replace(b"\n", CRLF)


def _base64(data: bytes) -> bytes:
    return encodebytes(data).replace(b"\n", CRLF)


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
