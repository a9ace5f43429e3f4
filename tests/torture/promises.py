"""What readers are owed, decided from calendars and wishes alone, not by the program's own rules.

It knows what was published when, what readers wished for, and which letters have left.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
TOO_LATE = {
    "daily": timedelta(hours=12),
    "weekdays": timedelta(hours=12),
    "weekly": timedelta(hours=84),
    "monthly": timedelta(days=14),
}
"""A slot that is noticed later than this is left to the next one."""

DELAY = timedelta(hours=4)
"""How long letters that waited for the relay may go on to wait when it is back."""


@dataclass(slots=True)
class Reader:
    """A wish, and how far it is fulfilled.

    Attributes:
        mark: How much of what was published has been looked at for them.
        passed: The day of the calendar whose slot came last.
        had: The days that have a letter already; there is no second one.
        letter: Where the letter that has not left yet begins, and its day.
    """

    wish: dict
    mark: int
    passed: tuple
    had: set
    letter: tuple | None = None
    is_on: bool = True
    is_paused: bool = False


class Promises:
    """The readers, the entries, and which pairs of both are owed since when.

    `mates` has for each entry all that tell the same: who is owed one is owed no other.
    """

    def __init__(self):
        self.published = []
        self.hidden = set()
        self.mates = {}
        self.readers = {}
        self.owed = {}
        self.got = Counter()
        self.unwanted = self.late = 0

    @property
    def missing(self):
        return sum(pair not in self.got for pair in self.owed)

    @property
    def doubled(self):
        return sum(number - 1 for number in self.got.values())

    def subscribe(self, number, wish, now):
        """Let somebody begin, or begin again."""
        had = self.readers[number].had if number in self.readers else set()
        passed = calendar_day(wish, now)
        self.readers[number] = Reader(wish=wish, mark=len(self.published), passed=passed, had=had)

    def edit(self, number, wish, now):
        self.readers[number].wish = wish
        self.readers[number].passed = calendar_day(wish, now)

    def leave(self, number):
        self._drop(number, is_for_good=True)
        self.readers[number].is_on = False

    def resume(self, number, now, *, catches_up):
        reader = self.readers[number]
        reader.is_paused = False
        reader.passed = calendar_day(reader.wish, now)
        if not catches_up:
            self._drop(number, is_for_good=True)
            reader.mark = len(self.published)

    def is_due(self, now):
        """Tell whether a slot has come, or a letter waits."""
        return any(
            reader.letter or (_is_awake(reader) and calendar_day(reader.wish, now) != reader.passed)
            for reader in self.readers.values()
        )

    def plan(self, now):
        """Decide what everybody whose slot has come is owed from now on."""
        for number, reader in self.readers.items():
            day = calendar_day(reader.wish, now)
            if not _is_awake(reader) or (day and day == reader.passed):
                continue
            reader.passed = day
            is_new = reader.mark < len(self.published)
            is_lost = day and (day in reader.had or _is_late(reader.wish, day, now))
            if is_new and not is_lost:
                self._owe(number, day, now)

    def taken(self, number, entries, now, *, back_at):
        """Note what a letter told; the relay was away until `back_at`."""
        reader = self.readers.get(number)
        if reader and reader.letter:
            _, day = reader.letter
            reader.had.add(day)
            reader.letter = None
        for pair in ((number, entry) for entry in entries):
            self.got[pair] += 1
            self.unwanted += pair not in self.owed
            self.late += self.owed.get(pair, now) < now > back_at + DELAY

    def _owe(self, number, day, now):
        reader = self.readers[number]
        begin = reader.letter[0] if reader.letter else reader.mark
        self._drop(number, is_for_good=False)
        wanted = [
            entry
            for entry, topic in self.published[begin:]
            if entry not in self.hidden and topic in (reader.wish["topics"] or [topic])
        ]
        reader.letter = None
        for entry in wanted:
            if not any((number, mate) in self.owed for mate in self.mates[entry]):
                self.owed[number, entry] = now
                reader.letter = begin, day
        reader.mark = len(self.published)

    def _drop(self, number, *, is_for_good):
        """Take back what has not left: it is told in another letter, or in none."""
        reader = self.readers[number]
        if reader.letter is None:
            return
        begin, day = reader.letter
        for entry, _ in self.published[begin : reader.mark]:
            self.owed.pop((number, entry), None)
        if is_for_good:
            reader.had.add(day)
        reader.letter = None


def calendar_day(wish, now):
    """Return the day of the last slot, with its kind; nothing for news as it happens."""
    return _calendar_day(wish["frequency"], wish["hour"], wish["timezone"], now)


@lru_cache(maxsize=256)
def _calendar_day(frequency, hour, timezone, now):
    if frequency == "instant":
        return ()
    local = now.astimezone(ZoneInfo(timezone))
    day = local.date() - DAY * (local.hour < hour)
    if frequency == "weekly":
        return "week", day - DAY * day.weekday()
    if frequency == "monthly":
        return "month", day.replace(day=1)
    if frequency == "weekdays":
        day -= DAY * max(day.weekday() - 4, 0)
    return "day", day


def _is_awake(reader):
    return reader.is_on and not reader.is_paused


def _is_late(wish, day, now):
    wall = datetime.combine(day[1], time(wish["hour"]), ZoneInfo(wish["timezone"]))
    return now - wall.astimezone(UTC) > TOO_LATE[wish["frequency"]]
