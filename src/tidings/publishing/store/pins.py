"""Pinned entries, on top of the first page."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from tidings.catalog import change_log
from tidings.db.tables import entry
from tidings.db.types import Unindexed
from tidings.errors import ConflictError, NotFoundError
from tidings.model.entries import EntryState
from tidings.model.sources import with_decision

# Pinned entries on the first page; the newest pins win.
MAX_SHOWN = 10


def pin(connection: Connection, entry_ids: Sequence[int], *, now: datetime) -> list[int]:
    """Pin public entries; return which of them were not pinned before.

    Raises:
        NotFoundError: There is no such entry; nothing is changed.
        ConflictError: One is not public; nothing is changed.
    """
    return _set(connection, entry_ids, now, "pinned by the operator", now=now)


def unpin(connection: Connection, entry_ids: Sequence[int], *, now: datetime) -> list[int]:
    """Unpin entries; return which of them were pinned.

    Raises:
        NotFoundError: There is no such entry; nothing is changed.
    """
    return _set(connection, entry_ids, None, "unpinned by the operator", now=now)


def on_top(connection: Connection) -> list[int]:
    """Return the ids of the pinned public entries, newest pin first."""
    is_public = Unindexed(entry.c.state) == EntryState.PUBLIC
    is_shown = (entry.c.pinned_at.is_not(None), is_public)
    newest = select(entry.c.id).where(*is_shown).order_by(entry.c.pinned_at.desc(), entry.c.id)
    return list(connection.scalars(newest.limit(MAX_SHOWN)))


def _set(
    connection: Connection,
    entry_ids: Sequence[int],
    pinned_at: datetime | None,
    words: str,
    *,
    now: datetime,
) -> list[int]:
    columns = (entry.c.id, entry.c.source_id, entry.c.state, entry.c.pinned_at, entry.c.history)
    # Locked in one order: two operators with the same entries cannot wait for each other.
    chosen = select(*columns).where(entry.c.id.in_(entry_ids)).order_by(entry.c.id)
    rows = connection.execute(chosen.with_for_update()).all()
    if missing := set(entry_ids) - {row.id for row in rows}:
        raise NotFoundError("entry", min(missing))
    for row in rows:
        if pinned_at and row.state != EntryState.PUBLIC:
            raise ConflictError("entry", row.id, because=f"is {row.state}, not public")
    moving = [row for row in rows if (row.pinned_at is None) == (pinned_at is not None)]
    if not moving:
        return []
    change, _ = change_log.next_change(connection)
    with_sources = sorted({row.source_id for row in moving})
    scopes = [change_log.ALL]
    change_log.touch(connection, scopes, with_sources=with_sources, change=change, now=now)
    history = bindparam("new_history", type_=entry.c.history.type)
    by_id = update(entry).where(entry.c.id == bindparam("of_entry"))
    values = [
        {"of_entry": row.id, "new_history": with_decision(row.history or [], words, now=now)}
        for row in moving
    ]
    connection.execute(by_id.values(pinned_at=pinned_at, history=history), values)
    return [row.id for row in moving]
