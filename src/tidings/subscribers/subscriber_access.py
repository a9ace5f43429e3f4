"""Checks that all use cases of subscribers share: addresses, links, suppression."""

from tidings.db.database import Connection
from tidings.errors import ConflictError, InvalidError, NotFoundError
from tidings.mail.addresses import EmailAddress, parse_address
from tidings.model.newsletters import WEEKDAYS, Subscription
from tidings.model.subscribers import (
    MessageKind,
    Preferences,
    SubscriberProfile,
    SuppressionReason,
    is_role,
)
from tidings.subscribers.signed_links import SignedLinks
from tidings.subscribers.store import subscribers, suppressions
from tidings.subscribers.store.transactional import NewMessage


def read_address(text: str) -> EmailAddress:
    """Parse the address of a subscriber.

    Raises:
        InvalidError: It is not valid, or a role such as `noreply`, which nobody reads.
    """
    address = parse_address(text)
    if is_role(address.key):
        raise InvalidError("address", text, "nobody reads a newsletter there", detail="role")
    return address


def subscriber_of_link(connection: Connection, links: SignedLinks, token: str) -> SubscriberProfile:
    """Return the subscriber of a link to preferences.

    Raises:
        NotFoundError: The link is not ours (`link`), or is revoked (`subscriber`).
    """
    number, version = links.preferences.read(token)
    profile = subscribers.get(connection, number)
    if profile.token_version != version:
        raise NotFoundError("subscriber", "by that link")
    return profile


def is_barred(connection: Connection, links: SignedLinks, key: str) -> bool:
    """Tell whether an address gets nothing even if its owner signs up.

    Who was erased at their request can sign up again; who bounced or complained cannot.
    """
    found = suppressions.find(connection, links.suppression_hash(key))
    return found is not None and found.reason is not SuppressionReason.ERASED


def refuse_suppressed(connection: Connection, links: SignedLinks, address: EmailAddress) -> None:
    """Raise unless the operator may subscribe an address.

    Raises:
        ConflictError: It gets nothing any more.
    """
    # Erased ones too, unlike `is_barred`: only they themselves may undo that.
    if suppressions.find(connection, links.suppression_hash(address.key)):
        because = "is suppressed: see tidings suppression"
        raise ConflictError("address", address.address, because=because)


def message_about(kind: MessageKind, subscription: Subscription) -> NewMessage:
    """Return a message to a subscriber about their subscription."""
    return NewMessage(
        kind=kind,
        address=subscription.address,
        language=subscription.language,
        newsletter_id=subscription.newsletter.id,
        subscription_id=subscription.id,
    )


def consent_details(preferences: Preferences) -> dict[str, str]:
    """Return preferences as the consent record has them."""
    return {
        "frequency": preferences.schedule.frequency.value,
        "hour": str(preferences.schedule.hour),
        "timezone": preferences.schedule.timezone,
        "weekday": WEEKDAYS[preferences.schedule.weekday],
        "language": preferences.language,
        "topics": " ".join(preferences.topics),
    }
