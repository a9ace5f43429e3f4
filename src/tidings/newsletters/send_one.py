"""One message, one attempt: built, marked, handed over; and what came of it."""

import logging
from collections.abc import Callable
from datetime import timedelta

from tidings.errors import (
    DatabaseAwayError,
    DeliveryError,
    LeaseLostError,
    NotFoundError,
    StorageError,
    TemplateError,
)
from tidings.mail.transport import Send
from tidings.model.newsletters import DeliveryState
from tidings.newsletters.message_queue import AttemptResult, Claimed, Queue
from tidings.newsletters.retries import PAUSES, Verdict, judge
from tidings.newsletters.store.outbox import OutboxMessage

logger = logging.getLogger(__name__)


def attempt(
    queue: Queue[Claimed], claimed: Claimed, *, send: Send, mark: Callable[[], None]
) -> AttemptResult[Claimed]:
    """Try to send a message; `mark` notes that it is about to leave."""
    verdict: Verdict | None
    try:
        try:
            message = queue.message_of(claimed)
        except (ValueError, NotFoundError, TemplateError) as error:
            return unfit(claimed, error)
        reply = str(send(message.envelope, message.content, mark))
        verdict = Verdict(state=DeliveryState.ACCEPTED)
    except DeliveryError as error:
        verdict = judge(error, attempt=claimed.attempt, is_resend=claimed.is_resend)
        reply = error.because
    except DatabaseAwayError:
        return put_back(claimed, timedelta(0))  # no marker: nothing has left the house
    except (LeaseLostError, StorageError) as error:
        verdict, reply = None, str(error)
    except Exception as error:  # one message must not stop the others
        about = {"kind": claimed.kind, "message_id": claimed.message_id}
        logger.exception("message failed", extra=about)
        verdict, reply = None, str(error)
    return AttemptResult(claimed=claimed, verdict=verdict, reply=reply)


def domain_of(claimed: OutboxMessage) -> str:
    """Return the recipient's domain."""
    return claimed.address.rpartition("@")[2].lower()


def unfit(claimed: Claimed, error: Exception) -> AttemptResult[Claimed]:
    """Return what comes of a message that is not as messages must be, and so is not sent."""
    # Once it may have arrived it is in doubt for good: only what was never sent can be held.
    state = DeliveryState.UNCERTAIN if claimed.is_resend else DeliveryState.HELD
    verdict = Verdict(state=state, pause=PAUSES[-1], unmarked=not claimed.is_resend)
    return AttemptResult(claimed=claimed, verdict=verdict, reply=str(error))


def put_back(claimed: Claimed, pause: timedelta) -> AttemptResult[Claimed]:
    """Return what comes of a message that is not to be tried before a pause is over."""
    state = DeliveryState.UNCERTAIN if claimed.is_resend else DeliveryState.READY
    verdict = Verdict(state=state, pause=pause, unmarked=not claimed.is_resend)
    return AttemptResult(claimed=claimed, verdict=verdict, reply="", untried=True)
