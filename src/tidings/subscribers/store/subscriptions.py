"""Subscriptions: added, changed, paused, ended and restored."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, insert, select, update

from tidings.catalog import newsletters
from tidings.catalog.change_log import last_seq
from tidings.catalog.newsletters import assign_topics, chosen_topics, schedule_columns, to_schedule
from tidings.db.mail_tables import delivery, subscriber, subscription, subscription_topic
from tidings.db.statements import upsert
from tidings.errors import ConflictError, NotFoundError
from tidings.model.newsletters import DeliveryState, Ending, Newsletter, Subscription
from tidings.model.subscribers import Preferences
from tidings.newsletters.windows import next_due


def add(
    connection: Connection,
    newsletter_slug: str,
    address: tuple[str, str],
    preferences: Preferences,
    now: datetime,
) -> int:
    """Subscribe an address; its first issue covers what becomes public from now on.

    An ended subscription is started again, with the same id.

    Args:
        connection: A writing one.
        newsletter_slug: What to subscribe to.
        address: As typed, and normalised.
        preferences: How.
        now: The time of the confirmation.

    Raises:
        NotFoundError: There is no such newsletter or topic.
        ConflictError: They are subscribed already.
    """
    newsletter_id = newsletters.get(connection, newsletter_slug).id
    subscriber_id = _ensure_subscriber(connection, address, now=now)
    values = {
        **schedule_columns(preferences.schedule),
        "language": preferences.language,
        "watermark": last_seq(connection),
        "next_issue_at": next_due(preferences.schedule, now),
        "confirmed_at": now,
        "paused_at": None,
        "ended_at": None,
        "ended_because": None,
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
        # The same id: unsubscribe links in messages from before keep working.
        subscription_id = former.id
        connection.execute(update(subscription).where(*is_theirs).values(values))
    assign_topics(connection, subscription_topic, subscription_id, preferences.topics)
    return subscription_id


def edit(
    connection: Connection, subscription_id: int, preferences: Preferences, *, now: datetime
) -> None:
    """Change a subscription; the next issue comes with the first slot of the new schedule.

    What has been planned so far, and the watermark, stay.

    Raises:
        NotFoundError: There is no such subscription or topic.
    """
    # The watermark stays, so whatever the new schedule, no entry is missed or sent twice.
    due_at = next_due(preferences.schedule, now)
    changed = connection.execute(
        update(subscription)
        .where(subscription.c.id == subscription_id)
        .values(
            language=preferences.language,
            next_issue_at=due_at,
            **schedule_columns(preferences.schedule),
        )
    )
    if not changed.rowcount:
        raise NotFoundError("subscription", subscription_id)
    assign_topics(connection, subscription_topic, subscription_id, preferences.topics)


def end(
    connection: Connection,
    subscription_id: int,
    because: Ending = Ending.OPERATOR,
    *,
    now: datetime,
) -> bool:
    """End a subscription; return whether it had not ended before.

    Unsent deliveries are cancelled; what is being sent at this moment still is.
    """
    is_on = (subscription.c.id == subscription_id, subscription.c.ended_at.is_(None))
    ended = {"ended_at": now, "ended_because": because}
    has_ended = connection.execute(update(subscription).where(*is_on).values(ended))
    _cancel_unsent(connection, subscription_id, now=now)
    return has_ended.rowcount == 1


def pause(connection: Connection, subscription_id: int, *, now: datetime) -> bool:
    """Pause a subscription; return whether that is new. What is planned already is still sent."""
    is_on = (
        subscription.c.id == subscription_id,
        subscription.c.ended_at.is_(None),
        subscription.c.paused_at.is_(None),
    )
    paused = connection.execute(update(subscription).where(*is_on).values(paused_at=now))
    return paused.rowcount == 1


def resume(connection: Connection, old: Subscription, *, catches_up: bool, now: datetime) -> bool:
    """Resume a paused subscription; return whether that is new.

    Args:
        connection: A writing one.
        old: The subscription as it is.
        catches_up: Whether the next issue has what became public meanwhile; else deliveries
            that were planned before and not sent yet are cancelled as well.
        now: Aware UTC.
    """
    is_paused = (
        subscription.c.id == old.id,
        subscription.c.ended_at.is_(None),
        subscription.c.paused_at.is_not(None),
    )
    # To catch up needs nothing: a pause leaves the watermark where it was.
    values: dict[str, object] = {"paused_at": None, "next_issue_at": next_due(old.schedule, now)}
    if not catches_up:
        values["watermark"] = last_seq(connection)
        _cancel_unsent(connection, old.id, now=now)
    resumed = connection.execute(update(subscription).where(*is_paused).values(values))
    return resumed.rowcount == 1


def bring_back(connection: Connection, old: Subscription, *, now: datetime) -> bool:
    """Restore an ended subscription, from now on; return whether that is new."""
    has_ended = (subscription.c.id == old.id, subscription.c.ended_at.is_not(None))
    values = {
        "ended_at": None,
        "ended_because": None,
        "watermark": last_seq(connection),
        "next_issue_at": next_due(old.schedule, now),
    }
    came_back = connection.execute(update(subscription).where(*has_ended).values(values))
    return came_back.rowcount == 1


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
    """Return the subscriptions of an address, ended ones too, by newsletter.

    Raises:
        NotFoundError: Nobody has that address.
    """
    found = of_key(connection, key)
    if not found:
        raise NotFoundError("subscriber", key)
    return found


def find(connection: Connection, key: str, newsletter_id: int) -> Subscription | None:
    """Return somebody's subscription to a newsletter, ended or not, if they ever had one."""
    is_it = (subscriber.c.key == key, subscription.c.newsletter_id == newsletter_id)
    found = _select(connection, *is_it)
    return found[0] if found else None


def of_key(connection: Connection, key: str) -> list[Subscription]:
    """Return the subscriptions of an address, ended ones too; none if nobody has it."""
    return _select(connection, subscriber.c.key == key)


def of_subscriber_id(connection: Connection, subscriber_id: int) -> list[Subscription]:
    """Return the subscriptions of a subscriber, ended ones too, by newsletter."""
    return _select(connection, subscription.c.subscriber_id == subscriber_id)


def get_of(connection: Connection, key: str, newsletter_slug: str) -> Subscription:
    """Return somebody's subscription to a newsletter.

    Raises:
        NotFoundError: Nobody has that address, or they are not subscribed to it.
    """
    for one in of_subscriber(connection, key):
        if one.newsletter.slug == newsletter_slug:
            return one
    raise NotFoundError("subscription", f"of {key} to {newsletter_slug}")


def _cancel_unsent(connection: Connection, subscription_id: int, *, now: datetime) -> None:
    # A marked one may have been sent: what the relay says of it is still recorded.
    is_unsent = (
        delivery.c.subscription_id == subscription_id,
        delivery.c.finished_at.is_(None),
        delivery.c.marked_at.is_(None),
    )
    cancelled = {"state": DeliveryState.CANCELLED, "finished_at": now}
    # Without its lease no marker can be set, so a sender that holds it just now stops.
    connection.execute(
        update(delivery).where(*is_unsent).values(**cancelled, lease_owner=None, lease_until=None)
    )


def _ensure_subscriber(connection: Connection, address: tuple[str, str], *, now: datetime) -> int:
    written, key = address
    row = upsert(connection.dialect.name, subscriber).values(address=written, key=key, added_at=now)
    # Two sign-ups of one address at the same moment: the second finds the row of the first.
    connection.execute(row.on_conflict_do_nothing())
    statement = select(subscriber.c.id).where(subscriber.c.key == key)
    return int(connection.execute(statement).scalar_one())


def _select(connection: Connection, *rules: ColumnElement[bool]) -> list[Subscription]:
    statement = (
        select(subscription, subscriber.c.address)
        .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
        .where(*rules)
        .order_by(subscriber.c.key, subscription.c.newsletter_id)
    )
    rows = connection.execute(statement).all()
    series = newsletters.by_id(connection) if rows else {}
    topics = chosen_topics(connection, subscription_topic, [row.id for row in rows])
    return [to_subscription(row, series[row.newsletter_id], topics.get(row.id, ())) for row in rows]


def to_subscription(
    row: Row[*tuple[Any, ...]], series: Newsletter, topics: tuple[str, ...]
) -> Subscription:
    """Return the subscription in a row, which has its address as well."""
    return Subscription(
        id=row.id,
        nonce=row.nonce,
        address=row.address,
        newsletter=series,
        schedule=to_schedule(row),
        topics=topics,
        language=row.language,
        watermark=row.watermark,
        next_issue_at=row.next_issue_at,
        ended_at=row.ended_at,
        ended_because=Ending(row.ended_because) if row.ended_because else None,
        paused_at=row.paused_at,
        confirmed_at=row.confirmed_at,
    )
