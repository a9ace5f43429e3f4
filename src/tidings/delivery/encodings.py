"""Transfer encodings of a text with gaps, done once: later only the gaps are filled."""

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

    def filled(self, value: bytes) -> bytes:
        """Return the whole text with `value` in every gap."""


def encoded(text: str, gap: str) -> EncodedText:
    """Encode `text` in the way that takes fewer bytes.

    Args:
        text: Its line breaks, of whatever kind, become CRLF.
        gap: What stands for a gap in it.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    segments = [part.encode(errors="replace") for part in lines.split(gap)]
    quoted = QuotedPrintable(segments)
    if any(len(segment) < 2 for segment in segments[1:-1]):
        return quoted  # base64 could not carry three bytes over from one gap to the next
    base64 = Base64(segments)
    return base64 if base64.size < quoted.size else quoted


class QuotedPrintable:
    """Readable, and short for what is mostly ASCII; a gap stands on lines of its own."""

    encoding = "quoted-printable"

    def __init__(self, segments: Sequence[bytes]) -> None:
        self._literals = [_quoted(segment) for segment in segments]
        self.size = sum(map(len, self._literals))

    def filled(self, value: bytes) -> bytes:
        """Return the whole text with `value` in every gap."""
        return (b"=\r\n" + _quoted(value) + b"=\r\n").join(self._literals)


class Base64:
    """Shorter for what is mostly not ASCII.

    It goes by groups of three bytes. The last group before a gap and the first one behind it
    are therefore encoded together with the value; where they begin depends on its length
    modulo three, so there are three layouts.
    """

    encoding = "base64"

    def __init__(self, segments: Sequence[bytes]) -> None:
        lines = [segment.replace(b"\n", CRLF) for segment in segments]
        self._layouts = [_layout(lines, length) for length in range(3)]
        self.size = sum(map(len, self._layouts[0][0]))

    def filled(self, value: bytes) -> bytes:
        """Return the whole text with `value` in every gap."""
        literals, edges = self._layouts[len(value) % 3]
        parts = [literals[0]]
        for (before, after), literal in zip(edges, literals[1:], strict=True):
            parts += (_base64(before + value + after), literal)
        return b"".join(parts)


def _layout(
    segments: Sequence[bytes], length: int
) -> tuple[list[bytes], list[tuple[bytes, bytes]]]:
    """Return what can be encoded now, and what comes just before and behind each gap."""
    literals, edges = [], []
    rest = segments[0]
    for following in segments[1:]:
        whole = len(rest) - len(rest) % 3
        missing = -(len(rest) + length) % 3
        literals.append(_base64(rest[:whole]))
        edges.append((rest[whole:], following[:missing]))
        rest = following[missing:]
    return [*literals, _base64(rest)], edges


def _quoted(segment: bytes) -> bytes:
    # One byte more keeps room on the last line for the "=" of a soft break.
    return b2a_qp(segment + b"x", istext=True)[:-1].replace(b"\n", CRLF)


def _base64(data: bytes) -> bytes:
    return encodebytes(data).replace(b"\n", CRLF)
