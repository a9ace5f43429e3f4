"""What becomes of a delivery after an attempt: the decision of delivering.

Circuit breaker per relay and recipient domain: who refuses us is left alone for a while.

Deliveries as the operator meets them: what is known of one, and what may be done with it.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tidings.errors import DeliveryError, LostReplyError, RejectedError, SenderFaultError
from tidings.model.newsletters import DeliveryState

# How long to wait after the first refusal for now, the second, and so on; the last one stays.
PAUSES = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=3),
)

# How long a message whose reply was lost is left alone before its one repetition.
DOUBT = timedelta(minutes=10)

# How long a relay that refuses us is left alone.
FAULT = timedelta(minutes=15)

# How long a relay that cannot be reached is left alone.
OUTAGE = timedelta(minutes=1)

# How long an issue is left alone that the relay refuses whoever it is for.
ISSUE_REST = timedelta(hours=1)

# Attempts after which a message that may have arrived is not tried any more.
MAX_DOUBTFUL = 6

# Messages in a row refused for our sake, after which the next ones are spared it.
MAX_FAULTS = 5

# Messages that are looked back on.
REMEMBERED = 200

# How many of those may be refused for our sake, in a row or not.
MAX_SHARE = REMEMBERED // 5

# The states out of which the operator may have a letter sent.
RESENDABLE = (
    DeliveryState.ASSUMED_ACCEPTED,
    DeliveryState.UNCERTAIN,
    DeliveryState.HELD,
    DeliveryState.REJECTED,
    DeliveryState.EXPIRED,
)

# The states out of which the operator may take a letter back.
CANCELLABLE = (
    DeliveryState.READY,
    DeliveryState.DEFERRED,
    DeliveryState.HELD,
    DeliveryState.UNCERTAIN,
)

# The states of letters that may have arrived, and may not.
DOUBTFUL = (DeliveryState.UNCERTAIN, DeliveryState.ASSUMED_ACCEPTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What to do with a delivery.

    Attributes:
        pause: Until it is tried again, if its state is one that is.
        unmarked: It is certain that nothing was accepted.
        relay_pause: How long to send nothing at all through the relay.
        blames_domain: What else goes to the recipient's domain may well fare the same.
        is_refusal: It was refused for good, be it for the recipient's sake or for ours.
    """

    state: DeliveryState
    pause: timedelta = timedelta(0)
    unmarked: bool = False
    relay_pause: timedelta = timedelta(0)
    blames_domain: bool = False
    is_refusal: bool = False


def judge(error: DeliveryError, *, attempt: int, is_resend: bool) -> Verdict:
    """Decide after a failed attempt.

    A fault of ours pauses the whole relay only where every message would meet it: a server
    behind the relay that dislikes us stops nobody else's mail. A repetition that fails does
    not undo the doubt about the first: it can be tried again, but never be called refused.

    Args:
        error: How it failed.
        attempt: Its number, from 1.
        is_resend: The message may have arrived before.
    """
    fault = isinstance(error, SenderFaultError)
    rest = FAULT if fault else OUTAGE
    pause = max(PAUSES[min(attempt, len(PAUSES)) - 1], rest)
    relay_pause = rest if error.stops_relay else timedelta(0)
    if isinstance(error, LostReplyError):
        state = DeliveryState.ASSUMED_ACCEPTED if is_resend else DeliveryState.UNCERTAIN
        return Verdict(state=state, pause=DOUBT, relay_pause=relay_pause)
    if is_resend:
        gives_up = isinstance(error, RejectedError) or attempt >= MAX_DOUBTFUL
        state = DeliveryState.ASSUMED_ACCEPTED if gives_up else DeliveryState.UNCERTAIN
        return Verdict(
            state=state, pause=pause, relay_pause=relay_pause, blames_domain=error.is_of_domain
        )
    if isinstance(error, RejectedError):
        return Verdict(state=DeliveryState.REJECTED, unmarked=True, is_refusal=True)
    state = DeliveryState.HELD if fault else DeliveryState.DEFERRED
    return Verdict(
        state=state,
        pause=pause,
        unmarked=True,
        relay_pause=relay_pause,
        blames_domain=error.is_of_domain,
        is_refusal=fault,
    )


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


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRecord:
    """A delivery with everything that is known of it.

    Attributes:
        subscriber: The address.
        newsletter: The slug.
        issue: The id.
        may_have_arrived: The payload was about to be written, and nobody saw it refused.
    """

    id: int
    subscriber: str
    newsletter: str
    issue: int
    slot: str
    state: DeliveryState
    attempts: int
    message_id: str
    reply: str | None
    planned_at: datetime
    next_try_at: datetime
    expires_at: datetime
    finished_at: datetime | None
    may_have_arrived: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which deliveries to list; what is None does not matter.

    Attributes:
        newsletter: A slug.
        issue: An id.
        key: Of the subscriber: the address as it is told apart.
    """

    state: DeliveryState | None = None
    newsletter: str | None = None
    issue: int | None = None
    key: str | None = None
