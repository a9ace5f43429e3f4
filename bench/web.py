"""Benchmark: responses per second, beside a server that only sends the same bytes."""

import argparse
import re
import selectors
import socket
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http.client import HTTPConnection
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import NamedTuple

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from filling import fill
from measure import settings, table
from tidings.app.app import opened, utc_now
from tidings.config import Settings
from tidings.db import schema
from tidings.db.database import Database
from tidings.publishing.repaginate import repaginate
from tidings.search.store import index
from tidings.web import server

STORED = 10_000
PATHS = ("/feed.atom", "/", "/topics/broad", f"/entries/{STORED}", "/?q=minute")
ROUNDS = 2
CONNECTIONS = 16
"""Kept alive, each with one request at a time."""


class Document(NamedTuple):
    """The response of a path, compressed."""

    headers: dict[str, str]
    body: bytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each figure")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tidings-bench-") as folder:
        ours = _settings(f"sqlite:///{folder}/tidings.db")
        _fill(ours)
        with _serving(_serve, ours) as mine:
            documents = {path: _get(mine, path) for path in PATHS}
            with _serving(_serve_bare, documents) as bare:
                rows = [
                    row
                    for path in PATHS
                    for row in _rows(path, documents[path], (mine, bare), chosen)
                ]
    title = f"Answers a second over {CONNECTIONS} connections on loopback, gzipped"
    table(title, ("answer", "bytes", "tidings", "bare route", "ratio"), rows)


def _rows(
    path: str, document: Document, ports: Sequence[int], chosen: argparse.Namespace
) -> Iterator[tuple[object, ...]]:
    """Yield a row for full answers and one for conditional requests; ports ours first."""
    conditions = {200: "", 304: f"If-None-Match: {document.headers['etag']}\r\n"}
    for status, condition in conditions.items():
        request = (
            f"GET {path} HTTP/1.1\r\nHost: news.example\r\nAccept-Encoding: gzip\r\n{condition}\r\n"
        )
        rates = [0.0, 0.0]
        # In turn, since the machine is not as quick at one time as at another.
        for number in (0, 1) * ROUNDS:
            seconds = chosen.seconds / ROUNDS
            rates[number] += _rate(ports[number], request.encode(), seconds=seconds) / ROUNDS
        yield f"{status} {path}", len(document.body), *rates, rates[0] / rates[1]


def _rate(port: int, request: bytes, *, seconds: float) -> float:
    """Send requests over all connections for a while; return the rate.

    Answers to the same request are equally long but for a date of fixed length, so it is
    enough to count bytes: what asks takes a small part of what answers does.
    """
    size = _size_of_answer(port, request)
    selector = selectors.DefaultSelector()
    missing: dict[socket.socket, int] = {}
    for _ in range(CONNECTIONS):
        connection = socket.create_connection(("127.0.0.1", port))
        selector.register(connection, selectors.EVENT_READ)
        connection.sendall(request)
        missing[connection] = size
    answers, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        for key, _ in selector.select(timeout=1):
            connection = key.fileobj
            missing[connection] -= len(connection.recv(1 << 20))
            if not missing[connection]:
                answers += 1
                missing[connection] = size
                connection.sendall(request)
    elapsed = time.perf_counter() - started
    for connection in missing:
        connection.close()
    return answers / elapsed


def _size_of_answer(port: int, request: bytes) -> int:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(request)
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(1 << 20)
    head = head.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    assert head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 304")), head[:100]
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    return len(head) + (int(length[1]) if length else 0)


def _get(port: int, path: str) -> Document:
    connection = HTTPConnection("127.0.0.1", port)
    connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
    answer = connection.getresponse()
    headers = {name.lower(): value for name, value in answer.getheaders()}
    return Document({name: headers[name] for name in headers.keys() - {"date"}}, answer.read())


@contextmanager
def _serving(serve: object, what: object) -> Iterator[int]:
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, what), daemon=True)
    process.start()
    theirs.close()
    try:
        port: int = ours.recv()
        yield port
    finally:
        process.terminate()
        process.join()


def _serve(pipe: Connection, chosen: Settings) -> None:
    with opened(chosen) as app, server.bound(chosen.web) as listening:
        listening.listen()  # so that nobody comes too early
        pipe.send(listening.getsockname()[1])
        server.serve(app, listening)


def _serve_bare(pipe: Connection, documents: dict[str, Document]) -> None:
    """Send the same bytes for every request."""

    async def answer(request: Request) -> Response:
        query = f"?{request.url.query}" if request.url.query else ""
        document = documents[f"{request.url.path}{query}"]
        if "if-none-match" in request.headers:
            kept = document.headers.keys() - {"content-length", "content-type", "content-encoding"}
            return Response(None, 304, {name: document.headers[name] for name in kept})
        return Response(document.body, headers=document.headers)

    app = Starlette(routes=[Route(path.partition("?")[0], answer) for path in documents])
    with server.bound(replace(settings("sqlite:///x").web, port=0)) as listening:
        listening.listen()
        pipe.send(listening.getsockname()[1])
        config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False)
        uvicorn.Server(config).run(sockets=[listening])


def _settings(url: str) -> Settings:
    shipped = settings(url)
    return replace(shipped, web=replace(shipped.web, port=0, base_url="http://127.0.0.1"))


def _fill(chosen: Settings) -> None:
    database = Database(chosen.database.url)
    schema.upgrade(database, rebuild_index=index.rebuild)
    fill(database, stored=STORED, latest=utc_now())
    repaginate(database, size=chosen.publish.page_size, clock=utc_now)
    database.close()


if __name__ == "__main__":
    main()
