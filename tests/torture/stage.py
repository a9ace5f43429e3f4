"""What roles are broken on: feeds that go on, readers, a moody relay, and the processes themselves.

What became of every entry and every letter is counted at the end, when all is let alone.
"""

import asyncio
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from threading import Event, Thread

from kills import READERS, Report, audit, end, fork_relay
from sqlalchemy import func, select, text

from fake_publisher import FakePublisher, answer
from feed_documents import an_item, atom
from installation import free_port, wait_until
from newsletter_site import NewsletterSite
from tidings.catalog import sources
from tidings.catalog.sources import NewSource
from tidings.db.database import Database
from tidings.db.mail_tables import issue_entry
from tidings.db.tables import entry, poll_hour, source
from tidings.model.newsletters import Frequency

FEEDS, FIRST, FRESH = 64, 3, 4
"""Feeds, entries of each at the beginning, and how many get one more at a time."""

INTERVAL = 20
"""Seconds between two polls of a feed."""

ROLES = ("web", "worker", "worker")
PATIENCE = 300
"""Seconds that all may take to be done when nothing is broken any more; leases end by then."""

HURRY = (
    # Not those that are due: who plans them would have to begin again.
    "UPDATE subscription SET next_issue_at = now() WHERE next_issue_at > now()",
    "UPDATE delivery SET next_try_at = now() WHERE finished_at IS NULL AND next_try_at > now()",
    "UPDATE relay SET paused_until = NULL",
)
"""Lets pass what letters wait for, by the clock: quarters of an hour."""


@dataclass(slots=True, kw_only=True)
class StageReport:
    """What came of it all.

    Attributes:
        fewest_polls: Requests to the source that was asked least.
        asked_in_vain: Requests whose answers were not saved, by who was broken meanwhile.
        asked_twice: Requests too soon after another; only who was asked in vain may be asked again.
        entries_missing: Entries that a feed has told of, and that are not stored.
        entries_twice: Entries beyond one for each that a feed has told of.
        untold: Entries that are in no letter.
        restarts: Of processes that had ended by themselves.
        errors: In the logs of all processes.
        late_entry: Seconds from the feed to the database, for the one that took longest.
        without_pages: The longest time in seconds in which nobody answered visitors.
        recovery: Seconds from the last breach until all was polled, and all letters had left.
    """

    letters: Report
    sources: int
    fewest_polls: int
    asked_in_vain: int
    asked_twice: int
    entries: int
    entries_missing: int
    entries_twice: int
    untold: int
    restarts: int
    errors: int
    late_entry: int
    without_pages: int
    recovery: int

    @property
    def is_broken(self):
        lost = (self.entries_missing, self.entries_twice, self.untold, self.errors)
        is_impolite = self.asked_twice > self.asked_in_vain
        return self.letters.is_broken or is_impolite or any(lost) or not self.fewest_polls

    def numbers(self):
        own = asdict(self)
        return own.pop("letters") | own


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The processes, and what surrounds them."""

    house: NewsletterSite
    feeds: "Feeds"
    cluster: "Cluster"

    def go_on(self):
        """Let time pass: feeds get entries, letters fall due, who has ended is started again."""
        self.feeds.go_on()
        self.hurry()

    def hurry(self):
        self.cluster.restart()
        with self.house.database.write() as connection:
            for statement in HURRY:
                connection.execute(text(statement))

    def execute(self, statement, **values):
        with self.house.database.write() as connection:
            connection.execute(text(statement), values)

    def unpolled(self, *, since):
        """Return how many sources have not been polled since then."""
        late = source.c.last_polled_at.is_(None) | (source.c.last_polled_at <= since)
        with self.house.database.read() as connection:
            return connection.scalar(select(func.count()).where(late))

    def come_to_an_end(self, *, since):
        """Wait until everything is polled once more, told, and sent."""

        def is_done():
            self.hurry()
            time.sleep(1)
            with self.house.database.read() as connection:
                is_told = told(connection) >= len(self.feeds.appeared)
            is_sent = all(row.finished_at for row in self.house.deliveries())
            return is_told and is_sent and not self.unpolled(since=since)

        with suppress(AssertionError):  # what is not done by then is in the report
            wait_until(is_done, patience=PATIENCE)


def told(connection):
    return connection.scalar(select(func.count(issue_entry.c.entry_id.distinct())))


class Feeds:
    """Publishers, each with one feed, that get new entries; a context manager."""

    def __init__(self, chance):
        self._chance = chance
        self._items = [[] for _ in range(FEEDS)]
        self._ends = ExitStack()
        self.appeared = {}

    def __enter__(self):
        self._publishers = [self._ends.enter_context(FakePublisher()) for _ in range(FEEDS)]
        for number in range(FEEDS):
            for _ in range(FIRST):
                self._publish(number)
        return self

    def __exit__(self, *_):
        self._ends.close()

    @property
    def hosts(self):
        return [one.host for one in self._publishers]

    @property
    def urls(self):
        return [one.url("/feed") for one in self._publishers]

    def go_on(self):
        for number in self._chance.sample(range(FEEDS), FRESH):
            self._publish(number)

    def asked(self):
        """Return for each publisher the times of all requests."""
        return [[request.at for request in one.received] for one in self._publishers]

    def _publish(self, number):
        items, now = self._items[number], datetime.now(UTC)
        guid = f"urn:example:{number}:{len(items)}"
        words = " ".join(f"w{self._chance.randrange(10**9)}" for _ in range(40))
        title = words[:60]  # of its own, lest they be taken for one story
        fields = {"guid": guid, "title": title, "text": words, "url": f"https://example.org/{guid}"}
        items.insert(0, an_item(published=now, **fields))
        document = answer(body=atom(*items, title=f"Feed {number}"))
        self._publishers[number].serve("/feed", _slowly(document, self._chance.random()))
        self.appeared[guid] = now


def _slowly(document, pause):
    """Return an answer that comes after so many seconds: what asks is broken in the middle."""

    async def script(writer):
        await asyncio.sleep(pause)
        writer.write(document)
        await writer.drain()

    return script


class Cluster:
    """Processes of the program, one of each role; a context manager.

    Args:
        environment: Of all of them.
        folder: Where they run, and log.
        own: What Python is given to run one of them, in place of `-m tidings`, by its number.
    """

    def __init__(self, environment, folder, *, own: Mapping[int, Sequence[str]]):
        self._environment, self._folder, self._own = environment, folder, own
        self._log = (folder / "log").open("w")
        self._running = []
        self.restarts = 0

    def __enter__(self):
        self._running = [self._start(number) for number in range(len(ROLES))]
        return self

    def __exit__(self, *_):
        for process in self._running:
            process.kill()
            process.wait()
        self._log.close()

    def kill(self, number):
        """Kill one of them, and start it again; return the process id of the old one."""
        killed = self._running[number]
        killed.kill()
        killed.wait()
        self._running[number] = self._start(number)
        return killed.pid

    def restart(self):
        """Start again who has ended by itself, as a supervisor does."""
        for number, process in enumerate(self._running):
            if process.poll() is not None:
                self._running[number] = self._start(number)
                self.restarts += 1

    def process(self, number):
        return self._running[number]

    def errors(self):
        lines = (self._folder / "log").read_text().splitlines()
        return [one for one in lines if '"level": "error"' in one or "Traceback" in one]

    def _start(self, number):
        program = self._own.get(number, ("-m", "tidings"))
        return subprocess.Popen(
            [sys.executable, *program, ROLES[number]],
            cwd=self._folder,
            env=self._environment,
            stderr=self._log,
            stdout=self._log,
        )


def perform(url, folder, *, chance, breaches, own=None, apart=INTERVAL / 2):
    """Have breaches happen on a stage, one after the other; return the report.

    Args:
        url: An empty database with our schema, on PostgreSQL.
        folder: An empty one.
        chance: Random numbers.
        breaches: Given the stage, breaks it again and again; what it yields is how often.
        own: What Python is given to run one of the processes, by its number.
        apart: Seconds between two requests to a source below which one is one too many.
    """
    journal, calm = folder / "journal", folder / "calm"
    relay, relay_port = fork_relay(journal, calm, chance.random())  # while there are no threads
    with ExitStack() as ends:
        ends.callback(end, relay)
        house = NewsletterSite(Database(url), now=datetime.now(UTC))
        ends.callback(house.database.close)
        feeds = ends.enter_context(Feeds(chance))
        _prepare(house, feeds)
        web_port = free_port()
        environment = _environment(url, feeds, relay_port=relay_port, web_port=web_port)
        cluster = ends.enter_context(Cluster(environment, folder, own=own or {}))
        page = f"http://127.0.0.1:{web_port}/"
        wait_until(lambda: _answers(page))
        gaps = ends.enter_context(_visiting(page))
        stage = Stage(house=house, feeds=feeds, cluster=cluster)
        # Of what is there at a first poll the older part is no news, and in no letter.
        wait_until(lambda: not stage.unpolled(since=house.now))
        done = sum(1 for _ in breaches(stage))
        calm.touch()
        last = datetime.now(UTC)
        stage.come_to_an_end(since=last)
        recovery = (datetime.now(UTC) - last).total_seconds()
        letters = audit(house, journal, kills=done)
        for line in cluster.errors():
            print(line, file=sys.stderr)
        return _report(stage, letters, gaps=gaps, recovery=recovery, apart=apart)


def _prepare(house, feeds):
    with house.database.write() as connection:
        sources.add(connection, [NewSource(url=url) for url in feeds.urls], now=house.now)
    house.add_newsletter()
    for number in range(READERS):
        address = f"reader{number}@d{number % 20}.example.org"
        house.subscribe(address, frequency=Frequency.INSTANT)


def _environment(url, feeds, *, relay_port, web_port):
    own = {
        "DATABASE__URL": url,
        "SECRET": "a secret for tests only",
        "SOURCES__IMPORT_AT_FIRST_START": "",
        "WEB__PORT": web_port,
        "FETCH__ALLOW": ",".join(feeds.hosts),
        "FETCH__CONCURRENCY": 8,
        "PARSE__PROCESSES": 1,
        "POLL__TICK": "1s",
        **dict.fromkeys(("POLL__INTERVAL", "POLL__MIN_INTERVAL", "POLL__MAX_INTERVAL"), INTERVAL),
        "MAIL__TRANSPORT": "smtp",
        "MAIL__FROM": "news@example.net",
        "SMTP__PORT": relay_port,
        "SMTP__SENDERS": 2,
        "LOG__LEVEL": "WARNING",
    }
    return os.environ | {f"TIDINGS_{name}": str(value) for name, value in own.items()}


def _answers(url):
    with suppress(OSError), urllib.request.urlopen(url, timeout=5):
        return True
    return False


@contextmanager
def _visiting(url):
    """Ask for a page again and again; yield the list that the times between answers go to."""
    gaps, over = [], Event()

    def visit():
        answered = time.monotonic()
        while not over.wait(0.1):
            if _answers(url):
                gaps.append(time.monotonic() - answered)
                answered = time.monotonic()

    visitor = Thread(target=visit)
    visitor.start()
    try:
        yield gaps
    finally:
        over.set()
        visitor.join()


def _report(stage, letters, *, gaps, recovery, apart):
    appeared, asked = stage.feeds.appeared, stage.feeds.asked()
    with stage.house.database.read() as connection:
        stored = connection.execute(select(entry.c.guid, entry.c.first_seen_at)).all()
        untold = len(appeared) - told(connection)
        saved = int(connection.scalar(select(func.sum(poll_hour.c.polls))))
    seen = {row.guid: row.first_seen_at - appeared[row.guid] for row in stored}
    return StageReport(
        letters=letters,
        sources=FEEDS,
        fewest_polls=min(map(len, asked)),
        asked_in_vain=sum(map(len, asked)) - saved,
        asked_twice=sum(b - a < apart for times in asked for a, b in pairwise(times)),
        entries=len(appeared),
        entries_missing=len(appeared) - len(seen),
        entries_twice=len(stored) - len(seen),
        untold=untold,
        restarts=stage.cluster.restarts,
        errors=len(stage.cluster.errors()),
        late_entry=round(max(seen.values(), default=timedelta()).total_seconds()),
        without_pages=round(max(gaps)),
        recovery=round(recovery),
    )
