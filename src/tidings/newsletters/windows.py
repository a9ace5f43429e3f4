"""Slots and windows: when an issue falls due, and which entries it covers; or why there is none.

```
──┬──────────── from_seq < seq <= to_seq ────────────┬──► seq
  watermark: the last that was planned               upto_seq: frozen when the slot fell due
```
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import takewhile
from types import MappingProxyType
from zoneinfo import ZoneInfo

from tidings.model.newsletters import WEEKDAYS, Frequency, Schedule

# How long a delivery is tried at least, however soon the next slot comes: a relay that is down over
# a weekend must not cost a daily issue.
MIN_TIME_TO_LIVE = timedelta(days=2)

# How many periods entries are held back at most while there are too few for an issue.
MAX_PERIODS_WAITING = 4

# More than so many times the usual number is held until the operator releases it.
FLOOD_FACTOR = 10

# Up to so many messages or entries are never a flood: a young newsletter grows tenfold in a day.
FLOOD_MINIMUM = 100

# The prefix of slots that the operator makes with `issue send`.
BY_HAND = "now"

# How long entries are collected for the frequency `instant`: not a message for each of them.
INSTANT_PAUSE = timedelta(minutes=15)

SATURDAY = 5

# A Monday; fortnights are counted from it, since not every year has an even number of weeks.
FIRST_FORTNIGHT = date(2024, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A time at which an issue is due.

    Attributes:
        key: The local calendar label, such as `d:2026-11-20`, `w:2026-W47`, `f:2026-W47`,
            `m:2026-11`: without zone, hour or weekday, so that no change of them makes two slots
            of one period.
        due_at: Aware UTC.
    """

    key: str
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What a round of planning does with all subscriptions that have the same schedule.

    Attributes:
        upto_seq: The upper bound of their windows.
        next_issue_at: When they are due again.
    """

    slot: Slot
    upto_seq: int
    next_issue_at: datetime


class Omission(StrEnum):
    """Why a slot brought no delivery."""

    EMPTY = "empty"
    """No entry in the window matched the subscription."""
    LATE = "late"
    """Noticed more than half a period after it fell due; the next slot covers its window."""
    FEW = "few"
    """Fewer entries than the newsletter's `min_entries`; they wait for the next slot."""
    REPEATED = "repeated"
    """The subscription had this calendar slot already, in another time zone, at another hour or weekday."""
    RESTORED = "restored"
    """The slot fell due before the database was restored from a backup: it may have been sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingDelivery:
    """A planned delivery that was never sent, nor any later one of its subscription."""

    id: int
    from_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The entries with `from_seq < seq <= to_seq`, for one slot.

    Attributes:
        slot: The label of the slot.
        supersedes: Unsent deliveries that this one replaces; it covers their windows as well.
        omission: Set if there is no delivery, whatever the window holds.
    """

    slot: str
    from_seq: int
    to_seq: int
    supersedes: tuple[int, ...] = ()
    omission: Omission | None = None


def find_due_slot(schedule: Schedule, now: datetime) -> Slot | None:
    """Return the latest slot that fell due; None for `instant`, which has no calendar.

    After a downtime of days there is one issue that covers them all, not one a day.
    """
    return None if schedule.frequency is Frequency.INSTANT else latest_slot(schedule, now)


def slot_outside_calendar(kind: str, upto_seq: int, now: datetime) -> Slot:
    """Return a slot outside the calendar, named by its upper bound: `e` (instant) or `BY_HAND`."""
    return Slot(key=f"{kind}:{upto_seq}", due_at=now)


def next_due(schedule: Schedule, now: datetime) -> datetime:
    """Return when a subscription is due next, after it was planned."""
    if schedule.frequency is Frequency.INSTANT:
        return now + INSTANT_PAUSE
    return next_slot(schedule, now).due_at


def due_after_change(old: Schedule, new: Schedule, now: datetime) -> datetime:
    """Return when an edition is due next after its schedule was changed.

    Not in the period whose slot it had: of subscriptions labels take care, editions have none.
    """
    had = find_due_slot(old, now)
    if had is None or new.frequency is Frequency.INSTANT:
        return next_due(new, now)
    coming = (slot for slot in _slots(new, now) if slot.due_at > now)
    return next(slot.due_at for slot in coming if slot.key != had.key)


def time_to_live(frequency: Frequency) -> timedelta:
    """Return how long sending is tried before a delivery expires."""
    return max(2 * CALENDARS[frequency].period, MIN_TIME_TO_LIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionProgress:
    """How far a subscription has come.

    Attributes:
        watermark: The last `seq` that was planned.
        pending: Planned deliveries that were not sent.
        taken_slots: Labels of slots that have a delivery which stands, pending ones left out.
    """

    watermark: int
    pending: tuple[PendingDelivery, ...] = ()
    taken_slots: frozenset[str] = frozenset()


def window_of(
    schedule: Schedule, slot: Slot, progress: SubscriptionProgress, *, upto_seq: int, now: datetime
) -> Window:
    """Return the window of a slot; `upto_seq` is the upper bound frozen for it."""
    key, watermark = slot.key, progress.watermark
    # An omission leaves the watermark where it is, so the next slot covers these entries as well.
    if key in progress.taken_slots:
        return Window(slot=key, from_seq=watermark, to_seq=watermark, omission=Omission.REPEATED)
    if is_too_late(schedule, slot, now):
        return Window(slot=key, from_seq=watermark, to_seq=watermark, omission=Omission.LATE)
    # Nothing new: the pending deliveries stay, there is nothing to replace them by.
    if upto_seq <= watermark:
        return Window(slot=key, from_seq=watermark, to_seq=watermark)
    return Window(
        slot=key,
        from_seq=min([watermark, *(delivery.from_seq for delivery in progress.pending)]),
        to_seq=upto_seq,
        supersedes=tuple(delivery.id for delivery in progress.pending),
    )


def hold_back(window: Window, watermark: int) -> Window:
    """Return the empty window that replaces one with too few entries; pending deliveries stay."""
    return replace(
        window, from_seq=watermark, to_seq=watermark, supersedes=(), omission=Omission.FEW
    )


def is_too_small(schedule: Schedule, slot: Slot, *, least: int, seen: Sequence[datetime]) -> bool:
    """Tell whether a window holds too few entries, none of which has waited for too long.

    Args:
        schedule: Of the subscription.
        slot: One that the operator makes by hand takes whatever there is.
        least: The newsletter's `min_entries`.
        seen: When each of the entries was first seen.
    """
    if slot.key.startswith(f"{BY_HAND}:") or not 0 < len(seen) < least:
        return False
    return slot.due_at - min(seen) < MAX_PERIODS_WAITING * CALENDARS[schedule.frequency].period


def enough_to_compare(number: int) -> int:
    """Return from which usual number on so many are no flood: nobody needs to count further."""
    return -(-number // FLOOD_FACTOR)


def is_flood(number: int, *, usual: int) -> bool:
    """Tell whether so many messages, or entries, need the operator's consent."""
    # The first issue of a newsletter has nothing to compare with, and an import may be large.
    return usual > 0 and number > max(FLOOD_FACTOR * usual, FLOOD_MINIMUM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """How much sending by hand would send.

    Attributes:
        recipients: Subscribers who get a message, if there is something new for them.
        entries: At most, in the longest message.
        is_unusual: One of the two is more than ten times what the newsletter ever had.
    """

    recipients: int
    entries: int
    is_unusual: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedSlot:
    """A future slot, and the entries that its issue would have.

    Attributes:
        omission: Why there would be no issue.
        note: Of a change of the clock at that hour.
    """

    slot: Slot
    from_seq: int
    to_seq: int
    entry_ids: tuple[int, ...]
    omission: Omission | None
    note: str | None


def in_words(schedule: Schedule) -> str:
    """Say when slots fall due, in English."""
    has_weekday = CALENDARS[schedule.frequency].has_weekday
    day = f" on {WEEKDAYS[schedule.weekday].title()}s" if has_weekday else ""
    return f"{schedule.frequency}{day} at {schedule.hour}:00 {schedule.timezone}"


def next_slot(schedule: Schedule, after: datetime) -> Slot:
    """Return the first slot that falls due after a time."""
    return next(slot for slot in _slots(schedule, after) if slot.due_at > after)


def latest_slot(schedule: Schedule, now: datetime) -> Slot:
    """Return the last slot that fell due, at or before `now`."""
    # Two periods and a week back there is one for certain, whatever the weekday or the month.
    begin = now - 2 * CALENDARS[schedule.frequency].period - timedelta(days=8)
    *_, latest = takewhile(lambda slot: slot.due_at <= now, _slots(schedule, begin))
    return latest


def slots_between(schedule: Schedule, since: datetime, until: datetime) -> Iterator[Slot]:
    """Yield the slots that fall due after one time, up to another."""
    first = next_slot(schedule, since)
    rest = (slot for slot in _slots(schedule, since) if slot.due_at >= first.due_at)
    return takewhile(lambda slot: slot.due_at <= until, rest)


def clock_change(schedule: Schedule, slot: Slot) -> str | None:
    """Say whether the local clock skips or repeats the hour of a slot; None if it does neither."""
    local = slot.due_at.astimezone(ZoneInfo(schedule.timezone))
    if local.hour != schedule.hour:
        return f"the clock skips {schedule.hour}:00"
    if local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset():
        return f"the clock shows {schedule.hour}:00 twice, this is the first"
    return None


def is_too_late(schedule: Schedule, slot: Slot, now: datetime) -> bool:
    """Tell whether a slot is noticed so late that its entries had better wait for the next one."""
    return now - slot.due_at > CALENDARS[schedule.frequency].period / 2


def wall_time(day: date, hour: int, zone: ZoneInfo) -> datetime:
    """Return when the clock on the wall shows an hour, aware UTC.

    An hour that the clock skips is the first moment after the gap; one that it shows twice
    is the first of the two (PEP 495, fold 0).
    """
    wanted = datetime.combine(day, time(hour), tzinfo=zone)
    moment = wanted.astimezone(UTC)
    # An hour that exists survives the way to UTC and back; `zoneinfo` says nothing about gaps.
    if moment.astimezone(zone).replace(tzinfo=None) == wanted.replace(tzinfo=None):
        return moment
    before = wanted.replace(fold=1).astimezone(UTC)  # still by the clock before the gap
    return _first_with_offset(before, moment, zone)


def _first_with_offset(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the first second, between the two, that has the offset of `after`."""
    # By bisection: `zoneinfo` does not tell when an offset changes.
    offset = after.astimezone(zone).utcoffset()
    low, high = int(before.timestamp()), int(after.timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == offset:
            high = middle
        else:
            low = middle
    return datetime.fromtimestamp(high, UTC)


def _slots(schedule: Schedule, around: datetime) -> Iterator[Slot]:
    """Yield slots in order, beginning a little before a time."""
    zone, calendar = ZoneInfo(schedule.timezone), CALENDARS[schedule.frequency]
    shift = timedelta(days=schedule.weekday if calendar.has_weekday else 0)
    for key, day in calendar.days(around.astimezone(zone).date()):
        yield Slot(key=key, due_at=wall_time(day + shift, schedule.hour, zone))


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """On which days the slots of a frequency fall, and how they are labelled.

    Attributes:
        period: From one slot to the next, the shortest there is.
        days: Yields label and day of slots in order, from some time before a day on.
        has_weekday: Whether a schedule says on which day of the week; `days` are Mondays then.
    """

    period: timedelta
    days: Callable[[date], Iterator[tuple[str, date]]]
    has_weekday: bool = False


def _every_day(around: date) -> Iterator[tuple[str, date]]:
    day = around - timedelta(days=2)
    while True:
        yield f"d:{day:%Y-%m-%d}", day
        day += timedelta(days=1)


def _working_days(around: date) -> Iterator[tuple[str, date]]:
    return (slot for slot in _every_day(around) if slot[1].weekday() < SATURDAY)


def _mondays(around: date) -> Iterator[tuple[str, date]]:
    day = around - timedelta(days=2)
    day -= timedelta(days=day.weekday())
    while True:
        yield f"w:{_week(day)}", day
        day += timedelta(days=7)


def _second_mondays(around: date) -> Iterator[tuple[str, date]]:
    day = around - timedelta(days=2)
    day -= timedelta(days=(day - FIRST_FORTNIGHT).days % 14)
    while True:
        yield f"f:{_week(day)}", day
        day += timedelta(days=14)


def _week(day: date) -> str:
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"


def _first_of_months(around: date) -> Iterator[tuple[str, date]]:
    day = (around - timedelta(days=2)).replace(day=1)
    while True:
        yield f"m:{day:%Y-%m}", day
        day = (day + timedelta(days=31)).replace(day=1)


CALENDARS: Mapping[Frequency, Calendar] = MappingProxyType(
    {
        Frequency.DAILY: Calendar(period=timedelta(days=1), days=_every_day),
        Frequency.WEEKDAYS: Calendar(period=timedelta(days=1), days=_working_days),
        Frequency.WEEKLY: Calendar(period=timedelta(days=7), days=_mondays, has_weekday=True),
        Frequency.FORTNIGHTLY: Calendar(
            period=timedelta(days=14), days=_second_mondays, has_weekday=True
        ),
        Frequency.MONTHLY: Calendar(period=timedelta(days=28), days=_first_of_months),
        # By no calendar, but whenever there is news: `find_due_slot` asks for no days.
        Frequency.INSTANT: Calendar(period=INSTANT_PAUSE, days=_every_day),
    }
)
