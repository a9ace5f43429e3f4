"""Transfer encodings of texts with placeholders, and header lines of arbitrary text.

A text is encoded once; for each recipient only the placeholders are filled.

Headers are not written by the standard library: its older versions let an encoded line break
through into the header section, its newer ones fold differently, and a message that is sent again
must be the same byte for byte.
"""

import re
import textwrap
import unicodedata
from base64 import b64encode, encodebytes
from binascii import b2a_qp
from collections.abc import Sequence
from typing import Protocol

from tidings.mail.addresses import FromAddress

CRLF = b"\r\n"

# Characters of a subject or a name; no mail program shows more.
MAX_TEXT = 200

# Bytes of a line with encoded words (RFC 2047); the others keep to it too.
WIDTH = 76

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

_FIRST_DOTS = re.compile(rb"^\.+", re.MULTILINE)

_UNSAFE = {"Cc", "Cs", "Zl", "Zp", "Cn", "Co"}


class EncodedText(Protocol):
    """An encoded text with gaps where its placeholders were.

    Attributes:
        encoding: The value of Content-Transfer-Encoding.
        size: Bytes, gaps not counted.
    """

    encoding: str
    size: int

    def filled(self, values: Sequence[bytes]) -> bytes:
        """Return the whole text with the gaps filled: a value for each placeholder."""


def encoded(text: str, gaps: Sequence[str]) -> EncodedText:
    """Encode `text` as quoted-printable or base64, whichever takes fewer bytes.

    Args:
        text: Its line breaks, of whatever kind, become CRLF.
        gaps: Its placeholders; no two overlap.
    """
    # Never 8bit: not every relay on the way offers 8BITMIME, and one that recodes breaks DKIM.
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
    """Shorter for mostly ASCII; a gap stands on lines of its own, between two soft breaks."""

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
    """Shorter for text that is mostly not ASCII, such as Chinese.

    Base64 encodes groups of three bytes. The last group before a gap and the first one behind it
    are therefore encoded together with the value. How many bytes behind the gap that takes depends
    on the length of the value, so each segment behind a gap is encoded in three ways beforehand.
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
    """Return the whole groups encoded, and the one or two bytes that are left for the gap."""
    end = len(segment) if is_last else len(segment) - len(segment) % 3
    return _base64(segment[:end]), segment[end:]


def _quoted(segment: bytes) -> bytes:
    # One byte more keeps room on the last line for the "=" of a soft break.
    lines = b2a_qp(segment + b"x", istext=True)[:-1].replace(b"\n", CRLF)
    # SMTP doubles dots that begin a line: here once an issue, so that there are none in any message.
    # With a soft break behind, since the line may be full.
    return _FIRST_DOTS.sub(lambda dots: b"=2E=\r\n" * len(dots[0]), lines)


def _base64(data: bytes) -> bytes:
    return encodebytes(data).replace(b"\n", CRLF)


def header_text(text: str) -> str:
    """Return `text` on one line, without control and bidi characters, cut to `MAX_TEXT`."""
    # Bidi overrides can make a subject or sender read backwards, and so pass for another.
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


def address_header(name: str, sender: FromAddress) -> str:
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

    Its title precedes it where that needs no encoding: filters by which people sort their mail
    compare the raw line, and Gmail's `list:` does not decode it.
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
