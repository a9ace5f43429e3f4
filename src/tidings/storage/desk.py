"""What operators find to do."""

from sqlalchemy import ColumnElement, Connection, func, select

from tidings.domain.entries import Entry, EntryState
from tidings.domain.operators import HeldSource, ModerationQueue
from tidings.domain.sources import SourceState
from tidings.storage import entries, sources
from tidings.storage.sources import shown_title
from tidings.storage.tables import entry, source

MOST = 100
"""Entries of a kind that are shown: no more can be looked through."""


def count_pending(connection: Connection) -> int:
    """Return how many entries are held."""
    held = select(func.count()).select_from(entry).where(entry.c.state == EntryState.HELD)
    return int(connection.execute(held).scalar_one())


def read_desk(connection: Connection) -> ModerationQueue:
    """Return what waits, what is pinned, what was hidden lately, and who is not polled."""
    is_held = (entry.c.state == EntryState.HELD,)
    is_pinned = (entry.c.pinned_at.is_not(None), entry.c.state == EntryState.PUBLIC)
    # What filters dropped was never public, so has no `seq`, and may be very much.
    was_public = (entry.c.state == EntryState.HIDDEN, entry.c.seq.is_not(None))
    return ModerationQueue(
        held=_newest(connection, entry.c.sort_at, *is_held),
        waiting=_by_source(connection),
        pinned=_newest(connection, entry.c.pinned_at, *is_pinned),
        hidden=_newest(connection, entry.c.change, *was_public),
        resting=tuple(
            one for one in sources.every(connection) if one.state is not SourceState.ACTIVE
        ),
    )


def _by_source(connection: Connection) -> tuple[HeldSource, ...]:
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
