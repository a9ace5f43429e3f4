"""What becomes of a delivery after an attempt: the decision of delivering."""

from dataclasses import dataclass
from datetime import timedelta

from tidings.domain.newsletters import DeliveryState
from tidings.errors import DeliveryError, LostReplyError, RejectedError, SenderFaultError

PAUSES = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=3),
)
"""How long to wait after the first refusal for now, the second, and so on; the last one stays."""

DOUBT = timedelta(minutes=10)
"""How long a message whose reply was lost is left alone before its one repetition."""

FAULT = timedelta(minutes=15)
"""How long a relay that refuses us is left alone."""

OUTAGE = timedelta(minutes=1)
"""How long a relay that cannot be reached is left alone."""

ISSUE_REST = timedelta(hours=1)
"""How long an issue is left alone that the relay refuses whoever it is for."""

MAX_DOUBTFUL = 6
"""Attempts after which a message that may have arrived is not tried any more."""


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
