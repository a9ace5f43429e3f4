"""What planning reads of subscriptions: no more than it needs, for there are many."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, select

from tidings.domain.newsletters import Newsletter, Schedule
from tidings.storage import newsletters
from tidings.storage.mail_tables import subscription, subscription_topic
from tidings.storage.newsletters import chosen_topics, schedule_from


@dataclass(frozen=True, slots=True, kw_only=True)
class DueSubscription:
    """A subscription that is to be planned.

    Attributes:
        topics: Slugs chosen out of the newsletter's; empty for all of those.
        watermark: The last `seq` that has been planned.
    """

    id: int
    newsletter: Newsletter
    schedule: Schedule
    topics: tuple[str, ...]
    language: str
    watermark: int
    next_issue_at: datetime


def due_subscriptions(
    connection: Connection, *, now: datetime, limit: int
) -> list[DueSubscription]:
    """Return subscriptions whose slot has come, the longest due first."""
    longest_due = (subscription.c.next_issue_at, subscription.c.id)
    return _select(
        connection, [subscription.c.next_issue_at <= now], order=longest_due, limit=limit
    )


def subscriptions_of(
    connection: Connection, newsletter_id: int, *, after: int, limit: int
) -> list[DueSubscription]:
    """Return who gets a newsletter's letters, due or not, by id, a page at a time."""
    is_next = (subscription.c.newsletter_id == newsletter_id, subscription.c.id > after)
    return _select(connection, is_next, order=(subscription.c.id,), limit=limit)


_COLUMNS = (
    subscription.c.id,
    subscription.c.newsletter_id,
    subscription.c.frequency,
    subscription.c.hour,
    subscription.c.timezone,
    subscription.c.language,
    subscription.c.watermark,
    subscription.c.next_issue_at,
)


def _select(
    connection: Connection,
    rules: Sequence[ColumnElement[bool]],
    *,
    order: Sequence[ColumnElement[int] | ColumnElement[datetime]],
    limit: int,
) -> list[DueSubscription]:
    gets_letters = (subscription.c.ended_at.is_(None), subscription.c.paused_at.is_(None))
    statement = select(*_COLUMNS).where(*rules, *gets_letters).order_by(*order).limit(limit)
    rows = connection.execute(statement).all()
    series = newsletters.by_id(connection) if rows else {}
    topics = chosen_topics(connection, subscription_topic, [row.id for row in rows])
    return [
        DueSubscription(
            id=key,
            newsletter=series[newsletter_id],
            schedule=schedule_from(frequency, hour, timezone),
            topics=topics.get(key, ()),
            language=language,
            watermark=watermark,
            next_issue_at=next_issue_at,
        )
        for key, newsletter_id, frequency, hour, timezone, language, watermark, next_issue_at in rows
    ]
