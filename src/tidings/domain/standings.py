"""Circuit breaker per relay and recipient domain: who refuses us is left alone for a while."""

from dataclasses import dataclass, field
from datetime import timedelta

from tidings.domain.newsletters import DeliveryState
from tidings.domain.retries import FAULT, Verdict

MAX_FAULTS = 5
"""Messages in a row refused for our sake, after which the next ones are spared it."""

REMEMBERED = 200
"""Messages that are looked back on."""

MAX_SHARE = REMEMBERED // 5
"""How many of those may be refused for our sake, in a row or not."""


@dataclass(frozen=True, slots=True)
class CircuitBreaker:
    """The last messages: for each the domain that would not have it because of us, or nothing."""

    blamed: tuple[str, ...] = ()

    def after(self, blamed: str) -> "CircuitBreaker":
        """Return it after one message more."""
        return CircuitBreaker((*self.blamed, blamed)[-REMEMBERED:])

    def without(self, domain: str) -> "CircuitBreaker":
        """Return it without a domain's refusals, if they are its own matter."""
        return CircuitBreaker(tuple("" if one == domain else one for one in self.blamed))

    @property
    def is_open(self) -> bool:
        """Whether too many were refused, in a row or of all."""
        latest = self.blamed[-MAX_FAULTS:]
        return (len(latest) == MAX_FAULTS and all(latest)) or (
            sum(map(bool, self.blamed)) >= MAX_SHARE
        )


@dataclass(slots=True)
class CircuitBreakers:
    """That of the relay, and one for every domain that has refused a message lately.

    A domain that refuses us stands for itself: it is left alone, and the relay is not blamed
    for it. Where domain after domain refuses us it is the relay. No mailbox that does not
    exist, or is full, counts against anybody.
    """

    relay: CircuitBreaker = CircuitBreaker()
    domains: dict[str, CircuitBreaker] = field(default_factory=dict)

    def note(self, domain: str, verdict: Verdict) -> tuple[timedelta, timedelta]:
        """Take account of a message; return how long to leave its domain alone, and the relay."""
        blamed = domain if verdict.blames_domain else ""
        if blamed or domain in self.domains:
            self.domains[domain] = self.domains.get(domain, CircuitBreaker()).after(blamed)
        if blamed and self.domains[domain].is_open:
            # It begins anew after its pause: the first refusal then shall not pause it again.
            del self.domains[domain]
            self.relay = self.relay.without(domain)
            return verdict.pause, verdict.relay_pause
        # "Come back later" is a domain's own matter, however many say so (greylisting).
        is_fault = bool(blamed) and verdict.state is DeliveryState.HELD
        self.relay = self.relay.after(blamed if is_fault else "")
        if is_fault and self.relay.is_open:
            return timedelta(0), max(verdict.relay_pause, FAULT)
        return timedelta(0), verdict.relay_pause
