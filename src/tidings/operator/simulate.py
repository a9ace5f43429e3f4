"""Simulation of planning: past or future slots, and their entries; nothing is stored."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from tidings.catalog import change_log
from tidings.db.database import Connection
from tidings.model.newsletters import DeliveryState, Frequency, Newsletter, Schedule
from tidings.newsletters.digest_candidates import Audience, DigestCandidates
from tidings.newsletters.windows import (
    INSTANT_PAUSE,
    Omission,
    SimulatedSlot,
    Slot,
    SubscriptionProgress,
    clock_change,
    slot_outside_calendar,
    slots_between,
    window_of,
)
from tidings.operator.store import explanations
from tidings.operator.store.explanations import SeqTimes
from tidings.stories.store import records
from tidings.subscribers.store import subscribers

# The last planned slots that are read: each label has at most one delivery.
LOOK_BACK = 50

# A superseded delivery gave its window to a later one, as if it had never been planned.
_STANDING = frozenset(DeliveryState) - {DeliveryState.SUPERSEDED}


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedAudience:
    """The subscription, real or made up, whose slots are simulated.

    Attributes:
        topics: Slugs chosen out of the newsletter's; empty for all of those.
        watermark: The last `seq` that has been planned; None for everything before the period.
        taken_slots: Labels of slots that have a delivery.
        subscription: Whose earlier issues count for stories; None if it is made up.
    """

    newsletter: Newsletter
    schedule: Schedule
    topics: tuple[str, ...]
    watermark: int | None = None
    taken_slots: Collection[str] = ()
    subscription: int | None = None


def taken_slots(connection: Connection, subscription_id: int) -> set[str]:
    """Return the labels of slots for which a subscription has a delivery."""
    last = subscribers.slots(connection, subscription_id, label=None, limit=LOOK_BACK)
    return {one.slot for one in last if one.came_to in _STANDING}


def simulate(
    connection: Connection, wished: SimulatedAudience, *, since: datetime, until: datetime
) -> Iterator[SimulatedSlot]:
    """Yield each slot between two times as it is planned the moment it falls due."""
    course, schedule = explanations.read_seq_times(connection), wished.schedule
    mark = course.last_seq(since) if wished.watermark is None else wished.watermark
    candidates = DigestCandidates()
    candidates.read(connection, from_seq=mark, to_seq=change_log.last_seq(connection))
    told = _sent_stories(connection, wished, candidates, up_to=mark)
    for slot in _slots(schedule, course, since=since, until=until):
        progress = SubscriptionProgress(watermark=mark, taken_slots=frozenset(wished.taken_slots))
        upto_seq = course.last_seq(slot.due_at)
        audience = Audience(
            newsletter=wished.newsletter,
            schedule=schedule,
            topics=wished.topics,
            watermark=mark,
            told=told,
        )
        whole = window_of(schedule, slot, progress, upto_seq=upto_seq, now=slot.due_at)
        window, chosen = candidates.fill(connection, whole, slot, audience=audience)
        if schedule.frequency is Frequency.INSTANT and window.from_seq == window.to_seq:
            continue  # outside the calendar, and nothing new
        yield SimulatedSlot(
            slot=slot,
            from_seq=window.from_seq,
            to_seq=window.to_seq,
            entry_ids=chosen,
            omission=window.omission or (None if chosen else Omission.EMPTY),
            note=clock_change(schedule, slot),
        )
        mark = window.to_seq
        # As if it had been sent: the next slot must not tell of the same story.
        told |= candidates.stories_of(chosen)


def _sent_stories(
    connection: Connection, wished: SimulatedAudience, candidates: DigestCandidates, *, up_to: int
) -> frozenset[int]:
    if wished.subscription is None:
        return frozenset()
    whose = wished.subscription
    told = records.stories_sent_to(connection, [whose], candidates.stories()).get(whose, {})
    # What was sent later was not known in the period that is simulated.
    return frozenset(story_id for story_id, seq in told.items() if seq <= up_to)


def _slots(
    schedule: Schedule, course: SeqTimes, *, since: datetime, until: datetime
) -> Iterator[Slot]:
    """Yield the slots of the calendar, or for `instant` every time at which it is planned."""
    if schedule.frequency is not Frequency.INSTANT:
        yield from slots_between(schedule, since, until)
        return
    at = since + INSTANT_PAUSE
    while at <= until:
        yield slot_outside_calendar("e", course.last_seq(at), at)
        at += INSTANT_PAUSE
