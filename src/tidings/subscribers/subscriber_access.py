"""What holds for subscribers, whatever they came for: their addresses, and who is barred."""

from tidings.db.database import Connection
from tidings.errors import ConflictError, InvalidError, NotFoundError
from tidings.mail.addresses import EmailAddress, parse_address
from tidings.model.newsletters import Subscription
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
    """Read the address that somebody wants letters at.

    Raises:
        InvalidError: It is none, or one that nobody reads.
    """
    address = parse_address(text)
    if is_role(address.key):
        raise InvalidError("address", text, "nobody reads a newsletter there", detail="role")
    return address


def reader_by(connection: Connection, links: SignedLinks, token: str) -> SubscriberProfile:
    """Return whose preferences a link leads to.

    Raises:
        NotFoundError: The link is not ours (`link`), or worth nothing any more (`subscriber`).
    """
    number, version = links.preferences.read(token)
    reader = subscribers.get(connection, number)
    if reader.token_version != version:
        raise NotFoundError("subscriber", "by that link")
    return reader


def is_barred(connection: Connection, links: SignedLinks, key: str) -> bool:
    """Say whether an address is not written to even if its owner asks for it.

    Who asked to be forgotten comes back by asking; who bounces or complained does not.
    """
    found = suppressions.find(connection, links.suppression_hash(key))
    return found is not None and found.reason is not SuppressionReason.ERASED


def refuse_suppressed(connection: Connection, links: SignedLinks, address: EmailAddress) -> None:
    """Raise unless the operator may subscribe an address.

    Raises:
        ConflictError: It gets nothing any more.
    """
    if suppressions.find(connection, links.suppression_hash(address.key)):
        because = "is suppressed: see tidings suppression"
        raise ConflictError("address", address.address, because=because)


def letter_about(kind: MessageKind, subscription: Subscription) -> NewMessage:
    """Return a letter to a subscriber about their subscription."""
    return NewMessage(
        kind=kind,
        address=subscription.address,
        language=subscription.language,
        newsletter_id=subscription.newsletter.id,
        subscription_id=subscription.id,
    )


def in_record(wish: Preferences) -> dict[str, str]:
    """Return a wish as the consent record has it."""
    return {
        "frequency": wish.schedule.frequency.value,
        "hour": str(wish.schedule.hour),
        "timezone": wish.schedule.timezone,
        "language": wish.language,
        "topics": " ".join(wish.topics),
    }
