"""A mail server on loopback that takes everything, as slowly as it is told, and knows for whom."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection

from tidings.mail.settings import SmtpSettings

REPLIES = {b"EHLO": b"250-sink\r\n250-PIPELINING\r\n250 SIZE 1000000\r\n", b"DATA": b"354 go\r\n"}
COMMAND_END, LETTER_END = b"\r\n", b"\r\n.\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long a relay takes, in seconds.

    Attributes:
        reply: For each reply, one after the other.
        away: From what it is sent to its reply, however many are on their way.
    """

    reply: float = 0.0
    away: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sink:
    """The relay, as seen by who measures."""

    port: int
    _pipe: Connection

    def taken(self) -> Counter[bytes]:
        """Return how many letters it has accepted for each address."""
        self._pipe.send(None)
        found: Counter[bytes] = self._pipe.recv()
        return found

    def settings(self, connections: int = 4) -> SmtpSettings:
        """Return the settings to reach it."""
        return SmtpSettings(
            host="127.0.0.1",
            port=self.port,
            security="none",
            user="",
            password="",
            timeout=timedelta(seconds=10),
            reply_timeout=timedelta(seconds=10),
            connections=connections,
            per_second=0,
        )


@contextmanager
def sink(pace: Pace | None = None) -> Iterator[Sink]:
    """Run a relay in a process of its own."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, pace or Pace()), daemon=True)
    process.start()
    try:
        yield Sink(port=ours.recv(), _pipe=ours)
    finally:
        process.terminate()
        process.join()


def _serve(pipe: Connection, pace: Pace) -> None:
    asyncio.run(_listen(pipe, pace))


async def _listen(pipe: Connection, pace: Pace) -> None:
    taken: Counter[bytes] = Counter()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(partial(_Session, taken, pace), "127.0.0.1", 0)

    def tell() -> None:
        pipe.recv()
        pipe.send(taken)

    loop.add_reader(pipe.fileno(), tell)
    pipe.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


class _Session(asyncio.Protocol):
    def __init__(self, taken: Counter[bytes], pace: Pace) -> None:
        self._taken, self._pace = taken, pace
        self._waiting = bytearray()
        self._end = COMMAND_END
        self._recipient = b""
        self._next_reply_at = 0.0
        self._looked_at = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._reply(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        # From where the last look ended: a letter comes in many pieces.
        while (found := self._waiting.find(self._end, self._looked_at)) >= 0:
            line = b"" if self._end is LETTER_END else bytes(self._waiting[:found])
            del self._waiting[: found + len(self._end)]
            self._looked_at = 0
            self._answer(line)
        self._looked_at = max(0, len(self._waiting) - len(LETTER_END))

    def _answer(self, line: bytes) -> None:
        verb = line[:4].upper()
        if self._end is LETTER_END:
            self._taken[self._recipient] += 1
        elif verb == b"RCPT":
            self._recipient = line[line.index(b"<") + 1 : line.index(b">")]
        self._end = LETTER_END if verb == b"DATA" else COMMAND_END
        self._reply(REPLIES.get(verb, b"250 ok\r\n"))

    def _reply(self, reply: bytes) -> None:
        loop, pace = asyncio.get_running_loop(), self._pace
        if not (pace.reply or pace.away):
            self._transport.write(reply)
            return
        now = loop.time()
        self._next_reply_at = max(self._next_reply_at, now + pace.away) + pace.reply
        loop.call_at(self._next_reply_at, self._transport.write, reply)
