"""Services killed at random moments: what became of every letter.

`python kills.py DATABASE_URL --kills 300 --seconds 600`: two services at a time plan and send on
one database, over a relay that also loses replies and refuses letters. Each is killed after a
fraction of a second, and another begins. Status 1 if a letter was lost without being on record
as doubtful, or came twice without a reply having been lost.
"""

import argparse
import asyncio
import json
import logging
import os
import random
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select, update

from tidings.search.store import index

sys.path.insert(0, str(Path(__file__).parents[1]))
from fake_relay import FakeRelay
from newsletter_site import NewsletterSite
from parsed_entries import DAY, HOUR, NOON
from tidings.db import schema
from tidings.db.database import Database
from tidings.db.mail_tables import delivery, subscription
from tidings.mail.settings import SmtpSettings
from tidings.mail.smtp import Relay
from tidings.newsletters.retries import BACKOFF

READERS = 80
SERVICES = 2
KILLS_A_DAY = 12
A_WHILE = timedelta(minutes=3)
"""By which the clock goes on from kill to kill."""


@dataclass(slots=True, kw_only=True)
class Report:
    """What came of it all, in letters.

    Attributes:
        replies_lost: The relay broke the connection in place of its last reply.
        duplicates: Copies beyond the first.
        unexplained: Those of them for which no reply was lost.
        doubtful: On record as perhaps not sent.
        doubtful_lost: Those of them that the relay did not take: refused, dropped, or never had.
        never_written: Those of them that the relay never had in its hands.
        lost: On record as accepted, and never taken.
        wrong: Taken although on record as not sent, or for somebody else.
        unfinished: Still on their way at the end.
        gaps: Entries that are in none, or in more than one, of a reader's issues.
    """

    kills: int
    letters: int
    replies_lost: int
    duplicates: int
    unexplained: int
    doubtful: int
    doubtful_lost: int
    never_written: int
    lost: int
    wrong: int
    unfinished: int
    gaps: int

    @property
    def is_broken(self):
        return any((self.unexplained, self.lost, self.wrong, self.unfinished, self.gaps))


def torture(url, folder, *, kills, seconds, seed):
    """Kill services until there were enough kills, or time is up; return the report."""
    chance = random.Random(seed)
    journal, calm = folder / "journal", folder / "calm"
    relay_process, port = fork_relay(journal, calm, seed)
    house = NewsletterSite(Database(url))
    services = []
    try:
        source = prepare(house)
        done, until = 0, time.monotonic() + seconds
        while done < kills and time.monotonic() < until:
            if done % KILLS_A_DAY == 0:
                house.publish(source, 2)
                house.now = house.now.replace(hour=7, minute=0) + DAY
            house.database.close()  # a fork must not share connections
            while len(services) < SERVICES:
                services.append(fork(serve, house, port))
            time.sleep(chance.uniform(0.05, 0.5))
            bury(house, services.pop(chance.randrange(SERVICES)))
            house.now += A_WHILE
            done += 1
        while services:
            bury(house, services.pop())
        calm.touch()
        come_to_an_end(house, port)
        return audit(house, journal, kills=done)
    finally:
        house.database.close()
        for pid in [*services, relay_process]:
            end(pid)


def fork(work, *arguments):
    """Run a function in a process of its own; this one must have no threads yet."""
    if pid := os.fork():
        return pid
    try:
        work(*arguments)
    finally:
        os._exit(1)


def prepare(house):
    if house.database.is_sqlite:
        schema.upgrade(house.database, rebuild_index=index.rebuild)
    house.add_newsletter()
    for number in range(READERS):
        house.subscribe(f"reader{number}@d{number % 20}.example.org")
    return house.follow()


def serve(house, port):
    """Be a service, until killed."""
    while True:
        send_what_is_due(house, port)
        time.sleep(0.02)


def send_what_is_due(house, port):
    settings = SmtpSettings(
        host="127.0.0.1",
        port=port,
        security="none",
        user="",
        password="",
        timeout=timedelta(seconds=5),
        reply_timeout=timedelta(seconds=5),
        connections=4,
        per_second=0,
    )
    house.plan()
    house.deliver(Relay(settings), owner=f"process {os.getpid()}", connections=4)


def bury(house, pid):
    """Kill a service, and let its leases run out at once."""
    end(pid)
    with house.database.write() as connection:
        held = update(delivery).where(delivery.c.lease_owner.startswith(f"process {pid}:"))
        connection.execute(held.values(lease_until=NOON - 1000 * HOUR))


def end(pid):
    """Kill a process of ours."""
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def come_to_an_end(house, port):
    """Let a service that nobody kills do what is left."""
    for _ in range(20):
        send_what_is_due(house, port)
        if all(row.finished_at for row in house.deliveries()):
            break
        house.now += max(BACKOFF)


def fork_relay(journal, calm, seed):
    """Start the relay in a process of its own; return its process and its port."""
    ours, theirs = os.pipe()
    pid = fork(be_relay, theirs, journal, calm, seed)
    os.close(theirs)
    with os.fdopen(ours) as pipe:
        return pid, int(pipe.readline())


def be_relay(pipe, journal, calm, seed):
    with Moody(journal, calm, random.Random(seed)) as relay:
        os.write(pipe, f"{relay.port}\n".encode())
        os.close(pipe)
        signal.pause()


class Moody(FakeRelay):
    """Takes most letters, after a while; what it did with each is in its journal."""

    def __init__(self, journal, calm, chance):
        super().__init__()
        self._file = journal.open("a", buffering=1)
        self._calm, self._chance = calm, chance

    async def _take(self, taken, writer):
        [message_id] = re.findall(rb"^Message-ID: (\S+)\r$", taken.letter, re.MULTILINE)
        [recipient] = taken.recipients
        mood = 1.0 if self._calm.exists() else self._chance.random()
        self._note("had", message_id, recipient)
        await asyncio.sleep(self._chance.uniform(0, 0.03))
        if mood < 0.03:
            self._note("lost", message_id, recipient)
            return None
        if mood < 0.06:
            answer = b"451 4.7.1 later\r\n" if mood < 0.05 else b"550 5.1.1 nobody here\r\n"
            writer.write(answer)
            return False
        self._note("taken", message_id, recipient)
        if mood < 0.09:
            self._note("lost", message_id, recipient)
            return None
        await asyncio.sleep(self._chance.uniform(0, 0.03))
        writer.write(b"250 2.0.0 queued\r\n")
        return True

    def _note(self, what, message_id, recipient):
        self._file.write(f"{what} {message_id.decode()} {recipient}\n")


def audit(house, journal, *, kills):
    """Compare what is on record with what the relay has."""
    lines = [line.split() for line in journal.read_text().splitlines()]
    copies = Counter(message_id for what, message_id, _ in lines if what == "taken")
    lost = Counter(message_id for what, message_id, _ in lines if what == "lost")
    had = {message_id for what, message_id, _ in lines if what == "had"}
    reached = {message_id: recipient for what, message_id, recipient in lines if what == "taken"}
    rows = house.deliveries()
    issues = {row.issue_id: house.told(row.issue_id) for row in rows}
    told = [(row.subscription_id, row.state, issues[row.issue_id]) for row in rows]
    states = {row.message_id: row.state for row in rows}
    owners = {row.message_id: row.subscription_id - 1 for row in rows}
    doubtful = [one for one, state in states.items() if state == "assumed_accepted"]
    sent = {"accepted", "assumed_accepted"}
    wrong = [
        one
        for one, recipient in reached.items()
        if states[one] not in sent or recipient.partition("@")[0] != f"reader{owners[one]}"
    ]
    return Report(
        kills=kills,
        letters=len(rows),
        replies_lost=sum(lost.values()),
        duplicates=sum(number - 1 for number in copies.values()),
        unexplained=sum(max(n - 1 - min(lost[one], 1), 0) for one, n in copies.items()),
        doubtful=len(doubtful),
        doubtful_lost=sum(one not in copies for one in doubtful),
        never_written=sum(one not in had for one in doubtful),
        lost=sum(state == "accepted" and one not in copies for one, state in states.items()),
        wrong=len(wrong),
        unfinished=sum(row.finished_at is None for row in rows),
        gaps=gaps(told, readers_of(house)),
    )


def readers_of(house):
    """Return who still gets letters: a refusal as unknown ends a subscription."""
    with house.database.read() as connection:
        return connection.scalars(
            select(subscription.c.id).where(subscription.c.ended_at.is_(None))
        ).all()


def gaps(told, readers):
    """Count what is not in exactly one issue of a reader, of all that anybody was told."""
    everything = {one for _, _, entries in told for one in entries}
    seen = Counter(
        (reader, one) for reader, state, entries in told for one in entries if state != "superseded"
    )
    return sum(seen[reader, one] != 1 for reader in readers for one in everything)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    chosen = parser.parse_args()
    logging.disable()
    with tempfile.TemporaryDirectory(prefix="tidings-torture-") as name:
        report = torture(
            chosen.url,
            Path(name),
            kills=chosen.kills,
            seconds=chosen.seconds,
            seed=chosen.seed,
        )
    print(json.dumps(asdict(report)))
    sys.exit(report.is_broken)


if __name__ == "__main__":
    main()
