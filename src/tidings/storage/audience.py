"""Audiences: how many a newsletter writes to, and who has never been written to."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    exists,
    func,
    literal_column,
    or_,
    select,
)

from tidings.domain.newsletters import DeliveryState, Frequency, Schedule
from tidings.storage.mail_tables import delivery, flood, issue, subscription
from tidings.storage.newsletters import schedule_from
from tidings.storage.upserts import upsert


@dataclass(frozen=True, slots=True, kw_only=True)
class DueGroup:
    """Subscriptions to a newsletter that have the same schedule, and how many they are."""

    newsletter_id: int
    schedule: Schedule
    number: int


def count_due(connection: Connection, *, now: datetime) -> list[DueGroup]:
    """Return how many subscriptions are due.

    Of those without a calendar all count if one is due: they come round one after the other.
    """
    names = ("newsletter_id", "frequency", "hour", "timezone")
    columns = [subscription.c[name] for name in names]
    gets_letters = (subscription.c.ended_at.is_(None), subscription.c.paused_at.is_(None))
    are_due = (subscription.c.next_issue_at <= now, *gets_letters)
    grouped = select(*columns, func.count().label("number")).group_by(*columns)
    is_instant = subscription.c.frequency == Frequency.INSTANT
    found = list(connection.execute(grouped.where(*are_due, ~is_instant)))
    theirs = select(subscription.c.newsletter_id).where(*are_due, is_instant).distinct()
    if numbers := list(connection.scalars(theirs)):
        of_these = subscription.c.newsletter_id.in_(numbers)
        found += connection.execute(grouped.where(of_these, is_instant, *gets_letters))
    return [
        DueGroup(
            newsletter_id=row.newsletter_id,
            schedule=schedule_from(row.frequency, row.hour, row.timezone),
            number=row.number,
        )
        for row in found
    ]


def freeze_floods(connection: Connection, slots: Collection[tuple[int, datetime]]) -> None:
    """Keep that at these slots, of a newsletter at a time, too many were due."""
    if slots:
        rows = [{"newsletter_id": number, "due_at": due_at} for number, due_at in slots]
        connection.execute(upsert(connection.dialect.name, flood).on_conflict_do_nothing(), rows)


def floods(
    connection: Connection, slots: Collection[tuple[int, datetime]]
) -> set[tuple[int, datetime]]:
    """Return those of the slots of which that has been kept."""
    moments = {due_at for _, due_at in slots}
    kept = select(flood.c.newsletter_id, flood.c.due_at).where(flood.c.due_at.in_(moments))
    return {(row.newsletter_id, row.due_at) for row in connection.execute(kept)} & set(slots)


def count(connection: Connection, newsletter_id: int) -> int:
    """Return how many get a newsletter's letters."""
    statement = select(func.count()).select_from(subscription).where(*_get_letters(newsletter_id))
    return int(connection.execute(statement).scalar_one())


def count_recipients(connection: Connection, newsletter_id: int, *, limit: int) -> int:
    """Return how many a newsletter has written to so far; counting ends at `limit`."""
    some = (
        select(subscription.c.id)
        .where(subscription.c.newsletter_id == newsletter_id, _has_had_a_letter())
        .limit(limit)
    )
    return int(connection.execute(select(func.count()).select_from(some.subquery())).scalar_one())


def first_time_recipients(connection: Connection, subscriptions: Collection[int]) -> set[int]:
    """Return those of `subscriptions` to whom nothing was ever sent."""
    unknown = subscription.c.id.in_(subscriptions), ~_has_had_a_letter()
    return set(connection.scalars(select(subscription.c.id).where(*unknown)))


def least_watermark(connection: Connection, newsletter_id: int) -> int:
    """Return how far all who get a newsletter's letters have come."""
    last = select(func.min(subscription.c.watermark)).where(*_get_letters(newsletter_id))
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


def _get_letters(newsletter_id: int) -> tuple[ColumnElement[bool], ...]:
    return (
        subscription.c.newsletter_id == newsletter_id,
        subscription.c.ended_at.is_(None),
        subscription.c.paused_at.is_(None),
    )


def _has_had_a_letter() -> ColumnElement[bool]:
    return exists().where(
        delivery.c.subscription_id == subscription.c.id,
        delivery.c.state != literal_column("'superseded'"),  # as the index has it that is used
        or_(delivery.c.marked_at.is_not(None), delivery.c.state == DeliveryState.ACCEPTED),
    )
