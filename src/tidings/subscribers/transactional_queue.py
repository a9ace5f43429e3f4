"""The queue of transactional mail, rendered when it is sent.

It has a sender of its own beside that of the issues: somebody waits at the screen for the message
to confirm, which must not queue behind a hundred thousand issues.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from tidings.db.database import Connection, Database
from tidings.mail.message import ListHeaders, TransactionalMessage, build_transactional
from tidings.mail.transport import Envelope, OutgoingMessage
from tidings.model.newsletters import Newsletter
from tidings.newsletters.message_queue import Pauses
from tidings.subscribers.store import transactional
from tidings.subscribers.store.transactional import ClaimedMessage
from tidings.subscribers.transactional_context import ContextBuilder, subject_of
from tidings.subscribers.transactional_message import MessageContext, RenderedMessage


class TransactionalQueue:
    """Due transactional messages.

    Args:
        contexts: Makes the context of a message's templates.
        render: Renders them.
        list_headers_of: Of a newsletter; of the service itself where there is none.
        mail_domain: The right side of Message-IDs.
    """

    outbox = transactional.OUTBOX

    def __init__(
        self,
        database: Database,
        *,
        contexts: ContextBuilder,
        render: Callable[[MessageContext], RenderedMessage],
        list_headers_of: Callable[[Newsletter | None], ListHeaders],
        mail_domain: str,
    ) -> None:
        self._database = database
        self._contexts = contexts
        self._render = render
        self._list_headers_of = list_headers_of
        self._mail_domain = mail_domain
        # No pauses of domains: each message is for one person, who asked for it, and a confirmation
        # after the pause would come too late.
        self.pauses: Pauses[ClaimedMessage] = Pauses()

    def is_any_due(self, connection: Connection, *, now: datetime) -> bool:
        """Tell whether there is anything to send, recover or withdraw."""
        return transactional.is_any_due(connection, now=now)

    def withdraw(self, connection: Connection, *, now: datetime) -> None:
        """Cancel what does not hold any more, and expire what is late."""
        transactional.withdraw(connection, now=now)

    def claim(self, owner: str, *, limit: int, now: datetime) -> Sequence[ClaimedMessage]:
        """Lease messages, the longest waiting first."""
        with self._database.write() as connection:
            return transactional.claim(connection, owner, limit=limit, now=now)

    def message_of(self, claimed: ClaimedMessage) -> OutgoingMessage:
        """Render a message, with links as they are valid now.

        Raises:
            NotFoundError: What it is about is not there any more.
            TemplateError: Its template cannot cope with it.
            ValueError: Something of it cannot stand in a message.
        """
        subject = subject_of(self._database, claimed)
        rendered = self._render(self._contexts.context(claimed, subject))
        list_headers = self._list_headers_of(subject.newsletter)
        message = TransactionalMessage(
            address=claimed.address,
            message_id=f"<{claimed.message_id}@{self._mail_domain}>",
            # Not the time of sending: a repetition has to be the same byte for byte.
            date=claimed.made_at,
            subject=rendered.subject,
            text=rendered.text,
            html=rendered.html,
            is_of_list=claimed.kind.is_of_list,
            unsubscribe_url=self._contexts.unsubscribe_url(claimed),
        )
        content = build_transactional(message, list_headers)
        envelope = Envelope(sender=list_headers.sender.address, recipient=claimed.address)
        return OutgoingMessage(envelope=envelope, content=content)


def forget_finished(database: Database, *, now: datetime) -> None:
    """Delete transactional messages that were finished long ago."""
    with database.write() as connection:
        transactional.prune(connection, now=now)
