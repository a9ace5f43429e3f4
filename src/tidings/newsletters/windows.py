"""What a due slot means for a subscription: a window, or none, and why.

Slots: when an issue falls due, labelled by the calendar on the subscriber's wall.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import takewhile
from zoneinfo import ZoneInfo

from tidings.model.newsletters import Frequency, Schedule

# How long a delivery is tried at least, however soon the next slot comes.
SHORTEST_LIFE = timedelta(days=2)

# Periods that a few entries wait at most for more of them.
PATIENCE = 4

# Times the usual: more than that waits until the operator says go.
FLOOD = 10

# However unusual, so many letters or entries do no harm.
HARMLESS = 100

# The kind of the slots that are made by the operator's word.
BY_HAND = "now"

# How long news is gathered for those who want it as it happens.
INSTANT_PAUSE = timedelta(minutes=15)

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


class Omission(StrEnum):
    """Why a slot brought no delivery."""

    EMPTY = "empty"
    """Nothing in the window was for this subscription."""
    LATE = "late"
    """Noticed too long after it fell due; the next slot brings it all."""
    FEW = "few"
    """Fewer than the newsletter's least; they wait for the next slot."""
    REPEATED = "repeated"
    """The subscription had this calendar slot already, by another zone or hour."""
    RESTORED = "restored"
    """Its slot had come when the database was put back to an earlier state: it may have been sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A delivery that was planned, of which nothing has left the house, nor of any after it."""

    id: int
    from_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The entries with `from_seq < seq <= to_seq`, for one slot.

    Attributes:
        slot: The label of the slot.
        supersedes: Deliveries that this one takes the place of; their windows are in this one.
        omission: Set if there is to be no delivery, whatever the window holds.
    """

    slot: str
    from_seq: int
    to_seq: int
    supersedes: tuple[int, ...] = ()
    omission: Omission | None = None


def find_due_slot(schedule: Schedule, now: datetime) -> Slot | None:
    """Return the slot that a due subscription is planned for: the latest, after a downtime.

    Who wants news as it happens has no calendar: their slots are named by what they bring.
    """
    return None if schedule.frequency is Frequency.INSTANT else latest_slot(schedule, now)


def slot_of_cut(kind: str, cut: int, now: datetime) -> Slot:
    """Return a slot outside the calendar: `e` as it happens, or `BY_HAND`."""
    return Slot(key=f"{kind}:{cut}", due_at=now)


def next_due(schedule: Schedule, now: datetime) -> datetime:
    """Return when a subscription is due again after it was planned."""
    if schedule.frequency is Frequency.INSTANT:
        return now + INSTANT_PAUSE
    return next_slot(schedule, now).due_at


def life_of(frequency: Frequency) -> timedelta:
    """Return how long a delivery is tried before it expires."""
    return max(2 * PERIODS[frequency], SHORTEST_LIFE)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionProgress:
    """How far a subscription has come.

    Attributes:
        watermark: The last `seq` that was planned.
        pending: What was planned, and not sent.
        had: Labels of slots that have a delivery, other than the pending ones.
    """

    watermark: int
    pending: tuple[Pending, ...] = ()
    had: frozenset[str] = frozenset()


def window_of(
    schedule: Schedule, slot: Slot, standing: SubscriptionProgress, *, cut: int, now: datetime
) -> Window:
    """Return the window of a slot; `cut` is the upper bound frozen for it."""
    key, mark = slot.key, standing.watermark
    if key in standing.had:
        return Window(slot=key, from_seq=mark, to_seq=mark, omission=Omission.REPEATED)
    if is_too_late(schedule, slot, now):
        return Window(slot=key, from_seq=mark, to_seq=mark, omission=Omission.LATE)
    if cut <= mark:  # what is planned stays planned: there is nothing to put into its place
        return Window(slot=key, from_seq=mark, to_seq=mark)
    return Window(
        slot=key,
        from_seq=min([mark, *(delivery.from_seq for delivery in standing.pending)]),
        to_seq=cut,
        supersedes=tuple(delivery.id for delivery in standing.pending),
    )


def kept_back(window: Window, watermark: int) -> Window:
    """Return what takes a window's place if it holds too little: everything stays as it is."""
    return replace(
        window, from_seq=watermark, to_seq=watermark, supersedes=(), omission=Omission.FEW
    )


def waits_for_more(schedule: Schedule, slot: Slot, *, least: int, seen: Sequence[datetime]) -> bool:
    """Tell whether a window holds too little, and none of it has waited for too long.

    Args:
        schedule: Of the subscription.
        slot: The slot; one that the operator makes by hand takes whatever there is.
        least: The entries that a letter has at least.
        seen: When each of the entries was first seen.
    """
    if slot.key.startswith(f"{BY_HAND}:") or not 0 < len(seen) < least:
        return False
    return slot.due_at - min(seen) < PATIENCE * PERIODS[schedule.frequency]


def is_flood(number: int, *, usual: int) -> bool:
    """Tell whether so many letters, or entries, had better be looked at by the operator first.

    Nothing is unusual for a newsletter that has written to nobody so far.
    """
    return usual > 0 and number > max(FLOOD * usual, HARMLESS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What sending by hand would come to.

    Attributes:
        readers: Who would get a letter, if there is something new for them.
        entries: What the longest letter may tell of.
        is_unusual: One of both is more than ten times what the newsletter ever had.
    """

    readers: int
    entries: int
    is_unusual: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedSlot:
    """A slot, and what it would hold.

    Attributes:
        entry_ids: What a letter would tell of.
        omission: Why there would be none.
        note: What the clock on the wall does then.
    """

    slot: Slot
    from_seq: int
    to_seq: int
    entry_ids: tuple[int, ...]
    omission: Omission | None
    note: str | None


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
