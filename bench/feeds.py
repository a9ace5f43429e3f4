"""Benchmark: rendering our feeds, from values to bytes, by format and number of entries."""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import cycle, islice

import documents
from measure import table
from tidings.model.entries import Entry, SourceCredit
from tidings.model.feed import Document
from tidings.model.scopes import FeedDocument
from tidings.parsing.document import parse
from tidings.polling.new_entries import Circumstances, receive
from tidings.publishing.formats.registry import FORMATS

SIZES = (50, 500, 5_000)
READ = 4
"""Documents that are read; their entries are repeated under other names."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="entries, a row each")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each figure")
    chosen = parser.parse_args()
    rows = []
    for size in chosen.sizes:
        feed = _feed(size)
        bodies = {name: one.render(feed) for name, one in FORMATS.items()}
        times = [
            _median(partial(one.render, feed), seconds=chosen.seconds) for one in FORMATS.values()
        ]
        rows.append((size, *times, len(bodies["atom"]) / 1e6))
    head = ("entries", *FORMATS, "MB of Atom")
    table("Feeds of entries of 5 kB, from values to bytes: milliseconds each", head, rows)


def _feed(size: int) -> FeedDocument:
    return FeedDocument(
        id="urn:uuid:6a1f1c5e-0a52-4b7e-9c1e-6a2f8b1d7c11",
        title="Latest updates",
        subtitle="",
        page_url="https://news.example/",
        forms=tuple(one.at(f"https://news.example/feed.{one.name}") for one in FORMATS.values()),
        updated=documents.NEWEST,
        entries=tuple(
            replace(entry, atom_id=f"tag:news.example,2026:{number}")
            for number, entry in enumerate(islice(cycle(_read()), size))
        ),
    )


def _read() -> Iterator[Entry]:
    for number in range(READ):
        url = f"https://feed-{number}.example.org/feed"
        feed = parse(Document(url=url, body=documents.feed(number)), {})
        source = SourceCredit(
            id=number, slug=str(number), title=feed.title, url=url, site_url=feed.site_url
        )
        shared = set(Entry.__dataclass_fields__) & set(feed.entries[0].__dataclass_fields__)
        for new in receive(feed.entries, Circumstances(source_url=url, now=documents.NEWEST)):
            yield Entry(
                **{name: getattr(new.entry, name) for name in shared},
                id=0,
                seq=None,
                source=source,
                atom_id=new.atom_id,
                first_seen_at=documents.NEWEST,
                changed_at=documents.NEWEST,
                sort_at=new.sort_at,
                state=new.state,
            )


def _median(work: Callable[[], object], *, seconds: float) -> float:
    """Return the median milliseconds of `work`, without the first run."""
    work()
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1000


if __name__ == "__main__":
    main()
