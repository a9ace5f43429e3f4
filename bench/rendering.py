"""How fast feeds and pages are rendered and served, and how the cost grows with what is stored."""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from http.client import HTTPConnection
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import Thread

import documents
from measure import settings, store_older, table
from tidings.config import Settings
from tidings.domain.documents import ParsedFeed
from tidings.domain.publishing import (
    Address,
    EntryAddress,
    FeedAddress,
    FeedOutline,
    PageAddress,
    Scope,
)
from tidings.fetching.outcomes import Fetched, Validators
from tidings.parsing.document import Document, parse
from tidings.services.feeds import FORMS
from tidings.services.settling import Reading, Rules, settle_read
from tidings.services.subscribe import import_sources
from tidings.storage import entries, leases, polls
from tidings.storage.entries import Selection, Window
from tidings.web import server
from tidings.wiring import App, opened, utc_now

SOURCES = 20
STORED = (1_000, 10_000, 100_000)
EVERYTHING = Scope(kind="all")
CLIENTS = 4
"""Visitors at a time."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--stored", type=int, nargs="+", default=STORED, help="entries, for one row each"
    )
    parser.add_argument("--seconds", type=float, default=1.0, help="for each figure")
    chosen = parser.parse_args()
    read = [_read(number) for number in range(SOURCES)]
    rows = []
    with tempfile.TemporaryDirectory(prefix="tidings-bench-") as folder:
        for stored in chosen.stored:
            chosen_settings = _settings(f"sqlite:///{folder}/{stored}.db")
            with opened(chosen_settings) as app:
                _store(app, read, stored=stored)
                rows.append((stored, *_rendering(app, stored, seconds=chosen.seconds)))
        size = chosen_settings.publish.feed_size
        head = ("stored entries", *FORMS, "page 1", "last page", "entry", "stamp")
        table(f"Feeds of {size} entries of 5 kB, and pages: milliseconds each", head, rows)
        _measure_serving(chosen_settings, seconds=chosen.seconds)


def _rendering(app: App, stored: int, *, seconds: float) -> Iterator[float]:
    """Yield the milliseconds that each kind of document takes, from database to bytes."""
    publication = app.publication(lambda path, number: f"{path}?page={number}")
    last = -(-stored // app.settings.publish.page_size)
    with app.database.read() as connection:
        [newest] = entries.select_entries(connection, Selection(), Window(limit=1))
    addresses: list[Address] = [FeedAddress(scope=EVERYTHING, form=form) for form in FORMS]
    addresses += [PageAddress(scope=EVERYTHING), PageAddress(scope=EVERYTHING, number=last)]
    addresses += [EntryAddress(id=newest.id)]
    for address in addresses:
        yield _median(partial(publication.body, address), seconds=seconds)
    yield _median(partial(publication.stamp, addresses[0]), seconds=seconds)


def _median(work: Callable[[], object], *, seconds: float) -> float:
    """Return the milliseconds that `work` takes, the first time not counted."""
    work()
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1000


def _measure_serving(chosen: Settings, *, seconds: float) -> None:
    """Print how many answers a second visitors get."""
    with _serving(chosen) as port:
        rows = [(path, *_visits(port, path, seconds=seconds)) for path in ("/feed.atom", "/")]
    head = ("path", "bytes", "gzipped", "plain/s", "gzipped/s", "304/s")
    table(f"Answers a second to {CLIENTS} visitors on loopback", head, rows)


def _visits(port: int, path: str, *, seconds: float) -> Iterator[object]:
    _, plain, _ = _get(HTTPConnection("127.0.0.1", port), path, {})
    _, small, tag = _get(HTTPConnection("127.0.0.1", port), path, {"Accept-Encoding": "gzip"})
    yield from (plain, small)
    for headers in ({}, {"Accept-Encoding": "gzip"}, {"If-None-Match": tag}):
        counts: list[int] = []
        visitors = [
            Thread(target=_visit, args=(port, path, headers, seconds, counts))
            for _ in range(CLIENTS)
        ]
        for visitor in visitors:
            visitor.start()
        for visitor in visitors:
            visitor.join()
        yield sum(counts) / seconds


def _visit(
    port: int, path: str, headers: dict[str, str], seconds: float, counts: list[int]
) -> None:
    connection = HTTPConnection("127.0.0.1", port)
    wanted = 304 if headers.get("If-None-Match") else 200
    count = 0
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        status, _, _ = _get(connection, path, headers)
        assert status == wanted, (path, status)
        count += 1
    counts.append(count)


def _get(connection: HTTPConnection, path: str, headers: dict[str, str]) -> tuple[int, int, str]:
    connection.request("GET", path, headers={"Accept-Encoding": "identity", **headers})
    answer = connection.getresponse()
    return answer.status, len(answer.read()), answer.headers.get("ETag", "")


@contextmanager
def _serving(chosen: Settings) -> Iterator[int]:
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, chosen), daemon=True)
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


def _settings(url: str) -> Settings:
    shipped = settings(url)
    return replace(shipped, web=replace(shipped.web, port=0, base_url="http://127.0.0.1"))


def _read(number: int) -> ParsedFeed:
    url = f"https://feed-{number}.example.org/feed"
    return parse(Document(url=url, body=documents.feed(number)), {})


def _no_time(_: str) -> timedelta:
    return timedelta(0)


def _store(app: App, read: Sequence[ParsedFeed], *, stored: int) -> None:
    """Store what was read, all of it public, and as much older as there is to be."""
    policy = app.settings.poll
    rules = Rules(policy=policy, first_poll=documents.ENTRIES, fold=0, interval_of=_no_time)
    outlines = [FeedOutline(url=f"https://feed-{n}.example.org/feed") for n in range(len(read))]
    import_sources(app.database, outlines, clock=utc_now)
    with app.database.write() as connection:
        claimed = leases.claim(connection, "bench", wanted=leases.Wanted(), limit=len(read))
        polled = []
        for [due] in claimed:
            number = int(due.url.partition("-")[2].partition(".")[0])
            fetched = Fetched(url=due.url, body=b"", validators=Validators(url=due.url))
            reading = Reading(fetched=fetched, feed=read[number], known={})
            polled.append(settle_read(due, reading, now=utc_now(), rules=rules))
        polls.save(connection, "bench", polled)
    store_older(app.database, each=stored // len(read) - documents.ENTRIES)


if __name__ == "__main__":
    main()
