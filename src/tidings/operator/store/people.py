"""Subscribers as operators look through them: in pieces, so that no view reads a whole table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from tidings.db.mail_tables import subscriber, subscription
from tidings.db.subscriber_tables import consent, sign_up
from tidings.model.subscribers import ConsentEvent

# Subscriptions or sign-ups that are counted: beyond that "at least" says enough, at once.
MOST_COUNTED = 100_000

# Lines of the consent record that are looked through for the numbers of weeks. Where more were
# written in these weeks, the oldest weeks are left out.
MOST_LINES = 50_000

WEEK = timedelta(days=7)

# By which a subscription begins, or goes on after it had ended.
_BEGUN = (
    ConsentEvent.CONFIRMED,
    ConsentEvent.IMPORTED,
    ConsentEvent.ADDED,
    ConsentEvent.UNDONE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberWeek:
    """Subscriptions that began and ended in the week from `start` on.

    Those of people who were erased are in neither number.
    """

    start: datetime
    begun: int
    ended: int


def active_by_newsletter(connection: Connection) -> Mapping[int, int]:
    """Return how many subscriptions newsletters have that are due, of `MOST_COUNTED` at most."""
    is_active = (subscription.c.ended_at.is_(None), subscription.c.paused_at.is_(None))
    # In the order of the index that has the active ones alone.
    some = (
        select(subscription.c.newsletter_id)
        .where(*is_active)
        .order_by(subscription.c.next_issue_at, subscription.c.id)
        .limit(MOST_COUNTED)
        .subquery()
    )
    counted = select(some.c.newsletter_id, func.count().label("number"))
    rows = connection.execute(counted.group_by(some.c.newsletter_id))
    return {row.newsletter_id: row.number for row in rows}


def count_unconfirmed(connection: Connection, *, now: datetime) -> int:
    """Return how many sign-ups wait to be confirmed, `MOST_COUNTED` at most."""
    waiting = select(sign_up.c.id).where(sign_up.c.expires_at > now).limit(MOST_COUNTED)
    return int(
        connection.execute(select(func.count()).select_from(waiting.subquery())).scalar_one()
    )


def weeks(connection: Connection, starts: Sequence[datetime]) -> list[SubscriberWeek]:
    """Return the weeks that begin at `starts`, as far as all of a week is known."""
    # By id: it is written in the order of time, and has no index by that.
    before = (connection.scalar(select(func.max(consent.c.id))) or 0) - MOST_LINES
    columns = []
    for start in starts:
        is_in = (consent.c.at >= start) & (consent.c.at < start + WEEK)
        columns.append(func.count().filter(is_in & consent.c.event.in_(_BEGUN)))
        columns.append(func.count().filter(is_in & (consent.c.event == ConsentEvent.ENDED)))
    oldest, *numbers = connection.execute(
        select(func.min(consent.c.at), *columns).where(consent.c.id > before)
    ).one()
    known_from = oldest if before > 0 else None
    return [
        SubscriberWeek(start=start, begun=numbers[2 * place], ended=numbers[2 * place + 1])
        for place, start in enumerate(starts)
        if known_from is None or start >= known_from
    ]


def key_of(connection: Connection, subscriber_id: int) -> str:
    """Return the key of a subscriber's address; empty if there is none with that id."""
    statement = select(subscriber.c.key).where(subscriber.c.id == subscriber_id)
    return connection.scalar(statement) or ""
