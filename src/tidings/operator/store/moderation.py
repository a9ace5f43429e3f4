"""What needs the operator's attention: the moderation queue, and problems for the daily note."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Table, and_, func, or_, select

from tidings.catalog import entries
from tidings.catalog.sources import shown_title
from tidings.channels.store import channels
from tidings.db.mail_tables import delivery, relay
from tidings.db.subscriber_tables import bounce, notice
from tidings.db.tables import entry, source
from tidings.model.entries import Entry, EntryState
from tidings.model.newsletters import DeliveryState
from tidings.model.operators import (
    FAILING_FOR,
    MAX_LINES,
    STUCK_FOR,
    HealthSnapshot,
    HeldSource,
    MessageGroup,
    ModerationQueue,
    WatchedSource,
)
from tidings.model.sources import SourceState
from tidings.newsletters.store import drafts

# Entries of a kind that are shown: nobody looks through more.
MOST = 100

DAY = timedelta(days=1)

# Days before the last one, whose average is the usual number of bounces.
USUAL = 7

_FAILS = (source.c.failures > 0, source.c.state == SourceState.ACTIVE)

_LEAVING = (DeliveryState.READY, DeliveryState.DEFERRED, DeliveryState.SENDING)


def count_pending(connection: Connection) -> int:
    """Return how many entries are held."""
    held = select(func.count()).select_from(entry).where(entry.c.state == EntryState.HELD)
    return int(connection.execute(held).scalar_one())


def count_failing(connection: Connection) -> int:
    """Return how many sources that are polled fail."""
    return _count(connection, *_FAILS)


def longest_failing(connection: Connection, *, limit: int) -> list[int]:
    """Return the ids of the sources that have failed longest, the longest first."""
    since = func.coalesce(source.c.last_ok_at, source.c.added_at)
    found = select(source.c.id).where(*_FAILS).order_by(since, source.c.id)
    return list(connection.scalars(found.limit(limit)))


def read_queue(connection: Connection) -> ModerationQueue:
    """Return held, pinned and recently hidden entries."""
    is_held = (entry.c.state == EntryState.HELD,)
    is_pinned = (entry.c.pinned_at.is_not(None), entry.c.state == EntryState.PUBLIC)
    # Entries that filters dropped were never public, so they have no `seq`: they may be thousands.
    was_public = (entry.c.state == EntryState.HIDDEN, entry.c.seq.is_not(None))
    return ModerationQueue(
        held=_newest(connection, entry.c.sort_at, *is_held),
        waiting=held_sources(connection),
        pinned=_newest(connection, entry.c.pinned_at, *is_pinned),
        hidden=_newest(connection, entry.c.change, *was_public),
    )


def held_sources(connection: Connection) -> tuple[HeldSource, ...]:
    """Return the sources with held entries, those with most first."""
    counted = (
        select(entry.c.source_id, func.count().label("entries"))
        .where(entry.c.state == EntryState.HELD)
        .group_by(entry.c.source_id)
        .subquery()
    )
    titles = (source.c.slug, source.c.given_title, source.c.feed_title, source.c.url)
    statement = select(*titles, counted.c.entries).join(counted, counted.c.source_id == source.c.id)
    most_first = statement.order_by(counted.c.entries.desc(), source.c.id)
    return tuple(
        HeldSource(
            slug=row.slug,
            title=shown_title(row.given_title, row.feed_title, row.url),
            entries=row.entries,
        )
        for row in connection.execute(most_first)
    )


def _newest(
    connection: Connection, at: ColumnElement[object], *rules: ColumnElement[bool]
) -> tuple[Entry, ...]:
    newest_first = select(entry.c.id).where(*rules).order_by(at.desc(), entry.c.id.desc())
    ids = connection.scalars(newest_first.limit(MOST)).all()
    return tuple(entries.in_order(connection, ids))


def health_snapshot(connection: Connection, *, now: datetime) -> HealthSnapshot:
    """Return the numbers behind all problems that the operator is told of."""
    is_active = source.c.state == SourceState.ACTIVE
    polled = select(func.count(), func.max(source.c.last_polled_at)).where(is_active)
    active_sources, polled_at = connection.execute(polled).one()
    return HealthSnapshot(
        active_sources=active_sources,
        polled_at=polled_at,
        sources=_sources(connection, now),
        held_entries=_count(connection, entry.c.state == EntryState.HELD),
        drafts=drafts.count_unapproved(connection),
        paused_relays=_paused_relays(connection, now),
        stuck=_letters(connection, lambda table: _is_stuck(table, now)),
        refused=_letters(connection, lambda table: table.c.state == DeliveryState.HELD),
        doubtful=_letters(connection, lambda table: _is_doubtful(table, now)),
        bounces=_count(connection, bounce.c.at > now - DAY),
        usual_bounces=_usual_bounces(connection, now),
        channels=[f"{one.name}: {one.last_error}" for one in channels.failing(connection)],
    )


def _sources(connection: Connection, now: datetime) -> list[WatchedSource]:
    # One that never worked counts from the day on which it was added.
    worked_at = func.coalesce(source.c.last_ok_at, source.c.added_at)
    is_active = source.c.state == SourceState.ACTIVE
    is_failing = and_(source.c.failures > 0, worked_at <= now - FAILING_FOR)
    is_retired = source.c.state == SourceState.RETIRED
    # A retired source is not polled any more, so its last poll is when that happened.
    is_new = source.c.last_polled_at > now - DAY
    statement = (
        select(
            source.c.id,
            source.c.given_title,
            source.c.feed_title,
            source.c.url,
            worked_at.label("worked_at"),
            source.c.last_error.label("error"),
            source.c.notice,
            is_retired.label("is_retired"),
        )
        .where(or_(is_active & or_(is_failing, source.c.notice != ""), is_retired & is_new))
        .order_by(source.c.id)
    )
    return [
        WatchedSource(
            id=row.id,
            title=shown_title(row.given_title, row.feed_title, row.url),
            worked_at=row.worked_at,
            error=row.error,
            notice=row.notice,
            is_retired=row.is_retired,
        )
        for row in connection.execute(statement)
    ]


def _paused_relays(connection: Connection, now: datetime) -> list[str]:
    paused = select(relay.c.name, relay.c.reason).where(relay.c.paused_until > now)
    rows = connection.execute(paused.order_by(relay.c.name))
    return [f"{row.name}: {row.reason}" for row in rows]


def _letters(connection: Connection, rule: Callable[[Table], ColumnElement[bool]]) -> MessageGroup:
    count = sum(_count(connection, rule(table)) for table in (delivery, notice))
    # Of transactional mail with addresses: each is for one person, who waits for it. Issues are
    # only counted: they may be thousands.
    named = select(notice.c.kind, notice.c.address, notice.c.reply).where(rule(notice))
    rows = connection.execute(named.order_by(notice.c.id.desc()).limit(MAX_LINES))
    return MessageGroup(
        count=count,
        notices=[f"{row.kind} to {row.address}: {row.reply or '-'}" for row in rows],
    )


def _is_stuck(table: Table, now: datetime) -> ColumnElement[bool]:
    made_at = table.c.made_at if table is notice else table.c.planned_at
    return and_(
        table.c.finished_at.is_(None), table.c.state.in_(_LEAVING), made_at <= now - STUCK_FOR
    )


def _is_doubtful(table: Table, now: datetime) -> ColumnElement[bool]:
    is_assumed = table.c.state == DeliveryState.ASSUMED_ACCEPTED
    # Uncertain ones end by themselves; assumed ones stay, and must not be told of day after day.
    return or_(
        table.c.state == DeliveryState.UNCERTAIN,
        and_(is_assumed, table.c.finished_at > now - DAY),
    )


def _usual_bounces(connection: Connection, now: datetime) -> float:
    before = (bounce.c.at > now - (1 + USUAL) * DAY, bounce.c.at <= now - DAY)
    return _count(connection, *before) / USUAL


def _count(connection: Connection, *rules: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).where(*rules)).scalar_one()
