"""Retries: the state and the pause after a failed attempt, and circuit breakers.

One circuit breaker per relay and recipient domain: after too many refusals it is paused for a
while. Also what the operator may do with a delivery in which state.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tidings.errors import DeliveryError, LostReplyError, RejectedError, SenderFaultError
from tidings.model.newsletters import DeliveryState

# The pause after the first temporary refusal, the second, and so on; the last one repeats. Short at
# first: greylisting wants a second try after a minute or five.
BACKOFF = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=3),
)

# The pause before the one repetition of a message whose reply was lost. Not at once: a relay that
# is busy with the first may take both.
RESEND_DELAY = timedelta(minutes=10)

# How long a relay that refuses the sender is paused.
FAULT_PAUSE = timedelta(minutes=15)

# How long a relay that cannot be reached is paused.
OUTAGE_PAUSE = timedelta(minutes=1)

# How long an issue is paused that is refused whoever it is for.
ISSUE_PAUSE = timedelta(hours=1)

# Attempts after which a message that may have arrived is not sent again.
MAX_DOUBTFUL_ATTEMPTS = 6

# Messages in a row that are refused because of the sender until the breaker opens.
MAX_CONSECUTIVE_FAULTS = 5

# The last messages that a breaker remembers.
BREAKER_WINDOW = 200

# How many of those may be refused because of the sender, in a row or not. A relay that takes every
# other message would never fail five times in a row.
MAX_FAULTS_IN_WINDOW = BREAKER_WINDOW // 5

# The states from which the operator may have a message sent (`delivery resend`).
RESENDABLE = (
    DeliveryState.ASSUMED_ACCEPTED,
    DeliveryState.UNCERTAIN,
    DeliveryState.HELD,
    DeliveryState.REJECTED,
    DeliveryState.EXPIRED,
)

# The states from which the operator may cancel a message (`delivery cancel`).
CANCELLABLE = (
    DeliveryState.READY,
    DeliveryState.DEFERRED,
    DeliveryState.HELD,
    DeliveryState.UNCERTAIN,
)

# The states of messages that may have arrived, and may not.
DOUBTFUL = (DeliveryState.UNCERTAIN, DeliveryState.ASSUMED_ACCEPTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What to do with a delivery after an attempt.

    Attributes:
        pause: Before the next attempt, in states that have one.
        unmarked: It is certain that nothing was accepted: the marker is removed.
        relay_pause: How long to send nothing at all through the relay.
        blames_domain: Other messages to the recipient's domain may well be refused too.
        is_refusal: Refused for good, because of the recipient or of the sender.
    """

    state: DeliveryState
    pause: timedelta = timedelta(0)
    unmarked: bool = False
    relay_pause: timedelta = timedelta(0)
    blames_domain: bool = False
    is_refusal: bool = False


def judge(error: DeliveryError, *, attempt: int, is_resend: bool) -> Verdict:
    """Decide what to do after a failed attempt.

    Args:
        error: How it failed.
        attempt: Its number, from 1.
        is_resend: The message may have arrived before.
    """
    fault = isinstance(error, SenderFaultError)
    least = FAULT_PAUSE if fault else OUTAGE_PAUSE
    pause = max(BACKOFF[min(attempt, len(BACKOFF)) - 1], least)
    # Only where every message would meet the same fault: a recipient's server that dislikes us must
    # not stop the mail to everybody else.
    relay_pause = least if error.stops_relay else timedelta(0)
    if isinstance(error, LostReplyError):
        state = DeliveryState.ASSUMED_ACCEPTED if is_resend else DeliveryState.UNCERTAIN
        return Verdict(state=state, pause=RESEND_DELAY, relay_pause=relay_pause)
    # A repetition that is refused does not undo the doubt about the first: it may be tried again,
    # but is never called rejected.
    if is_resend:
        gives_up = isinstance(error, RejectedError) or attempt >= MAX_DOUBTFUL_ATTEMPTS
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
    """The last messages: for each the domain that refused the sender, or an empty string."""

    blamed: tuple[str, ...] = ()

    def with_message(self, blamed: str) -> "CircuitBreaker":
        """Return the breaker after one message more."""
        return CircuitBreaker((*self.blamed, blamed)[-BREAKER_WINDOW:])

    def without_domain(self, domain: str) -> "CircuitBreaker":
        """Return the breaker without the refusals of a domain that has a pause of its own."""
        return CircuitBreaker(tuple("" if one == domain else one for one in self.blamed))

    @property
    def is_open(self) -> bool:
        """Whether too many messages were refused, in a row or of all that are remembered."""
        latest = self.blamed[-MAX_CONSECUTIVE_FAULTS:]
        return (len(latest) == MAX_CONSECUTIVE_FAULTS and all(latest)) or (
            sum(map(bool, self.blamed)) >= MAX_FAULTS_IN_WINDOW
        )


@dataclass(slots=True)
class CircuitBreakers:
    """The breaker of the relay, and one for every domain that has refused the sender lately.

    A domain that refuses us is paused by itself; if domain after domain does, the relay is (it may
    be on a blocklist). Mailboxes that do not exist, or are full, do not count.
    """

    relay: CircuitBreaker = CircuitBreaker()
    domains: dict[str, CircuitBreaker] = field(default_factory=dict)

    def note(self, domain: str, verdict: Verdict) -> tuple[timedelta, timedelta]:
        """Count a message; return the pauses of its domain and of the relay, zero for none."""
        blamed = domain if verdict.blames_domain else ""
        if blamed or domain in self.domains:
            self.domains[domain] = self.domains.get(domain, CircuitBreaker()).with_message(blamed)
        if blamed and self.domains[domain].is_open:
            # Closed again after the pause: the first refusal then must not open it at once.
            del self.domains[domain]
            self.relay = self.relay.without_domain(domain)
            return verdict.pause, verdict.relay_pause
        # "Come back later" is a domain's own matter, however many say so (greylisting).
        is_fault = bool(blamed) and verdict.state is DeliveryState.HELD
        self.relay = self.relay.with_message(blamed if is_fault else "")
        if is_fault and self.relay.is_open:
            return timedelta(0), max(verdict.relay_pause, FAULT_PAUSE)
        return timedelta(0), verdict.relay_pause


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRecord:
    """A delivery with everything that is known of it.

    Attributes:
        subscriber: The address.
        newsletter: The slug.
        issue: The id.
        may_have_arrived: It has a marker: the payload was about to be written, or was.
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
        key: The subscriber's address, normalised.
    """

    state: DeliveryState | None = None
    newsletter: str | None = None
    issue: int | None = None
    key: str | None = None
