"""What a due slot means for a subscription: a window, or none, and why."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from tidings.domain.newsletters import Frequency, Schedule
from tidings.domain.slots import INSTANT_PAUSE, PERIODS, Slot, is_too_late, latest_slot, next_slot

SHORTEST_LIFE = timedelta(days=2)
"""How long a delivery is tried at least, however soon the next slot comes."""

PATIENCE = 4
"""Periods that a few entries wait at most for more of them."""

FLOOD = 10
"""Times the usual: more than that waits until the operator says go."""

HARMLESS = 100
"""However unusual, so many letters or entries do no harm."""

BY_HAND = "now"
"""The kind of the slots that are made by the operator's word."""


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
