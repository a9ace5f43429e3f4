"""Read a response body: whole, decoded, and within size and ratio limits, or not at all."""

import asyncio
import re
import zlib
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import ClientPayloadError, ClientResponse

from tidings.errors import BrokenTransferError, TimedOutError, TooLargeError
from tidings.fetching.policy import FetchPolicy
from tidings.fetching.protocol import LongerThanClaimedError

# Accept-Encoding: what zlib decodes piece by piece, with a limit on what comes out.
ACCEPTED = "gzip, deflate"

_GZIP = frozenset({"gzip", "x-gzip"})
_READABLE = _GZIP | {"deflate"}
_COMPRESSIONS = _READABLE | {"br", "zstd", "compress", "x-compress", "xz", "lzma", "bzip2", "dcb"}
_GZIP_MAGIC = b"\x1f\x8b"
_DOCUMENT_START = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<[?!a-zA-Z]|[{\[]\s*[\"{\]}])")
_ROOT_END = re.compile(rb"</(?:[\w.-]+:)?(?:rss|feed|rdf|channel|opml|html)\s*>", re.IGNORECASE)
_BLANK = b" \t\r\n\0"
# Bytes in which the end of a document is looked for: comments and junk may follow it.
_TAIL = 65_536

# Bytes needed to tell what is compressed from what is text.
_MIN_FIRST_CHUNK = 8

# Bytes below which no compression ratio is suspicious.
_MIN_FOR_RATIO = 1_000_000

# Gzip streams in a row that one body may consist of: more is an attack on the processor.
_MAX_MEMBERS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseBody:
    """A decoded response body.

    Attributes:
        content: Without its content encoding.
        is_whole: It ends as documents do.
        problems: What was wrong with the transfer, in words; it was read all the same.
    """

    content: bytes
    is_whole: bool
    problems: tuple[str, ...] = ()


async def read_body(response: ClientResponse, url: str, *, policy: FetchPolicy) -> ResponseBody:
    """Return the decoded body of `response`; memory stays within twice `policy.max_size`.

    The bytes win over Content-Encoding, as in browsers: what is labelled gzip and is plain text
    is read as that, and the other way round.

    Raises:
        TooLargeError: It exceeds the size or ratio limit; the rest was not read.
        BrokenTransferError: It ended early and is no whole document, or is in an encoding that
            we cannot read.
        TimedOutError: Nothing came for `policy.read_timeout`.
    """
    encoding = _encoding(response)
    _check_size(response.content_length or 0, url, policy=policy)
    stream = _BodyStream(response, url, pause=policy.read_timeout)
    inflater: _Inflater | None = None
    body = bytearray()
    wire = 0
    while chunk := await stream.next():
        if not wire and (window := _window(encoding, chunk, url)):
            inflater = _Inflater(window)
        wire += len(chunk)
        if inflater:
            chunk = _inflated(inflater, url, chunk=chunk, room=policy.max_size + 1 - len(body))
        body += chunk
        _check_size(max(wire, len(body)), url, policy=policy)
        if len(body) > max(_MIN_FOR_RATIO, policy.max_ratio * wire):
            raise TooLargeError(url, f"expands to more than {policy.max_ratio} times its size")
    # Broken framing is forgiven where the document itself has come to its end.
    whole = is_whole(body)
    if inflater and not inflater.is_whole and not (stream.damage and whole):
        raise BrokenTransferError(url, f"the {encoding or 'gzip'} body ends early")
    if stream.damage and not whole:
        raise BrokenTransferError(url, stream.damage)
    problems = (f"{stream.damage}, behind its last element",) if stream.damage else ()
    return ResponseBody(content=bytes(body), is_whole=whole, problems=problems)


def is_whole(body: bytes | bytearray) -> bool:
    """Tell whether a document is complete: ends with its root element, or its last brace."""
    if not _DOCUMENT_START.match(body):
        return True
    if body.lstrip(_BLANK).startswith((b"{", b"[")):
        return body.rstrip(_BLANK).endswith((b"}", b"]"))
    return _ROOT_END.search(body[-_TAIL:].replace(b"\0", b"")) is not None  # UTF-16 has zeros


def _encoding(response: ClientResponse) -> str:
    """Return the compression that the headers name; what is none, like "utf-8", is ignored."""
    named = ",".join(response.headers.getall("Content-Encoding", ())).lower().split(",")
    return ", ".join(name for part in named if (name := part.strip()) in _COMPRESSIONS)


def _window(encoding: str, start: bytes, url: str) -> int:
    """Return zlib's `wbits` for a body that starts so; 0 if it is not compressed."""
    if _DOCUMENT_START.match(start):
        return 0
    if encoding and encoding not in _READABLE:
        because = f"content encoding {encoding[:100]!r} is none we asked for"
        raise BrokenTransferError(url, because)
    if start.startswith(_GZIP_MAGIC):
        return zlib.MAX_WBITS | 16
    if not encoding:
        return 0
    # "deflate" should have a zlib header; much of the web leaves it out.
    has_header = start[0] & 0x0F == zlib.DEFLATED
    return zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS


class _BodyStream:
    """The body of a response, chunk by chunk as it comes over the wire.

    Attributes:
        damage: What was wrong with its end, in words.
    """

    def __init__(self, response: ClientResponse, url: str, *, pause: timedelta) -> None:
        self._response = response
        self._url = url
        self._pause = pause
        self._is_first = True
        self.damage = ""

    async def next(self) -> bytes:
        """Return the next chunk; empty at the end. The first one is long enough to judge by."""
        if self.damage:
            return b""
        piece = await self._read()
        while self._is_first and 0 < len(piece) < _MIN_FIRST_CHUNK and (more := await self._read()):
            piece += more
        self._is_first = False
        return piece

    async def _read(self) -> bytes:
        if self.damage:
            return b""
        content = self._response.content
        try:
            async with asyncio.timeout(self._pause.total_seconds()):
                return await content.readany()
        except TimeoutError as error:
            because = f"nothing more came within {self._pause.total_seconds():g} s"
            raise TimedOutError(self._url, because) from error
        except ClientPayloadError as error:
            is_chunked = "chunked" in self._response.headers.get("Transfer-Encoding", "").lower()
            if not is_chunked and not isinstance(error, LongerThanClaimedError):
                raise BrokenTransferError(self._url, "the body ends early") from error
            self.damage = "the body ends without its last chunk" if is_chunked else str(error)
            last = error.last if isinstance(error, LongerThanClaimedError) else b""
            # What came before the error is buffered, but a failed StreamReader only raises.
            return content._read_nowait(-1) + last  # noqa: SLF001 - there is no public way


class _Inflater:
    """Decodes one body, chunk by chunk."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._stream = zlib.decompressobj(window)
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


def _check_size(size: int, url: str, *, policy: FetchPolicy) -> None:
    if size > policy.max_size:
        raise TooLargeError(url, f"larger than {policy.max_size} bytes")
