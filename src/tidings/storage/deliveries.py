"""Deliveries: claimed in small numbers, marked right before they leave, settled in batches."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    and_,
    bindparam,
    case,
    func,
    select,
    update,
)

from tidings.domain.newsletters import DeliveryState
from tidings.errors import LeaseLostError
from tidings.storage.leases import LEASE, clock
from tidings.storage.mail_tables import delivery, issue, newsletter, subscriber, subscription

WAITING = (
    DeliveryState.READY,
    DeliveryState.DEFERRED,
    DeliveryState.HELD,
    DeliveryState.UNCERTAIN,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedDelivery:
    """A delivery that is ours to send.

    Attributes:
        attempt: Its number, from 1.
        is_resend: The one repetition after a connection was lost past the marker.
    """

    id: int
    subscription_id: int
    issue_id: int
    address: str
    slot: str
    message_id: str
    planned_at: datetime
    attempt: int
    is_resend: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledDelivery:
    """What came of an attempt.

    Attributes:
        next_try_at: When it is tried again; the time of the attempt if it is not.
        unmarked: Nothing can have been sent: the marker is taken back.
    """

    id: int
    state: DeliveryState
    next_try_at: datetime
    reply: str | None
    unmarked: bool


def recover(connection: Connection) -> None:
    """Decide over what a dead process left behind.

    Without a marker nothing left the house: it is ready again. With one it is assumed that
    the relay has it, for that is nearly always so; it is not sent again by itself.
    """
    is_abandoned = and_(
        delivery.c.state == DeliveryState.SENDING, delivery.c.lease_until <= clock(connection)
    )
    state = case(
        (delivery.c.marked_at.is_(None), DeliveryState.READY),
        else_=DeliveryState.ASSUMED_ACCEPTED,
    )
    connection.execute(
        update(delivery)
        .where(is_abandoned)
        .values(state=state, lease_owner=None, lease_until=None, finished_at=delivery.c.marked_at)
    )


def withdraw(connection: Connection, *, now: datetime) -> None:
    """Cancel what is for people who have left, and let expire what has waited too long.

    What may have been sent is neither: it is assumed that the relay has it.
    """
    has_left = delivery.c.subscription_id.in_(
        select(subscription.c.id).where(subscription.c.ended_at.is_not(None))
    )
    is_waiting = and_(delivery.c.finished_at.is_(None), delivery.c.state.in_(WAITING))
    was_marked = delivery.c.marked_at.is_not(None)
    for rule, state in (
        (has_left, DeliveryState.CANCELLED),
        (delivery.c.expires_at <= now, DeliveryState.EXPIRED),
    ):
        end = case((was_marked, DeliveryState.ASSUMED_ACCEPTED), else_=state)
        withdrawn = update(delivery).where(is_waiting, rule)
        connection.execute(withdrawn.values(state=end, finished_at=now))


def claim(
    connection: Connection, owner: str, *, limit: int, now: datetime
) -> list[ClaimedDelivery]:
    """Take up to `limit` deliveries whose time has come, the longest waiting first.

    Among equals those of one issue come together.
    """
    waiting = (
        select(delivery.c.id)
        .join(subscription, subscription.c.id == delivery.c.subscription_id)
        .where(
            delivery.c.finished_at.is_(None),  # with the next two: its state is one of `WAITING`
            delivery.c.state != DeliveryState.SENDING,
            delivery.c.next_try_at <= now,
            subscription.c.ended_at.is_(None),
        )
        .order_by(delivery.c.next_try_at, delivery.c.issue_id, delivery.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=delivery)
    )
    taken = (
        update(delivery)
        .where(delivery.c.id.in_(waiting.scalar_subquery()))
        .values(
            state=DeliveryState.SENDING,
            lease_owner=owner,
            lease_until=clock(connection) + LEASE,
            attempts=delivery.c.attempts + 1,
            resent=delivery.c.marked_at.is_not(None),
        )
        .returning(delivery.c.id)
    )
    ids = list(connection.scalars(taken))
    statement = (
        select(delivery, subscriber.c.address)
        .join(subscription, subscription.c.id == delivery.c.subscription_id)
        .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
        .where(delivery.c.id.in_(ids))
        .order_by(delivery.c.issue_id, delivery.c.id)
    )
    return [_to_claimed(row) for row in connection.execute(statement)] if ids else []


def renew(connection: Connection, owner: str) -> None:
    """Move on the end of every lease that `owner` holds."""
    held = and_(delivery.c.lease_owner == owner, delivery.c.state == DeliveryState.SENDING)
    until = clock(connection) + LEASE
    connection.execute(update(delivery).where(held).values(lease_until=until))


def mark(connection: Connection, owner: str, delivery_id: int, *, now: datetime) -> None:
    """Note that the payload is about to be written: from here on it may have been sent.

    Raises:
        LeaseLostError: The delivery is not `owner`'s any more; nothing may be sent.
    """
    ours = (
        delivery.c.id == delivery_id,
        delivery.c.lease_owner == owner,
        delivery.c.state == DeliveryState.SENDING,
    )
    if connection.execute(update(delivery).where(*ours).values(marked_at=now)).rowcount != 1:
        raise LeaseLostError


def settle(
    connection: Connection, owner: str, settled: Sequence[SettledDelivery], *, now: datetime
) -> None:
    """Note what came of attempts; one that is not `owner`'s any more is left as it is."""
    statement = (
        update(delivery)
        .where(delivery.c.id == bindparam("of"), delivery.c.lease_owner == owner)
        .values(
            state=bindparam("new_state"),
            next_try_at=bindparam("again_at", type_=delivery.c.next_try_at.type),
            reply=bindparam("new_reply"),
            marked_at=case((bindparam("unmarked"), None), else_=delivery.c.marked_at),
            finished_at=bindparam("end", type_=delivery.c.finished_at.type),
            lease_owner=None,
            lease_until=None,
        )
    )
    rows = [
        {
            "of": one.id,
            "new_state": one.state,
            "again_at": one.next_try_at,
            "new_reply": one.reply,
            "unmarked": one.unmarked,
            "end": None if one.state in WAITING else now,
        }
        for one in settled
    ]
    if rows:
        connection.execute(statement, rows)


def give_back(
    connection: Connection, owner: str, *, doubtful_until: datetime, now: datetime
) -> None:
    """Release what `owner` did not finish: unmarked it is ready, marked it is doubtful.

    What is doubtful is sent once more after `doubtful_until`, unless that was the second time.
    """
    held = and_(delivery.c.lease_owner == owner, delivery.c.state == DeliveryState.SENDING)
    was_marked = delivery.c.marked_at.is_not(None)
    state = case(
        (~was_marked, DeliveryState.READY),
        (delivery.c.resent, DeliveryState.ASSUMED_ACCEPTED),
        else_=DeliveryState.UNCERTAIN,
    )
    again_at = case((was_marked, doubtful_until), else_=delivery.c.next_try_at)
    end = case((and_(was_marked, delivery.c.resent), now))
    released = {"lease_owner": None, "lease_until": None, "finished_at": end}
    connection.execute(
        update(delivery).where(held).values(state=state, next_try_at=again_at, **released)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryLine:
    """A delivery as the operator sees it."""

    id: int
    subscriber: str
    newsletter: str
    issue: int
    slot: str
    state: DeliveryState
    attempts: int
    message_id: str
    reply: str | None


def latest(
    connection: Connection, *, state: DeliveryState | None, limit: int | None
) -> list[DeliveryLine]:
    """Return deliveries, the newest first."""
    statement = (
        select(
            delivery.c.id,
            subscriber.c.address.label("subscriber"),
            newsletter.c.slug.label("newsletter"),
            delivery.c.issue_id.label("issue"),
            delivery.c.slot,
            delivery.c.state,
            delivery.c.attempts,
            delivery.c.message_id,
            delivery.c.reply,
        )
        .join(subscription, subscription.c.id == delivery.c.subscription_id)
        .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
        .join(issue, issue.c.id == delivery.c.issue_id)
        .join(newsletter, newsletter.c.id == issue.c.newsletter_id)
        .order_by(delivery.c.id.desc())
        .limit(limit)
    )
    if state is not None:
        statement = statement.where(delivery.c.state == state)
    rows = connection.execute(statement).mappings()
    return [DeliveryLine(**{**row, "state": DeliveryState(row["state"])}) for row in rows]


def by_state(connection: Connection) -> dict[str, int]:
    """Return how many deliveries there are in each state."""
    statement = select(delivery.c.state, func.count().label("number")).group_by(delivery.c.state)
    return {row.state: row.number for row in connection.execute(statement)}


def _to_claimed(row: Row[*tuple[Any, ...]]) -> ClaimedDelivery:
    return ClaimedDelivery(
        id=row.id,
        subscription_id=row.subscription_id,
        issue_id=row.issue_id,
        address=row.address,
        slot=row.slot,
        message_id=row.message_id,
        planned_at=row.planned_at,
        attempt=row.attempts,
        is_resend=row.resent,
    )
