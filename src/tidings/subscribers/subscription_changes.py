"""Changes of subscriptions, each with its line in the consent record (GDPR, article 7)."""

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
from tidings.subscribers.subscriber_access import consent_details, message_about

logger = logging.getLogger(__name__)

ENDING_OF: Mapping[SuppressionReason, Ending] = MappingProxyType(
    {
        SuppressionReason.BOUNCES: Ending.BOUNCES,
        SuppressionReason.COMPLAINT: Ending.COMPLAINT,
        SuppressionReason.OPERATOR: Ending.OPERATOR,
        # They asked to be forgotten, or had left the list that was imported.
        SuppressionReason.ERASED: Ending.READER,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who changes a subscription, and when; for the record.

    Attributes:
        by: "reader", "operator" or "program".
        network: A keyed hash of the network they came from.
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
    connection: Connection,
    newsletter: str,
    address: EmailAddress,
    *,
    preferences: Preferences,
    actor: Actor,
) -> None:
    """Subscribe somebody on behalf of the operator.

    Raises:
        NotFoundError: There is no such newsletter or topic.
        ConflictError: They are subscribed already.
    """
    both = address.address, address.key
    number = subscriptions.add(connection, newsletter, both, preferences, actor.now)
    made = subscriptions.get(connection, number)
    _record(
        connection, made, actor.line(ConsentEvent.ADDED, newsletter, **consent_details(preferences))
    )


def edit(
    connection: Connection, old: Subscription, preferences: Preferences, *, actor: Actor
) -> None:
    """Change the preferences of a subscription; without a difference nothing is recorded.

    Raises:
        ConflictError: It has ended.
    """
    if old.ended_at is not None:
        raise ConflictError("subscription", old.newsletter.slug, because="has ended")
    # Sorted: in which order topics are ticked is no difference.
    kept = Preferences(
        schedule=old.schedule, language=old.language, topics=tuple(sorted(old.topics))
    )
    asked = Preferences(
        schedule=preferences.schedule,
        language=preferences.language,
        topics=tuple(sorted(preferences.topics)),
    )
    if asked != kept:
        subscriptions.edit(connection, old.id, preferences, now=actor.now)
        _record(
            connection,
            old,
            actor.line(ConsentEvent.CHANGED, _slug(old), **consent_details(preferences)),
        )


def pause(connection: Connection, old: Subscription, *, actor: Actor) -> None:
    """Plan nothing more for a subscription until it is resumed."""
    if subscriptions.pause(connection, old.id, now=actor.now):
        _record(connection, old, actor.line(ConsentEvent.PAUSED, _slug(old)))


def resume(connection: Connection, old: Subscription, *, catches_up: bool, actor: Actor) -> None:
    """Resume a paused subscription: from now on, or with what it missed."""
    if subscriptions.resume(connection, old, catches_up=catches_up, now=actor.now):
        how = "with what was missed" if catches_up else "from now on"
        _record(connection, old, actor.line(ConsentEvent.RESUMED, _slug(old), how=how))


def end(connection: Connection, old: Subscription, because: Ending, *, actor: Actor) -> None:
    """End a subscription; a subscriber who ended it gets a message with a link to undo that."""
    if not subscriptions.end(connection, old.id, because, now=actor.now):
        return
    _record(connection, old, actor.line(ConsentEvent.ENDED, _slug(old), because=because))
    logger.info("subscription ended", extra={"subscription": old.id, "because": because.value})
    # Nobody else: who complained, or cannot be reached, must not get one more message.
    if because in OWN_ENDINGS:
        # The name is unique: who ends and undoes all day gets one such message.
        once_a_day = f"{old.id}.{actor.now:%Y%m%d}.goodbye"
        message = replace(message_about(MessageKind.GOODBYE, old), name=once_a_day)
        transactional.add(connection, message, now=actor.now)


def undo(connection: Connection, old: Subscription, *, actor: Actor) -> None:
    """Restore a subscription that its subscriber ended, from now on.

    Raises:
        ConflictError: It ended too long ago, or for another reason.
    """
    if old.ended_at is None:
        return
    if not can_undo(old, now=actor.now):
        because = "cannot be brought back any more"
        raise ConflictError("subscription", old.newsletter.slug, because=because)
    if subscriptions.bring_back(connection, old, now=actor.now):
        _record(connection, old, actor.line(ConsentEvent.UNDONE, _slug(old)))


def suppress(
    connection: Connection,
    address: tuple[str, bytes],
    reason: SuppressionReason,
    *,
    evidence: str | None,
    actor: Actor,
) -> bool:
    """Suppress an address: end its subscriptions, cancel its messages; return whether that is new.

    Args:
        connection: A writing one.
        address: Its key, and its keyed hash.
        reason: Why; its subscriptions end for the same reason.
        evidence: Such as the diagnostic of a bounce.
        actor: By whom, and when.
    """
    key, hashed = address
    is_new = suppressions.add(connection, hashed, reason, now=actor.now, evidence=evidence)
    for one in subscriptions.of_key(connection, key):
        end(connection, one, ENDING_OF[reason], actor=actor)
    # Last: it also cancels the goodbyes that ending has just queued.
    suppressions.withdraw(connection, key, now=actor.now)
    return is_new


def _record(connection: Connection, old: Subscription, line: Consent) -> None:
    consents.add(connection, subscribers.owner_of(connection, old.id), line)


def _slug(old: Subscription) -> str:
    return old.newsletter.slug
