"""The outbox of channels: messages are made once, taken one by one, and settled.

A channel is leased as a whole, so that its messages go one after the other. Whoever dies while it
sends one leaves it for another attempt, with the same key: at least once, not exactly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import uuid5

from sqlalchemy import ColumnElement, Connection, delete, exists, func, insert, or_, select, update

from tidings.catalog import change_log
from tidings.catalog.entries import Selection
from tidings.channels.pace import TellResult, ToldSpan, pause_after
from tidings.db.channel_tables import channel, channel_message
from tidings.db.mail_tables import issue
from tidings.db.statements import upsert
from tidings.db.tables import entry, topic
from tidings.model.channels import ChannelMessageState
from tidings.newsletters.windows import MIN_TIME_TO_LIVE
from tidings.polling.store.leases import clock

# How long a channel is kept to oneself for an attempt: more than the longest takes.
CHANNEL_LEASE = timedelta(minutes=5)

# How long it is tried to send a message: as long as letters. Older issues are not told of.
TIME_TO_LIVE = MIN_TIME_TO_LIVE

# How long what became of a message is known.
KEPT = timedelta(days=30)

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelPlace:
    """How far a channel has been told.

    Attributes:
        newsletter_id: With None for this and the topic it is told of every entry.
        topic: The slug.
    """

    id: int
    name: str
    newsletter_id: int | None
    topic: str | None
    per_hour: int
    watermark: int
    added_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedChannelMessage:
    """A message that this process is to send.

    Attributes:
        key: The same at each attempt.
        attempts: With this one.
        failures: Of the channel in a row, so far.
        topic: The slug, of a channel that is told of a topic.
        issue_id: None if it tells of entries: those within (from_seq, to_seq].
    """

    id: int
    key: str
    attempts: int
    channel_id: int
    channel: str
    url: str = field(repr=False)
    secret: str | None = field(repr=False)
    failures: int
    topic: str | None
    issue_id: int | None
    from_seq: int | None
    to_seq: int | None
    made_at: datetime


def places(connection: Connection) -> list[ChannelPlace]:
    """Return how far the channels that are not paused have been told."""
    names = [name for name in ChannelPlace.__dataclass_fields__ if name != "topic"]
    statement = (
        select(*(channel.c[name] for name in names), topic.c.slug.label("topic"))
        .outerjoin(topic, topic.c.id == channel.c.topic_id)
        .where(channel.c.paused_at.is_(None))
        .order_by(channel.c.id)
    )
    return [ChannelPlace(**row) for row in connection.execute(statement).mappings()]


def new_issues(connection: Connection, place: ChannelPlace, *, now: datetime) -> dict[int, str]:
    """Return the slugs of the listed issues that a channel was not told of, by id."""
    is_known = exists().where(
        channel_message.c.channel_id == place.id, channel_message.c.issue_id == issue.c.id
    )
    # By issue and not by `seq`: one may tell of nothing but what was postponed before.
    statement = select(issue.c.id, issue.c.slug).where(
        issue.c.newsletter_id == place.newsletter_id,
        issue.c.listed,
        issue.c.created_at > max(place.added_at, now - TIME_TO_LIVE),
        ~is_known,
    )
    return {row.id: row.slug for row in connection.execute(statement.order_by(issue.c.id))}


def new_seqs(connection: Connection, place: ChannelPlace) -> list[int]:
    """Return the `seq` of each entry that a channel was not told of, ascending."""
    rules = _are_told(place.topic, from_seq=place.watermark)
    return list(connection.scalars(select(entry.c.seq).where(*rules).order_by(entry.c.seq)))


def entry_ids(connection: Connection, message: ClaimedChannelMessage) -> list[int]:
    """Return the entries that a message tells of, the first to become public first."""
    rules = _are_told(message.topic, from_seq=message.from_seq or 0)
    chosen = select(entry.c.id).where(*rules, entry.c.seq <= message.to_seq)
    return list(connection.scalars(chosen.order_by(entry.c.seq)))


def count_made(connection: Connection, place: ChannelPlace, *, now: datetime) -> int:
    """Return how many messages were made for a channel in the last hour."""
    lately = (channel_message.c.channel_id == place.id, channel_message.c.made_at > now - HOUR)
    return connection.execute(select(func.count()).where(*lately)).scalar_one()


def make_of_issues(
    connection: Connection, place: ChannelPlace, issues: Mapping[int, str], *, now: datetime
) -> None:
    """Store messages that tell of issues, given by id with their slugs, unless there are some."""
    rows = [
        {"issue_id": issue_id, **_new(connection, place, slug, now=now)}
        for issue_id, slug in issues.items()
    ]
    table = upsert(connection.dialect.name, channel_message)
    connection.execute(table.on_conflict_do_nothing(), rows)


def make_of_entries(
    connection: Connection,
    place: ChannelPlace,
    spans: Sequence[ToldSpan],
    *,
    watermark: int,
    now: datetime,
) -> None:
    """Store messages that tell of entries, and how far that is, unless another process has."""
    moved = update(channel).where(channel.c.id == place.id, channel.c.watermark == place.watermark)
    if connection.execute(moved.values(watermark=watermark)).rowcount != 1:
        return
    rows = [
        {
            "from_seq": span.from_seq,
            "to_seq": span.to_seq,
            **_new(connection, place, _told_in(connection, place, span), now=now),
        }
        for span in spans
    ]
    if rows:
        connection.execute(insert(channel_message), rows)


def expire(connection: Connection, *, now: datetime) -> int:
    """Give up what was tried for too long; return how many messages that are."""
    is_late = channel_message.c.finished_at.is_(None), channel_message.c.expires_at <= now
    ended = {"state": ChannelMessageState.EXPIRED, "finished_at": now}
    return connection.execute(update(channel_message).where(*is_late).values(ended)).rowcount


def is_any_due(connection: Connection, *, now: datetime) -> bool:
    """Tell whether there is something to send."""
    due = select(channel_message.c.id).where(*_is_due(now), _is_free(connection))
    return connection.execute(due.join(channel).limit(1)).first() is not None


def take(connection: Connection, owner: str, *, now: datetime) -> ClaimedChannelMessage | None:
    """Lease a channel that has something to be sent; return the message to send.

    Those that were tried least come first: one that is never taken holds up no other.
    """
    own = [
        channel_message.c[name]
        for name in ClaimedChannelMessage.__dataclass_fields__
        if name in channel_message.c
    ]
    due = (
        select(*own, channel.c.name.label("channel"), channel.c.url, channel.c.secret)
        .add_columns(channel.c.failures, topic.c.slug.label("topic"))
        .join(channel, channel.c.id == channel_message.c.channel_id)
        .outerjoin(topic, topic.c.id == channel.c.topic_id)
        .where(*_is_due(now), _is_free(connection))
        .order_by(channel_message.c.attempts, channel_message.c.id)
        .limit(1)
        # Skipped, not waited for: whoever holds it is taking one of its messages.
        .with_for_update(of=channel, skip_locked=True)
    )
    row = connection.execute(due).mappings().first()
    if row is None:
        return None
    taken = replace(ClaimedChannelMessage(**row), attempts=row["attempts"] + 1)
    until = clock(connection) + CHANNEL_LEASE
    leased = update(channel).where(channel.c.id == taken.channel_id)
    connection.execute(leased.values(lease_owner=owner, lease_until=until))
    # Counted before it is sent: after a crash it was tried.
    counted = update(channel_message).where(channel_message.c.id == taken.id)
    connection.execute(counted.values(attempts=taken.attempts))
    return taken


def settle(
    connection: Connection,
    owner: str,
    message: ClaimedChannelMessage,
    result: TellResult,
    *,
    now: datetime,
) -> None:
    """Save what came of an attempt, unless the lease was lost, and release the channel."""
    known: dict[str, object]
    if result.because is None:
        known = {"failures": 0, "wait_until": None, "last_error": None, "accepted_at": now}
    else:
        failures = message.failures + 1
        wait_until = now + pause_after(failures, result.retry_after)
        known = {"failures": failures, "wait_until": wait_until, "last_error": result.because}
        known |= {"paused_at": now} if result.is_gone else {}
    if not _release(connection, owner, message, known):
        return
    if result.because is None:
        _finish(connection, message, ChannelMessageState.SENT, now=now)
    else:
        again_at = now + pause_after(message.attempts, result.retry_after)
        later = update(channel_message).where(channel_message.c.id == message.id)
        connection.execute(later.values(next_try_at=again_at))


def withdraw(
    connection: Connection, owner: str, message: ClaimedChannelMessage, *, now: datetime
) -> None:
    """End a message that has nothing to tell any more, and release the channel."""
    if _release(connection, owner, message, {}):
        _finish(connection, message, ChannelMessageState.WITHDRAWN, now=now)


def give_back(connection: Connection, owner: str, message: ClaimedChannelMessage) -> None:
    """Release a channel whose answer was not waited for: the message is sent again."""
    _release(connection, owner, message, {})


def forget_finished(connection: Connection, *, now: datetime) -> None:
    """Delete messages that were finished long ago."""
    connection.execute(delete(channel_message).where(channel_message.c.finished_at < now - KEPT))


def count_by_state(connection: Connection) -> dict[str, int]:
    """Return how many messages there are, by state."""
    counted = select(channel_message.c.state, func.count()).group_by(channel_message.c.state)
    return dict(connection.execute(counted).all())


def _new(
    connection: Connection, place: ChannelPlace, what: str, *, now: datetime
) -> dict[str, object]:
    # Not by chance: made again after a backup was restored, it is recognised.
    key = uuid5(change_log.instance(connection), f"{place.name}:{what}")
    return {
        "channel_id": place.id,
        "key": str(key),
        "made_at": now,
        "state": ChannelMessageState.WAITING,
        "attempts": 0,
        "next_try_at": now,
        "expires_at": now + TIME_TO_LIVE,
    }


def _told_in(connection: Connection, place: ChannelPlace, span: ToldSpan) -> str:
    """Return what a message tells of, for its key.

    With the entries: after a backup was restored, others may get the same `seq`, and receivers must
    not take them for what they know.
    """
    rules = _are_told(place.topic, from_seq=span.from_seq)
    told = select(entry.c.atom_id).where(*rules, entry.c.seq <= span.to_seq)
    ids = connection.scalars(told.order_by(entry.c.seq))
    return " ".join([f"{span.from_seq}-{span.to_seq}", *ids])


def _are_told(slug: str | None, *, from_seq: int) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for entries to be told: what digests may have, each story once."""
    selection = Selection(topic=slug, one_per_story=True)
    return (*selection.rules(), entry.c.digest_eligible, entry.c.seq > from_seq)


def _is_due(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        channel_message.c.finished_at.is_(None),
        channel_message.c.next_try_at <= now,
        channel.c.paused_at.is_(None),
        or_(channel.c.wait_until.is_(None), channel.c.wait_until <= now),
    )


def _is_free(connection: Connection) -> ColumnElement[bool]:
    return or_(channel.c.lease_until.is_(None), channel.c.lease_until <= clock(connection))


def _release(
    connection: Connection, owner: str, message: ClaimedChannelMessage, known: dict[str, object]
) -> bool:
    held = update(channel).where(channel.c.id == message.channel_id, channel.c.lease_owner == owner)
    free = {"lease_owner": None, "lease_until": None}
    return connection.execute(held.values({**known, **free})).rowcount == 1


def _finish(
    connection: Connection,
    message: ClaimedChannelMessage,
    state: ChannelMessageState,
    *,
    now: datetime,
) -> None:
    ended = update(channel_message).where(channel_message.c.id == message.id)
    connection.execute(ended.values(state=state, finished_at=now))
