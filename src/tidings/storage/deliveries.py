"""Deliveries: claimed in small numbers, marked right before they leave, settled in batches."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, exists, func, select, update

from tidings.domain.newsletters import DeliveryState
from tidings.domain.refusals import Outcomes
from tidings.storage import outbox
from tidings.storage.mail_tables import delivery, subscriber, subscription
from tidings.storage.outbox import Settled
from tidings.storage.reader_tables import bounce

LAST = 1000
"""Letters that are looked back on to tell a relay that refuses everybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedDelivery:
    """A delivery that is ours to send.

    Attributes:
        attempt: Its number, from 1.
        nonce: The subscription's.
        token_version: The subscriber's.
        is_resend: The one repetition after a connection was lost past the marker.
    """

    id: int
    subscription_id: int
    nonce: int
    subscriber_id: int
    token_version: int
    issue_id: int
    address: str
    slot: str
    message_id: str
    planned_at: datetime
    attempt: int
    is_resend: bool


def recover(connection: Connection) -> None:
    """Decide over what a dead process left behind.

    Without a marker nothing left the house: it is ready again. With one it is assumed that
    the relay has it, for that is nearly always so; it is not sent again by itself.
    """
    outbox.recover(connection, delivery)


def withdraw(connection: Connection, *, now: datetime) -> None:
    """Cancel what is for people who have left, and let expire what has waited too long.

    What may have been sent is neither: it is assumed that the relay has it.
    """
    has_left = delivery.c.subscription_id.in_(
        select(subscription.c.id).where(subscription.c.ended_at.is_not(None))
    )
    for rule, state in (
        (has_left, DeliveryState.CANCELLED),
        (delivery.c.expires_at <= now, DeliveryState.EXPIRED),
    ):
        outbox.withdraw(connection, delivery, rule=rule, state=state, now=now)


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
            delivery.c.expires_at > now,
            subscription.c.ended_at.is_(None),
        )
        .order_by(delivery.c.next_try_at, delivery.c.issue_id, delivery.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=delivery)
    )
    taken = (
        update(delivery)
        .where(delivery.c.id.in_(waiting.scalar_subquery()))
        .values(outbox.taken(connection, owner, delivery))
        .returning(delivery.c.id)
    )
    ids = list(connection.scalars(taken))
    statement = (
        select(
            delivery,
            subscription.c.nonce,
            subscription.c.subscriber_id,
            subscriber.c.token_version,
            subscriber.c.address,
        )
        .join(subscription, subscription.c.id == delivery.c.subscription_id)
        .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
        .where(delivery.c.id.in_(ids))
        .order_by(delivery.c.issue_id, delivery.c.id)
    )
    return [_to_claimed(row) for row in connection.execute(statement)] if ids else []


def renew(connection: Connection, owner: str) -> None:
    """Move on the end of every lease that `owner` holds."""
    outbox.renew(connection, delivery, owner=owner)


def mark(connection: Connection, owner: str, delivery_id: int, *, now: datetime) -> None:
    """Note that the payload is about to be written: from here on it may have been sent.

    Raises:
        LeaseLostError: The delivery is not `owner`'s any more; nothing may be sent.
    """
    outbox.mark(connection, delivery, owner=owner, letter_id=delivery_id, now=now)


def settle(
    connection: Connection, owner: str, settled: Sequence[Settled], *, now: datetime
) -> None:
    """Note what came of attempts; one that is not `owner`'s any more is left as it is."""
    outbox.settle(connection, delivery, owner=owner, settled=settled, now=now)


def postpone(connection: Connection, domain: str, *, until: datetime) -> None:
    """Let everything that waits for addresses of a domain wait longer.

    What another process holds at this moment is left out; it is put back when it is claimed.
    """
    readers = (
        select(subscription.c.id)
        .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
        .where(subscriber.c.key.endswith(f"@{domain}", autoescape=True))
    )
    waiting = (
        select(delivery.c.id)
        .where(
            delivery.c.finished_at.is_(None),
            delivery.c.state.in_(outbox.WAITING),
            delivery.c.next_try_at < until,
            delivery.c.subscription_id.in_(readers),
        )
        .with_for_update(skip_locked=True)
    )
    connection.execute(
        update(delivery)
        .where(delivery.c.id.in_(waiting.scalar_subquery()))
        .values(next_try_at=until)
    )


def outcomes(connection: Connection, issue_id: int | None, *, since: datetime) -> Outcomes:
    """Return what became so far of the letters of an issue, for good or for now.

    Args:
        connection: A reading one.
        issue_id: Of which issue; None for the last letters of all issues.
        since: These only if they were planned after that.
    """
    last = select(delivery.c.id).order_by(delivery.c.id.desc()).limit(LAST)
    is_of_last = and_(delivery.c.id.in_(last), delivery.c.planned_at > since)
    is_theirs = is_of_last if issue_id is None else delivery.c.issue_id == issue_id
    arrived = (DeliveryState.ACCEPTED, DeliveryState.ASSUMED_ACCEPTED)
    counted = select(func.count()).where(is_theirs, delivery.c.state.in_(arrived))
    found = Outcomes(accepted=connection.execute(counted).scalar_one())
    refused = (
        select(delivery.c.id, delivery.c.reply, subscriber.c.address)
        .join(subscription, subscription.c.id == delivery.c.subscription_id)
        .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
        .where(
            is_theirs,
            delivery.c.state.in_((DeliveryState.REJECTED, DeliveryState.HELD)),
            delivery.c.attempts > 0,
        )
    )
    for row in connection.execute(refused):
        domain = row.address.rpartition("@")[2].lower()
        found.note_refused(row.id, domain, row.reply or "")
    return found


def is_for_others(connection: Connection, issue_id: int, domain: str) -> bool:
    """Tell whether an issue has letters for addresses of other domains than that."""
    theirs = (
        select(delivery.c.id)
        .join(subscription, subscription.c.id == delivery.c.subscription_id)
        .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
        .where(
            delivery.c.issue_id == issue_id,
            ~subscriber.c.key.endswith(f"@{domain}", autoescape=True),
        )
        .limit(1)
    )
    return connection.execute(theirs).first() is not None


def hold_refused(connection: Connection, ids: Collection[int], *, until: datetime) -> None:
    """Hold letters that were refused, for good or for now, unless that has had consequences."""
    is_judged = exists().where(bounce.c.delivery_id == delivery.c.id)
    refused = update(delivery).where(
        delivery.c.id.in_(ids),
        delivery.c.state.in_((DeliveryState.REJECTED, DeliveryState.HELD)),
        delivery.c.next_try_at < until,
        delivery.c.marked_at.is_(None),
        ~is_judged,
    )
    held = {"state": DeliveryState.HELD, "finished_at": None, "next_try_at": until}
    connection.execute(refused.values(held))


def hold_issue(connection: Connection, issue_id: int, *, until: datetime, reason: str) -> None:
    """Let everything that waits of an issue wait longer, and say why; it has not been sent."""
    waiting = update(delivery).where(
        delivery.c.issue_id == issue_id,
        delivery.c.finished_at.is_(None),
        delivery.c.state.in_((DeliveryState.READY, DeliveryState.DEFERRED, DeliveryState.HELD)),
        delivery.c.marked_at.is_(None),
        delivery.c.next_try_at <= until,
    )
    held = {"state": DeliveryState.HELD, "next_try_at": until}
    said = func.coalesce(delivery.c.reply, reason)
    connection.execute(waiting.values(held | {"reply": said}))


def give_back(
    connection: Connection, owner: str, *, doubtful_until: datetime, now: datetime
) -> None:
    """Release what `owner` did not finish: unmarked it is ready, marked it is doubtful.

    What is doubtful is sent once more after `doubtful_until`, unless that was the second time.
    """
    outbox.give_back(connection, delivery, owner=owner, doubtful_until=doubtful_until, now=now)


def by_state(connection: Connection) -> dict[str, int]:
    """Return how many deliveries there are in each state."""
    statement = select(delivery.c.state, func.count().label("number")).group_by(delivery.c.state)
    return {row.state: row.number for row in connection.execute(statement)}


def _to_claimed(row: Row[*tuple[Any, ...]]) -> ClaimedDelivery:
    return ClaimedDelivery(
        id=row.id,
        subscription_id=row.subscription_id,
        nonce=row.nonce,
        subscriber_id=row.subscriber_id,
        token_version=row.token_version,
        issue_id=row.issue_id,
        address=row.address,
        slot=row.slot,
        message_id=row.message_id,
        planned_at=row.planned_at,
        attempt=row.attempts,
        is_resend=row.resent,
    )
