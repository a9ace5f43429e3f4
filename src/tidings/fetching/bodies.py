"""The body of an answer: whole, decoded, and within its limits, or not at all."""

import asyncio
import zlib
from datetime import timedelta

from aiohttp import ClientPayloadError, ClientResponse

from tidings.errors import BrokenTransferError, TimedOutError, TooLargeError
from tidings.fetching.policy import FetchPolicy

ACCEPTED = "gzip, deflate"
"""The encodings that we ask for, as Accept-Encoding has them."""

_GZIP = frozenset({"gzip", "x-gzip"})
_SMALL = 1_000_000
"""Bytes below which no ratio is suspicious."""

_MAX_MEMBERS = 1000
"""Gzip streams in a row that one body may consist of: more is an attack on the processor."""


async def read_body(response: ClientResponse, url: str, *, policy: FetchPolicy) -> bytes:
    """Return the decoded body of `response`; memory stays within `policy.max_size`, twice.

    Raises:
        TooLargeError: It exceeds the size or ratio limit; the rest was not read.
        BrokenTransferError: It ended early, or is not in the encoding its headers claim.
        TimedOutError: Nothing came for `policy.read_timeout`.
    """
    encoding = _encoding(response, url)
    if (response.content_length or 0) > policy.max_size:
        raise _too_large(url, policy)
    inflater: _Inflater | None = None
    body = bytearray()
    wire = 0
    while chunk := await _next_chunk(response, url, pause=policy.read_timeout):
        wire += len(chunk)
        if encoding:
            inflater = inflater or _Inflater(encoding, first_byte=chunk[0])
            chunk = _inflated(inflater, url, chunk=chunk, room=policy.max_size + 1 - len(body))
        body += chunk
        if max(wire, len(body)) > policy.max_size:
            raise _too_large(url, policy)
        if len(body) > max(_SMALL, policy.max_ratio * wire):
            raise TooLargeError(url, f"expands to more than {policy.max_ratio} times its size")
    if inflater and not inflater.is_whole:
        raise BrokenTransferError(url, f"the {encoding} body ends early")
    return bytes(body)


def _encoding(response: ClientResponse, url: str) -> str:
    named = ",".join(response.headers.getall("Content-Encoding", ())).lower().split(",")
    encodings = [name for part in named if (name := part.strip()) not in {"", "identity"}]
    if not encodings:
        return ""
    if len(encodings) > 1 or encodings[0] not in _GZIP | {"deflate"}:
        claimed = ", ".join(encodings)
        raise BrokenTransferError(url, f"content encoding {claimed!r} is none we asked for")
    return encodings[0]


async def _next_chunk(response: ClientResponse, url: str, *, pause: timedelta) -> bytes:
    try:
        async with asyncio.timeout(pause.total_seconds()):
            return await response.content.readany()
    except TimeoutError as error:
        because = f"nothing more came within {pause.total_seconds():g} s"
        raise TimedOutError(url, because) from error
    except ClientPayloadError as error:
        raise BrokenTransferError(url, "the body ends early") from error


class _Inflater:
    """Decodes one body, piece by piece."""

    def __init__(self, encoding: str, *, first_byte: int) -> None:
        if encoding in _GZIP:
            self._window = zlib.MAX_WBITS | 16
        else:
            # "deflate" should have a zlib header; much of the web leaves it out.
            has_header = first_byte & 0x0F == zlib.DEFLATED
            self._window = zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS
        self._stream = zlib.decompressobj(self._window)
        self._members = 1

    @property
    def is_whole(self) -> bool:
        return self._stream.eof

    def inflate(self, data: bytes, room: int) -> bytes:
        pieces = []
        while data and room > 0:
            if self._stream.eof and not self._next_member(data):
                break
            pieces.append(self._stream.decompress(data, room))
            room -= len(pieces[-1])
            data = self._stream.unused_data
        return b"".join(pieces)

    def _next_member(self, data: bytes) -> bool:
        """Begin another stream, unless `data` is but padding after the last."""
        if self._window <= zlib.MAX_WBITS or not data.startswith(b"\x1f"):
            return False
        self._members += 1
        if self._members > _MAX_MEMBERS:
            raise zlib.error("too many members")
        self._stream = zlib.decompressobj(self._window)
        return True


def _inflated(inflater: _Inflater, url: str, *, chunk: bytes, room: int) -> bytes:
    try:
        return inflater.inflate(chunk, room)
    except zlib.error as error:
        raise BrokenTransferError(url, "the body is not encoded as it claims") from error


def _too_large(url: str, policy: FetchPolicy) -> TooLargeError:
    return TooLargeError(url, f"larger than {policy.max_size} bytes")
