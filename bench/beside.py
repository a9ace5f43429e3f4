"""Measure rounds of polling in turn with those of a peer: rates, processors, and their ratio."""

import asyncio
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import mean
from threading import Event, Thread
from typing import Self

import aiohttp
from sqlalchemy import func, select

import documents
import peer
from measure import databases, server_time, settings, table
from publisher import Web, publishing
from rounds import ROUNDS, UNCHANGED, Service, following
from tidings.db.database import Database
from tidings.db.tables import entry
from tidings.errors import ParseError
from tidings.model.feed import Document
from tidings.parsing.document import parse

REPEATS = 3

LOOK = 0.1
"""Seconds between two looks at what is stored."""

BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"
SAMPLES = Path(os.environ.get("TIDINGS_SAMPLES") or BESIDE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What it took to poll everything once.

    Attributes:
        seconds: Until everything was public that became public.
        own: Processor seconds of the program's process.
        children: Those of its child processes.
        server: Those of the database server.
        complete: Seconds until everything was stored; None if nobody looked.
    """

    seconds: float
    own: float
    children: float = 0
    server: float = 0
    complete: float | None = None


Session = Callable[[], Cost]


def compare(feeds: int, kinds: Sequence[str]) -> None:
    """Print the table of generated feeds, and that of real ones where there are samples."""
    with publishing(feeds) as web:
        title = f"{feeds} feeds of {documents.ENTRIES} entries, {len(documents.feed(1)):,} bytes"
        _compare(web, kinds, title=title, rounds=ROUNDS)
    samples = _samples()
    if not samples:
        print(f"\nThere are no real feeds in {SAMPLES}: TIDINGS_SAMPLES may name another folder.")
        return
    with publishing(len(samples), samples=samples) as web:
        title = f"{len(samples)} real feeds, {mean(map(len, samples)):,.0f} bytes on average"
        shown = {name: ROUNDS[name] for name in list(ROUNDS)[:3]}  # there is but one version
        _compare(web, kinds, title=title, rounds=shown)


def _compare(
    web: Web, kinds: Sequence[str], *, title: str, rounds: Mapping[str, tuple[int, bool]]
) -> None:
    costs: dict[tuple[str, str], list[Cost]] = {}
    with ExitStack() as stack:
        programs = {
            f"tidings, {kind}": partial(_tidings, web, stack.enter_context(databases(kind)))
            for kind in kinds
        }
        if peer.IS_INSTALLED:
            programs["reader"] = partial(_reader, web)
        else:
            print("\nThere is no peer to compare with: pip install --group bench gets one.")
        for _ in range(REPEATS):
            for program, session in programs.items():
                web.show(0)
                with session() as poll:
                    for name, (version, tagged) in rounds.items():
                        web.show(version, tagged=tagged)
                        costs.setdefault((name, program), []).append(poll())
            web.show(0)
            costs.setdefault((UNCHANGED, "aiohttp alone"), []).append(_ask(web.urls))
    medians = {key: sorted(some, key=_seconds)[REPEATS // 2] for key, some in costs.items()}
    _show(medians, title=title, feeds=len(web.urls))


@contextmanager
def _tidings(web: Web, fresh: Iterator[str]) -> Iterator[Session]:
    url = next(fresh)
    with following(web, url, feeds=len(web.urls)) as service:
        yield partial(_poll, service, url)


def _poll(service: Service, url: str) -> Cost:
    server = server_time(url)
    with _Watch(service.app.database) as watch:
        one = service.poll()
    public, stored = watch.reached()
    return Cost(
        seconds=max(public - one.started, LOOK) if public else one.seconds,
        own=one.own,
        children=one.children,
        server=server_time(url) - server,
        complete=stored - one.started if stored else None,
    )


class _Watch:
    """Looks again and again at how much is stored and public, in a thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._looks: list[tuple[float, int, int]] = []
        self._done = Event()
        self._thread = Thread(target=self._look_on)

    def __enter__(self) -> Self:
        self._look()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self._look()

    def reached(self) -> tuple[float | None, float | None]:
        """Return when all was public that is now, and when all was stored; None if it was before."""
        (_, *before), *_, (_, *now) = self._looks
        when = [
            next(at for at, *seen in self._looks if seen[place] == now[place])
            if now[place] != before[place]
            else None
            for place in (0, 1)
        ]
        return when[1], when[0]

    def _look_on(self) -> None:
        while not self._done.wait(LOOK):
            self._look()

    def _look(self) -> None:
        # Two ends of indexes, not counts: looking must cost nothing.
        with self._database.read() as connection:
            ends = select(func.max(entry.c.id), func.max(entry.c.seq))
            stored, public = connection.execute(ends).one()
        self._looks.append((time.perf_counter(), stored or 0, public or 0))


@contextmanager
def _reader(web: Web) -> Iterator[Session]:
    with peer.peer(web) as poll:
        yield lambda: Cost(**poll())


def _ask(urls: Sequence[str]) -> Cost:
    """Ask for everything, with a validator that is still right, and do nothing else."""
    started, own = time.perf_counter(), time.process_time()
    asyncio.run(_ask_all(urls, settings("sqlite:///unused").fetch.concurrency))
    return Cost(seconds=time.perf_counter() - started, own=time.process_time() - own)


async def _ask_all(urls: Sequence[str], concurrency: int) -> None:
    waiting = list(urls)
    connector = aiohttp.TCPConnector(resolver=aiohttp.ThreadedResolver(), limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def ask() -> None:
            while waiting:
                headers = {"If-None-Match": '"0"', "Connection": "close"}
                async with session.get(waiting.pop(), headers=headers) as answer:
                    await answer.read()
                    assert answer.status == 304

        await asyncio.gather(*(ask() for _ in range(concurrency)))


def _samples() -> Sequence[bytes]:
    """Return real documents that both programs read; there may be none."""
    index = SAMPLES / "feeds.jsonl"
    if not index.exists():
        return []
    known = [json.loads(line) for line in index.read_text(encoding="utf-8").splitlines()]
    # The publisher calls all of them XML, and the peer goes by that.
    chosen = [one["path"] for one in known if one["entries"] and "json" not in one["format"]]
    bodies = [(SAMPLES / "feeds" / path).read_bytes() for path in chosen]
    return [body for body in bodies if _is_feed(body)]


def _is_feed(body: bytes) -> bool:
    try:
        return bool(parse(Document(url="https://example.org/feed", body=body), {}).entries)
    except ParseError:
        return False


def _show(medians: Mapping[tuple[str, str], Cost], *, title: str, feeds: int) -> None:
    rows = []
    for (name, program), cost in sorted(medians.items(), key=lambda item: _place(item[0][0])):
        per_feed = [spent / feeds * 1000 for spent in (cost.own, cost.children, cost.server)]
        complete = "" if cost.complete is None else cost.complete
        beside = medians.get((name, "reader"))
        ratio = [beside.seconds / cost.seconds] if beside else []
        rows.append((name, program, feeds / cost.seconds, *ratio, *per_feed, complete))
    ratios = ["times reader's"] if peer.IS_INSTALLED else []
    cpu = ("own CPU ms/feed", "children's", "server's")
    head = ("round", "program", "feeds/s", *ratios, *cpu, "all stored: s")
    table(f"{title}; in turn, medians of {REPEATS}", head, rows)


def _place(name: str) -> int:
    return list(ROUNDS).index(name)


def _seconds(cost: Cost) -> float:
    return cost.seconds
