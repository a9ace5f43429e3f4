"""Benchmark: quality of story detection, its cost for an entry, and for saving one."""

import argparse
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from statistics import median

from sqlalchemy import insert

from filling import fill
from measure import databases, table
from tidings.db import schema
from tidings.db.database import Database
from tidings.db.tables import story_key
from tidings.model.minhash import Sketch, sketch_of
from tidings.polling.polled_source import PolledSource
from tidings.polling.store import leases, polls
from tidings.search.store import index
from tidings.stories.matching import MATCH_WINDOW, find_similarity

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # its polling.py, not ours
import story_pairs
from parsed_entries import HOUR, NOON, an_entry
from polls_by_hand import read_poll

KEYS = 14
"""Of an entry that has all of them."""

ENTRIES = 100
"""Saved one by one for each figure."""

CHANCE = random.Random(4711)  # noqa: S311 - it makes texts, no secrets


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stored", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    chosen = parser.parse_args()
    _show_quality()
    _show_cost()
    head = ("entries stored", "of 14 days", "without stories", "tells alone", "joins one")
    title = "Milliseconds of processor time to save one entry (SQLite, median)"
    table(title, head, [_saving(n) for n in chosen.stored])


def _show_quality() -> None:
    rows = []
    for language in ("english", "chinese"):
        chosen = [pair for pair in story_pairs.pairs() if pair.language == language]
        score, _ = story_pairs.score(chosen)
        rows.append((language, len(chosen), score.precision, score.recall))
    table("Labelled pairs", ("language", "pairs", "precision", "recall"), rows)


def _show_cost() -> None:
    texts = {"english": _english, "chinese": _chinese}
    rows = [(language, *_cost([write() for _ in range(500)])) for language, write in texts.items()]
    table("Microseconds of processor time", ("language", "a sketch", "a comparison"), rows)


def _cost(texts: Sequence[str]) -> tuple[float, float]:
    sketches: list[Sketch] = []
    sketching = _timed(lambda: sketches.extend(sketch_of("A title", None, one) for one in texts))
    others = sketches[:40]
    comparing = _timed(lambda: [find_similarity(one, two) for one in sketches for two in others])
    return sketching / len(texts), comparing / (len(sketches) * len(others))


def _timed(what: Callable[[], object]) -> float:
    began = time.process_time()
    what()
    return (time.process_time() - began) * 1_000_000


def _english() -> str:
    words = ("".join(CHANCE.choices("abcdefghij", k=CHANCE.randint(2, 9))) for _ in range(400))
    return f"<p>{' '.join(words)}</p>"


def _chinese() -> str:
    return f"<p>{''.join(map(chr, CHANCE.choices(range(0x4E00, 0x5E00), k=800)))}</p>"


def _saving(stored: int) -> tuple[int, int, float, float, float]:
    with databases("sqlite") as urls:
        database = Database(next(urls))
        schema.upgrade(database, rebuild_index=index.rebuild)
        fill(database, stored=stored, latest=NOON)
        young = min(stored, int(MATCH_WINDOW / timedelta(minutes=1)))
        _index(database, range(stored - young + 1, stored + 1))
        said = [_english() for _ in range(ENTRIES)]
        without = _save(database, 1, said, finds=False)
        finding = _save(database, 2, said, finds=True)
        joining = _save(database, 3, said, finds=True)
        database.close()
    return stored, young, without, finding, joining


def _index(database: Database, seqs: range) -> None:
    """Store keys for entries that no others have."""
    with database.write() as connection:
        for seq in seqs:
            rows = [{"key": CHANCE.getrandbits(63), "seq": seq} for _ in range(KEYS)]
            connection.execute(insert(story_key), rows)


def _save(database: Database, source_id: int, texts: Sequence[str], *, finds: bool) -> float:
    taken = []
    for number, text in enumerate(texts):
        name = f"urn:bench:{source_id}:{number}"
        new = an_entry(name, title=text[3:60], text=text, url=f"https://x.example/{name}")
        with database.write() as connection:
            [due] = leases.due(connection, [source_id])
            leases.claim_one(connection, "bench", due.host)
        polled = read_poll(due, new, now=NOON + number * HOUR / 100)
        if not finds:
            polled = _without_sketches(polled)
        began = time.process_time()  # SQLite works in this process
        with database.write() as connection:
            polls.save(connection, "bench", [polled])
        taken.append(time.process_time() - began)
    return median(taken) * 1000


def _without_sketches(polled: PolledSource) -> PolledSource:
    plain = tuple(replace(new, sketch=None) for new in polled.changes.new)
    return replace(polled, changes=replace(polled.changes, new=plain))


if __name__ == "__main__":
    main()
