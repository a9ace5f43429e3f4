"""The interface between the sender and its queues: issues, and transactional mail.

A queue is made anew for each round of sending: what it has learnt in one (domains that refuse us,
encoded issues) does not outlive it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from tidings.db.database import Connection
from tidings.mail.transport import OutgoingMessage
from tidings.newsletters.retries import Verdict
from tidings.newsletters.store.outbox import Outbox, OutboxMessage, Settled

Claimed = TypeVar("Claimed", bound=OutboxMessage)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptResult(Generic[Claimed]):
    """The result of an attempt.

    Attributes:
        verdict: None if the lease was lost, or the outcome is unknown; nothing is settled then.
        untried: It was put back without an attempt.
    """

    claimed: Claimed
    verdict: Verdict | None
    reply: str
    untried: bool = False

    def settled(self, verdict: Verdict, *, now: datetime) -> Settled:
        """Return what is saved of it."""
        return Settled(
            id=self.claimed.id,
            state=verdict.state,
            next_try_at=now + verdict.pause,
            reply=self.reply,
            unmarked=verdict.unmarked,
            untried=self.untried,
        )


class Pauses(Generic[Claimed]):
    """Pauses of domains or issues within a queue; the base class pauses nothing.

    `pause_of` is called by the threads that send, the rest by the one that claims and settles.
    """

    def refresh(self, connection: Connection, *, now: datetime) -> None:
        """Load the pauses of other processes."""

    def pause_of(self, claimed: Claimed, *, now: datetime) -> timedelta:  # noqa: ARG002 - of subclasses
        """Return how long a message has to wait; zero if it may be sent."""
        return timedelta(0)

    def adjust(self, result: AttemptResult[Claimed], verdict: Verdict) -> Verdict:  # noqa: ARG002 - likewise
        """Return the verdict in view of earlier replies, and note what to pause.

        May be called again for the same reply, if the database was away.
        """
        return verdict

    def save(self, connection: Connection, *, now: datetime) -> None:
        """Write new pauses, in the transaction that settles the messages."""

    def saved(self) -> None:
        """Forget what is written: the transaction is committed."""


class Queue(Protocol[Claimed]):
    """The messages of one kind, during one round of sending.

    Attributes:
        outbox: Their table.
        pauses: Which of them have to wait.
    """

    outbox: Outbox
    pauses: Pauses[Claimed]

    def is_any_due(self, connection: Connection, *, now: datetime) -> bool:
        """Tell whether there may be anything to send, recover or withdraw."""

    def withdraw(self, connection: Connection, *, now: datetime) -> None:
        """Cancel what is not wanted any more, and expire what has waited too long."""

    def claim(self, owner: str, *, limit: int, now: datetime) -> Sequence[Claimed]:
        """Lease up to `limit` due messages, in a transaction of its own."""

    def message_of(self, claimed: Claimed) -> OutgoingMessage:
        """Build a message; called by several threads at once.

        Raises:
            NotFoundError: What it is about is not there any more.
            TemplateError: Its template cannot cope with it.
            ValueError: Something of it cannot stand in a message.
        """
