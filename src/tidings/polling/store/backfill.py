"""The SQL of deferred entries: find the sources that have some, and store them."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import Connection, select, update

from tidings.catalog import change_log
from tidings.db.tables import source
from tidings.model.sources import DueSource, History
from tidings.polling.store import leases, polls
from tidings.polling.store.polls import Arrival


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """The deferred entries of a source, the oldest first; or a history that says why there are none."""

    source_id: int
    arrived: Sequence[Arrival] = ()
    memo: bytes | None = None
    history: History | None = None


def sources_with_deferred(
    connection: Connection, *, only: AbstractSet[int] | None, limit: int
) -> list[DueSource]:
    """Return some sources whose first document has entries that are not stored yet.

    Args:
        connection: A reading one.
        only: Sources to choose from; None for all.
        limit: How many at most, those added first.
    """
    every = connection.scalars(
        select(source.c.id).where(source.c.deferred > 0).order_by(source.c.id)
    )
    # Here, since `only` may name more sources than a statement takes.
    wanted = (source_id for source_id in every if only is None or source_id in only)
    return leases.due(connection, list(islice(wanted, limit)))


def store(connection: Connection, settled: Sequence[Backfill]) -> None:
    """Store deferred entries of sources, and note that these have none any more.

    Args:
        connection: A writing one.
        settled: One for each source, also where nothing was left to be stored.
    """
    of_them = source.c.id.in_([one.source_id for one in settled])
    # Another process may have been faster.
    taken = update(source).where(of_them, source.c.deferred > 0).values(deferred=0)
    rows = connection.execute(taken.returning(source.c.id, source.c.slug))
    slugs = {row.id: row.slug for row in rows}
    ours = [one for one in settled if one.source_id in slugs]
    for one in ours:
        if one.history:
            of_it = update(source).where(source.c.id == one.source_id)
            connection.execute(of_it.values(history=one.history))
    polls.put_memos(connection, {one.source_id: one.memo for one in ours if one.memo})
    arrived = [arrival for one in ours for arrival in one.arrived]
    if arrived:
        change, _ = change_log.next_change(connection)
        scopes = [change_log.SOURCES, *map(change_log.of_source, slugs.values())]
        now = leases.clock(connection)
        change_log.touch(connection, scopes, change=change, now=now)
        polls.insert_entries(connection, arrived, change=change)
