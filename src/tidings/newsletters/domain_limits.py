"""Messages to domains that take fewer at a time than the relay does."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic

from tidings.mail.settings import DomainLimits
from tidings.newsletters.message_queue import Claimed
from tidings.newsletters.send_one import domain_of

# Seconds for which messages wait here; what is beyond goes back to the database meanwhile.
HORIZON = 10.0

# Messages per second that one connection is thought to manage, where no rate is set.
EACH = 10.0

# Seconds by which a message that came late may make up for it.
CATCH_UP = 0.1


@dataclass(slots=True)
class _Domain(Generic[Claimed]):
    """What waits for a domain with a limit, and what is on its way there.

    Attributes:
        interval: Seconds from one message to the next; 0 if there is no limit.
        step: Seconds from one appointment to the next.
        booked: The latest appointment.
        busy: Messages on their way.
        next_at: When the next may go.
    """

    connections: float
    interval: float
    step: float
    capacity: int
    booked: float
    next_at: float
    busy: int = 0
    waiting: deque[Claimed] = field(default_factory=deque)


class DomainLimiter(Generic[Claimed]):
    """What waits for its turn, by domain; for the one thread that hands messages out.

    A domain with a limit must not hold up the others. So few wait here, and a message for which
    there is no room is put back with an appointment: it is claimed again about when there is.
    """

    def __init__(
        self, limits: Mapping[str, DomainLimits], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._domains: dict[str, _Domain[Claimed]] = {
            domain: _domain(of, now=clock()) for domain, of in limits.items()
        }

    def __contains__(self, domain: str) -> bool:
        """Tell whether a domain has a limit."""
        return domain in self._domains

    @property
    def waiting(self) -> int:
        """How many messages wait for their turn."""
        return sum(len(domain.waiting) for domain in self._domains.values())

    def add(self, claimed: Claimed) -> timedelta | None:
        """Take a message in; if there is no room, return after what time to come again."""
        domain = self._domains[domain_of(claimed)]
        if len(domain.waiting) < domain.capacity:
            domain.waiting.append(claimed)
            return None
        now = self._clock()
        # Half the horizon on: by then half of those that wait have gone.
        domain.booked = max(domain.booked, now + HORIZON / 2) + domain.step
        return timedelta(seconds=domain.booked - now)

    def ready(self) -> Iterator[Claimed]:
        """Yield the messages whose turn it is; each is on its way until it is `done`."""
        now = self._clock()
        for domain in self._domains.values():
            while domain.waiting and domain.busy < domain.connections and domain.next_at <= now:
                # Without making up for it, each delay of this loop would be lost from the rate.
                domain.next_at = max(domain.next_at, now - CATCH_UP) + domain.interval
                domain.busy += 1
                yield domain.waiting.popleft()

    def done(self, domain: str) -> None:
        """Note that a message to a domain is not on its way any more."""
        if domain in self._domains:
            self._domains[domain].busy -= 1

    def until_next(self) -> float:
        """Return the seconds until a turn comes; those that wait for a connection aside."""
        turns = [
            domain.next_at
            for domain in self._domains.values()
            if domain.waiting and domain.busy < domain.connections
        ]
        return max(0.0, min(turns) - self._clock()) if turns else float("inf")


def _domain(limits: DomainLimits, *, now: float) -> _Domain[Claimed]:
    rate = limits.per_second or EACH * (limits.connections or 1)
    return _Domain(
        connections=limits.connections or float("inf"),
        interval=1 / limits.per_second if limits.per_second else 0.0,
        step=1 / rate,
        capacity=math.ceil(rate * HORIZON),
        booked=now,
        next_at=now,
    )
