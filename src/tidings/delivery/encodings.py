"""Transfer encodings of a text with gaps, done once: later only the gaps are filled."""

import re
from base64 import encodebytes
from binascii import b2a_qp
from collections.abc import Sequence
from typing import Protocol

CRLF = b"\r\n"


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
