"""Repair what of HTTP browsers and curl get along with, and aiohttp does not."""

import asyncio
import functools
import re
from typing import Any, cast

from aiohttp import ClientPayloadError, ClientRequest, ClientTimeout, TCPConnector
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.helpers import set_exception
from aiohttp.tracing import Trace

# Bytes of a response head that are buffered; a longer one is left to aiohttp, and its limits.
MAX_HEAD = 65_536

_HEAD_END = re.compile(rb"\r?\n\r?\n")
_HEADER_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_INTERIM = re.compile(rb"HTTP/\d\.\d 1\d\d\b")


# A head that is as it should be: well-formed lines, and the length of the body said once at most.
# Possessive, so that a head that is not costs no more than one look at each byte.
_FIELD = rb"\r\n(?!(?i:content-length|transfer-encoding):)[!#$%&'*+.^_`|~0-9A-Za-z-]++: [^\r\n]*+"
_FRAMING = rb"\r\n(?i:content-length: ([0-9]{1,18})|transfer-encoding: chunked)"
_SOUND_HEAD = re.compile(rb"[^\r\n]++(?:%b)*+(?:%b)?(?:%b)*+" % (_FIELD, _FRAMING, _FIELD))


class LongerThanClaimedError(ClientPayloadError):
    """More came than Content-Length says, so that it may not say where the document ends.

    Attributes:
        last: The last byte within that length; all before it was passed on.
    """

    def __init__(self, last: bytes) -> None:
        super().__init__("the body is longer than its Content-Length says")
        self.last = last


class TolerantConnector(TCPConnector):
    """Opens connections whose responses are repaired, and closes those that requests end."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # aiohttp has no public way to replace the protocol of a connection.
        self._factory = cast(
            "functools.partial[ResponseHandler]",
            functools.partial(TolerantHandler, loop=self._loop),
        )

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: ClientTimeout,  # noqa: ASYNC109 - aiohttp's signature
    ) -> Connection:
        """Return a connection for `req`, to be closed after it if it says so.

        aiohttp heeds "close" in responses alone. A server that closes without saying it would have
        the next request sent into the closed connection, and a form is not sent again.
        """
        connection = await super().connect(req, traces, timeout)
        if req.headers["Connection"] == "close" and connection.protocol is not None:
            connection.protocol.force_close()
        return connection


class TolerantHandler(ResponseHandler):
    """Reads the responses of one connection; repairs their heads before aiohttp parses them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._head: bytearray | None = None
        self._left: int | None = None

    def set_response_params(self, **params: Any) -> None:
        """Begin to wait for another response."""
        self._head, self._left = bytearray(), None
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        """Buffer what came, and pass it on once the head is whole."""
        while self._head is not None and data:
            self._head += data
            end = _HEAD_END.search(self._head)
            if end is None and len(self._head) <= MAX_HEAD:
                return
            received, self._head, data = bytes(self._head), None, b""
            if end is None:
                super().data_received(received)
                return
            head, self._left = repair_head(received[: end.start()])
            data = received[end.end() :]
            if _INTERIM.match(head):  # 1xx: the final response is still to come
                self._head = bytearray()
            self._pass_on(head, data if self._head is None else b"")
            if self._head is None:
                return
        if self._head is None:
            self._pass_on(b"", data)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Pass on what never became a whole head, for aiohttp to say what is wrong with it."""
        if self._head:
            received, self._head = bytes(self._head), None
            super().data_received(received)
        super().connection_lost(exc)

    def _pass_on(self, head: bytes, data: bytes) -> None:
        if not self._left or not data[self._left :].strip():
            data = data[: self._left or None]  # some servers send a line break more
            self._left = self._left and self._left - len(data)
            super().data_received(head + data)
            return
        # The last byte is kept back, so that the body is still open and can fail.
        end = self._left - 1
        super().data_received(head + data[:end])
        if self._payload is not None and self.transport is not None:
            set_exception(self._payload, LongerThanClaimedError(data[end : end + 1]))
            self.transport.close()


def repair_head(head: bytes) -> tuple[bytes, int | None]:
    """Return a response head as it should be, and its Content-Length; None if it has none.

    Lines that are no headers are left out. A length that is given twice counts once, and not at
    all beside chunks (RFC 9112, section 6.3).
    """
    if sound := _SOUND_HEAD.fullmatch(head):
        return head + b"\r\n\r\n", int(sound[1]) if sound[1] else None
    first, *lines = re.split(rb"\r?\n", head)
    headers: list[tuple[bytes, bytes]] = []
    for line in lines:
        if line[:1] in (b" ", b"\t") and headers:  # obs-fold (RFC 9112, section 5.2)
            name, value = headers.pop()
            headers.append((name, value + b" " + line.strip()))
            continue
        name, colon, value = line.partition(b":")
        if colon and _HEADER_NAME.fullmatch(name.rstrip()):
            headers.append((name.rstrip(), value.strip(b" \t")))
    codings = b",".join(value for name, value in headers if name.lower() == b"transfer-encoding")
    is_chunked = b"chunked" in codings.lower()
    lengths = {
        length.strip()
        for name, value in headers
        if name.lower() == b"content-length"
        for length in value.split(b",")
    }
    # Two different lengths are left for the parser to refuse: they are an attack, or a bug.
    if is_chunked or len(lengths) == 1:
        headers = [pair for pair in headers if pair[0].lower() != b"content-length"]
    if codings and not is_chunked:  # "identity", which means nothing
        headers = [pair for pair in headers if pair[0].lower() != b"transfer-encoding"]
    if not is_chunked and len(lengths) == 1:
        headers += [(b"Content-Length", length) for length in lengths if length]
    length = next(iter(lengths), b"") if len(lengths) == 1 and not is_chunked else b""
    written = b"".join(b"%b: %b\r\n" % pair for pair in headers)
    return first + b"\r\n" + written + b"\r\n", int(length) if length.isdigit() else None
