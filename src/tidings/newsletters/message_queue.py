"""What the sender asks of a queue of messages, and what it tells it.

Issues and transactional mail are such queues. A queue is made anew for each round of sending, so
what it has learnt in one (who refuses us, what is prepared) does not outlive it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from tidings.db.database import Connection
from tidings.mail.transport import Envelope
from tidings.newsletters.retries import Verdict
from tidings.newsletters.store.outbox import Outbox, OutboxMessage, Settled

Claimed = TypeVar("Claimed", bound=OutboxMessage)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMessage:
    """A message as it goes to the relay.

    Attributes:
        content: Head and body; the same bytes whenever it is sent again.
    """

    envelope: Envelope
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptResult(Generic[Claimed]):
    """What came of a message.

    Attributes:
        verdict: None if the message is not ours any more, or nobody knows.
        untried: It was put back without an attempt.
    """

    claimed: Claimed
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


class Pauses(Generic[Claimed]):
    """What of a queue is left alone meanwhile, besides the whole relay: here nothing.

    Senders' threads ask `pause_of`; everything else is called by the thread that claims and settles.
    """

    def refresh(self, connection: Connection, *, now: datetime) -> None:
        """Look up what others have paused."""

    def pause_of(self, claimed: Claimed, *, now: datetime) -> timedelta:  # noqa: ARG002 - of subclasses
        """Return for how long a message has to wait; nothing if it may go."""
        return timedelta(0)

    def weigh(self, result: AttemptResult[Claimed], verdict: Verdict) -> Verdict:  # noqa: ARG002 - likewise
        """Return what follows from a reply in view of those before; and what to pause.

        May be called again for the same reply, if the database was away.
        """
        return verdict

    def save(self, connection: Connection, *, now: datetime) -> None:
        """Write what is to be paused, beside what came of the messages."""

    def saved(self) -> None:
        """Forget what need not be written again: the transaction is committed."""


class Queue(Protocol[Claimed]):
    """The messages of one kind, as one round of sending meets them.

    Attributes:
        outbox: The table that they are in.
        pauses: What of them is left alone meanwhile.
    """

    outbox: Outbox
    pauses: Pauses[Claimed]

    def is_any_due(self, connection: Connection, *, now: datetime) -> bool:
        """Tell whether a round may find anything to send, or to decide over."""

    def withdraw(self, connection: Connection, *, now: datetime) -> None:
        """Cancel what is not to be sent any more, and let expire what has waited too long."""

    def claim(self, owner: str, *, limit: int, now: datetime) -> Sequence[Claimed]:
        """Take up to `limit` messages whose time has come, in a transaction of its own."""

    def message_of(self, claimed: Claimed) -> OutgoingMessage:
        """Build a message; called by several threads at once.

        Raises:
            NotFoundError: What it is about is not there any more.
            TemplateError: Its template cannot cope with it.
            ValueError: Something of it cannot stand in a message.
        """
