"""What a due slot means for a subscription: a window, or none, and why."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tidings.domain.newsletters import Frequency, Schedule
from tidings.domain.slots import INSTANT_PAUSE, Slot, is_too_late, latest_slot, next_slot


class Omission(StrEnum):
    """Why a slot brought no delivery."""

    EMPTY = "empty"
    """Nothing in the window was for this subscription."""
    LATE = "late"
    """Noticed too long after it fell due; the next slot brings it all."""
    REPEATED = "repeated"
    """The subscription had this calendar slot already, by another zone or hour."""


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
    """Return a slot outside the calendar: `e` as it happens, `now` by the operator's word."""
    return Slot(key=f"{kind}:{cut}", due_at=now)


def next_due(schedule: Schedule, now: datetime) -> datetime:
    """Return when a subscription is due again after it was planned."""
    if schedule.frequency is Frequency.INSTANT:
        return now + INSTANT_PAUSE
    return next_slot(schedule, now).due_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
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
    schedule: Schedule, slot: Slot, standing: Standing, *, cut: int, now: datetime
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
