"""The last documents of each source as they were fetched, and lost sources to be searched for."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import Connection, Insert, bindparam, func, or_, select, update

from tidings.db.intake_tables import document, source_page
from tidings.db.statements import upsert
from tidings.db.tables import entry, source
from tidings.model.sources import DueSource, SourceState
from tidings.polling.polled_source import KeptDocument
from tidings.polling.store import leases

# Documents that are kept of a source.
MAX_KEPT = 3

# A raw hash that no entry has.
_UNREAD = b"\0"

# Failures of a source that may have moved: not found, gone, or a page in its place.
LOST_WITH = ("http 404", "http 410", "html")

# Polls in a row that must have failed, unless the source is retired.
MIN_FAILURES = 3

# Entries of a source, the newest, whose pages it is recognised by.
MAX_PAGES = 2000


def keep(connection: Connection, kept: Sequence[KeptDocument]) -> None:
    """Store documents, each in place of its source's oldest once there are `MAX_KEPT`."""
    rows = [
        {
            "of_source": one.source_id,
            "fetched_at": one.fetched_at,
            "url": one.url,
            "content_type": one.content_type,
            "charset": one.charset,
            "language": one.language,
            "body": one.packed,
        }
        for one in kept
    ]
    if rows:
        # Row by row: within an array the driver would write every body as text, and the server
        # would have to read it again.
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
    written = ("fetched_at", "url", "content_type", "charset", "language", "body")
    given = {name: bindparam(name, type_=document.c[name].type) for name in written}
    slot = (func.coalesce(latest, -1) + 1) % MAX_KEPT
    row = upsert(dialect, document).values(given | {"source_id": source_id, "slot": slot})
    return row.on_conflict_do_update(
        index_elements=["source_id", "slot"],
        set_={name: row.excluded[name] for name in written},
    )


def kept(connection: Connection, source_id: int) -> list[KeptDocument]:
    """Return the documents kept of a source, the latest first."""
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
            language=row.language,
            packed=row.body,
        )
        for row in rows
    ]


def mark_unread(connection: Connection, source_id: int) -> None:
    """Let every stored entry of a source count as changed when it is parsed again."""
    statement = update(entry).where(entry.c.source_id == source_id)
    connection.execute(statement.values(raw_hash=_UNREAD))


def lost_sources(connection: Connection, *, only: int | None = None) -> list[DueSource]:
    """Return the lost sources not searched for yet; with `only`, that one if it is among them."""
    is_retired = source.c.state == SourceState.RETIRED
    conditions = [
        source.c.failing_with.in_(LOST_WITH),
        source.c.looked_at.is_(None),
        source.c.state != SourceState.PAUSED,
        or_(is_retired, source.c.failures >= MIN_FAILURES),
        # By its entries a feed is recognised elsewhere; a page is not.
        source.c.id.not_in(select(source_page.c.source_id)),
    ]
    if only is not None:
        conditions.append(source.c.id == only)
    return leases.due_sources(connection, *conditions)


def entry_urls(connection: Connection, source_id: int) -> list[str]:
    """Return the addresses of a source's newest entries."""
    statement = (
        select(entry.c.url)
        .where(entry.c.source_id == source_id)
        .order_by(entry.c.sort_at.desc(), entry.c.id.desc())
        .limit(MAX_PAGES)
    )
    return [url for url in connection.scalars(statement) if url]


def note_looked(
    connection: Connection, source_id: int, notice: str | None, *, now: datetime
) -> None:
    """Note that a source was searched for, and what the operator should know, if anything."""
    noticed = {} if notice is None else {"notice": notice}
    statement = update(source).where(source.c.id == source_id, source.c.looked_at.is_(None))
    connection.execute(statement.values(looked_at=now, **noticed))
