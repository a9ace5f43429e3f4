"""The selectors of sources that are pages without a feed, and what was seen of watched elements."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, bindparam, case, delete, insert, select, update

from tidings.db.intake_tables import source_page
from tidings.model.page_rules import PageRules, WatchedText

_COLUMNS = tuple(PageRules.__dataclass_fields__)


def of_sources(
    connection: Connection, source_ids: Collection[int] | None = None
) -> Mapping[int, PageRules]:
    """Return by source how it is read, of those that are pages; None for all sources."""
    statement = select(source_page)
    if source_ids is not None:
        if not source_ids:
            return {}
        statement = statement.where(source_page.c.source_id.in_(source_ids))
    return {
        row["source_id"]: PageRules(**{name: row[name] for name in _COLUMNS})
        for row in connection.execute(statement).mappings()
    }


def put(connection: Connection, by_source: Mapping[int, PageRules]) -> None:
    """Store how sources are read, in place of what was said before."""
    if not by_source:
        return
    connection.execute(delete(source_page).where(source_page.c.source_id.in_(by_source)))
    rows = [
        {"source_id": source_id} | {name: getattr(rules, name) for name in _COLUMNS}
        for source_id, rules in by_source.items()
    ]
    connection.execute(insert(source_page), rows)


def forget_seen(connection: Connection, source_id: int) -> None:
    """Forget what a watched element said: the source has another address."""
    statement = update(source_page).where(source_page.c.source_id == source_id)
    connection.execute(statement.values(seen=None))


def put_seen(connection: Connection, seen: Mapping[int, WatchedText]) -> None:
    """Store what watched elements say now; what differs from before was one more change."""
    if not seen:
        return
    text = bindparam("text", type_=source_page.c.seen.type)
    # Not the first time: then there is nothing that it could have changed from.
    is_change = case((source_page.c.seen.is_(None), 0), else_=1)
    statement = (
        update(source_page)
        .where(
            source_page.c.source_id == bindparam("of_source"),
            # The operator may have chosen another element since this one was read.
            source_page.c.watch == bindparam("selector", type_=source_page.c.watch.type),
            source_page.c.seen.is_distinct_from(text),
        )
        .values(seen=text, changes=source_page.c.changes + is_change)
    )
    rows = [
        {"of_source": source_id, "selector": one.selector, "text": one.text}
        for source_id, one in seen.items()
    ]
    connection.execute(statement, rows)
