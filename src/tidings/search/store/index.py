"""The full-text index: filled when entries are stored, rebuilt, checked."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache
from itertools import chain, repeat

from sqlalchemy import (
    Connection,
    Insert,
    Text,
    cast,
    exists,
    func,
    literal_column,
    select,
    text,
)

from tidings.db import given_rows
from tidings.db.given_rows import given
from tidings.db.statements import upsert
from tidings.db.tables import entry, entry_words
from tidings.model.feed import KEY_VERSION
from tidings.model.words import MARK, MAX_CONTENT, MAX_WORDS, IndexedText, index_text

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
    given_rows.execute(connection, _upsert(dialect, _KEY), rows)


def renew(connection: Connection, entries: Sequence[tuple[int, IndexedText]]) -> None:
    """Index entries anew, each by its id: one statement."""
    dialect = connection.dialect.name
    rows = [{"id": entry_id, **_row(dialect, words)} for entry_id, words in entries]
    given_rows.execute(connection, _upsert(dialect, _ID), rows)


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


# What entries are found by.
_KEY = ("source_id", "key_version", "key")
_ID = ("id",)

_MARKS = {
    "sqlite": "' § §s' || entry.source_id || strftime(' §y%Y §m%Y%m', entry.sort_at)",
    "postgresql": "CAST('''§'' ''§s' || entry.source_id || to_char(entry.sort_at AT TIME ZONE 'UTC',"
    """ '"'' ''§y"YYYY"'' ''§m"YYYYMM')"""
    f" || ''' ''§b' || entry.id / {BLOCK} || '''' AS tsvector)",
}


@cache
def _upsert(dialect: str, found_by: tuple[str, ...]) -> Insert:
    texts = ("title", "lead", "body")
    types = {name: entry.c[name].type for name in found_by} | dict.fromkeys(texts, Text())
    rows = given(dialect, types)
    title, lead, body = (cast(rows.c[name], entry_words.c[name].type) for name in texts)
    marked = body.op("||")(literal_column(_MARKS[dialect]))
    row = upsert(dialect, entry_words)
    filled = row.from_select(
        list(entry_words.c),
        select(entry.c.id, title, lead, marked).where(
            *(entry.c[name] == rows.c[name] for name in found_by)
        ),
    )
    return filled.on_conflict_do_update(
        index_elements=["entry_id"],
        set_={name: filled.excluded[name] for name in texts},
    )


def _row(dialect: str, words: IndexedText) -> dict[str, str]:
    columns = {"title": words.title, "lead": words.lead, "body": words.body}
    if dialect == "sqlite":
        return columns
    return {name: _vector(text) for name, text in columns.items()}


# Written once, for every word of every entry. Marks, which come last, have no place.
_PLACES = tuple(map(str, range(1, MAX_WORDS + 1)))


def _vector(text: str) -> str:
    """Return words in the syntax of `tsvector`; none of them holds a quote or a backslash."""
    places: dict[str, list[str]] = defaultdict(list)
    for word, place in zip(text.split(), chain(_PLACES, repeat("")), strict=False):
        places[word].append(place)
    return " ".join(
        [
            f"'{word}'" if word[0] == MARK else f"'{word}':{','.join(at)}"
            for word, at in places.items()
        ]
    )
