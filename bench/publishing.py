"""Benchmark: pages, feeds and conditional requests, by the number of stored entries."""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from sqlalchemy import func, select, update

from filling import NEW, fill
from measure import databases, settings, table
from tidings.app.app import App, utc_now
from tidings.app.publishing import publication_of, publish
from tidings.catalog import change_log
from tidings.db import schema
from tidings.db.database import Database
from tidings.db.tables import entry
from tidings.model.scopes import Address, EntryAddress, FeedAddress, PageAddress, Scope
from tidings.publishing.repaginate import repaginate
from tidings.publishing.static_site import Written
from tidings.search.store import index

STORED = {"sqlite": (10_000, 100_000, 1_000_000), "postgresql": (10_000, 100_000)}
EVERYTHING = Scope(kind="all")
BROAD, NARROW = Scope(kind="topic", slug="broad"), Scope(kind="topic", slug="narrow")
SOURCE = Scope(kind="source", slug="source-7")
SITE = 10_000
"""Entries of the static site that is written."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=tuple(STORED), help="both, if none is named")
    parser.add_argument("--stored", type=int, nargs="+", help="entries, for one row each")
    parser.add_argument("--times", type=int, default=9, help="for each figure")
    chosen = parser.parse_args()
    for kind in [chosen.database] if chosen.database else STORED:
        with databases(kind) as urls:
            rows = [
                (stored, *_figures(url, stored, times=chosen.times))
                for stored, url in zip(chosen.stored or STORED[kind], urls, strict=False)
            ]
        names = [name for name, _ in _addresses(2)]
        head = ("stored entries", *names, "304: front", "304: page", "304: entry", "new entry")
        table(f"{kind}: milliseconds from database to bytes, and to a stamp", head, rows)
    _measure_site(SITE)


def _figures(url: str, stored: int, *, times: int) -> Iterator[float]:
    """Yield the milliseconds of each address, and of repagination after a new entry."""
    app = _filled(url, stored)
    publication = publication_of(app, "{}?page={}".format)
    addresses = [address for _, address in _addresses(stored)]
    for address in addresses:
        yield _median(partial(publication.body, address), times)
    for address in (addresses[0], addresses[1], addresses[-1]):
        yield _median(partial(publication.stamp, address), times)
    yield _median(partial(_cut_again, app), times)
    app.database.close()


def _addresses(stored: int) -> Sequence[tuple[str, Address]]:
    return [
        ("front", PageAddress(scope=EVERYTHING)),
        ("page 1", PageAddress(scope=EVERYTHING, number=1)),
        ("topic of 200", PageAddress(scope=BROAD)),
        ("its page 1", PageAddress(scope=BROAD, number=1)),
        ("topic of 5", PageAddress(scope=NARROW)),
        ("source", PageAddress(scope=SOURCE)),
        ("feed", FeedAddress(scope=EVERYTHING, form="atom")),
        ("of topic of 200", FeedAddress(scope=BROAD, form="atom")),
        ("of topic of 5", FeedAddress(scope=NARROW, form="atom")),
        ("entry", EntryAddress(id=stored - NEW // 2)),
    ]


def _filled(url: str, stored: int) -> App:
    chosen = settings(url)
    database = Database(chosen.database.url)
    schema.upgrade(database, rebuild_index=index.rebuild)
    fill(database, stored=stored, latest=utc_now())
    app = App(settings=chosen, database=database)
    repaginate(database, size=chosen.publish.page_size, clock=utc_now)
    return app


def _cut_again(app: App) -> None:
    """Repaginate once more, as if the newest entry had just come."""
    newest = select(func.max(entry.c.id)).scalar_subquery()
    with app.database.write() as connection:
        change, _ = change_log.next_change(connection)
        changed = update(entry).where(entry.c.id == newest).values(change=change)
        [source_id] = connection.scalars(changed.returning(entry.c.source_id))
        scopes = [change_log.ALL, change_log.SOURCES]
        change_log.touch(connection, scopes, with_sources=[source_id], change=change, now=utc_now())
    repaginate(app.database, size=app.settings.publish.page_size, clock=utc_now)


def _median(work: Callable[[], object], times: int) -> float:
    """Return the median milliseconds of `work`, without the first run."""
    work()
    taken: list[float] = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1000


def _measure_site(stored: int) -> None:
    """Print the time to write a static site, to update it unchanged, and to add an entry."""
    with tempfile.TemporaryDirectory(prefix="tidings-bench-") as folder:
        app = _filled(f"sqlite:///{folder}/site.db", stored)
        web = replace(app.settings.web, base_url="https://news.example")
        app = App(settings=replace(app.settings, web=web), database=app.database)
        rows = [_written("everything", app, Path(folder)), _written("again", app, Path(folder))]
        _cut_again(app)
        rows.append(_written("one entry changed", app, Path(folder)))
        app.database.close()
    head = ("run", "files", "rendered", "written", "seconds")
    table(f"A static site of {stored:,} entries", head, rows)


def _written(name: str, app: App, folder: Path) -> tuple[object, ...]:
    started = time.perf_counter()
    done: Written = publish(app, folder / "public")
    seconds = time.perf_counter() - started
    return name, done.files, done.rendered, done.written, seconds


if __name__ == "__main__":
    main()
