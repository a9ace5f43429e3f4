"""Slots: when an issue falls due, labelled by the calendar on the subscriber's wall."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from tidings.domain.newsletters import Frequency, Schedule

INSTANT_PAUSE = timedelta(minutes=15)
"""How long news is gathered for those who want it as it happens."""

PERIODS = {
    Frequency.DAILY: timedelta(days=1),
    Frequency.WEEKDAYS: timedelta(days=1),
    Frequency.WEEKLY: timedelta(days=7),
    Frequency.MONTHLY: timedelta(days=28),
    Frequency.INSTANT: INSTANT_PAUSE,
}
SATURDAY = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A time at which an issue is due.

    Attributes:
        key: The local calendar label, such as `d:2026-11-20`, `w:2026-W47`, `m:2026-11`:
            without zone or hour, so that no change of either makes two slots of one day.
        due_at: Aware UTC.
    """

    key: str
    due_at: datetime


def next_slot(schedule: Schedule, after: datetime) -> Slot:
    """Return the first slot that falls due after a time."""
    return next(slot for slot in _slots(schedule, after) if slot.due_at > after)


def latest_slot(schedule: Schedule, now: datetime) -> Slot:
    """Return the last slot that fell due, at or before `now`."""
    begin = now - 2 * PERIODS[schedule.frequency] - timedelta(days=8)
    *_, latest = takewhile(lambda slot: slot.due_at <= now, _slots(schedule, begin))
    return latest


def slots_between(schedule: Schedule, since: datetime, until: datetime) -> Iterator[Slot]:
    """Yield the slots that fall due after one time, up to another."""
    first = next_slot(schedule, since)
    rest = (slot for slot in _slots(schedule, since) if slot.due_at >= first.due_at)
    return takewhile(lambda slot: slot.due_at <= until, rest)


def clock_change(schedule: Schedule, slot: Slot) -> str | None:
    """Return what the clock on the wall does at a slot; None if nothing out of the ordinary."""
    local = slot.due_at.astimezone(ZoneInfo(schedule.timezone))
    if local.hour != schedule.hour:
        return f"the clock skips {schedule.hour}:00"
    if local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset():
        return f"the clock shows {schedule.hour}:00 twice, this is the first"
    return None


def is_too_late(schedule: Schedule, slot: Slot, now: datetime) -> bool:
    """Tell whether a slot had better be left out, and its news kept for the next one."""
    return now - slot.due_at > PERIODS[schedule.frequency] / 2


def wall_time(day: date, hour: int, zone: ZoneInfo) -> datetime:
    """Return when the clock on the wall shows an hour, aware UTC.

    An hour that the clock skips is the first moment after the gap; one that it shows twice
    is the first of the two (PEP 495, fold 0).
    """
    wanted = datetime.combine(day, time(hour), tzinfo=zone)
    moment = wanted.astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == wanted.replace(tzinfo=None):
        return moment
    before = wanted.replace(fold=1).astimezone(UTC)  # still by the clock before the gap
    return _first_with_offset(before, moment, zone)


def _first_with_offset(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the first second, between the two, that has the offset of `after`."""
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
    """Yield slots in order, from a little before a time on."""
    zone = ZoneInfo(schedule.timezone)
    for key, day in _days(schedule.frequency, around.astimezone(zone).date()):
        yield Slot(key=key, due_at=wall_time(day, schedule.hour, zone))


def _days(frequency: Frequency, around: date) -> Iterator[tuple[str, date]]:
    day = around - timedelta(days=2)
    if frequency is Frequency.WEEKLY:
        day -= timedelta(days=day.weekday())
    elif frequency is Frequency.MONTHLY:
        day = day.replace(day=1)
    while True:
        year, week, _ = day.isocalendar()
        if frequency is Frequency.WEEKLY:
            yield f"w:{year}-W{week:02}", day
            day += timedelta(days=7)
        elif frequency is Frequency.MONTHLY:
            yield f"m:{day:%Y-%m}", day
            day = (day + timedelta(days=31)).replace(day=1)
        else:
            if frequency is Frequency.DAILY or day.weekday() < SATURDAY:
                yield f"d:{day:%Y-%m-%d}", day
            day += timedelta(days=1)
