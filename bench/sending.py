"""Benchmark: sending the letters of an issue, markers and all; and what a kill leaves.

`python bench/sending.py`: 77 kB each on the wire, from SQLite and PostgreSQL, beside the same letters
over the same connections without a database. Then a sender is killed in the middle of a thousand
letters, again and again, and another one does what is left.
"""

import argparse
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from threading import Event

from sqlalchemy import update

from letters import ENGLISH, handed_over
from measure import databases, peak_memory, settings, table
from newsletter import SEVEN, fill, same
from relay import Pace, Sink, sink
from tidings.app import mailing
from tidings.app.app import App, opened
from tidings.config import Settings
from tidings.db.mail_tables import issue
from tidings.mail.message import PreparedIssue
from tidings.mail.settings import SmtpSettings
from tidings.mail.smtp import Relay
from tidings.newsletters.issue_queue import IssueQueue, IssueSender
from tidings.newsletters.plan import Planner
from tidings.newsletters.retries import DOUBTFUL, Search
from tidings.newsletters.sender import Sender
from tidings.newsletters.store import deliveries, issues

PACES = (
    ("at once", Pace(), 4),
    ("at once", Pace(), 10),
    ("5 ms a reply", Pace(reply=0.005), 4),
    ("20 ms away", Pace(away=0.02), 4),
)
HTML = ENGLISH * (48_000 // len(ENGLISH.encode()))
TEXT = "Tides turn twice a day, they say, and nobody asks them to; so it goes on.\n" * 300
KILLED_AT = (150, 450, 800)
"""Letters, of a thousand, after which senders are killed in turn."""

SECONDS = 60.0
"""That what is left may take after a kill."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("letters", type=int, nargs="?", default=2_000)
    parser.add_argument("--kills", type=int, default=3)
    chosen = parser.parse_args()

    for kind in ("sqlite", "postgresql"):
        with databases(kind) as fresh:
            rows = [_measure(next(fresh), chosen.letters, *how) for how in PACES]
            head = ("relay", "connections", "letters/s", "of bare", "CPU ms each", "peak MB")
            table(f"{chosen.letters:,} letters, {kind}", head, rows)
            kills = [_killed(next(fresh), KILLED_AT[n % 3]) for n in range(chosen.kills)]
        head = ("killed after", "lost", "twice", "doubtful", "of them lost", "s to the last")
        table(f"kill -9 among 1,000 letters, {kind}", head, kills)


def _measure(url: str, letters: int, name: str, pace: Pace, connections: int) -> tuple[object, ...]:
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    with planned(url, letters) as own, sink(pace) as relay:
        # In a process of its own, so that its memory is.
        process = context.Process(target=_send, args=(own, relay.settings(connections), theirs))
        process.start()
        seconds, cpu, memory, bare = ours.recv()
        process.join()
        assert sum(relay.taken().values()) >= letters
    rate = letters / seconds
    return name, connections, f"{rate:,.0f}", f"{rate / bare:.0%}", cpu / letters * 1e3, memory


def _send(own: Settings, smtp: SmtpSettings, pipe: Connection) -> None:
    with opened(own) as app:
        sender = sender_of(app, smtp)
        began, cpu = time.perf_counter(), time.process_time()
        sender.send_due(stop=Event())
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        memory = peak_memory()
        bare = handed_over(Relay(smtp).connect, _prepared(app), smtp.connections)
        pipe.send((seconds, cpu, memory, bare))


def _prepared(app: App) -> PreparedIssue:
    with app.database.read() as connection:
        first = issues.get(connection, 1)
    return mailing.issue_messages(app).prepare(first)


def sender_of(app: App, smtp: SmtpSettings) -> IssueSender:
    clock = partial(same, SEVEN)
    return Sender(
        partial(IssueQueue, app.database, mailing.issue_messages(app), clock=clock),
        database=app.database,
        clock=clock,
        owner="bench",
        connect=Relay(smtp).connect,
        signer=None,
        relay="relay",
        connections=smtp.connections,
        limits={},
    )


@contextmanager
def planned(url: str, letters: int) -> Iterator[Settings]:
    """Yield the settings of a database in which so many letters are due."""
    own = replace(settings(url), secret="0" * 48)
    fill(own, letters)
    with opened(own) as app:
        composer = mailing.composer(app)
        Planner(app.database, clock=partial(same, SEVEN), composer=composer).plan_due()
        with app.database.write() as connection:
            longer = {"html": HTML + issue.c.html, "text": TEXT + issue.c.text}
            connection.execute(update(issue).values(longer))
    yield own


def _killed(url: str, after: int) -> tuple[object, ...]:
    with planned(url, 1_000) as own, sink(Pace(reply=0.002)) as relay:
        first = _start(own, relay)
        while sum(relay.taken().values()) < after:
            time.sleep(0.002)
        os.kill(first.pid, signal.SIGKILL)
        first.join()
        began = time.perf_counter()
        _start(own, relay).join(SECONDS)
        seconds = time.perf_counter() - began
        taken = relay.taken()
        with opened(own) as app, app.database.read() as connection:
            found = deliveries.latest(connection, Search(), limit=None)
    unsure = {one.subscriber.encode() for one in found if one.state in DOUBTFUL}
    known = {one.subscriber.encode() for one in found} - unsure
    lost, twice = known - taken.keys(), sum(number > 1 for number in taken.values())
    return after, len(lost), twice, len(unsure), len(unsure - taken.keys()), seconds


def _start(own: Settings, relay: Sink) -> SpawnProcess:
    process = get_context("spawn").Process(target=_send_all, args=(own, relay.settings()))
    process.start()
    return process


def _send_all(own: Settings, smtp: SmtpSettings) -> None:
    with opened(own) as app:
        sender_of(app, smtp).send_due(stop=Event())


if __name__ == "__main__":
    main()
