"""Bounces and complaints, each report once, and the bounce histories of subscribers."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, exists, func, or_, select, update

from tidings.db.mail_tables import delivery, newsletter, subscriber, subscription
from tidings.db.statements import upsert
from tidings.db.subscriber_tables import bounce, consent
from tidings.model.newsletters import DeliveryState
from tidings.model.subscribers import ConsentEvent
from tidings.subscribers.bounce_rules import BounceHistory, BounceKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressee:
    """The subscriber that a delivery went to.

    Attributes:
        key: Their normalised address.
        has_moved: They have changed their address since; the delivery went to the former one.
        reply: The relay's.
    """

    delivery_id: int
    message_id: str
    subscription_id: int
    subscriber_id: int
    key: str
    has_moved: bool
    reply: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBounce:
    """A bounce to be recorded.

    Attributes:
        report: A hash, the same for every copy of the report.
    """

    subscriber_id: int
    delivery_id: int
    kind: BounceKind
    status: str | None
    diagnostic: str
    report: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class BouncingSubscriber:
    """A subscriber with their bounce history.

    Attributes:
        arrived_at: When the first message after the last failure was accepted without a bounce.
    """

    subscriber_id: int
    history: BounceHistory
    arrived_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BounceLine:
    """A bounce as it is listed."""

    id: int
    at: datetime
    kind: BounceKind
    status: str | None
    subscriber: str
    newsletter: str | None
    slot: str | None
    diagnostic: str


def find_addressee(connection: Connection, delivery_id: int) -> Addressee | None:
    """Return the addressee of a delivery; None if it was removed."""
    found = _addressees(connection, delivery.c.id == delivery_id)
    return found[0] if found else None


def find_addressee_of(connection: Connection, message_id: str) -> Addressee | None:
    """Return the addressee of the delivery with a Message-ID; None if it is not ours."""
    found = _addressees(connection, delivery.c.message_id == message_id)
    return found[0] if found else None


def find_last_addressee(
    connection: Connection, subscription_id: int, *, nonce: int
) -> Addressee | None:
    """Return the addressee of the last delivery of a subscription that was sent."""
    has_left = (
        delivery.c.subscription_id == subscription_id,
        subscription.c.nonce == nonce,
        # The folder transport sets no marker: what it wrote is accepted at once.
        or_(delivery.c.marked_at.is_not(None), delivery.c.state == DeliveryState.ACCEPTED),
    )
    last = (
        select(func.max(delivery.c.id))
        .join(subscription, subscription.c.id == delivery.c.subscription_id)
        .where(*has_left)
    )
    found = _addressees(connection, delivery.c.id == last.scalar_subquery())
    return found[0] if found else None


def rejected(
    connection: Connection, *, before: datetime, now: datetime, limit: int
) -> list[Addressee]:
    """Return deliveries that the relay refused for good, and that are not recorded yet.

    Not while others are being sent: the relay may refuse them all. Refusals from `before` that
    time are returned anyway.
    """
    is_new = ~exists().where(bounce.c.delivery_id == delivery.c.id)
    other = delivery.alias()
    # Deferred ones do not count: they may wait for days.
    is_under_way = exists().where(
        other.c.finished_at.is_(None),
        other.c.next_try_at <= now,
        other.c.state.in_((DeliveryState.READY, DeliveryState.SENDING)),
    )
    is_old = delivery.c.finished_at <= before
    is_refused = delivery.c.state == DeliveryState.REJECTED
    return _addressees(connection, is_refused, is_new, or_(is_old, ~is_under_way), limit=limit)


def add(connection: Connection, new: NewBounce, *, now: datetime) -> bool:
    """Record a bounce; return whether it is new."""
    row = upsert(connection.dialect.name, bounce).values(
        subscriber_id=new.subscriber_id,
        delivery_id=new.delivery_id,
        at=now,
        kind=new.kind,
        status=new.status,
        diagnostic=new.diagnostic,
        report=new.report,
    )
    only = row.on_conflict_do_nothing(index_elements=[bounce.c.report])
    return connection.execute(only.returning(bounce.c.id)).first() is not None


def is_known_to_fail(connection: Connection, delivery_id: int) -> bool:
    """Tell whether a failure of a delivery is recorded."""
    failures = (bounce.c.delivery_id == delivery_id, bounce.c.kind == BounceKind.FAILED)
    return connection.execute(select(bounce.c.id).where(*failures).limit(1)).first() is not None


def lock(connection: Connection, subscriber_id: int) -> BouncingSubscriber | None:
    """Return a subscriber's bounce history, locked until the transaction ends."""
    is_them = subscriber.c.id == subscriber_id
    connection.execute(select(subscriber.c.id).where(is_them).with_for_update())
    # Read once the lock is held: a bounce that was saved meanwhile counts.
    found = _bouncing(connection, is_them)
    return found[0] if found else None


def bouncing(connection: Connection, *, before: datetime) -> list[BouncingSubscriber]:
    """Return subscribers with failures, the last of them before a time."""
    return _bouncing(connection, subscriber.c.bounce_score > 0, subscriber.c.bounced_at <= before)


def save_history(connection: Connection, subscriber_id: int, history: BounceHistory) -> None:
    """Save a subscriber's bounce history."""
    values = {
        "bounce_score": history.score,
        "bouncing_since": history.since,
        "bounced_at": history.last_at,
    }
    connection.execute(update(subscriber).where(subscriber.c.id == subscriber_id).values(values))


def latest(
    connection: Connection, *, key: str | None, kind: BounceKind | None, limit: int | None
) -> list[BounceLine]:
    """Return bounces, the newest first.

    Args:
        connection: A reading one.
        key: A normalised address; None for everybody.
        kind: None for all.
        limit: None for all.
    """
    statement = (
        select(
            *(bounce.c[name] for name in ("id", "at", "kind", "status", "diagnostic")),
            subscriber.c.address.label("subscriber"),
            newsletter.c.slug.label("newsletter"),
            delivery.c.slot,
        )
        .join(subscriber, subscriber.c.id == bounce.c.subscriber_id)
        .outerjoin(delivery, delivery.c.id == bounce.c.delivery_id)
        .outerjoin(subscription, subscription.c.id == delivery.c.subscription_id)
        .outerjoin(newsletter, newsletter.c.id == subscription.c.newsletter_id)
        .order_by(bounce.c.id.desc())
        .limit(limit)
    )
    if key is not None:
        statement = statement.where(subscriber.c.key == key)
    if kind is not None:
        statement = statement.where(bounce.c.kind == kind)
    rows = connection.execute(statement).mappings()
    return [BounceLine(**{**row, "kind": BounceKind(row["kind"])}) for row in rows]


def by_kind(connection: Connection) -> dict[str, int]:
    """Return the number of bounces by kind."""
    statement = select(bounce.c.kind, func.count().label("number")).group_by(bounce.c.kind)
    return {row.kind: row.number for row in connection.execute(statement)}


def _addressees(
    connection: Connection, *rules: ColumnElement[bool], limit: int | None = None
) -> list[Addressee]:
    # No marker where mail goes to the folder.
    sent_at = func.coalesce(delivery.c.marked_at, delivery.c.finished_at, delivery.c.planned_at)
    has_moved = exists().where(
        consent.c.subscriber_id == subscriber.c.id,
        consent.c.event == ConsentEvent.ADDRESS_CHANGED,
        consent.c.at >= sent_at,
    )
    statement = (
        select(
            delivery.c.id.label("delivery_id"),
            delivery.c.message_id,
            subscription.c.id.label("subscription_id"),
            subscriber.c.id.label("subscriber_id"),
            subscriber.c.key,
            has_moved.label("has_moved"),
            delivery.c.reply,
        )
        .join(subscription, subscription.c.id == delivery.c.subscription_id)
        .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
        .where(*rules)
        .order_by(delivery.c.id)
        .limit(limit)
    )
    rows = connection.execute(statement).mappings()
    return [Addressee(**{**row, "has_moved": bool(row["has_moved"])}) for row in rows]


def _bouncing(connection: Connection, *rules: ColumnElement[bool]) -> list[BouncingSubscriber]:
    arrived_at = (
        select(func.min(delivery.c.finished_at))
        .join(subscription, subscription.c.id == delivery.c.subscription_id)
        .where(
            subscription.c.subscriber_id == subscriber.c.id,
            delivery.c.state == DeliveryState.ACCEPTED,
            delivery.c.finished_at > subscriber.c.bounced_at,
            ~exists().where(bounce.c.delivery_id == delivery.c.id),
        )
        .correlate(subscriber)
        .scalar_subquery()
    )
    statement = select(subscriber, arrived_at.label("arrived_at")).where(*rules)
    return [
        BouncingSubscriber(
            subscriber_id=row.id,
            history=BounceHistory(
                score=row.bounce_score, since=row.bouncing_since, last_at=row.bounced_at
            ),
            arrived_at=row.arrived_at,
        )
        for row in connection.execute(statement.order_by(subscriber.c.id))
    ]
