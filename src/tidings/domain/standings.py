"""How a relay, or a recipients' domain, has lately taken our letters: when to leave it alone."""

from dataclasses import dataclass, field
from datetime import timedelta

from tidings.domain.newsletters import DeliveryState
from tidings.domain.retries import FAULT, Verdict

MAX_FAULTS = 5
"""Letters in a row refused for our sake, after which the next ones are spared it."""

REMEMBERED = 200
"""Letters that are looked back on."""

MAX_SHARE = REMEMBERED // 5
"""How many of those may be refused for our sake, in a row or not."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The last letters: for each the domain that would not have it because of us, or nothing."""

    blamed: tuple[str, ...] = ()

    def after(self, blamed: str) -> "Standing":
        """Return how things stand after one letter more."""
        return Standing((*self.blamed, blamed)[-REMEMBERED:])

    def without(self, domain: str) -> "Standing":
        """Return how things stand if a domain's refusals are its own matter."""
        return Standing(tuple("" if one == domain else one for one in self.blamed))

    @property
    def is_bad(self) -> bool:
        """Whether too many were refused, in a row or of all."""
        latest = self.blamed[-MAX_FAULTS:]
        return (len(latest) == MAX_FAULTS and all(latest)) or (
            sum(map(bool, self.blamed)) >= MAX_SHARE
        )


@dataclass(slots=True)
class Standings:
    """The relay, and every domain that has refused a letter lately.

    A domain that refuses us stands for itself: it is left alone, and the relay is not blamed
    for it. Where domain after domain refuses us it is the relay. No mailbox that does not
    exist, or is full, counts against anybody.
    """

    relay: Standing = Standing()
    domains: dict[str, Standing] = field(default_factory=dict)

    def note(self, domain: str, verdict: Verdict) -> tuple[timedelta, timedelta]:
        """Take account of a letter; return for how long to leave its domain alone, and the relay."""
        blamed = domain if verdict.blames_domain else ""
        if blamed or domain in self.domains:
            self.domains[domain] = self.domains.get(domain, Standing()).after(blamed)
        if blamed and self.domains[domain].is_bad:
            del self.domains[domain]
            self.relay = self.relay.without(domain)
            return verdict.pause, verdict.relay_pause
        is_fault = bool(blamed) and verdict.state is DeliveryState.HELD
        self.relay = self.relay.after(blamed if is_fault else "")
        if is_fault and self.relay.is_bad:
            return timedelta(0), max(verdict.relay_pause, FAULT)
        return timedelta(0), verdict.relay_pause
