"""A web server that answers byte for byte what a test tells it to, on loopback."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from threading import Thread

Script = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A request, and when its first byte was there, on the monotonic clock."""

    at: float
    path: str
    headers: dict[str, str]
    method: str
    body: bytes


def answer(status="200 OK", body=b"", **headers):
    """Return a whole answer; `_` in a header's name stands for `-`."""
    headers = {"Content_Length": len(body)} | headers
    lines = [f"HTTP/1.1 {status}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + body


def redirect(location, status="302 Found"):
    return answer(status, Location=location)


class FakePublisher:
    """Listens on `127.0.0.1` and a port of its own; a context manager."""

    def __init__(self):
        self.received = []
        self.connections = 0
        self.most_at_once = 0
        self._at_once = 0
        self._answers = defaultdict(lambda: [answer("404 Not Found")])
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        return self

    def __exit__(self, *_):
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def url(self, path="/"):
        return f"http://{self.host}{path}"

    def serve(self, path, *answers):
        """Answer `path` with these bytes or scripts in turn; the last one stays."""
        self._answers[path] = list(answers)
        return self.url(path)

    def _run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _close(self):
        self._server.close()
        # A connection that is just being accepted must come through, to be closed by its handler.
        while accepting := _tasks(serving=False) - {asyncio.current_task()}:
            await asyncio.wait(accepting)
        tasks = _tasks(serving=True)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader, writer):
        self.connections += 1
        try:
            while request := await _read_request(reader):
                self.received.append(request)
                self._at_once += 1
                self.most_at_once = max(self.most_at_once, self._at_once)
                try:
                    await self._answer(request, writer)
                finally:
                    self._at_once -= 1
                if request.headers.get("connection") == "close" or writer.is_closing():
                    break
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _answer(self, request, writer):
        answers = self._answers[request.path]
        script = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(script, bytes):
            writer.write(script)
            await writer.drain()
        else:
            await script(writer)


def _tasks(*, serving):
    name = FakePublisher._serve.__name__
    return {task for task in asyncio.all_tasks() if (task.get_coro().__name__ == name) is serving}


async def _read_request(reader):
    try:
        start = await reader.readexactly(4)
        if start not in {b"GET ", b"POST", b"CONN"}:
            return None
        at = time.monotonic()
        head = (start + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        headers = {n.lower(): v for n, v in (line.split(": ", 1) for line in lines if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    except asyncio.IncompleteReadError:
        return None
    method, path, _ = first.split(" ")
    return Received(at=at, path=path, headers=headers, method=method, body=body)


def hanging_up(data):
    """Return a script that sends `data` and closes the connection."""

    async def script(writer):
        writer.write(data)
        await writer.drain()
        writer.close()

    return script


def dripping(start, drop, *, pause=0.05):
    """Return a script that sends `start` and then a `drop` every `pause` seconds, for ever."""

    async def script(writer):
        writer.write(start)
        while True:
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(pause)

    return script


async def silence(writer):
    """Accept the request, and say nothing."""
    await asyncio.sleep(60)
