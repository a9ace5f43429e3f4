"""Entries under other keys: what may have been renamed, and what was."""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import (
    BindParameter,
    Connection,
    Insert,
    Select,
    bindparam,
    func,
    insert,
    literal,
    select,
)

from tidings.domain.compare import EntryEdit
from tidings.domain.documents import KEY_VERSION, MAX_ENTRIES
from tidings.domain.renames import Namesake
from tidings.storage.intake_tables import alias
from tidings.storage.tables import entry


def entries_by_alias(
    connection: Connection, source_ids: Collection[int]
) -> dict[int, list[Namesake]]:
    """Return by source its latest entries, as many as a document can hold: one statement."""
    found: dict[int, list[Namesake]] = {source_id: [] for source_id in source_ids}
    rows = connection.execute(_namesakes_select(), {"source_ids": list(source_ids)})
    for source_id, entry_id, url, title, published, revision in rows:
        found[source_id].append(
            Namesake(id=entry_id, url=url, title=title, published=published, revision=revision)
        )
    return found


def remember_aliases(connection: Connection, renamed: Sequence[EntryEdit]) -> None:
    """Add the keys that entries came under to their own; those that are gone meanwhile have none."""
    if renamed:
        rows = [{"of_entry": edit.entry_id, "new_key": edit.entry.key} for edit in renamed]
        connection.execute(_alias_insert(), rows)


@cache
def _namesakes_select() -> Select[int, int, str | None, str, datetime | None, bytes]:
    source_ids: BindParameter[int] = bindparam("source_ids", expanding=True)
    # Ranked in the index alone: to rank rows would mean to read them.
    order = (entry.c.sort_at.desc(), entry.c.id.desc())
    rank = func.row_number().over(partition_by=entry.c.source_id, order_by=order)
    ranked = select(entry.c.id, rank.label("rank")).where(entry.c.source_id.in_(source_ids))
    latest = ranked.subquery()
    columns = (entry.c.id, entry.c.url, entry.c.title, entry.c.published, entry.c.revision)
    return select(entry.c.source_id, *columns).where(
        entry.c.id.in_(select(latest.c.id).where(latest.c.rank <= MAX_ENTRIES))
    )


@cache
def _alias_insert() -> Insert:
    new_key: BindParameter[bytes] = bindparam("new_key", type_=alias.c.key.type)
    found = select(entry.c.source_id, literal(KEY_VERSION), new_key, entry.c.id).where(
        entry.c.id == bindparam("of_entry", type_=entry.c.id.type)
    )
    return insert(alias).from_select(["source_id", "key_version", "key", "entry_id"], found)
