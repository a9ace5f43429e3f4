"""Benchmark: planning issues for many subscribers: time and memory."""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from itertools import islice, product
from multiprocessing import get_context
from pathlib import Path

from sqlalchemy import insert

from measure import counted, peak_memory, settings, table
from tidings.app import mailing
from tidings.app.app import App, opened
from tidings.catalog import newsletters
from tidings.config import Settings
from tidings.db.database import Database
from tidings.db.mail_tables import subscriber, subscription, subscription_topic
from tidings.model.newsletters import Frequency, Schedule
from tidings.newsletters.plan import CHUNK, Planner
from tidings.newsletters.windows import next_slot

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from newsletter_site import NewsletterSite
from parsed_entries import DAY, HOUR

YESTERDAY = datetime(2026, 11, 19, 12, tzinfo=UTC)
SEVEN = datetime(2026, 11, 20, 7, 30, tzinfo=UTC)
TOPICS = ("art", "law", "sea", "sky", "war")
ZONES = ("Europe/Berlin", "Europe/London", "Europe/Helsinki")
GROUPS = tuple(product((None, *TOPICS), ("en", "zh"), ZONES))
ENTRIES = 40
"""New entries of each topic."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("subscribers", type=int, nargs="*", default=[1_000, 10_000, 100_000])
    chosen = parser.parse_args()

    for subscribers in chosen.subscribers:
        _in_a_process(_measure, subscribers)  # of its own, so that its memory is


def _in_a_process(work: Callable[..., None], *arguments: object) -> None:
    process = get_context("spawn").Process(target=work, args=arguments)
    process.start()
    process.join()


def _measure(subscribers: int) -> None:
    with tempfile.TemporaryDirectory(prefix="tidings-bench-") as folder:
        own = settings(f"sqlite:///{folder}/tidings.db")
        _in_a_process(fill, own, subscribers)
        with opened(own) as app:
            _measure_planning(app, subscribers)
            print(f"\n  peak memory: {peak_memory():.0f} MB")


def fill(own: Settings, subscribers: int) -> None:
    """Store a newsletter with many subscribers, and new entries for them."""
    with opened(own) as app:
        newsroom = NewsletterSite(app.database, now=YESTERDAY)
        sources = [newsroom.follow(topic=topic) for topic in TOPICS]
        newsletter = newsroom.add_newsletter()
        _subscribe(app.database, newsletter.id, subscribers)
        for source_id in sources:
            newsroom.publish(source_id, ENTRIES)


def _subscribe(database: Database, newsletter_id: int, subscribers: int) -> None:
    """Subscribe people, in groups with equal preferences."""
    numbers = iter(range(1, subscribers + 1))
    while chunk := list(islice(numbers, 10_000)):
        addresses = {number: f"reader{number}@example.org" for number in chunk}
        people = [
            {"id": number, "address": address, "key": address, "added_at": YESTERDAY}
            for number, address in addresses.items()
        ]
        wishes = [_wish(number, newsletter_id) for number in chunk]
        topics = [
            {"subscription_id": number, "topic_id": TOPICS.index(topic) + 1}
            for number in chunk
            if (topic := GROUPS[number % len(GROUPS)][0])
        ]
        with database.write() as connection:
            connection.execute(insert(subscriber), people)
            connection.execute(insert(subscription), wishes)
            connection.execute(insert(subscription_topic), topics)


def _wish(number: int, newsletter_id: int) -> dict[str, object]:
    _, language, zone = GROUPS[number % len(GROUPS)]
    schedule = Schedule(frequency=Frequency.DAILY, hour=7, timezone=zone)
    return {
        "id": number,
        "subscriber_id": number,
        "newsletter_id": newsletter_id,
        **newsletters.schedule_columns(schedule),
        "language": language,
        "watermark": 0,
        "next_issue_at": next_slot(schedule, YESTERDAY).due_at,
        "confirmed_at": YESTERDAY,
    }


def _measure_planning(app: App, subscribers: int) -> None:
    rows = []
    for day, name in enumerate(("planned", "all superseded", "nothing new")):
        now = SEVEN + day * DAY
        composer = mailing.composer(app)
        planner = Planner(app.database, clock=partial(same, now), composer=composer)
        if name == "all superseded":  # nothing was sent, and there is something new
            NewsletterSite(app.database, now=now - HOUR).publish(1)
        before, began, own = peak_memory(), time.perf_counter(), time.process_time()
        with counted() as traffic:
            planned = planner.plan_due()
        seconds, own = time.perf_counter() - began, time.process_time() - own
        letters, grown = sum(planned.deliveries.values()), peak_memory() - before
        statements = traffic.statements / max(subscribers / CHUNK, 1)
        each = own / subscribers * 1e6
        rows.append((name, letters, len(planned.deliveries), seconds, each, statements, grown))
    head = ("slot", "letters", "issues", "seconds", "CPU µs/reader", "statements/chunk", "MB more")
    table(f"{subscribers:,} readers in {len(GROUPS)} groups, {CHUNK} a chunk", head, rows)


def same(now: datetime) -> datetime:
    """Return the time of a clock that stands still."""
    return now


if __name__ == "__main__":
    main()
