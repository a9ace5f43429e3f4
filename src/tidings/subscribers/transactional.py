"""The queue of transactional mail: written when it is sent, each message from its template.

Somebody sits and waits for a message that asks for a confirmation, so it has a sender of its own
beside that of the issues, and never stands behind them.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from tidings.db.database import Connection, Database
from tidings.mail.message import ListHeaders, TransactionalMessage, build_transactional
from tidings.mail.transport import Envelope
from tidings.model.newsletters import Newsletter
from tidings.newsletters.message_queue import OutgoingMessage, Pauses
from tidings.subscribers.store import transactional
from tidings.subscribers.store.transactional import ClaimedMessage
from tidings.subscribers.transactional_context import ContextBuilder, subject_of
from tidings.subscribers.transactional_message import MessageContext, RenderedMessage


class TransactionalQueue:
    """Transactional messages whose time has come.

    No domain is left alone for the sake of these: each is for one person, who asked for it, and
    a confirmation that comes after a domain's pause comes too late.

    Args:
        list_headers_of: Of a newsletter; of the service itself where there is none.
        mail_domain: The last part of every Message-ID.
    """

    outbox = transactional.OUTBOX

    def __init__(
        self,
        database: Database,
        *,
        writer: ContextBuilder,
        write: Callable[[MessageContext], RenderedMessage],
        list_headers_of: Callable[[Newsletter | None], ListHeaders],
        mail_domain: str,
    ) -> None:
        self._database = database
        self._writer = writer
        self._write = write
        self._list_headers_of = list_headers_of
        self._mail_domain = mail_domain
        self.pauses: Pauses[ClaimedMessage] = Pauses()

    def is_any_due(self, connection: Connection, *, now: datetime) -> bool:
        """Tell whether there is anything to be sent, or to be decided over."""
        return transactional.is_any_due(connection, now=now)

    def withdraw(self, connection: Connection, *, now: datetime) -> None:
        """Cancel what is not true any more, and let expire what is late."""
        transactional.withdraw(connection, now=now)

    def claim(self, owner: str, *, limit: int, now: datetime) -> Sequence[ClaimedMessage]:
        """Take messages, the longest waiting first."""
        with self._database.write() as connection:
            return transactional.claim(connection, owner, limit=limit, now=now)

    def message_of(self, claimed: ClaimedMessage) -> OutgoingMessage:
        """Write a message, with links that are good now.

        Raises:
            NotFoundError: What it is about is not there any more.
            TemplateError: Its template cannot cope with it.
            ValueError: Something of it cannot stand in a message.
        """
        subject = subject_of(self._database, claimed)
        written = self._write(self._writer.context(claimed, subject))
        list_headers = self._list_headers_of(subject.newsletter)
        notice = TransactionalMessage(
            address=claimed.address,
            message_id=f"<{claimed.message_id}@{self._mail_domain}>",
            # When it was asked for: a repetition is the same to the byte.
            date=claimed.made_at,
            subject=written.subject,
            text=written.text,
            html=written.html,
            is_of_list=claimed.kind.is_of_list,
            unsubscribe_url=self._writer.unsubscribe_url(claimed),
        )
        content = build_transactional(notice, list_headers)
        envelope = Envelope(sender=list_headers.sender.address, recipient=claimed.address)
        return OutgoingMessage(envelope=envelope, content=content)
