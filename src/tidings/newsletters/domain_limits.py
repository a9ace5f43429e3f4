"""Rate limits per recipient domain: fewer connections or messages a second than the relay takes."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic

from tidings.mail.settings import DomainLimits
from tidings.newsletters.attempt import domain_of
from tidings.newsletters.message_queue import Claimed

# Seconds' worth of messages that wait in memory; what is beyond goes back to the database. Longer,
# and a crash or a second service would find them leased for nothing.
MAX_WAIT = 10.0

# Messages per second of one connection, where no rate is set: a relay takes about 0.1 s for each.
ASSUMED_RATE = 10.0

# Seconds of delay that the next messages may make up for.
CATCH_UP = 0.1


@dataclass(slots=True)
class _LimitedDomain(Generic[Claimed]):
    """A domain with a limit, and its messages that wait or are on their way. Times are monotonic.

    Attributes:
        interval: Seconds from one message to the next; 0 if the rate is not limited.
        step: Seconds between the times at which messages that were put back are claimed again.
        booked: The latest of those times.
        busy: Messages on their way.
        next_at: When the next one may be sent.
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
    """Queues of messages by domain; used by the one thread that dispatches.

    A limited domain must not hold up the others: only a few of its messages wait here, the others
    are put back, with the time at which there should be room for them.
    """

    def __init__(
        self, limits: Mapping[str, DomainLimits], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._domains: dict[str, _LimitedDomain[Claimed]] = {
            domain: _to_limited_domain(of, now=clock()) for domain, of in limits.items()
        }

    def __contains__(self, domain: str) -> bool:
        """Tell whether a domain has a limit."""
        return domain in self._domains

    @property
    def waiting(self) -> int:
        """How many messages wait here."""
        return sum(len(domain.waiting) for domain in self._domains.values())

    def add(self, claimed: Claimed) -> timedelta | None:
        """Queue a message; if there is no room, return after what time there should be."""
        domain = self._domains[domain_of(claimed)]
        if len(domain.waiting) < domain.capacity:
            domain.waiting.append(claimed)
            return None
        now = self._clock()
        # By then half of those that wait here have been sent.
        domain.booked = max(domain.booked, now + MAX_WAIT / 2) + domain.step
        return timedelta(seconds=domain.booked - now)

    def ready(self) -> Iterator[Claimed]:
        """Yield the messages that may be sent now; each counts as busy until it is `done`."""
        now = self._clock()
        for domain in self._domains.values():
            while domain.waiting and domain.busy < domain.connections and domain.next_at <= now:
                # Without making up for it, each delay of this loop would be lost from the rate.
                domain.next_at = max(domain.next_at, now - CATCH_UP) + domain.interval
                domain.busy += 1
                yield domain.waiting.popleft()

    def done(self, domain: str) -> None:
        """Note that a message to a domain was answered."""
        if domain in self._domains:
            self._domains[domain].busy -= 1

    def until_next(self) -> float:
        """Return the seconds until one may be sent; a free connection is reported by `done`."""
        turns = [
            domain.next_at
            for domain in self._domains.values()
            if domain.waiting and domain.busy < domain.connections
        ]
        return max(0.0, min(turns) - self._clock()) if turns else float("inf")


def _to_limited_domain(limits: DomainLimits, *, now: float) -> _LimitedDomain[Claimed]:
    rate = limits.per_second or ASSUMED_RATE * (limits.connections or 1)
    return _LimitedDomain(
        connections=limits.connections or float("inf"),
        interval=1 / limits.per_second if limits.per_second else 0.0,
        step=1 / rate,
        capacity=math.ceil(rate * MAX_WAIT),
        booked=now,
        next_at=now,
    )
