"""What happens to subscriptions, each with its line in the consent record."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from tidings.db.database import Connection
from tidings.errors import ConflictError
from tidings.mail.addresses import EmailAddress
from tidings.model.newsletters import Ending, Subscription
from tidings.model.subscribers import (
    OWN_ENDINGS,
    Consent,
    ConsentEvent,
    MessageKind,
    Preferences,
    SuppressionReason,
    can_undo,
)
from tidings.subscribers.store import (
    consents,
    subscribers,
    subscriptions,
    suppressions,
    transactional,
)
from tidings.subscribers.subscriber_access import in_record, letter_about

logger = logging.getLogger(__name__)

ENDINGS: Mapping[SuppressionReason, Ending] = MappingProxyType(
    {
        SuppressionReason.BOUNCES: Ending.BOUNCES,
        SuppressionReason.COMPLAINT: Ending.COMPLAINT,
        SuppressionReason.OPERATOR: Ending.OPERATOR,
        SuppressionReason.ERASED: Ending.READER,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who does something, and when.

    Attributes:
        by: "reader", "operator" or "program", for the record.
        network: Where from, as a keyed hash.
    """

    now: datetime
    by: str
    network: str | None = None

    def line(self, event: ConsentEvent, newsletter: str | None, **details: str) -> Consent:
        """Return the line for the record."""
        return Consent(
            at=self.now,
            event=event,
            newsletter=newsletter,
            network=self.network,
            details={"by": self.by, **details},
        )


def add(
    connection: Connection, newsletter: str, address: EmailAddress, *, wish: Preferences, act: Actor
) -> None:
    """Subscribe somebody by the operator's word.

    Raises:
        NotFoundError: There is no such newsletter or topic.
        ConflictError: They are subscribed already.
    """
    both = address.address, address.key
    number = subscriptions.add(connection, newsletter, both, wish, act.now)
    made = subscriptions.get(connection, number)
    _record(connection, made, act.line(ConsentEvent.ADDED, newsletter, **in_record(wish)))


def edit(connection: Connection, old: Subscription, wish: Preferences, *, act: Actor) -> None:
    """Change a subscription to a wish; if it is as wished already, nothing happens.

    Raises:
        ConflictError: It has ended.
    """
    if old.ended_at is not None:
        raise ConflictError("subscription", old.newsletter.slug, because="has ended")
    kept = Preferences(
        schedule=old.schedule, language=old.language, topics=tuple(sorted(old.topics))
    )
    asked = Preferences(
        schedule=wish.schedule, language=wish.language, topics=tuple(sorted(wish.topics))
    )
    if asked != kept:
        subscriptions.edit(connection, old.id, wish, now=act.now)
        _record(connection, old, act.line(ConsentEvent.CHANGED, _slug(old), **in_record(wish)))


def pause(connection: Connection, old: Subscription, *, act: Actor) -> None:
    """Plan nothing more for a subscription until it is resumed."""
    if subscriptions.pause(connection, old.id, now=act.now):
        _record(connection, old, act.line(ConsentEvent.PAUSED, _slug(old)))


def resume(connection: Connection, old: Subscription, *, catches_up: bool, act: Actor) -> None:
    """Plan for a paused subscription again: from now on, or with what it missed."""
    if subscriptions.resume(connection, old, catches_up=catches_up, now=act.now):
        how = "with what was missed" if catches_up else "from now on"
        _record(connection, old, act.line(ConsentEvent.RESUMED, _slug(old), how=how))


def end(connection: Connection, old: Subscription, because: Ending, *, act: Actor) -> None:
    """End a subscription; who does so themselves gets one letter with the way back."""
    if not subscriptions.end(connection, old.id, because, now=act.now):
        return
    _record(connection, old, act.line(ConsentEvent.ENDED, _slug(old), because=because))
    logger.info("subscription ended", extra={"subscription": old.id, "because": because.value})
    if because in OWN_ENDINGS:
        once_a_day = f"{old.id}.{act.now:%Y%m%d}.goodbye"
        letter = replace(letter_about(MessageKind.GOODBYE, old), name=once_a_day)
        transactional.add(connection, letter, now=act.now)


def undo(connection: Connection, old: Subscription, *, act: Actor) -> None:
    """Let a subscription that its reader ended go on as it was, from now on.

    Raises:
        ConflictError: It ended too long ago, or for another reason.
    """
    if old.ended_at is None:
        return
    if not can_undo(old, now=act.now):
        because = "cannot be brought back any more"
        raise ConflictError("subscription", old.newsletter.slug, because=because)
    if subscriptions.bring_back(connection, old, now=act.now):
        _record(connection, old, act.line(ConsentEvent.UNDONE, _slug(old)))


def suppress(
    connection: Connection,
    address: tuple[str, bytes],
    reason: SuppressionReason,
    *,
    evidence: str | None,
    act: Actor,
) -> bool:
    """Let an address get nothing any more, and nothing that waits; say whether that is new.

    Args:
        connection: A writing one.
        address: By its key, and by its keyed hash.
        reason: Why; subscriptions end for the same.
        evidence: What shows it.
        act: By whom, and when.
    """
    key, hashed = address
    is_new = suppressions.add(connection, hashed, reason, now=act.now, evidence=evidence)
    for one in subscriptions.of_key(connection, key):
        end(connection, one, ENDINGS[reason], act=act)
    suppressions.withdraw(connection, key, now=act.now)
    return is_new


def _record(connection: Connection, old: Subscription, line: Consent) -> None:
    consents.add(connection, subscribers.owner_of(connection, old.id), line)


def _slug(old: Subscription) -> str:
    return old.newsletter.slug
