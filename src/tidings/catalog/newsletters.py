"""Newsletters: added, edited, read and removed; and how far each one's own edition has come."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, delete, insert, select, update

from tidings.catalog import topics
from tidings.catalog.change_log import last_seq, touch_everything
from tidings.db.mail_tables import newsletter, newsletter_topic
from tidings.db.statements import MAX_NAMED
from tidings.db.tables import topic
from tidings.errors import ConflictError, NotFoundError, PlanOutdatedError
from tidings.model.newsletters import Frequency, Newsletter, Schedule
from tidings.model.text import nearest
from tidings.model.urls import checked_slug, checked_title


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsletterForm:
    """The settings of a newsletter; the schedule is that of its own edition."""

    title: str
    schedule: Schedule
    topics: Sequence[str]
    language: str
    sender: str | None = None
    reply_to: str | None = None
    postal_address: str | None = None
    min_entries: int = 1
    max_entries: int = 50
    images: bool = False
    review: bool = False
    review_time: timedelta | None = None

    def columns(self) -> dict[str, object]:
        """Return the columns of its row.

        Raises:
            InvalidError: The title is not valid.
        """
        return {
            "title": checked_title(self.title),
            **schedule_columns(self.schedule),
            "language": self.language,
            "reply_to": self.reply_to,
            "postal_address": self.postal_address,
            "sender": self.sender,
            "min_entries": self.min_entries,
            "max_entries": self.max_entries,
            "images": self.images,
            "review": self.review,
            "review_time": self.review_time,
        }


def add(
    connection: Connection,
    slug: str,
    form: NewsletterForm,
    *,
    next_issue_at: datetime,
    now: datetime,
) -> None:
    """Store a newsletter; its first issue covers what becomes public from now on.

    Args:
        connection: A writing one.
        slug: Its name in addresses.
        form: Its settings.
        next_issue_at: The first slot of its schedule, aware UTC.
        now: Aware UTC.

    Raises:
        ConflictError: There is one with that slug.
        InvalidError: `slug` cannot stand in an address, or its title not on a line.
        NotFoundError: One of its topics does not exist.
    """
    if _select(connection, newsletter.c.slug == checked_slug(slug)):
        raise ConflictError("newsletter", slug)
    statement = insert(newsletter).values(
        slug=slug,
        watermark=last_seq(connection),
        next_issue_at=next_issue_at,
        **form.columns(),
    )
    newsletter_id = connection.execute(statement.returning(newsletter.c.id)).scalar_one()
    assign_topics(connection, newsletter_topic, newsletter_id, form.topics)
    touch_everything(connection, now=now)


def edit(
    connection: Connection,
    slug: str,
    form: NewsletterForm,
    *,
    next_issue_at: datetime,
    now: datetime,
) -> None:
    """Change a newsletter, and say when its next issue comes.

    Raises:
        NotFoundError: There is no such newsletter or topic.
    """
    newsletter_id = get(connection, slug).id
    connection.execute(
        # The watermark stays: nothing is missed or told twice.
        update(newsletter)
        .where(newsletter.c.id == newsletter_id)
        .values(next_issue_at=next_issue_at, **form.columns())
    )
    assign_topics(connection, newsletter_topic, newsletter_id, form.topics)
    touch_everything(connection, now=now)


def remove(connection: Connection, slug: str, *, now: datetime) -> None:
    """Delete a newsletter with its subscriptions and issues.

    Raises:
        NotFoundError: There is no such newsletter.
    """
    newsletter_id = get(connection, slug).id
    # Subscriptions, issues and deliveries go by cascade.
    connection.execute(delete(newsletter).where(newsletter.c.id == newsletter_id))
    touch_everything(connection, now=now)


def get(connection: Connection, slug: str) -> Newsletter:
    """Return a newsletter.

    Raises:
        NotFoundError: There is none with that slug.
    """
    found = _select(connection, newsletter.c.slug == slug)
    if not found:
        # For the message: a slug that is mistyped gets a suggestion.
        known = connection.scalars(select(newsletter.c.slug))
        raise NotFoundError("newsletter", slug, nearest=nearest(slug, known))
    return found[0]


def every(connection: Connection) -> list[Newsletter]:
    """Return all newsletters by slug."""
    return _select(connection)


def by_id(connection: Connection) -> dict[int, Newsletter]:
    """Return all newsletters by id."""
    return {one.id: one for one in _select(connection)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """The edition of a newsletter that its archive shows, and how far it has come.

    Attributes:
        watermark: The last `seq` that it has covered.
    """

    newsletter: Newsletter
    watermark: int
    next_issue_at: datetime


def due(connection: Connection, *, now: datetime) -> list[Edition]:
    """Return the editions whose next slot is due."""
    return _editions(connection, newsletter.c.next_issue_at <= now)


def editions(connection: Connection) -> list[Edition]:
    """Return the editions of all newsletters."""
    return _editions(connection)


def edition_of(connection: Connection, slug: str) -> Edition:
    """Return the edition of a newsletter.

    Raises:
        NotFoundError: There is no such newsletter.
    """
    found = _editions(connection, newsletter.c.slug == slug)
    if not found:
        raise NotFoundError("newsletter", slug)
    return found[0]


def reviewed_upto(connection: Connection) -> dict[int, int]:
    """Return the last `seq` that was approved, of each newsletter that is under review, by id."""
    found = select(newsletter.c.id, newsletter.c.watermark).where(newsletter.c.review)
    return {row.id: row.watermark for row in connection.execute(found)}


def move(
    connection: Connection, edition: Edition, *, watermark: int, next_issue_at: datetime
) -> None:
    """Store how far an edition has come.

    Raises:
        PlanOutdatedError: Somebody else has planned or edited it meanwhile.
    """
    # Compare and swap: two planners, or a planner and an edit, must not both move it.
    statement = update(newsletter).where(
        newsletter.c.id == edition.newsletter.id,
        newsletter.c.watermark == edition.watermark,
        newsletter.c.next_issue_at == edition.next_issue_at,
    )
    moved = statement.values(watermark=watermark, next_issue_at=next_issue_at)
    if connection.execute(moved).rowcount != 1:
        raise PlanOutdatedError


def _editions(connection: Connection, *rules: ColumnElement[bool]) -> list[Edition]:
    rows = connection.execute(select(newsletter).where(*rules)).all()
    # The scheduler asks every few seconds, and mostly nothing is due.
    series = by_id(connection) if rows else {}
    return [
        Edition(newsletter=series[row.id], watermark=row.watermark, next_issue_at=row.next_issue_at)
        for row in rows
    ]


def schedule_columns(schedule: Schedule) -> dict[str, object]:
    """Return the columns of a schedule; they are the same in every table that has one."""
    return {
        "frequency": schedule.frequency,
        "hour": schedule.hour,
        "timezone": schedule.timezone,
        "weekday": schedule.weekday,
    }


def to_schedule(row: Row[*tuple[Any, ...]]) -> Schedule:
    """Return the schedule in a row."""
    return schedule_from(row.frequency, row.hour, row.timezone, row.weekday)


@lru_cache(maxsize=4096)
def schedule_from(frequency: str, hour: int, timezone: str, weekday: int) -> Schedule:
    """Return a schedule; one object for all subscriptions that have the same."""
    return Schedule(frequency=Frequency(frequency), hour=hour, timezone=timezone, weekday=weekday)


def assign_topics(
    connection: Connection, table: Table, owner_id: int, slugs: Sequence[str]
) -> None:
    """Set exactly these topics, in `newsletter_topic` or `subscription_topic`.

    Raises:
        NotFoundError: One of them does not exist.
    """
    # The first column of either table is its owner, the second the topic.
    owner = table.c[0]
    ids = topics.ids_of(connection, slugs)
    connection.execute(delete(table).where(owner == owner_id))
    if ids:
        chosen = [{owner.name: owner_id, "topic_id": topic_id} for topic_id in ids.values()]
        connection.execute(insert(table), chosen)


def chosen_topics(
    connection: Connection, table: Table, owners: Collection[int]
) -> Mapping[int, tuple[str, ...]]:
    """Return the slugs of chosen topics, by owner."""
    owner = table.c[0]
    statement = select(owner, topic.c.slug).join(topic, topic.c.id == table.c.topic_id)
    if len(owners) <= MAX_NAMED:  # for more of them, all rows are read
        statement = statement.where(owner.in_(owners))
    chosen: dict[int, tuple[str, ...]] = {}
    for owner_id, slug in connection.execute(statement.order_by(topic.c.slug)):
        chosen[owner_id] = (*chosen.get(owner_id, ()), slug)
    return chosen


def _select(connection: Connection, *rules: ColumnElement[bool]) -> list[Newsletter]:
    ordered = select(newsletter).where(*rules).order_by(newsletter.c.slug)
    rows = connection.execute(ordered).all()
    topics = chosen_topics(connection, newsletter_topic, [row.id for row in rows])
    return [
        Newsletter(
            id=row.id,
            slug=row.slug,
            title=row.title,
            schedule=to_schedule(row),
            topics=topics.get(row.id, ()),
            language=row.language,
            reply_to=row.reply_to,
            postal_address=row.postal_address,
            sender=row.sender,
            min_entries=row.min_entries,
            max_entries=row.max_entries,
            images=row.images,
            review=row.review,
            review_time=row.review_time,
        )
        for row in rows
    ]
