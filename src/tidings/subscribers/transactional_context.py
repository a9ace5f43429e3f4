"""The contexts of transactional messages, looked up when they are sent: links are valid then."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from tidings.catalog import newsletters
from tidings.db.database import Database
from tidings.errors import NotFoundError
from tidings.model.newsletters import Newsletter, Subscription
from tidings.model.operators import Problem, ProblemKind
from tidings.model.subscribers import UNDO_TIME, MessageKind
from tidings.subscribers.signed_links import SignedLinks
from tidings.subscribers.store import subscriptions
from tidings.subscribers.store.transactional import ClaimedMessage
from tidings.subscribers.transactional_message import (
    AddressChangedContext,
    AddressContext,
    ConfirmContext,
    GoodbyeContext,
    MessageContext,
    OperatorContext,
    WelcomeContext,
)

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSubject:
    """What a transactional message is about.

    Attributes:
        newsletter: None if it is about a subscriber, or the whole service.
        subscription: Likewise.
        titles: Of the newsletters that the subscriber gets; of those they got, if that is none.
    """

    newsletter: Newsletter | None
    subscription: Subscription | None
    titles: tuple[str, ...]


def subject_of(database: Database, claimed: ClaimedMessage) -> MessageSubject:
    """Look up what a message is about.

    Raises:
        NotFoundError: It is not there any more.
    """
    with database.read() as connection:
        series = newsletters.by_id(connection).get(claimed.newsletter_id or 0)
        about = claimed.subscription_id
        subscription = subscriptions.get(connection, about) if about else None
        person = claimed.subscriber_id
        theirs = subscriptions.of_subscriber_id(connection, person) if person else []
    current = [one for one in theirs if one.ended_at is None]
    return MessageSubject(
        newsletter=series or (subscription.newsletter if subscription else None),
        subscription=subscription,
        titles=tuple(one.newsletter.title for one in current or theirs),
    )


class ContextBuilder:
    """Builds the contexts of transactional messages.

    Args:
        links: Signs links.
        site_url: Absolute, without a slash at the end.
        contact: Whom subscribers write to if their newsletter has no `reply_to`.
    """

    def __init__(self, links: SignedLinks, *, site_url: str, contact: str) -> None:
        self._links = links
        self._site_url = site_url
        self._contact = contact

    def context(self, claimed: ClaimedMessage, subject: MessageSubject) -> MessageContext:
        """Return the context of a message's templates.

        Raises:
            NotFoundError: What it is about is not there any more.
        """
        match claimed.kind:
            case MessageKind.CONFIRM:
                return self._confirm(claimed, subject)
            case MessageKind.WELCOME:
                return self._welcome(claimed, subject)
            case MessageKind.GOODBYE:
                return self._goodbye(claimed, subject)
            case MessageKind.ADDRESS:
                return self._address(claimed, subject)
            case MessageKind.MOVED:
                return self._moved(claimed, subject)
            case MessageKind.OPERATOR:
                return self._operator(claimed)

    def unsubscribe_url(self, claimed: ClaimedMessage) -> str | None:
        """Return the unsubscribe link; None in messages to somebody without a subscription."""
        # The others go to who has not subscribed yet, has left, or has a new address.
        if claimed.kind is not MessageKind.WELCOME or claimed.subscription_id is None:
            return None
        token = self._links.unsubscribe.sign(claimed.subscription_id, _required(claimed.nonce))
        return self._url("unsubscribe", token)

    def _confirm(self, claimed: ClaimedMessage, subject: MessageSubject) -> ConfirmContext:
        newsletter = _required(subject.newsletter)
        asked_at = _required(claimed.asked_at)
        token = self._links.confirm.sign(_required(claimed.sign_up_id), _seconds(asked_at))
        return ConfirmContext(
            language=claimed.language,
            site_url=self._site_url,
            postal_address=newsletter.postal_address,
            newsletter=newsletter.title,
            confirm_url=self._url("confirm", token),
            until=_required(claimed.link_expires_at),
        )

    def _welcome(self, claimed: ClaimedMessage, subject: MessageSubject) -> WelcomeContext:
        subscription = _required(subject.subscription)
        newsletter, schedule = subscription.newsletter, subscription.schedule
        own = _required(claimed.subscriber_id), _required(claimed.token_version)
        return WelcomeContext(
            language=claimed.language,
            site_url=self._site_url,
            postal_address=newsletter.postal_address,
            newsletter=newsletter.title,
            frequency=schedule.frequency,
            hour=schedule.hour,
            timezone=schedule.timezone,
            next_issue_at=subscription.next_issue_at,
            preferences_url=self._url("preferences", self._links.preferences.sign(*own)),
            unsubscribe_url=_required(self.unsubscribe_url(claimed)),
            issues_url=f"{self._site_url}/issues",
        )

    def _goodbye(self, claimed: ClaimedMessage, subject: MessageSubject) -> GoodbyeContext:
        subscription = _required(subject.subscription)
        token = self._links.unsubscribe.sign(subscription.id, subscription.nonce)
        return GoodbyeContext(
            language=claimed.language,
            site_url=self._site_url,
            postal_address=subscription.newsletter.postal_address,
            newsletter=subscription.newsletter.title,
            undo_url=self._url("unsubscribe", token),
            # No `ended_at`: they have come back since the message was claimed.
            until=(subscription.ended_at or claimed.made_at) + UNDO_TIME,
        )

    def _address(self, claimed: ClaimedMessage, subject: MessageSubject) -> AddressContext:
        asked_at = _required(claimed.asked_at)
        token = self._links.address.sign(_required(claimed.address_change_id), _seconds(asked_at))
        return AddressContext(
            language=claimed.language,
            site_url=self._site_url,
            postal_address=None,
            newsletters=subject.titles,
            confirm_url=self._url("address", token),
            until=_required(claimed.link_expires_at),
        )

    def _moved(self, claimed: ClaimedMessage, subject: MessageSubject) -> AddressChangedContext:
        newsletter = subject.newsletter
        return AddressChangedContext(
            language=claimed.language,
            site_url=self._site_url,
            postal_address=newsletter.postal_address if newsletter else None,
            newsletters=subject.titles,
            contact=(newsletter.reply_to if newsletter else None) or self._contact,
        )

    def _operator(self, claimed: ClaimedMessage) -> OperatorContext:
        return OperatorContext(
            language=claimed.language,
            site_url=self._site_url,
            postal_address=None,
            moment=claimed.made_at,
            worries=problems_from(claimed.details),
        )

    def _url(self, page: str, token: str) -> str:
        return f"{self._site_url}/{page}/{token}"


def problems_from(details: Mapping[str, object]) -> tuple[Problem, ...]:
    """Return the problems stored with a note to the operator."""
    match details.get("worries"):
        case list() as kept:
            return tuple(
                Problem(kind=ProblemKind(kind), count=count, lines=tuple(lines))
                for kind, count, lines in kept
            )
    raise NotFoundError("worries", "of a letter to the operator")


def _required(found: Found | None) -> Found:
    if found is None:
        raise NotFoundError("subject", "of a letter")
    return found


def _seconds(moment: datetime) -> int:
    # Tokens hold whole numbers: the time is compared in seconds as well.
    return int(moment.timestamp())
