"""Measure rounds of polling on fresh databases: rates, traffic, and how both grow."""

import os
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from threading import Event

import documents
from measure import (
    Traffic,
    children_of,
    children_time,
    counted,
    databases,
    peak_memory,
    settings,
    store_older,
    table,
)
from publisher import Web, publishing
from tidings.app.app import App, opened, utc_now
from tidings.app.polling import Polling, polling
from tidings.model.feed import Document
from tidings.model.scopes import FeedOutline
from tidings.model.service_status import PollSummary
from tidings.polling.source_list import import_sources

PAUSE = 1.1
"""Seconds after which a host may be asked again, and a little more."""

AWAY = timedelta(days=2)
"""How far the clock is put forward between rounds: by then everything is due."""

GROWTH = (25, 250, 2500)

UNCHANGED = "unchanged (304)"

ROUNDS = {
    "cold": (0, True),
    UNCHANGED: (0, True),
    "unchanged (same bytes)": (0, False),
    "two new entries each": (1, True),
}
"""The version that is shown, and whether with validators."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Time and traffic of polling everything once.

    Attributes:
        started: By `time.perf_counter`.
        own: Processor seconds of this process.
        children: Processor seconds of those that read documents.
    """

    feeds: int
    started: float
    seconds: float
    own: float
    children: float
    traffic: Traffic

    @property
    def costs(self) -> tuple[float, float, float]:
        """Milliseconds a feed: by the clock, and of processors."""
        taken = (self.seconds, self.own, self.children)
        clock, own, children = (seconds / self.feeds * 1000 for seconds in taken)
        return clock, own, children

    @property
    def batch(self) -> float:
        """Milliseconds of the median batch."""
        return statistics.median(self.traffic.batches) * 1000


@dataclass(slots=True, kw_only=True)
class Service:
    """A service that follows the first `feeds` publishers of the web."""

    app: App
    gathering: Polling
    feeds: int
    rounds: int = 0

    def poll(self) -> Round:
        """Poll everything."""
        time.sleep(PAUSE)
        self.rounds += 1
        later = replace(self.gathering, clock=partial(_later, AWAY * self.rounds))
        poller = later.poller()
        own, children = time.process_time(), children_time()
        started = time.perf_counter()
        with counted() as traffic:
            summary = poller.poll_due(report=lambda _: None, stop=Event())
        seconds = time.perf_counter() - started
        _check(summary, self.feeds)
        return Round(
            feeds=self.feeds,
            started=started,
            seconds=seconds,
            own=time.process_time() - own,
            children=children_time() - children,
            traffic=traffic,
        )


def measure(feeds: int, kinds: Sequence[str]) -> None:
    """Print everything, with `feeds` sources on databases of these kinds."""
    with publishing(feeds) as web:
        print(f"{len(documents.feed(1)):,} bytes a document, {os.cpu_count()} processors")
        for kind in kinds:
            _measure_traffic(web, kind)
        _measure_history(web, kinds[0])
        _measure_size(web, kinds[0])


def _measure_traffic(web: Web, kind: str) -> None:
    """Print what several kinds of rounds ask of the database."""
    feeds, rounds = len(web.urls), {}
    with databases(kind) as fresh, following(web, next(fresh), feeds=feeds) as service:
        for name, (version, tagged) in ROUNDS.items():
            web.show(version, tagged=tagged)
            rounds[name] = service.poll()
        children = [peak_memory(pid) for pid in children_of("self")]
    rows = [
        (
            name,
            len(one.traffic.batches),
            one.batch,
            one.traffic.batch_statements / len(one.traffic.batches),
            one.traffic.statements,
            one.traffic.commits,
        )
        for name, one in rounds.items()
    ]
    head = ("round", "batches", "ms/batch p50", "statements/batch", "statements", "commits")
    table(f"What {kind} was asked by {feeds} feeds", head, rows)
    print(f"\n  peak memory: {peak_memory():.0f} MB, and {sum(children):.0f} MB in children")


def _measure_history(web: Web, kind: str) -> None:
    """Print the cost of two new entries for a source with many old ones."""
    rows, feeds = [], max(len(web.urls) // 10, 1)
    with databases(kind) as fresh:
        for stored in GROWTH:
            web.show(0)
            with following(web, next(fresh), feeds=feeds) as service:
                service.poll()
                store_older(service.app.database, each=stored - documents.ENTRIES)
                web.show(1)
                one = service.poll()
            rows.append((stored, *one.costs, one.batch, one.traffic.statements))
    costs = ("ms/feed", "own CPU ms/feed", "children's CPU ms/feed")
    head = ("stored entries/source", *costs, "ms/batch p50", "statements")
    table(f"Two new entries each from {feeds} sources, {kind}", head, rows)


def _measure_size(web: Web, kind: str) -> None:
    """Print the cost of a source among few and among many."""
    rows = []
    with databases(kind) as fresh:
        for part in (4, 2, 1):
            feeds = max(len(web.urls) // part, 1)
            web.show(0)
            with following(web, next(fresh), feeds=feeds) as service:
                cold, unchanged = service.poll(), service.poll()
            rows.append((feeds, cold.costs[0], cold.costs[1], *unchanged.costs[:2]))
    head = ("sources", "cold: ms/feed", "own CPU", "unchanged: ms/feed", "own CPU")
    table(f"From few sources to many, {kind}", head, rows)


@contextmanager
def following(web: Web, url: str, *, feeds: int) -> Iterator[Service]:
    """Run a service that follows the first `feeds` of the web, its child processes started."""
    outlines = [FeedOutline(url=url) for url in web.urls[:feeds]]
    with opened(settings(url, allow=web.hosts)) as app:
        import_sources(app.database, outlines, clock=utc_now)
        with polling(app) as gathering:
            sample = Document(url="https://example.org/feed", body=documents.feed(0))
            wait([gathering.parse(sample, {}) for _ in range(os.cpu_count() or 1)])
            yield Service(app=app, gathering=gathering, feeds=feeds)


def _later(by: timedelta) -> datetime:
    return utc_now() + by


def _check(summary: PollSummary, feeds: int) -> None:
    errors = {result.error for result in summary.sources if result.error}
    assert summary.polled == feeds, (summary.polled, feeds)
    assert not errors, errors
