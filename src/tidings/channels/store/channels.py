"""Channels: added, read, edited and removed."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, func, insert, or_, select, update

from tidings.catalog import change_log, newsletters, topics
from tidings.db.channel_tables import channel, channel_message
from tidings.db.mail_tables import newsletter
from tidings.db.tables import topic
from tidings.errors import ConflictError, NotFoundError
from tidings.model.channels import FAILING_AFTER, Channel, ChannelState
from tidings.model.text import nearest
from tidings.model.urls import checked_slug

_COLUMNS = [channel.c[name] for name in Channel.__dataclass_fields__ if name in channel.c]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewChannel:
    """A channel to be stored; with neither newsletter nor topic it is told of every entry."""

    name: str
    url: str
    secret: str | None
    newsletter: str | None
    topic: str | None
    per_hour: int


def add(connection: Connection, new: NewChannel, *, now: datetime) -> Channel:
    """Store a channel; it is told of what becomes public, or is sent, from now on.

    Raises:
        ConflictError: There is one with that name.
        InvalidError: The name has other characters than a slug.
        NotFoundError: There is no such newsletter or topic.
    """
    if _select(connection, channel.c.name == checked_slug(new.name)):
        raise ConflictError("channel", new.name)
    given = {"name": new.name, "url": new.url, "secret": new.secret, "per_hour": new.per_hour}
    subject = {}
    if new.newsletter:
        subject["newsletter_id"] = newsletters.get(connection, new.newsletter).id
    elif new.topic:
        [subject["topic_id"]] = topics.ids_of(connection, [new.topic]).values()
    begun = {"watermark": change_log.last_seq(connection), "added_at": now, "failures": 0}
    connection.execute(insert(channel).values(given | subject | begun))
    return get(connection, new.name)


def every(connection: Connection) -> list[Channel]:
    """Return all channels by name."""
    return _select(connection)


def get(connection: Connection, name: str) -> Channel:
    """Return a channel.

    Raises:
        NotFoundError: There is none of that name.
    """
    found = _select(connection, channel.c.name == name)
    if not found:
        known = connection.scalars(select(channel.c.name))
        raise NotFoundError("channel", name, nearest=nearest(name, known))
    return found[0]


def failing(connection: Connection) -> list[Channel]:
    """Return the channels that the operator should look at."""
    # A channel that the operator has paused has no error, unless it failed before.
    gave_up = or_(channel.c.failures >= FAILING_AFTER, channel.c.paused_at.is_not(None))
    return _select(connection, channel.c.last_error.is_not(None), gave_up)


def count_by_state(connection: Connection) -> Counter[ChannelState]:
    """Return how many channels there are, by state."""
    return Counter(one.state for one in _select(connection))


def edit(
    connection: Connection,
    name: str,
    *,
    url: str | None = None,
    secret: str | None = None,
    per_hour: int | None = None,
) -> None:
    """Change a channel; None stays as it is. With another address it is tried again at once.

    Raises:
        NotFoundError: There is none of that name.
    """
    given = {"url": url, "secret": secret, "per_hour": per_hour}
    changed = {column: one for column, one in given.items() if one is not None}
    channel_id = get(connection, name).id
    if changed:
        _update(connection, channel_id, changed)
    if url:
        _begin_afresh(connection, channel_id)


def pause(connection: Connection, name: str, *, now: datetime) -> None:
    """Send a channel nothing until it is resumed.

    Raises:
        NotFoundError: There is none of that name.
    """
    _update(connection, get(connection, name).id, {"paused_at": now})


def resume(connection: Connection, name: str) -> None:
    """Send a channel what it has missed.

    Raises:
        NotFoundError: There is none of that name.
    """
    channel_id = get(connection, name).id
    _update(connection, channel_id, {"paused_at": None})
    _begin_afresh(connection, channel_id)


def remove(connection: Connection, name: str) -> None:
    """Remove a channel with all its messages.

    Raises:
        NotFoundError: There is none of that name.
    """
    connection.execute(delete(channel).where(channel.c.id == get(connection, name).id))


def _update(connection: Connection, channel_id: int, values: Mapping[str, object]) -> None:
    connection.execute(update(channel).where(channel.c.id == channel_id).values(values))


def _begin_afresh(connection: Connection, channel_id: int) -> None:
    """Forget earlier attempts, which say nothing of the next one, and make that due."""
    _update(connection, channel_id, {"failures": 0, "wait_until": None, "last_error": None})
    waiting = (channel_message.c.channel_id == channel_id, channel_message.c.finished_at.is_(None))
    untried = {"attempts": 0, "next_try_at": channel_message.c.made_at}
    connection.execute(update(channel_message).where(*waiting).values(untried))


def _select(connection: Connection, *rules: ColumnElement[bool]) -> list[Channel]:
    waiting = (
        select(func.count())
        .where(
            channel_message.c.channel_id == channel.c.id, channel_message.c.finished_at.is_(None)
        )
        .scalar_subquery()
    )
    statement = (
        select(*_COLUMNS, newsletter.c.slug.label("newsletter"), topic.c.slug.label("topic"))
        .add_columns(waiting.label("waiting"))
        .outerjoin(newsletter, newsletter.c.id == channel.c.newsletter_id)
        .outerjoin(topic, topic.c.id == channel.c.topic_id)
        .where(*rules)
        .order_by(channel.c.name)
    )
    return [Channel(**row) for row in connection.execute(statement).mappings()]
