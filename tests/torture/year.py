"""A year in the life of a newsletter: who got what, compared with what they were owed.

`python year.py DATABASE_URL --readers 1000 --days 365`: readers in twelve zones come, go, pause
and change their minds; entries appear and are hidden; the program is down for days, the relay
for hours. Status 1 if an entry was missing, came twice, too late, or to whom it was not for.
"""

import argparse
import json
import logging
import random
import re
import sys
import time
from bisect import bisect
from collections import deque
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path

from tidings.search.store import index

sys.path.insert(0, str(Path(__file__).parents[1]))
from promises import Promises

from newsletter_site import NewsletterSite, Outbox, be_away
from parsed_entries import HOUR
from tidings.db import schema
from tidings.db.database import Database
from tidings.mail.transport import Reply
from tidings.model.newsletters import UNSUBSCRIBE_URL, Frequency
from tidings.newsletters.render import RenderedIssue

BEGIN = datetime(2026, 3, 7, tzinfo=UTC)
"""A month in which most clocks are changed."""

LITTLE_LATER = timedelta(minutes=20)
TOPICS = ("art", "law", "sea", "sky", "war", "web")
PLACES = (
    ("Europe/Berlin", 2),  # skipped in spring, and twice in autumn
    ("America/Havana", 0),  # the same, at midnight
    ("Australia/Lord_Howe", 2),  # skipped in spring, by half an hour
    ("America/Santiago", 0),  # skipped in spring
    ("America/New_York", 1),  # twice in autumn
    ("America/Los_Angeles", 7),
    ("Asia/Kathmandu", 8),
    ("Asia/Shanghai", 7),
    ("Europe/London", 7),
    ("Pacific/Auckland", 18),
    ("Pacific/Kiritimati", 7),
    ("UTC", 23),
)
"""Where readers are, and at what hour they want their letters there."""

OFTEN = {
    Frequency.DAILY: 10,
    Frequency.WEEKDAYS: 8,
    Frequency.WEEKLY: 40,
    Frequency.MONTHLY: 38,
    Frequency.INSTANT: 4,
}
"""How readers choose, in percent."""

DOWN, AWAY = (96, 30, 11), (42, 11, 5)
"""Hours of the outages of the program and of the relay, in turn."""

EVENTFUL = 0.15
"""The part of the hours in which something happens."""

COPIED = 0.3
"""The part of the entries that tell what another source told shortly before."""

RESTLESS = 250
"""One of so many readers does something then."""


@dataclass(slots=True, kw_only=True)
class Report:
    """What came of it all.

    Attributes:
        pairs: Entries that readers were owed, each counted for each reader.
        missing: Pairs of which nothing came.
        doubled: Copies of a pair beyond the first.
        unwanted: Pairs that came, and nobody had been owed them.
        late: Pairs that came after their slot, though program and relay were there.
    """

    days: int
    readers: int
    entries: int
    letters: int
    pairs: int
    missing: int
    doubled: int
    unwanted: int
    late: int
    seconds: int

    @property
    def is_broken(self):
        return any((self.missing, self.doubled, self.unwanted, self.late))


class Post(Outbox):
    """A relay that is away at times; it notes what the letters that it takes tell of."""

    def __init__(self, house, promises):
        super().__init__()
        self._house, self._promises = house, promises
        self._written = []
        self.letters = 0
        self.was_away_at = BEGIN
        self.is_away = False

    def write(self, digest, issue_url):
        parts = [part for section in digest.sections for part in (section, *section.folds)]
        self._written.append([one.id for part in parts for one in part.entries])
        text = f"{issue_url}\n{UNSUBSCRIBE_URL}\n"
        return RenderedIssue(subject=f"Letter {len(self._written)}", html=text, text=text, shown=1)

    def send(self, message, mark, **_):
        envelope = message.envelope
        if self.is_away:
            be_away(self, envelope, message.content, mark)
        mark()
        [number] = re.findall(rb"^Subject: Letter (\d+)\r$", message.content, re.MULTILINE)
        self.letters += 1
        self._promises.taken(
            int(re.sub(r"\D", "", envelope.recipient)),
            self._written[int(number) - 1],
            self._house.now,
            back_at=self.was_away_at,
        )
        return Reply(code=250, text="2.0.0 queued")

    def look_around(self, *, is_away):
        self.is_away = is_away
        if is_away:
            self.was_away_at = self._house.now


class Year:
    """What happens, to the newsletter and to the promises alike."""

    def __init__(self, house, chance, *, places):
        self._house, self._chance, self._places = house, chance, PLACES[:places]
        self._recent = deque(maxlen=12)
        self.promises = Promises()
        self.post = Post(house, self.promises)

    def open(self, readers):
        self._sources = {topic: self._house.follow(topic=topic) for topic in TOPICS}
        self._house.add_newsletter()
        for _ in range(readers):
            self._subscribe(len(self.promises.readers) + 1)

    def live(self, days):
        """Pass hour by hour; what nobody can notice is left out."""
        downs, aways = self._outages(days, DOWN, first=3), self._outages(days, AWAY, first=15)
        for hour in range(days * 24):
            self._house.now = BEGIN + hour * HOUR
            if _is_within(downs, hour):
                continue
            self.post.look_around(is_away=_is_within(aways, hour))
            if self.promises.is_due(self._house.now):
                self._tick()
            if self._chance.random() < EVENTFUL:
                self._house.now += LITTLE_LATER
                if self._happen():
                    self._house.now += LITTLE_LATER
                    self._tick()

    def _outages(self, days, lengths, *, first):
        """Return when outages begin and end, in hours: one a month."""
        edges = []
        for month, length in zip(range(days // 30 + 1), cycle(lengths)):
            begin = (month * 30 + first) * 24 + self._chance.randrange(4 * 24)
            edges += [begin, begin + length]
        return edges

    def _tick(self):
        self.promises.plan(self._house.now)
        self._house.plan(render=self.post.write)
        self._house.deliver(self.post)

    def _happen(self):
        """Let things happen; tell whether there is anything new."""
        for _ in range(1 + len(self.promises.readers) // RESTLESS):
            self._act(self._chance.randint(1, len(self.promises.readers)))
        promises, what = self.promises, self._chance.random()
        if what < 0.05 and promises.published:
            hidden, _ = self._chance.choice(promises.published[-20:])
            promises.hidden.add(hidden)
            self._house.hide(hidden)
        if what < 0.6:
            return False
        topic = self._chance.choice(TOPICS)
        for _ in range(self._chance.randint(1, 2)):
            self._publish(topic)
        return True

    def _publish(self, topic):
        """Let a source tell something new, or what others have told of late."""
        fresh = [self._chance.randrange(10**9) for _ in range(40)]
        said, tellers = fresh, {}
        if self._recent and self._chance.random() < COPIED:
            said, tellers = self._chance.choice(self._recent)
        if topic in tellers.values():
            said, tellers = fresh, {}
        text = " ".join(f"w{number}" for number in said)
        [new] = self._house.publish(self._sources[topic], title=text[:60], text=text)
        self.promises.published.append((new, topic))
        tellers[new] = topic
        self.promises.mates[new] = tellers
        if said is fresh:
            self._recent.append((said, tellers))

    def _act(self, number):
        """Let a reader do one of the things that they can do now."""
        house, reader = self._house, self.promises.readers[number]
        if not reader.is_on:
            self._subscribe(number)
        elif reader.is_paused:
            catches_up = self._chance.random() < 0.5
            house.resume(number, catches_up=catches_up)
            self.promises.resume(number, house.now, catches_up=catches_up)
        elif (what := self._chance.random()) < 0.3:
            house.pause(number)
            reader.is_paused = True
        elif what < 0.5:
            house.leave(number)
            self.promises.leave(number)
        else:
            wish = self._wish()
            house.edit(number, **wish)
            self.promises.edit(number, wish, house.now)

    def _subscribe(self, number):
        wish = self._wish()
        self.promises.subscribe(number, wish, self._house.now)
        assert self._house.subscribe(f"reader{number}@d.example", **wish) == number

    def _wish(self):
        [frequency] = self._chance.choices(list(OFTEN), list(OFTEN.values()))
        zone, hour = self._chance.choice(self._places)
        return {
            "frequency": frequency,
            "hour": hour,
            "timezone": zone,
            "topics": self._chance.sample(TOPICS, self._chance.choice([0, 1, 1, 2])),
            "language": self._chance.choice(["en", "zh"]),
        }


def _is_within(edges, hour):
    return bisect(edges, hour) % 2 == 1


def simulate(database, chosen):
    """Live through it; return the report."""
    began = time.monotonic()
    year = Year(
        NewsletterSite(database, now=BEGIN), random.Random(chosen.seed), places=chosen.places
    )
    year.open(chosen.readers)
    year.live(chosen.days)
    promises = year.promises
    waiting = {number for number, reader in promises.readers.items() if reader.letter}
    assert not waiting, f"still on their way: {waiting}"
    return Report(
        days=chosen.days,
        readers=chosen.readers,
        entries=len(promises.published),
        letters=year.post.letters,
        pairs=len(promises.owed),
        missing=promises.missing,
        doubled=promises.doubled,
        unwanted=promises.unwanted,
        late=promises.late,
        seconds=round(time.monotonic() - began),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--readers", type=int, default=1000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--places", type=int, default=len(PLACES))
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    chosen = parser.parse_args()
    logging.disable()
    database = Database(chosen.url)
    schema.upgrade(database, rebuild_index=index.rebuild)
    report = simulate(database, chosen)
    database.close()
    print(json.dumps(asdict(report)))
    sys.exit(report.is_broken)


if __name__ == "__main__":
    main()
