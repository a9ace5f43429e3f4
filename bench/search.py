"""Benchmark: full-text search among 10,000 and 100,000 entries, in English and Chinese."""

import argparse
import random
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from statistics import median
from typing import Any

from sqlalchemy import insert, text

from filling import SOURCES, store_sources
from measure import databases, table
from tidings.db import schema
from tidings.db.database import Database
from tidings.db.tables import entry
from tidings.model.entries import EntryState
from tidings.search.query import SearchInput, parse_query, rank
from tidings.search.store import fulltext, index

LATEST = datetime(2026, 11, 21, 12, tzinfo=UTC)
CHUNK = 1000
TIMES = 7
ENGLISH, CHINESE = 30_000, 2_500
"""Words that there are, and characters; the frequent ones are a few, as in every language."""

QUESTIONS = {
    "a rare word": "e9000",
    "a common word": "e1",
    "two words": "e20 e300",
    "a phrase": '"e3 e4"',
    "a phrase, hardly any": '"e40 e50"',
    "one character": "c1",
    "two characters": "c3c4",
    "four characters": "c1c2c3c4",
    "a common word in a topic": "e1 topic:broad",
    "the same in a small one": "e1 topic:narrow",
    "a common word of March": "e1 since:2026-03 until:2026-03",
    "a common word without another": "e2 -e1",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stored", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--on", nargs="*", default=["sqlite", "postgresql"])
    chosen = parser.parse_args()
    for kind in chosen.on:
        with databases(kind) as urls:
            for stored, url in zip(chosen.stored, urls, strict=False):
                database = Database(url)
                schema.upgrade(database, rebuild_index=index.rebuild)
                started = time.perf_counter()
                _fill(database, stored)
                filled = time.perf_counter() - started
                _show(f"{kind}, {stored:,} entries, stored in {filled:,.0f} s", database)
                database.close()


def _show(title: str, database: Database) -> None:
    rows = []
    for name, question in QUESTIONS.items():
        query = parse_query(SearchInput(q=_spelled(question)))
        taken = []
        for _ in range(TIMES):
            started = time.perf_counter()
            with database.read() as connection:
                found = fulltext.find(connection, query)
                rank(found.hits)
            taken.append((time.perf_counter() - started) * 1000)
        rows.append([name, len(found.hits), median(taken), max(taken)])
    table(title, ["", "found", "ms", "at most"], rows)


def _fill(database: Database, stored: int) -> None:
    with database.write() as connection:
        store_sources(connection, now=LATEST)
    chance = random.Random(1)  # noqa: S311 - the same entries every time
    for rows in _rows(chance, stored):
        with database.write() as connection:
            connection.execute(insert(entry), rows)
    with database.write() as connection:
        index.rebuild(connection, lambda _: None)
    if not database.is_sqlite:
        with database.write() as connection:
            connection.execute(text("ANALYZE"))


def _rows(chance: random.Random, stored: int) -> Iterator[list[dict[str, Any]]]:
    english, chinese = _language(ENGLISH), _language(CHINESE)
    for first in range(1, stored + 1, CHUNK):
        yield [
            _row(chance, number, stored, languages=(english, chinese))
            for number in range(first, min(first + CHUNK, stored + 1))
        ]


def _row(
    chance: random.Random, number: int, stored: int, *, languages: Sequence[Sequence[float]]
) -> dict[str, Any]:
    is_chinese = number % 2 == 1
    weights = languages[is_chinese]
    drawn = chance.choices(
        range(1, len(weights) + 1), cum_weights=weights, k=chance.choice([60, 400])
    )
    letter, between = ("c", "") if is_chinese else ("e", " ")
    words = [_spelled(f"{letter}{one}") for one in drawn]
    at = LATEST - timedelta(minutes=5 * (stored - number))
    return {
        "source_id": 1 + number % SOURCES,
        "key_version": 1,
        "key": number.to_bytes(16),
        "raw_hash": b"",
        "revision": b"",
        "seq": number,
        "state": EntryState.PUBLIC,
        "digest_eligible": True,
        "atom_id": f"urn:example:{number}",
        "title": between.join(words[:8]),
        "authors": [],
        "categories": [],
        "first_seen_at": at,
        "changed_at": at,
        "sort_at": at,
        "enclosures": [],
        "excerpt": between.join(words[:40]),
        "content": f"<p>{between.join(words)}</p>",
    }


def _language(size: int) -> list[float]:
    """Return the cumulative frequencies of words by Zipf's law: the second half as often as the first."""
    return list(accumulate(1 / (rank + 2) for rank in range(size)))


def _spelled(question: str) -> str:
    """Return a query with its words spelled out: `c7` is the seventh Chinese character."""
    return " ".join(map(_spelled_word, question.split(" ")))


def _spelled_word(word: str) -> str:
    if ":" in word or "c" not in word:
        return word
    return "".join(chr(0x4E00 + int(number)) for number in word.split("c")[1:])


if __name__ == "__main__":
    main()
