"""Publishers on loopback: a process that serves every feed on a port of its own, under a name."""

import asyncio
import gzip
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import documents

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Encoding: gzip\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Web:
    """The served feeds, each of a host of its own.

    Attributes:
        ports: Where the hosts really are, by name; see `resolve`.
    """

    ports: Mapping[str, int]
    pipe: Connection

    @property
    def urls(self) -> list[str]:
        """The addresses: `urls[n]` is that of feed `n`."""
        return [f"http://{name}/feed" for name in self.ports]

    @property
    def hosts(self) -> list[str]:
        """The `host:port` of every feed."""
        return [f"{name}:80" for name in self.ports]

    def show(self, version: int, *, tagged: bool = True) -> None:
        """Serve this version of every feed from now on; untagged, without validators."""
        self.pipe.send((version, tagged))
        self.pipe.recv()


@contextmanager
def publishing(count: int, *, samples: Sequence[bytes] = ()) -> Iterator[Web]:
    """Serve `count` generated feeds, or these documents, until the block ends."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, count, samples), daemon=True)
    process.start()
    theirs.close()
    try:
        # Names, as real feeds have them, for addresses in digits take other ways through us.
        ports = {f"feed-{number}.test": port for number, port in enumerate(ours.recv())}
        resolve(ports)
        yield Web(ports=ports, pipe=ours)
    finally:
        ours.close()
        process.join()


def resolve(ports: Mapping[str, int]) -> None:
    """Have these names lead to ports on loopback, in this process, whatever port is asked for."""
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *rest: int, **named: int) -> list[Any]:
        if host in ports:
            there = ("127.0.0.1", ports[host])
            return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", there)]
        return real(host, port, *rest, **named)

    socket.getaddrinfo = getaddrinfo


def _serve(pipe: Connection, count: int, samples: Sequence[bytes]) -> None:
    asyncio.run(_Shelf(pipe, count, samples).serve())


class _Shelf:
    """All responses, prepared: nothing but sending is left to do during measurements."""

    def __init__(self, pipe: Connection, count: int, samples: Sequence[bytes]) -> None:
        self._samples = samples
        self.full: list[bytes] = [b""] * (len(samples) or count)
        self.not_modified = b""
        self.tag: bytes | None = None
        self._packed: dict[int, list[bytes]] = {}
        self._pipe = pipe
        self._ended = asyncio.Event()

    async def serve(self) -> None:
        loop = asyncio.get_running_loop()
        listening = [socket.create_server(("127.0.0.1", 0)) for _ in self.full]
        for number, one in enumerate(listening):
            await loop.create_server(lambda number=number: _Visit(self, number), sock=one)
        loop.add_reader(self._pipe.fileno(), self._obey)
        self._pipe.send([one.getsockname()[1] for one in listening])
        await self._ended.wait()

    def _obey(self) -> None:
        try:
            version, tagged = self._pipe.recv()
        except EOFError:
            asyncio.get_running_loop().remove_reader(self._pipe.fileno())
            self._ended.set()
            return
        self.tag = b'"%d"' % version if tagged else None
        shown = b"ETag: %s\r\n" % self.tag if self.tag else b""
        self.not_modified = b"HTTP/1.1 304 Not Modified\r\n" + shown + b"\r\n"
        self.full = [_HEAD + shown + packed for packed in self._bodies(version)]
        self._pipe.send(None)

    def _bodies(self, version: int) -> list[bytes]:
        if version not in self._packed:
            generated = (
                documents.feed(number, version=version) for number in range(len(self.full))
            )
            self._packed[version] = [_packed(body) for body in self._samples or generated]
        return self._packed[version]


class _Visit(asyncio.Protocol):
    """A connection to one feed."""

    def __init__(self, shelf: _Shelf, number: int) -> None:
        self._shelf = shelf
        self._number = number
        self._request = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._request += data
        while b"\r\n\r\n" in self._request:
            head, _, self._request = self._request.partition(b"\r\n\r\n")
            has_it = self._shelf.tag and b"if-none-match: " + self._shelf.tag in head.lower()
            shelf = self._shelf
            self._transport.write(shelf.not_modified if has_it else shelf.full[self._number])


def _packed(document: bytes) -> bytes:
    body = gzip.compress(document, compresslevel=1, mtime=0)
    return b"Content-Length: %d\r\n\r\n" % len(body) + body
