"""A mail server that does what a test tells it to, on loopback; it keeps what it takes."""

import asyncio
import base64
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread

HANG = object()
CLOSE = object()

GREETING = b"220 relay.example.org ESMTP\r\n"
REPLIES = {
    "EHLO": b"250-relay.example.org\r\n250-SIZE 1000000\r\n250 8BITMIME\r\n",
    "HELO": b"250 relay.example.org\r\n",
    "STARTTLS": b"220 2.0.0 ready\r\n",
    "AUTH": b"235 2.7.0 welcome\r\n",
    "MAIL": b"250 2.1.0 ok\r\n",
    "RCPT": b"250 2.1.5 ok\r\n",
    "DATA": b"354 go ahead\r\n",
    "END": b"250 2.0.0 queued as 4711\r\n",
    "RSET": b"250 2.0.0 ok\r\n",
    "NOOP": b"250 2.0.0 ok\r\n",
    "QUIT": b"221 2.0.0 bye\r\n",
}
PIPELINING = b"250-relay.example.org\r\n250-PIPELINING\r\n250 SIZE 1000000\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A letter that the relay took, as it came over the wire but for the doubled dots."""

    sender: str
    recipients: list[str]
    letter: bytes


class FakeRelay:
    """Listens on `127.0.0.1` and a port of its own; a context manager.

    `script(RCPT=[b"450 later\\r\\n", …])` gives the answers to a verb, in turn; behind the last
    one come the usual ones. An answer may be `HANG`, `CLOSE`, or a coroutine function that is
    given the writer. `END` is the final dot, `GREETING` the connection.
    """

    def __init__(self, *, tls=None, implicit_tls=False):
        self.taken = []
        self.commands = []
        self.connections = 0
        self.payloads = 0
        self.closed = 0
        self._tls, self._implicit = tls, implicit_tls
        self._scripts = {}
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        ssl = self._tls if self._implicit else None
        self._server = self._run(asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=ssl))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_):
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def script(self, **answers):
        self._scripts |= {verb: list(listed) for verb, listed in answers.items()}

    def verbs(self):
        return [command.split(" ")[0].upper() for command in self.commands]

    def _run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _close(self):
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader, writer):
        self.connections += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self._talk(reader, writer)
        writer.close()
        with suppress(ConnectionError, OSError, asyncio.CancelledError):
            await writer.wait_closed()
        self.closed += 1

    async def _talk(self, reader, writer):
        sender, recipients = "", []
        goes_on = await self._answer("GREETING", writer)
        while goes_on is not None:
            command = (await reader.readuntil(b"\r\n")).decode().removesuffix("\r\n")
            self.commands.append(command)
            verb = command.split(" ")[0].upper()
            goes_on = accepted = await self._answer(verb, writer)
            if verb == "MAIL":
                sender, recipients = _address(command), []
            elif verb == "RCPT" and accepted:
                recipients.append(_address(command))
            elif verb == "STARTTLS" and accepted:
                await writer.start_tls(self._tls)
            elif verb == "DATA" and accepted:
                letter = await _read_letter(reader)
                taken = Taken(sender=sender, recipients=recipients, letter=letter)
                goes_on = await self._take(taken, writer)

    async def _take(self, taken, writer):
        self.payloads += 1
        answer = self._next("END")
        if answer is HANG or _is_yes(answer):
            self.taken.append(taken)  # before the answer: whoever has it may look
        return await _say(answer, writer)

    async def _answer(self, verb, writer):
        """Answer; tell whether it was with yes, None if the connection is over."""
        return await _say(self._next(verb), writer)

    def _next(self, verb):
        usual = GREETING if verb == "GREETING" else REPLIES.get(verb, b"502 5.5.1 what?\r\n")
        script = self._scripts.get(verb)
        return script.pop(0) if script else usual


async def _say(answer, writer):
    if answer is CLOSE:
        return None
    if answer is HANG:
        await asyncio.sleep(60)
    if not isinstance(answer, bytes):
        return await answer(writer)
    writer.write(answer)
    await writer.drain()
    return _is_yes(answer)


def _is_yes(answer):
    return isinstance(answer, bytes) and answer[:1] in b"23"


def _address(command):
    return command[command.index("<") + 1 : command.index(">")]


async def _read_letter(reader):
    lines = []
    while (line := await reader.readuntil(b"\n")) != b".\r\n":
        lines.append(line[1:] if line.startswith(b".") else line)
    return b"".join(lines)


def dripping(text, *, pause):
    """Return an answer that comes byte by byte."""

    async def answer(writer):
        for byte in text:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(pause)
        return _is_yes(text)

    return answer


def saying(text):
    """Return an answer after which the connection is closed."""

    async def answer(writer):
        writer.write(text)
        await writer.drain()

    return answer


def credentials(command):
    """Return user and password of an AUTH PLAIN command."""
    return base64.b64decode(command.split(" ")[2]).decode().split("\0")[1:]
