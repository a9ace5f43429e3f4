"""Sources that are not where they were, to be looked for elsewhere."""

from datetime import datetime

from sqlalchemy import Connection, or_, select, update

from tidings.domain.sources import DueSource, SourceState
from tidings.storage import due_sources
from tidings.storage.tables import entry, source

LOST_WITH = ("http 404", "http 410", "html")
"""What a source fails with that may be somewhere else now."""

MIN_FAILURES = 3
"""Polls in a row that must have failed, unless the publisher says that it is gone for good."""

MAX_PAGES = 2000
"""Entries of a source, the newest, whose pages it is recognised by."""


def moved_sources(connection: Connection, *, only: int | None = None) -> list[DueSource]:
    """Return the lost sources that were not looked for yet, or that one if it is among them."""
    is_retired = source.c.state == SourceState.RETIRED
    conditions = [
        source.c.failing_with.in_(LOST_WITH),
        source.c.looked_at.is_(None),
        source.c.state != SourceState.PAUSED,
        or_(is_retired, source.c.failures >= MIN_FAILURES),
    ]
    if only is not None:
        conditions.append(source.c.id == only)
    return due_sources.due_sources(connection, *conditions)


def pages_of_entries(connection: Connection, source_id: int) -> list[str]:
    """Return the addresses of what a source published last."""
    statement = (
        select(entry.c.url)
        .where(entry.c.source_id == source_id)
        .order_by(entry.c.sort_at.desc(), entry.c.id.desc())
        .limit(MAX_PAGES)
    )
    return [url for url in connection.scalars(statement) if url]


def note_redirect(
    connection: Connection, source_id: int, notice: str | None, *, now: datetime
) -> None:
    """Remember that a source was looked for, and what to tell the operator of it, if anything."""
    told = {} if notice is None else {"notice": notice}
    statement = update(source).where(source.c.id == source_id, source.c.looked_at.is_(None))
    connection.execute(statement.values(looked_at=now, **told))
