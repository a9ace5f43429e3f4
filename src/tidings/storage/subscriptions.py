"""Subscribers and what they subscribe to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, update

from tidings.domain.newsletters import DeliveryState, Newsletter, Schedule, Subscription
from tidings.domain.planning import next_due
from tidings.errors import ConflictError, NotFoundError
from tidings.storage import newsletters
from tidings.storage.mail_tables import delivery, subscriber, subscription, subscription_topic
from tidings.storage.newsletters import assign_topics, chosen_topics, schedule_columns, to_schedule
from tidings.storage.publishing import last_seq


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants of a newsletter; `topics` are slugs, empty for all."""

    schedule: Schedule
    language: str
    topics: Sequence[str]


def add(
    connection: Connection,
    newsletter_slug: str,
    address: tuple[str, str],
    wish: Wish,
    now: datetime,
) -> int:
    """Subscribe somebody from now on: their first issue tells of what becomes public next.

    Who had left before comes back the same way.

    Args:
        connection: A writing one.
        newsletter_slug: What to subscribe to.
        address: As it is written to, and as it is told apart.
        wish: How.
        now: The time of the confirmation.

    Raises:
        NotFoundError: There is no such newsletter or topic.
        ConflictError: They are subscribed already.
    """
    newsletter_id = newsletters.get(connection, newsletter_slug).id
    subscriber_id = _ensure_subscriber(connection, address, now=now)
    values = {
        **schedule_columns(wish.schedule),
        "language": wish.language,
        "watermark": last_seq(connection),
        "next_issue_at": next_due(wish.schedule, now),
        "confirmed_at": now,
        "ended_at": None,
    }
    pair = {"subscriber_id": subscriber_id, "newsletter_id": newsletter_id}
    is_theirs = [subscription.c[name] == value for name, value in pair.items()]
    former = connection.execute(select(subscription).where(*is_theirs)).first()
    if former is None:
        statement = insert(subscription).values(**pair, **values).returning(subscription.c.id)
        subscription_id = int(connection.execute(statement).scalar_one())
    elif former.ended_at is None:
        what = f"is subscribed to {newsletter_slug} already"
        raise ConflictError("subscriber", address[0], because=what)
    else:
        subscription_id = former.id
        connection.execute(update(subscription).where(*is_theirs).values(values))
    assign_topics(connection, subscription_topic, subscription_id, wish.topics)
    return subscription_id


def edit(connection: Connection, subscription_id: int, wish: Wish, *, now: datetime) -> None:
    """Change a subscription; the next issue comes with the first slot of the new schedule.

    What has been planned so far, and the watermark, stay.

    Raises:
        NotFoundError: There is no such subscription or topic.
    """
    due_at = next_due(wish.schedule, now)
    changed = connection.execute(
        update(subscription)
        .where(subscription.c.id == subscription_id)
        .values(language=wish.language, next_issue_at=due_at, **schedule_columns(wish.schedule))
    )
    if not changed.rowcount:
        raise NotFoundError("subscription", subscription_id)
    assign_topics(connection, subscription_topic, subscription_id, wish.topics)


def end(connection: Connection, subscription_id: int, *, now: datetime) -> bool:
    """End a subscription; say whether it had not ended before.

    Nothing more is sent, but what is on its way already.
    """
    is_on = (subscription.c.id == subscription_id, subscription.c.ended_at.is_(None))
    has_ended = connection.execute(update(subscription).where(*is_on).values(ended_at=now))
    is_unsent = (
        delivery.c.subscription_id == subscription_id,
        delivery.c.finished_at.is_(None),
        delivery.c.marked_at.is_(None),
    )
    cancelled = {"state": DeliveryState.CANCELLED, "finished_at": now}
    connection.execute(
        update(delivery).where(*is_unsent).values(**cancelled, lease_owner=None, lease_until=None)
    )
    return has_ended.rowcount == 1


def remove(connection: Connection, key: str) -> None:
    """Delete a subscriber with all they subscribed to.

    Raises:
        NotFoundError: Nobody has that address.
    """
    if not connection.execute(delete(subscriber).where(subscriber.c.key == key)).rowcount:
        raise NotFoundError("subscriber", key)


def get(connection: Connection, subscription_id: int) -> Subscription:
    """Return a subscription.

    Raises:
        NotFoundError: There is none with that id.
    """
    found = _select(connection, subscription.c.id == subscription_id)
    if not found:
        raise NotFoundError("subscription", subscription_id)
    return found[0]


def of_subscriber(connection: Connection, key: str) -> list[Subscription]:
    """Return what somebody subscribes or subscribed to, by newsletter.

    Raises:
        NotFoundError: Nobody has that address.
    """
    found = _select(connection, subscriber.c.key == key)
    if not found:
        raise NotFoundError("subscriber", key)
    return found


def get_of(connection: Connection, key: str, newsletter_slug: str) -> Subscription:
    """Return somebody's subscription to a newsletter.

    Raises:
        NotFoundError: Nobody has that address, or they are not subscribed to it.
    """
    for one in of_subscriber(connection, key):
        if one.newsletter.slug == newsletter_slug:
            return one
    raise NotFoundError("subscription", f"of {key} to {newsletter_slug}")


def every(connection: Connection) -> list[Subscription]:
    """Return all subscriptions by address, those that ended as well."""
    return _select(connection)


def due(connection: Connection, *, now: datetime, limit: int) -> list[Subscription]:
    """Return subscriptions whose slot has come, the longest due first."""
    is_due = (subscription.c.next_issue_at <= now, subscription.c.ended_at.is_(None))
    longest_due = [subscription.c.next_issue_at, subscription.c.id]
    return _select(connection, *is_due, order=longest_due, limit=limit)


def of_newsletter(
    connection: Connection, newsletter_id: int, *, after: int, limit: int
) -> list[Subscription]:
    """Return who is subscribed to a newsletter, by id, a page at a time."""
    is_next = (*_is_on(newsletter_id), subscription.c.id > after)
    return _select(connection, *is_next, order=[subscription.c.id], limit=limit)


def count_of_newsletter(connection: Connection, newsletter_id: int) -> int:
    """Return how many are subscribed to a newsletter."""
    statement = select(func.count()).select_from(subscription).where(*_is_on(newsletter_id))
    return int(connection.execute(statement).scalar_one())


def _is_on(newsletter_id: int) -> tuple[ColumnElement[bool], ...]:
    return subscription.c.newsletter_id == newsletter_id, subscription.c.ended_at.is_(None)


def _ensure_subscriber(connection: Connection, address: tuple[str, str], *, now: datetime) -> int:
    written, key = address
    known = connection.scalar(select(subscriber.c.id).where(subscriber.c.key == key))
    if known is not None:
        return int(known)
    statement = insert(subscriber).values(address=written, key=key, added_at=now)
    return int(connection.execute(statement.returning(subscriber.c.id)).scalar_one())


def _select(
    connection: Connection,
    *rules: ColumnElement[bool],
    order: Sequence[ColumnElement[Any]] = (subscriber.c.key, subscription.c.newsletter_id),
    limit: int | None = None,
) -> list[Subscription]:
    statement = (
        select(subscription, subscriber.c.address)
        .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
        .where(*rules)
        .order_by(*order)
        .limit(limit)
    )
    rows = connection.execute(statement).all()
    series = newsletters.by_id(connection) if rows else {}
    topics = chosen_topics(connection, subscription_topic, [row.id for row in rows])
    return [
        _to_subscription(row, series[row.newsletter_id], topics.get(row.id, ())) for row in rows
    ]


def _to_subscription(
    row: Row[*tuple[Any, ...]], series: Newsletter, topics: tuple[str, ...]
) -> Subscription:
    return Subscription(
        id=row.id,
        address=row.address,
        newsletter=series,
        schedule=to_schedule(row),
        topics=topics,
        language=row.language,
        watermark=row.watermark,
        next_issue_at=row.next_issue_at,
        ended_at=row.ended_at,
    )
