"""The sources whose articles are fetched from their pages."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, delete, insert, select, update

from tidings.db.intake_tables import source_text
from tidings.model.full_text import FullText, TextMode


def of_sources(
    connection: Connection, source_ids: Collection[int] | None = None
) -> Mapping[int, FullText]:
    """Return by source how its articles are fetched, if they are; None for all sources."""
    statement = select(source_text)
    if source_ids is not None:
        if not source_ids:
            return {}
        statement = statement.where(source_text.c.source_id.in_(source_ids))
    return {
        row.source_id: FullText(
            mode=TextMode(row.mode),
            fetched=row.fetched,
            failed=row.failed,
            error=row.error,
            failing_since=row.failing_since,
        )
        for row in connection.execute(statement)
    }


def put(connection: Connection, source_id: int, mode: TextMode | None) -> None:
    """Say whether the articles of a source are fetched; None for no longer."""
    its_own = source_text.c.source_id == source_id
    if mode is None:
        connection.execute(delete(source_text).where(its_own))
    elif not connection.execute(update(source_text).where(its_own).values(mode=mode)).rowcount:
        connection.execute(insert(source_text).values(source_id=source_id, mode=mode))
