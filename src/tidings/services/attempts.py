"""One letter, one attempt: built, marked, handed over; and what came of it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from tidings.delivery.letters import PreparedIssue, Recipient
from tidings.delivery.transports import Envelope, Send
from tidings.domain.newsletters import DeliveryState, Newsletter
from tidings.domain.retries import PAUSES, Verdict, judge
from tidings.errors import DatabaseAwayError, DeliveryError, LeaseLostError, StorageError
from tidings.storage import deliveries
from tidings.storage.database import Database
from tidings.storage.deliveries import ClaimedDelivery
from tidings.storage.outbox import Settled

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A letter to be sent."""

    claimed: ClaimedDelivery
    prepared: PreparedIssue
    newsletter: Newsletter


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a letter.

    Attributes:
        verdict: None if the letter is not ours any more, or nobody knows.
        untried: It was put back without an attempt.
    """

    claimed: ClaimedDelivery
    verdict: Verdict | None
    reply: str
    untried: bool = False

    def settled(self, verdict: Verdict, *, now: datetime) -> Settled:
        """Return what is to be noted of it."""
        return Settled(
            id=self.claimed.id,
            state=verdict.state,
            next_try_at=now + verdict.pause,
            reply=self.reply,
            unmarked=verdict.unmarked,
            untried=self.untried,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """How letters are tried; used by all threads that send.

    Attributes:
        owner: The round's name on what it is sending.
        sender: Where letters go that come back, if they have no address of their own for it.
        bounces_to: Gives, by id and Message-ID, the address of a delivery's own where it goes if
            it comes back, and where its reader can write to leave; None if there is none.
    """

    sender: str
    bounces_to: Callable[[int, str], str | None]
    unsubscribe_url: Callable[[int, int], str]
    preferences_url: Callable[[int, int], str]
    database: Database
    owner: str
    clock: Callable[[], datetime]

    def of(self, job: Job, send: Send) -> Result:
        """Try to send a letter."""
        claimed = job.claimed
        try:
            own = self.bounces_to(claimed.id, claimed.message_id)
            letter = job.prepared.letter(self._recipient(job, unsubscribe_address=own))
            envelope = Envelope(sender=own or self.sender, recipient=claimed.address)
        except ValueError as error:
            return unfit(claimed, error)
        try:
            reply = str(send(envelope, letter, partial(self._mark, claimed.id)))
            verdict: Verdict | None = Verdict(state=DeliveryState.ACCEPTED)
        except DeliveryError as error:
            verdict = judge(error, attempt=claimed.attempt, is_resend=claimed.is_resend)
            reply = error.because
        except DatabaseAwayError:
            return put_back(claimed, timedelta(0))  # no marker: nothing has left the house
        except (LeaseLostError, StorageError) as error:
            verdict, reply = None, str(error)
        except Exception as error:  # one letter must not stop the others
            logger.exception("letter failed", extra={"message_id": claimed.message_id})
            verdict, reply = None, str(error)
        return Result(claimed=claimed, verdict=verdict, reply=reply)

    def _mark(self, delivery_id: int) -> None:
        with self.database.write() as connection:
            deliveries.mark(connection, self.owner, delivery_id, now=self.clock())

    def _recipient(self, job: Job, *, unsubscribe_address: str | None) -> Recipient:
        claimed = job.claimed
        return Recipient(
            address=claimed.address,
            message_id=claimed.message_id,
            date=claimed.planned_at,
            unsubscribe_url=self.unsubscribe_url(claimed.subscription_id, claimed.nonce),
            preferences_url=self.preferences_url(claimed.subscriber_id, claimed.token_version),
            feedback_id=f"{claimed.issue_id}:{job.newsletter.slug}:tidings",
            unsubscribe_address=unsubscribe_address,
        )


def domain_of(claimed: ClaimedDelivery) -> str:
    """Return the recipient's domain."""
    return claimed.address.rpartition("@")[2].lower()


def unfit(claimed: ClaimedDelivery, error: Exception) -> Result:
    """Return what comes of a letter that is not as letters must be, and so is not sent."""
    state = DeliveryState.UNCERTAIN if claimed.is_resend else DeliveryState.HELD
    verdict = Verdict(state=state, pause=PAUSES[-1], unmarked=not claimed.is_resend)
    return Result(claimed=claimed, verdict=verdict, reply=str(error))


def put_back(claimed: ClaimedDelivery, pause: timedelta) -> Result:
    """Return what comes of a letter that is not to be tried before a pause is over."""
    state = DeliveryState.UNCERTAIN if claimed.is_resend else DeliveryState.READY
    verdict = Verdict(state=state, pause=pause, unmarked=not claimed.is_resend)
    return Result(claimed=claimed, verdict=verdict, reply="", untried=True)
