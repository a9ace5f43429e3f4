"""Many subscribers at once: listing and importing."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, exists, insert, or_, select

from tidings.catalog import newsletters
from tidings.catalog.change_log import last_seq
from tidings.catalog.newsletters import chosen_topics, schedule_columns
from tidings.db.mail_tables import newsletter, subscriber, subscription, subscription_topic
from tidings.db.statements import upsert
from tidings.db.tables import topic
from tidings.model.newsletters import Subscription
from tidings.model.subscribers import Preferences
from tidings.newsletters.windows import next_due
from tidings.subscribers.store.subscriptions import to_subscription

# Subscriptions that are fetched at a time while all are read.
PAGE = 1000

# Addresses that are looked through for a piece of a list: a search for what hardly anybody has
# would read all of a million else.
WINDOW = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionFilter:
    """Which subscriptions to list; None matches all.

    Attributes:
        newsletter: A slug.
        state: `active`, `paused`, `ended` or `bouncing`.
        topic: The slug of a topic that they get: they chose it, or chose none and get all.
        like: Part of the address.
    """

    newsletter: str | None = None
    state: str | None = None
    topic: str | None = None
    like: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedSubscriber:
    """An imported subscriber, with the time of their consent."""

    address: str
    key: str
    preferences: Preferences
    confirmed_at: datetime
    paused_at: datetime | None


def select_subscriptions(
    connection: Connection, wanted: SubscriptionFilter, *, limit: int
) -> Iterator[Subscription]:
    """Yield subscriptions by address, as many as `limit` says; 0 is all.

    The connection stays open until the last has been read.
    """
    statement = (
        select(subscription, subscriber.c.address)
        .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
        .where(*_rules(wanted))
        .order_by(subscriber.c.key, subscription.c.newsletter_id)
        .limit(limit or None)
    )
    series = newsletters.by_id(connection)
    # Streamed: the driver of PostgreSQL would fetch all rows before the first is used.
    streamed = connection.execution_options(stream_results=True).execute(statement)
    for rows in streamed.partitions(PAGE):
        topics = chosen_topics(connection, subscription_topic, [row.id for row in rows])
        for row in rows:
            yield to_subscription(row, series[row.newsletter_id], topics.get(row.id, ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSubscription:
    """A subscription in a list.

    Attributes:
        is_bouncing: Whether letters to that subscriber have failed lately.
    """

    subscriber_id: int
    is_bouncing: bool
    subscription: Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPiece:
    """A piece of a list of subscriptions.

    Attributes:
        last: The subscriber after whom the list goes on; None if it ends here. A piece may have
            nothing in it, and the list go on.
    """

    lines: tuple[ListedSubscription, ...]
    last: int | None


def piece(
    connection: Connection, wanted: SubscriptionFilter, *, after: str, limit: int
) -> ListPiece:
    """Return the subscriptions that follow an address, `limit` at most, by address.

    All those of a person are in the same piece, and no more than `WINDOW` people are looked at.
    """
    following = subscriber.c.key > after
    end = connection.execute(
        select(subscriber.c.id, subscriber.c.key)
        .where(following)
        .order_by(subscriber.c.key)
        .offset(WINDOW - 1)
        .limit(1)
    ).first()
    statement = (
        select(subscription, subscriber.c.address, subscriber.c.key, subscriber.c.bounce_score)
        .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
        .where(following, *([subscriber.c.key <= end.key] if end else []), *_rules(wanted))
        .order_by(subscriber.c.key, subscription.c.newsletter_id)
    )
    rows = connection.execute(statement.limit(limit + 1)).all()
    last = end.id if end else None
    if len(rows) > limit:
        # The last person may have more than fits: they come with the next piece.
        rows = [row for row in rows if row.key != rows[-1].key] or rows
        last = rows[-1].subscriber_id
    series = newsletters.by_id(connection)
    topics = chosen_topics(connection, subscription_topic, [row.id for row in rows])
    lines = [
        ListedSubscription(
            subscriber_id=row.subscriber_id,
            is_bouncing=row.bounce_score > 0,
            subscription=to_subscription(row, series[row.newsletter_id], topics.get(row.id, ())),
        )
        for row in rows
    ]
    return ListPiece(lines=tuple(lines), last=last)


def ended_at_by_key(
    connection: Connection, newsletter_id: int, keys: Collection[str]
) -> Mapping[str, datetime | None]:
    """Return which of `keys` have or had a subscription to a newsletter, and when it ended."""
    statement = (
        select(subscriber.c.key, subscription.c.ended_at)
        .join(subscription, subscription.c.subscriber_id == subscriber.c.id)
        .where(subscription.c.newsletter_id == newsletter_id, subscriber.c.key.in_(keys))
    )
    return {row.key: row.ended_at for row in connection.execute(statement)}


def save(
    connection: Connection,
    newsletter_id: int,
    imported: Sequence[ImportedSubscriber],
    *,
    now: datetime,
) -> dict[str, int]:
    """Subscribe people who have no subscription yet, from now on; return their ids by key."""
    owners = _ensure(connection, imported, now=now)
    # What is public already is no news to them.
    mark = last_seq(connection)
    rows = [
        {
            "subscriber_id": owners[one.key],
            "newsletter_id": newsletter_id,
            **schedule_columns(one.preferences.schedule),
            "language": one.preferences.language,
            "watermark": mark,
            "next_issue_at": next_due(one.preferences.schedule, now),
            "confirmed_at": one.confirmed_at,
            "paused_at": one.paused_at,
        }
        for one in imported
    ]
    made = insert(subscription).returning(subscription.c.id, subscription.c.subscriber_id)
    # By subscriber: RETURNING promises no order.
    ids = {row.subscriber_id: row.id for row in connection.execute(made, rows)}
    numbers = {row.slug: row.id for row in connection.execute(select(topic.c.slug, topic.c.id))}
    chosen = [
        {"subscription_id": ids[owners[one.key]], "topic_id": numbers[slug]}
        for one in imported
        for slug in one.preferences.topics
    ]
    if chosen:
        connection.execute(insert(subscription_topic), chosen)
    return owners


def _ensure(
    connection: Connection, imported: Sequence[ImportedSubscriber], *, now: datetime
) -> dict[str, int]:
    rows = [{"address": one.address, "key": one.key, "added_at": now} for one in imported]
    connection.execute(upsert(connection.dialect.name, subscriber).on_conflict_do_nothing(), rows)
    # Read afterwards: DO NOTHING returns no row for who was there already.
    keys = [one.key for one in imported]
    known = select(subscriber.c.key, subscriber.c.id).where(subscriber.c.key.in_(keys))
    return {row.key: row.id for row in connection.execute(known)}


def _rules(wanted: SubscriptionFilter) -> list[ColumnElement[bool]]:
    rules: list[ColumnElement[bool]] = []
    if wanted.newsletter is not None:
        named = select(newsletter.c.id).where(newsletter.c.slug == wanted.newsletter)
        rules.append(subscription.c.newsletter_id == named.scalar_subquery())
    if wanted.state is not None:
        rules.extend(_in_state(wanted.state))
    if wanted.topic is not None:
        rules.append(_gets(wanted.topic))
    if wanted.like is not None:
        rules.append(subscriber.c.key.contains(wanted.like.casefold(), autoescape=True))
    return rules


def _in_state(state: str) -> tuple[ColumnElement[bool], ...]:
    is_on = subscription.c.ended_at.is_(None)
    states: Mapping[str, tuple[ColumnElement[bool], ...]] = {
        "active": (is_on, subscription.c.paused_at.is_(None)),
        "paused": (is_on, subscription.c.paused_at.is_not(None)),
        "ended": (~is_on,),
        "bouncing": (is_on, subscriber.c.bounce_score > 0),
    }
    return states[state]


def _gets(slug: str) -> ColumnElement[bool]:
    theirs = subscription_topic.c.subscription_id == subscription.c.id
    named = theirs & (subscription_topic.c.topic_id == topic.c.id) & (topic.c.slug == slug)
    return or_(~exists().where(theirs), exists().where(named))
