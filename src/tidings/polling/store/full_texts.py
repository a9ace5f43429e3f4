"""What came of fetching full texts, and the robots.txt files that were asked for first."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, bindparam, case, func, null, select, update

from tidings.db.intake_tables import robots, source_text
from tidings.db.statements import upsert
from tidings.model.full_text import TextNote


def note(connection: Connection, notes: Mapping[int, TextNote], *, now: datetime) -> None:
    """Store what polls got of pages, by source."""
    if not notes:
        return
    rows = [
        {
            "of_source": source_id,
            "more": one.fetched,
            "less": one.failed,
            "because": one.error or None,
            "at": now,
        }
        for source_id, one in notes.items()
    ]
    table = source_text.c
    since = func.coalesce(table.failing_since, bindparam("at", type_=table.failing_since.type))
    failed = bindparam("less", type_=table.failed.type)
    statement = (
        update(source_text)
        .where(table.source_id == bindparam("of_source"))
        .values(
            fetched=table.fetched + bindparam("more", type_=table.fetched.type),
            failed=table.failed + failed,
            error=bindparam("because", type_=table.error.type),
            failing_since=case((failed > 0, since), else_=null()),
        )
    )
    connection.execute(statement, rows)


def find_robots(connection: Connection, site: str, *, since: datetime) -> str | None:
    """Return the robots.txt of a site as it was fetched after `since`; None if it was not."""
    statement = select(robots.c.rules).where(robots.c.site == site, robots.c.fetched_at >= since)
    return connection.scalar(statement)


def put_robots(connection: Connection, site: str, rules: str, *, now: datetime) -> None:
    """Store the robots.txt of a site, in place of the last one."""
    row = upsert(connection.dialect.name, robots).values(site=site, rules=rules, fetched_at=now)
    written = {"rules": row.excluded.rules, "fetched_at": row.excluded.fetched_at}
    connection.execute(row.on_conflict_do_update(index_elements=["site"], set_=written))
