"""One attempt to send one message: build, mark, hand over; and its result."""

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
from tidings.newsletters.retries import BACKOFF, Verdict, judge
from tidings.newsletters.store.outbox import OutboxMessage

logger = logging.getLogger(__name__)


def attempt(
    queue: Queue[Claimed], claimed: Claimed, *, send: Send, mark: Callable[[], None]
) -> AttemptResult[Claimed]:
    """Try to send a message; `mark` commits the marker right before the payload is written."""
    verdict: Verdict | None
    try:
        try:
            message = queue.message_of(claimed)
        except (ValueError, NotFoundError, TemplateError) as error:
            return hold_unbuildable(claimed, error)
        reply = str(send(message.envelope, message.content, mark))
        verdict = Verdict(state=DeliveryState.ACCEPTED)
    except DeliveryError as error:
        verdict = judge(error, attempt=claimed.attempt, is_resend=claimed.is_resend)
        reply = error.because
    except DatabaseAwayError:
        return put_back(claimed, timedelta(0))  # the marker failed, so nothing was sent
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


def hold_unbuildable(claimed: Claimed, error: Exception) -> AttemptResult[Claimed]:
    """Return the result for a message that cannot be built, and so is not sent."""
    # A resend may have arrived the first time: it stays doubtful, and is not called held.
    state = DeliveryState.UNCERTAIN if claimed.is_resend else DeliveryState.HELD
    verdict = Verdict(state=state, pause=BACKOFF[-1], unmarked=not claimed.is_resend)
    return AttemptResult(claimed=claimed, verdict=verdict, reply=str(error))


def put_back(claimed: Claimed, pause: timedelta) -> AttemptResult[Claimed]:
    """Return the result for a message that is not tried before a pause is over."""
    state = DeliveryState.UNCERTAIN if claimed.is_resend else DeliveryState.READY
    verdict = Verdict(state=state, pause=pause, unmarked=not claimed.is_resend)
    return AttemptResult(claimed=claimed, verdict=verdict, reply="", untried=True)
