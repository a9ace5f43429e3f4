"""Lanes: letters to domains that take fewer at a time than the relay does."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from tidings.delivery.settings import DomainLimits
from tidings.services.attempts import Job, domain_of

HORIZON = 10.0
"""Seconds for which a lane holds letters; what is beyond goes back to the database meanwhile."""

EACH = 10.0
"""Letters per second that one connection is thought to manage, to size a lane without a rate."""

CATCH_UP = 0.1
"""Seconds by which a letter that came late may make up for it."""


@dataclass(slots=True)
class _Lane:
    """A domain's lane.

    Attributes:
        interval: Seconds from one letter to the next; 0 if there is no limit.
        step: Seconds from one appointment to the next.
        booked: The latest appointment.
        busy: Letters on their way.
        next_at: When the next may go.
    """

    connections: float
    interval: float
    step: float
    capacity: int
    booked: float
    next_at: float
    busy: int = 0
    jobs: deque[Job] = field(default_factory=deque)


class Lanes:
    """What waits for its turn, by domain; for the one thread that hands letters out.

    A domain with a limit must not hold up the others. So its lane is short, and a letter that
    finds it full is put back with an appointment: it is claimed again about when there is room.
    """

    def __init__(
        self, limits: Mapping[str, DomainLimits], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._lanes = {domain: _lane(of, now=clock()) for domain, of in limits.items()}

    def __contains__(self, domain: str) -> bool:
        """Tell whether letters to a domain have a lane."""
        return domain in self._lanes

    @property
    def waiting(self) -> int:
        """How many letters are in the lanes."""
        return sum(len(lane.jobs) for lane in self._lanes.values())

    def enter(self, job: Job) -> timedelta | None:
        """Take a letter in; if its lane is full, return after what time to come again."""
        lane = self._lanes[domain_of(job.claimed)]
        if len(lane.jobs) < lane.capacity:
            lane.jobs.append(job)
            return None
        now = self._clock()
        lane.booked = max(lane.booked, now + HORIZON / 2) + lane.step
        return timedelta(seconds=lane.booked - now)

    def ready(self) -> Iterator[Job]:
        """Yield the letters whose turn it is; each is on its way until it has `left`."""
        now = self._clock()
        for lane in self._lanes.values():
            while lane.jobs and lane.busy < lane.connections and lane.next_at <= now:
                lane.next_at = max(lane.next_at, now - CATCH_UP) + lane.interval
                lane.busy += 1
                yield lane.jobs.popleft()

    def left(self, domain: str) -> None:
        """Note that a letter to a domain is not on its way any more."""
        if domain in self._lanes:
            self._lanes[domain].busy -= 1

    def until_next(self) -> float:
        """Return the seconds until a turn comes; those that wait for a connection aside."""
        turns = [
            lane.next_at
            for lane in self._lanes.values()
            if lane.jobs and lane.busy < lane.connections
        ]
        return max(0.0, min(turns) - self._clock()) if turns else float("inf")


def _lane(limits: DomainLimits, *, now: float) -> _Lane:
    rate = limits.per_second or EACH * (limits.connections or 1)
    return _Lane(
        connections=limits.connections or float("inf"),
        interval=1 / limits.per_second if limits.per_second else 0.0,
        step=1 / rate,
        capacity=math.ceil(rate * HORIZON),
        booked=now,
        next_at=now,
    )
