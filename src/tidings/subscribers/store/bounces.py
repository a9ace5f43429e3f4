"""What came back: reports, each once, and how subscribers stand with them."""

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
    """Whom a delivery went to.

    Attributes:
        key: Their address, as it is told apart.
        has_moved: They have had another address since; this one went to the former.
        reply: What the relay said.
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
    """A report to be kept.

    Attributes:
        report: A hash, the same however often the report comes.
    """

    subscriber_id: int
    delivery_id: int
    kind: BounceKind
    status: str | None
    diagnostic: str
    report: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Bouncing:
    """How a subscriber stands.

    Attributes:
        arrived_at: When the first letter was taken after the last failure, that brought none.
    """

    subscriber_id: int
    standing: BounceHistory
    arrived_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BounceLine:
    """A report as the operator sees it."""

    id: int
    at: datetime
    kind: BounceKind
    status: str | None
    subscriber: str
    newsletter: str | None
    slot: str | None
    diagnostic: str


def find_addressee(connection: Connection, delivery_id: int) -> Addressee | None:
    """Return whom a delivery went to, if it has not been removed."""
    found = _addressees(connection, delivery.c.id == delivery_id)
    return found[0] if found else None


def find_addressee_of(connection: Connection, message_id: str) -> Addressee | None:
    """Return whom the letter with that Message-ID went to, if it is one of ours."""
    found = _addressees(connection, delivery.c.message_id == message_id)
    return found[0] if found else None


def find_last_addressee(
    connection: Connection, subscription_id: int, *, nonce: int
) -> Addressee | None:
    """Return whom the last letter of a subscription went to that has left, if there is one."""
    has_left = (
        delivery.c.subscription_id == subscription_id,
        subscription.c.nonce == nonce,
        # A folder has no marker: what it took is accepted at once.
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
    """Return deliveries that the relay refused for good, and nobody has judged yet.

    While others are about to go out nobody knows yet whether it refuses them all; what it refused
    `before` that time waits no longer.
    """
    is_new = ~exists().where(bounce.c.delivery_id == delivery.c.id)
    other = delivery.alias()
    is_under_way = exists().where(
        other.c.finished_at.is_(None),
        other.c.next_try_at <= now,
        other.c.state.in_((DeliveryState.READY, DeliveryState.SENDING)),
    )
    is_old = delivery.c.finished_at <= before
    is_refused = delivery.c.state == DeliveryState.REJECTED
    return _addressees(connection, is_refused, is_new, or_(is_old, ~is_under_way), limit=limit)


def add(connection: Connection, new: NewBounce, *, now: datetime) -> bool:
    """Keep a report; say whether it is new."""
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
    """Say whether a failure of that delivery is on record."""
    failures = (bounce.c.delivery_id == delivery_id, bounce.c.kind == BounceKind.FAILED)
    return connection.execute(select(bounce.c.id).where(*failures).limit(1)).first() is not None


def lock(connection: Connection, subscriber_id: int) -> Bouncing | None:
    """Return how somebody stands; nobody else judges them before this transaction ends."""
    is_them = subscriber.c.id == subscriber_id
    connection.execute(select(subscriber.c.id).where(is_them).with_for_update())
    found = _standings(connection, is_them)
    return found[0] if found else None


def bouncing(connection: Connection, *, before: datetime) -> list[Bouncing]:
    """Return those whose last failure was before that time, and is not forgotten."""
    return _standings(connection, subscriber.c.bounce_score > 0, subscriber.c.bounced_at <= before)


def save_standing(connection: Connection, subscriber_id: int, standing: BounceHistory) -> None:
    """Keep how somebody stands."""
    values = {
        "bounce_score": standing.score,
        "bouncing_since": standing.since,
        "bounced_at": standing.last_at,
    }
    connection.execute(update(subscriber).where(subscriber.c.id == subscriber_id).values(values))


def latest(
    connection: Connection, *, key: str | None, kind: BounceKind | None, limit: int | None
) -> list[BounceLine]:
    """Return reports, the newest first.

    Args:
        connection: An open one.
        key: About the subscriber with that address; None for everybody.
        kind: Of that kind; None for all.
        limit: At most so many; None for all.
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
    """Return how many reports there are of each kind."""
    statement = select(bounce.c.kind, func.count().label("number")).group_by(bounce.c.kind)
    return {row.kind: row.number for row in connection.execute(statement)}


def _addressees(
    connection: Connection, *rules: ColumnElement[bool], limit: int | None = None
) -> list[Addressee]:
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


def _standings(connection: Connection, *rules: ColumnElement[bool]) -> list[Bouncing]:
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
        Bouncing(
            subscriber_id=row.id,
            standing=BounceHistory(
                score=row.bounce_score, since=row.bouncing_since, last_at=row.bounced_at
            ),
            arrived_at=row.arrived_at,
        )
        for row in connection.execute(statement.order_by(subscriber.c.id))
    ]
