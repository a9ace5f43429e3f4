"""Changes of who sees an entry: held ones released, others hidden or shown again."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, exists, not_, select, update

from tidings.catalog import change_log
from tidings.db.tables import entry
from tidings.errors import ConflictError, NotFoundError
from tidings.model.entries import EntryState
from tidings.model.sources import with_decision
from tidings.polling.new_entries import EMPTY
from tidings.stories.store import stories


def held_ids(connection: Connection, source_id: int) -> list[int]:
    """Return the ids of a source's held entries."""
    is_held = entry.c.state == EntryState.HELD
    statement = select(entry.c.id).where(entry.c.source_id == source_id, is_held)
    return list(connection.scalars(statement.order_by(entry.c.id)))


def release(connection: Connection, entry_ids: Sequence[int], *, now: datetime) -> list[int]:
    """Make held entries public, and return which of them were not public before.

    Raises:
        NotFoundError: There is no such entry; nothing is changed.
        ConflictError: One is not held; nothing is changed.
    """
    reasons = {
        EntryState.BACKFILL: "is not held: it stands on its source's page",
        EntryState.HIDDEN: "is hidden; to show it again, unhide it",
    }
    rows = _rows(connection, entry_ids, reasons)
    return _move(connection, rows, to=EntryState.PUBLIC, now=now)


def hide(connection: Connection, entry_ids: Sequence[int], *, now: datetime) -> list[int]:
    """Withdraw entries in whatever state, and return which of them were not hidden before.

    Raises:
        NotFoundError: There is no such entry; nothing is changed.
    """
    rows = _rows(connection, entry_ids, {})
    return _move(connection, rows, to=EntryState.HIDDEN, now=now)


def unhide(connection: Connection, entry_ids: Sequence[int], *, now: datetime) -> list[int]:
    """Make hidden entries public, and return which of them were not public before.

    Raises:
        NotFoundError: There is no such entry; nothing is changed.
        ConflictError: One is not hidden; nothing is changed.
    """
    reasons = {
        EntryState.BACKFILL: "is not hidden: it stands on its source's page",
        EntryState.HELD: "is not hidden but held; release it",
    }
    rows = _rows(connection, entry_ids, reasons)
    return _move(connection, rows, to=EntryState.PUBLIC, now=now)


def show_filled(connection: Connection, entry_ids: Sequence[int], *, now: datetime) -> None:
    """Make public what was hidden for being empty, now that its publisher has filled it."""
    rows = _rows(connection, entry_ids, {})
    _move(
        connection,
        # What a filter hid, or the operator, stays hidden.
        [row for row in rows if row.history and row.history[-1][1] == EMPTY],
        to=EntryState.PUBLIC,
        now=now,
        because="made public: now there is something to show",
    )


_Row = Row[*tuple[Any, ...]]
_DONE = {EntryState.PUBLIC: "made public", EntryState.HIDDEN: "hidden"}


def _rows(
    connection: Connection, entry_ids: Sequence[int], reasons: Mapping[EntryState, str]
) -> list[_Row]:
    """Return entries, the oldest first, locked until the transaction ends.

    Raises:
        NotFoundError: There is no such entry.
        ConflictError: One is in a state for which there is a reason in `reasons`.
    """
    columns = (entry.c.id, entry.c.source_id, entry.c.state, entry.c.seq, entry.c.history)
    statement = select(*columns).where(entry.c.id.in_(entry_ids)).with_for_update()
    rows = connection.execute(statement.order_by(entry.c.sort_at, entry.c.id)).all()
    missing = set(entry_ids) - {row.id for row in rows}
    if missing:
        raise NotFoundError("entry", min(missing))
    for row in rows:
        if because := reasons.get(EntryState(row.state)):
            raise ConflictError("entry", row.id, because=because)
    return list(rows)


def _move(
    connection: Connection,
    rows: Sequence[_Row],
    *,
    to: EntryState,
    now: datetime,
    because: str = "",
) -> list[int]:
    """Put entries into another state; what becomes public for the first time gets a `seq`."""
    moving = [row for row in rows if row.state != to]
    if not moving:
        return []
    unnumbered = [row.id for row in moving if to is EntryState.PUBLIC and row.seq is None]
    # An entry that is shown again keeps its `seq`: with a new one it would be news once more.
    change, last = change_log.next_change(connection, published=len(unnumbered))
    seqs = {entry_id: last + place for place, entry_id in enumerate(unnumbered, 1)}
    change_log.touch(
        connection,
        [change_log.ALL, change_log.SOURCES],
        with_sources=sorted({row.source_id for row in moving}),
        change=change,
        now=now,
    )
    decision = because or f"{_DONE[to]} by the operator"
    values = [
        {
            "of_entry": row.id,
            "new_seq": seqs.get(row.id, row.seq),
            "new_history": with_decision(row.history or [], decision, now=now),
        }
        for row in moving
    ]
    written = {
        "state": to,
        "change": change,
        "seq": bindparam("new_seq", type_=entry.c.seq.type),
        "history": bindparam("new_history", type_=entry.c.history.type),
    }
    by_id = update(entry).where(entry.c.id == bindparam("of_entry"))
    connection.execute(by_id.values(written), values)
    if to is EntryState.PUBLIC:
        _unfold(connection, [row.id for row in moving])
    stories.refresh(connection, [row.id for row in moving], change=change, now=now)
    if unnumbered:
        new = stories.read(connection, entry.c.id.in_(unnumbered))
        stories.join(connection, new, change=change, now=now)
    return [row.id for row in moving]


def _unfold(connection: Connection, entry_ids: Sequence[int]) -> None:
    """Unfold entries that came with nothing public that pages could count them with."""
    lead = entry.alias()
    leads = exists().where(
        lead.c.source_id == entry.c.source_id,
        lead.c.first_seen_at == entry.c.first_seen_at,
        lead.c.state == EntryState.PUBLIC,
        not_(lead.c.folded),
    )
    alone = (entry.c.id.in_(entry_ids), entry.c.folded, not_(leads))
    connection.execute(update(entry).where(*alone).values(folded=False))
