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
from tidings.mail.transport import OutgoingMessage, Reply
from tidings.model.newsletters import DeliveryState
from tidings.newsletters.message_queue import AttemptResult, Claimed, Queue
from tidings.newsletters.retries import BACKOFF, Verdict, judge
from tidings.newsletters.store.outbox import OutboxMessage

logger = logging.getLogger(__name__)


def build(queue: Queue[Claimed], claimed: Claimed) -> OutgoingMessage | AttemptResult[Claimed]:
    """Build a message; return the result of its attempt if that fails."""
    try:
        return queue.message_of(claimed)
    except (ValueError, NotFoundError, TemplateError) as error:
        return hold_unbuildable(claimed, error)
    except Exception as error:  # noqa: BLE001 - one message must not stop the others
        return _failed(claimed, error)


def attempt(claimed: Claimed, send: Callable[[], Reply]) -> AttemptResult[Claimed]:
    """Try to send a message, and judge what came of it."""
    try:
        reply = str(send())
        verdict = Verdict(state=DeliveryState.ACCEPTED)
    except DeliveryError as error:
        verdict = judge(error, attempt=claimed.attempt, is_resend=claimed.is_resend)
        reply = error.because
    except Exception as error:  # noqa: BLE001 - one message must not stop the others
        return _failed(claimed, error)
    return AttemptResult(claimed=claimed, verdict=verdict, reply=reply)


def _failed(claimed: Claimed, error: Exception) -> AttemptResult[Claimed]:
    """Return the result after an error that is not the relay's; nothing was sent, or who knows."""
    if isinstance(error, DatabaseAwayError):
        return put_back(claimed, timedelta(0))  # before the marker: nothing was sent
    if not isinstance(error, LeaseLostError | StorageError):
        about = {"kind": claimed.kind, "message_id": claimed.message_id}
        logger.error("message failed", extra=about, exc_info=error)
    return AttemptResult(claimed=claimed, verdict=None, reply=str(error))


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
