"""Audiences: how many a newsletter writes to, and who has never been written to."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, exists, func, literal_column, or_, select

from tidings.domain.newsletters import DeliveryState
from tidings.storage.mail_tables import delivery, issue, subscription


def due(connection: Connection, *, now: datetime) -> dict[int, int]:
    """Return how many subscriptions are due, by the id of their newsletter."""
    statement = (
        select(subscription.c.newsletter_id, func.count().label("number"))
        .where(
            subscription.c.next_issue_at <= now,
            subscription.c.ended_at.is_(None),
            subscription.c.paused_at.is_(None),
        )
        .group_by(subscription.c.newsletter_id)
    )
    return {row.newsletter_id: row.number for row in connection.execute(statement)}


def written_to(connection: Connection, newsletter_id: int, *, limit: int) -> int:
    """Return how many a newsletter has written to so far; counting ends at `limit`."""
    some = (
        select(subscription.c.id)
        .where(subscription.c.newsletter_id == newsletter_id, _has_had_a_letter())
        .limit(limit)
    )
    return int(connection.execute(select(func.count()).select_from(some.subquery())).scalar_one())


def strangers(connection: Connection, subscriptions: Collection[int]) -> set[int]:
    """Return those of `subscriptions` to whom nothing was ever sent."""
    unknown = subscription.c.id.in_(subscriptions), ~_has_had_a_letter()
    return set(connection.scalars(select(subscription.c.id).where(*unknown)))


def least_watermark(connection: Connection, newsletter_id: int) -> int:
    """Return how far all who get a newsletter's letters have come."""
    theirs = (
        subscription.c.newsletter_id == newsletter_id,
        subscription.c.ended_at.is_(None),
        subscription.c.paused_at.is_(None),
    )
    last = select(func.min(subscription.c.watermark)).where(*theirs)
    return int(connection.execute(last).scalar_one() or 0)


def most_entries(connection: Connection, newsletter_id: int, *, issues: int) -> int:
    """Return how many entries the longest of a newsletter's last issues tells of."""
    last = (
        select(issue.c.entries)
        .where(issue.c.newsletter_id == newsletter_id)
        .order_by(issue.c.id.desc())
        .limit(issues)
    )
    longest = select(func.max(last.subquery().c.entries))
    return int(connection.execute(longest).scalar_one() or 0)


def _has_had_a_letter() -> ColumnElement[bool]:
    return exists().where(
        delivery.c.subscription_id == subscription.c.id,
        delivery.c.state != literal_column("'superseded'"),  # as the index has it that is used
        or_(delivery.c.marked_at.is_not(None), delivery.c.state == DeliveryState.ACCEPTED),
    )
