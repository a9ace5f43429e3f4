"""The last documents of each source, kept as they came to be read again without the network."""

import zlib
from collections.abc import Sequence
from functools import cache

from sqlalchemy import Connection, Insert, bindparam, func, select, update

from tidings.domain.polled import KeptDocument
from tidings.storage.intake_tables import document
from tidings.storage.tables import entry
from tidings.storage.upserts import upsert

KEPT = 3
"""Documents that are kept of a source."""


_UNREAD = b"\0"
"""A raw hash that nothing has."""


def keep(connection: Connection, kept: Sequence[KeptDocument]) -> None:
    """Store documents, each in place of its source's oldest once there are `KEPT`."""
    rows = [
        {
            "of_source": one.source_id,
            "fetched_at": one.fetched_at,
            "url": one.url,
            "content_type": one.content_type,
            "charset": one.charset,
            "body": zlib.compress(one.body, 1),
        }
        for one in kept
    ]
    if rows:
        connection.execute(_upsert(connection.dialect.name), rows)


@cache
def _upsert(dialect: str) -> Insert:
    source_id = bindparam("of_source", type_=document.c.source_id.type)
    latest = (
        select(document.c.slot)
        .where(document.c.source_id == source_id)
        .order_by(document.c.fetched_at.desc(), document.c.slot)
        .limit(1)
        .scalar_subquery()
    )
    written = ("fetched_at", "url", "content_type", "charset", "body")
    given = {name: bindparam(name, type_=document.c[name].type) for name in written}
    slot = (func.coalesce(latest, -1) + 1) % KEPT
    row = upsert(dialect, document).values(given | {"source_id": source_id, "slot": slot})
    return row.on_conflict_do_update(
        index_elements=["source_id", "slot"],
        set_={name: row.excluded[name] for name in written},
    )


def kept(connection: Connection, source_id: int) -> list[KeptDocument]:
    """Return what is kept of a source, the latest first."""
    rows = connection.execute(
        select(document)
        .where(document.c.source_id == source_id)
        .order_by(document.c.fetched_at.desc(), document.c.slot)
    )
    return [
        KeptDocument(
            source_id=row.source_id,
            fetched_at=row.fetched_at,
            url=row.url,
            content_type=row.content_type,
            charset=row.charset,
            body=zlib.decompress(row.body),
        )
        for row in rows
    ]


def forget_what_was_read(connection: Connection, source_id: int) -> None:
    """Let everything that is stored of a source count as changed when it is read again."""
    statement = update(entry).where(entry.c.source_id == source_id)
    connection.execute(statement.values(raw_hash=_UNREAD))
