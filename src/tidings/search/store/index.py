"""The full-text index: filled when entries are stored, rebuilt, checked."""

from collections.abc import Callable, Sequence
from functools import cache

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    bindparam,
    cast,
    exists,
    func,
    literal_column,
    select,
    text,
)

from tidings.db.statements import upsert
from tidings.db.tables import entry, entry_words
from tidings.model.feed import KEY_VERSION
from tidings.model.words import MARK, MAX_CONTENT, IndexedText, index_text

# Neighbouring ids that share a mark on PostgreSQL, so that the newest can be searched alone.
BLOCK = 1024

# Entries that are read and indexed at a time.
CHUNK = 200


def add(connection: Connection, new: Sequence[tuple[int, bytes, IndexedText]]) -> None:
    """Index entries that have just been inserted, each by source and key: one statement."""
    dialect = connection.dialect.name
    rows = [
        {"source_id": source_id, "key_version": KEY_VERSION, "key": key, **_row(dialect, words)}
        for source_id, key, words in new
    ]
    if rows:
        connection.execute(_upsert(dialect, _BY_KEY), rows)


def renew(connection: Connection, entries: Sequence[tuple[int, IndexedText]]) -> None:
    """Index entries anew, each by its id: one statement."""
    dialect = connection.dialect.name
    rows = [{"of_entry": entry_id, **_row(dialect, words)} for entry_id, words in entries]
    if rows:
        connection.execute(_upsert(dialect, _BY_ID), rows)


def rebuild(connection: Connection, advance: Callable[[int], None]) -> None:
    """Index all stored entries from scratch.

    Args:
        connection: A writing one.
        advance: Called with a number of entries, as they are indexed.
    """
    connection.execute(entry_words.delete())
    content = func.substr(entry.c.content, 1, MAX_CONTENT).label("content")
    columns = select(entry.c.id, entry.c.title, content).order_by(entry.c.id)
    last = 0
    while rows := connection.execute(columns.where(entry.c.id > last).limit(CHUNK)).all():
        renew(connection, [(row.id, index_text(row.title, row.content)) for row in rows])
        last = rows[-1].id
        advance(len(rows))


def problems(connection: Connection) -> list[str]:
    """Return what is wrong with the index, for the operator; empty if nothing is."""
    is_indexed = exists().where(entry_words.c.entry_id == entry.c.id)
    lacking = connection.scalar(select(func.count()).select_from(entry).where(~is_indexed))
    found = [f"{lacking} entries that cannot be searched"] if lacking else []
    if connection.dialect.name == "sqlite":
        indexed = connection.scalar(text(_COUNT))
        known = connection.scalar(select(func.count()).select_from(entry_words))
        if indexed != known:
            found.append(f"an index of {indexed} entries instead of {known}")
    return found


# Counted through the index itself: every entry has the mark.
_COUNT = """SELECT count(*) FROM entry_index WHERE entry_index MATCH '"§"'"""


_BY_KEY = tuple(
    entry.c[name] == bindparam(name, type_=entry.c[name].type)
    for name in ("source_id", "key_version", "key")
)
_BY_ID = (entry.c.id == bindparam("of_entry"),)
_MARKS = {
    "sqlite": "' § §s' || source_id || strftime(' §y%Y §m%Y%m', sort_at)",
    "postgresql": "CAST('''§'' ''§s' || source_id || to_char(sort_at AT TIME ZONE 'UTC',"
    """ '"'' ''§y"YYYY"'' ''§m"YYYYMM')"""
    f" || ''' ''§b' || id / {BLOCK} || '''' AS tsvector)",
}


@cache
def _upsert(dialect: str, rule: tuple[ColumnElement[bool], ...]) -> Insert:
    columns = entry_words.c
    title, lead, body = (
        cast(bindparam(name), columns[name].type) for name in ("title", "lead", "body")
    )
    marked = body.op("||")(literal_column(_MARKS[dialect]))
    row = upsert(dialect, entry_words)
    filled = row.from_select(list(columns), select(entry.c.id, title, lead, marked).where(*rule))
    return filled.on_conflict_do_update(
        index_elements=["entry_id"],
        set_={name: filled.excluded[name] for name in ("title", "lead", "body")},
    )


def _row(dialect: str, words: IndexedText) -> dict[str, str]:
    columns = {"title": words.title, "lead": words.lead, "body": words.body}
    if dialect == "sqlite":
        return columns
    return {name: _vector(text) for name, text in columns.items()}


def _vector(text: str) -> str:
    """Return words in the syntax of `tsvector`; none of them holds a quote or a backslash."""
    places: dict[str, list[str]] = {}
    marks = []
    for place, word in enumerate(text.split(), 1):
        if word.startswith(MARK):
            marks.append(f"'{word}'")
        else:
            places.setdefault(word, []).append(str(place))
    return " ".join([*(f"'{word}':{','.join(at)}" for word, at in places.items()), *marks])
