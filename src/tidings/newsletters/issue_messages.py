"""Issues as messages: encoded once, addressed to each recipient."""

from collections.abc import Callable
from datetime import datetime
from email.utils import make_msgid

from tidings.mail.message import ListHeaders, PreparedIssue, Recipient, prepare_issue
from tidings.mail.transport import Envelope, OutgoingMessage
from tidings.model.newsletters import Issue, Newsletter
from tidings.newsletters.store.deliveries import ClaimedDelivery


class IssueMessages:
    """Builds the messages of issues.

    Args:
        sender: The envelope sender where `bounces_to` gives none.
        bounces_to: Gives, by id and Message-ID, a delivery's own address for bounces and for
            unsubscribing by mail; None if there is none.
        list_headers_of: Headers of all messages of a newsletter.
        unsubscribe_url: By a subscription's id and nonce.
        preferences_url: By a subscriber's id and token version.
    """

    def __init__(
        self,
        *,
        sender: str,
        bounces_to: Callable[[int, str], str | None],
        list_headers_of: Callable[[Newsletter], ListHeaders],
        unsubscribe_url: Callable[[int, int], str],
        preferences_url: Callable[[int, int], str],
    ) -> None:
        self.sender = sender
        self.list_headers_of = list_headers_of
        self.unsubscribe_url = unsubscribe_url
        self._bounces_to = bounces_to
        self._preferences_url = preferences_url

    def prepare(self, issue: Issue) -> PreparedIssue:
        """Encode an issue.

        Raises:
            ValueError: Something of it cannot stand in a message.
        """
        return prepare_issue(issue, self.list_headers_of(issue.newsletter))

    def message_of(
        self, claimed: ClaimedDelivery, prepared: PreparedIssue, *, slug: str
    ) -> OutgoingMessage:
        """Address an issue to the recipient of a delivery; `slug` is the newsletter's.

        Raises:
            ValueError: The address cannot be written to.
        """
        recipient = Recipient(
            address=claimed.address,
            message_id=claimed.message_id,
            date=claimed.planned_at,
            unsubscribe_url=self.unsubscribe_url(claimed.subscription_id, claimed.nonce),
            preferences_url=self._preferences_url(claimed.subscriber_id, claimed.token_version),
            feedback_id=f"{claimed.issue_id}:{slug}:tidings",
            unsubscribe_address=self._bounces_to(claimed.id, claimed.message_id),
        )
        return self._message(prepared, recipient)

    def sample(self, issue: Issue, address: str, *, now: datetime) -> OutgoingMessage:
        """Return an issue as a test message; its links belong to no subscription.

        Raises:
            ValueError: Something of it cannot stand in a message.
        """
        # No subscription has the id 0: its links are validly signed, and unsubscribe nobody.
        message_id = make_msgid(domain=self.sender.rpartition("@")[2])
        recipient = Recipient(
            address=address,
            message_id=message_id,
            date=now,
            unsubscribe_url=self.unsubscribe_url(0, 0),
            preferences_url=self._preferences_url(0, 0),
            feedback_id=f"0:{issue.newsletter.slug}:tidings",
            unsubscribe_address=self._bounces_to(0, message_id),
        )
        return self._message(self.prepare(issue), recipient)

    def _message(self, prepared: PreparedIssue, recipient: Recipient) -> OutgoingMessage:
        content = prepared.message_to(recipient)
        # VERP: each delivery has its own envelope sender, so a bounce tells which one it was, even
        # where its text names neither recipient nor Message-ID.
        sender = recipient.unsubscribe_address or self.sender
        return OutgoingMessage(
            envelope=Envelope(sender=sender, recipient=recipient.address), content=content
        )
