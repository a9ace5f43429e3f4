"""Finding entries by their words on SQLite, whose index gives the newest first, by id."""

from sqlalchemy import Connection, Integer, column, literal, select, table, union_all

from tidings.domain.searching import Hit, Term, Zone
from tidings.domain.words import EVERY
from tidings.storage.search_hits import COLUMNS, ENOUGH, IndexQuery, is_beginning, written
from tidings.storage.tables import entry

_index = table("entry_index", column("rowid", Integer), column("entry_index"))
_ZONES = {zone.value: zone for zone in Zone}
_sqlite_matches = _index.c.entry_index.bool_op("MATCH")


def newest_on_sqlite(connection: Connection, wanted: IndexQuery) -> list[Hit]:
    """Return the newest hits, one more than are ranked."""
    statement = (
        select(*COLUMNS)
        .select_from(_index)
        .join(entry, entry.c.id == _index.c.rowid)
        .where(_sqlite_matches(_expression(wanted, "body")), *wanted.rules)
        .order_by(_index.c.rowid.desc())
        .limit(ENOUGH)
    )
    rows = connection.execute(statement).all()
    zones = _zones(connection, wanted, lowest=rows[-1].id) if rows and wanted.terms else {}
    return [Hit(*row, zones.get(row.id, Zone.BODY)) for row in rows]


def _zones(connection: Connection, wanted: IndexQuery, *, lowest: int) -> dict[int, Zone]:
    """Return by id which entries have it all in their title or beginning."""
    statement = union_all(
        *(
            select(_index.c.rowid, literal(zone.value)).where(
                _sqlite_matches(_expression(wanted, zone.name.lower())), _index.c.rowid >= lowest
            )
            for zone in (Zone.LEAD, Zone.TITLE)
        )
    )
    return {entry_id: _ZONES[worth] for entry_id, worth in connection.execute(statement)}


def _expression(wanted: IndexQuery, zone: str) -> str:
    """Return the question as FTS5 reads it, its words in one column and its marks in another."""
    terms = " AND ".join(map(_phrase, wanted.terms)) or f'"{EVERY}"'
    parts = [f"{{{zone}}} : ({terms})"]
    for group in wanted.marks:
        marks = " OR ".join(f'"{mark}"' for mark in group)
        parts.append(f"{{body}} : ({marks})")
    expression = " AND ".join(f"({part})" for part in parts)
    if not wanted.without:
        return expression
    return f"({expression}) NOT ({{body}} : ({' OR '.join(map(_phrase, wanted.without))}))"


def _phrase(term: Term) -> str:
    """Return words that stand side by side; none of them holds a quotation mark."""
    return f'"{" ".join(written(term))}"{" *" if is_beginning(term) else ""}'
