"""The entries of the feed of everything and of its archives, by `seq`."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, false, func, select

from tidings.catalog import change_log, entries
from tidings.catalog.entries import Selection
from tidings.db.tables import counter, entry, feed_state
from tidings.db.types import Unindexed
from tidings.errors import NotFoundError
from tidings.model import scopes
from tidings.model.entries import Entry, EntryState


def between(connection: Connection, first: int, last: int) -> list[Entry]:
    """Return the public entries with `seq` in a span, newest first, with content."""
    return _read(connection, _stands_for_itself().where(entry.c.seq.between(first, last)))


def edited(connection: Connection, *, since: datetime, up_to: int, limit: int) -> list[Entry]:
    """Return entries up to a `seq` that were visibly changed last, newest first."""
    latest = (
        select(entry.c.id)
        .where(
            Unindexed(entry.c.state) == EntryState.PUBLIC,
            # Its story stands in the feed already, with the older entry.
            entry.c.follows == false(),
            entry.c.changed_at > entry.c.first_seen_at,
            entry.c.changed_at > since,
            Unindexed(entry.c.seq) <= up_to,
        )
        .order_by(entry.c.changed_at.desc(), entry.c.seq.desc())
        .limit(limit)
    )
    return _read(connection, latest)


def get_change(connection: Connection, number: int) -> tuple[int, datetime]:
    """Return the last change of an archive, and a time not before it.

    It shows its entries, what stands beside every entry, and whether another archive follows:
    that one became full with its last entry.

    Raises:
        NotFoundError: There is no such archive, or not yet.
    """
    first, last = scopes.archive_span(number)
    _, last_of_next = scopes.archive_span(number + 1)
    is_site, is_everything = (
        feed_state.c.scope == scope for scope in (change_log.SITE, change_log.ALL)
    )
    found = connection.execute(
        select(
            counter.c.seq,
            _change(entry.c.seq.between(first, last)),
            _change(entry.c.seq == last_of_next),
            select(feed_state.c.change).where(is_site).scalar_subquery(),
            # No time is kept for an archive's entries together; that of the whole feed is never too
            # early.
            select(feed_state.c.changed_at).where(is_everything).scalar_subquery(),
        )
    ).one()
    if not 1 <= number <= scopes.full_archives(found[0]):
        raise NotFoundError("archive", number)
    return max(change or 0 for change in found[1:4]), found[4]


def _stands_for_itself() -> Select[int]:
    return select(entry.c.id).where(*Selection(one_per_story=True).rules())


def _read(connection: Connection, chosen: Select[int]) -> list[Entry]:
    ids: Sequence[int] = connection.scalars(chosen).all()
    found = entries.by_ids(connection, ids, with_content=True)
    return sorted(found, key=lambda one: one.seq or 0, reverse=True)


def _change(rule: ColumnElement[bool]) -> ColumnElement[int]:
    return select(func.max(entry.c.change)).where(rule).scalar_subquery()
