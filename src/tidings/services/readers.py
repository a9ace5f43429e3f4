"""What serving readers takes, whatever they came for."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from tidings.delivery.addresses import Mailbox, mailbox
from tidings.domain.newsletters import Subscription
from tidings.domain.notices import NoticeKind
from tidings.domain.readers import (
    Reader,
    SuppressionReason,
    Visitor,
    Wish,
    is_role,
    network_of,
)
from tidings.errors import ConflictError, InvalidError, NotFoundError
from tidings.services.links import Links
from tidings.storage import subscribers, suppressions
from tidings.storage.database import Connection, Database
from tidings.storage.notices import NewNotice


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderTools:
    """What it takes to serve readers.

    Attributes:
        languages: In which letters are written.
    """

    database: Database
    links: Links
    clock: Callable[[], datetime]
    languages: Collection[str]

    def hash_of(self, key: str) -> bytes:
        """Return what stands for an address, by its key, among those that get nothing."""
        return self.links.keyed_hash("suppression", key)

    def network_of(self, visitor: Visitor) -> str | None:
        """Return what stands for the network that a visitor came from; None if it is unknown."""
        return network_hash(self.links, visitor)


def network_hash(links: Links, visitor: Visitor) -> str | None:
    """Return what stands for the network that a visitor came from; None if it is unknown."""
    if not visitor.network:
        return None
    return links.keyed_hash("network", network_of(visitor.network)).hex()


def read_address(text: str) -> Mailbox:
    """Read the address that somebody wants letters at.

    Raises:
        InvalidError: It is none, or one that nobody reads.
    """
    address = mailbox(text)
    if is_role(address.key):
        raise InvalidError("address", text, "nobody reads a newsletter there", detail="role")
    return address


def reader_by(connection: Connection, tools: ReaderTools, token: str) -> Reader:
    """Return whose preferences a link leads to.

    Raises:
        NotFoundError: The link is not ours (`link`), or worth nothing any more (`subscriber`).
    """
    number, version = tools.links.preferences.read(token)
    reader = subscribers.get(connection, number)
    if reader.token_version != version:
        raise NotFoundError("subscriber", "by that link")
    return reader


def is_barred(connection: Connection, tools: ReaderTools, key: str) -> bool:
    """Say whether an address is not written to even if its owner asks for it.

    Who asked to be forgotten comes back by asking; who bounces or complained does not.
    """
    found = suppressions.find(connection, tools.hash_of(key))
    return found is not None and found.reason is not SuppressionReason.ERASED


def refuse_suppressed(connection: Connection, tools: ReaderTools, address: Mailbox) -> None:
    """Raise unless the operator may subscribe an address.

    Raises:
        ConflictError: It gets nothing any more.
    """
    if suppressions.find(connection, tools.hash_of(address.key)):
        because = "is suppressed: see tidings suppression"
        raise ConflictError("address", address.address, because=because)


def letter_about(kind: NoticeKind, subscription: Subscription) -> NewNotice:
    """Return a letter to a subscriber about their subscription."""
    return NewNotice(
        kind=kind,
        address=subscription.address,
        language=subscription.language,
        newsletter_id=subscription.newsletter.id,
        subscription_id=subscription.id,
    )


def in_record(wish: Wish) -> dict[str, str]:
    """Return a wish as the consent record has it."""
    return {
        "frequency": wish.schedule.frequency.value,
        "hour": str(wish.schedule.hour),
        "timezone": wish.schedule.timezone,
        "language": wish.language,
        "topics": " ".join(wish.topics),
    }
