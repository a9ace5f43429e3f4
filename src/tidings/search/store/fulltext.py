"""Finding entries by their words: the same on both kinds of database.

What both kinds of database are asked when somebody searches, and what they answer.

Finding entries by their words on SQLite, whose index gives the newest first, by id.

Finding entries by their words on PostgreSQL, whose index knows no order.

So the newest are asked for first, by the mark that entries of neighbouring ids share, and then
as many more as seem to be needed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Row,
    cast,
    column,
    func,
    literal,
    select,
    table,
    union_all,
)
from sqlalchemy.dialects.postgresql import TSQUERY

from tidings.catalog import change_log
from tidings.db.tables import entry, entry_words, source, source_topic, topic
from tidings.model.entries import EntryState
from tidings.search.query import MAX_FOUND, Hit, Query, Term, Zone
from tidings.search.store.index import BLOCK
from tidings.search.words import EVERY

# Sources up to which the index is asked for each; of more, every entry that matches is looked at.
MAX_MARKED = 50

# No entry is older.
EARLIEST = date(1995, 1, 1)

A_DAY = timedelta(days=1)

# Hits that are asked for: one more tells that there are more.
ENOUGH = MAX_FOUND + 1

# What `Hit` has of an entry, in its order.
COLUMNS = (entry.c.id, entry.c.sort_at, entry.c.story_id, entry.c.follows)

_index = table("entry_index", column("rowid", Integer), column("entry_index"))

_ZONES = {zone.value: zone for zone in Zone}

_sqlite_matches = _index.c.entry_index.bool_op("MATCH")

# Blocks that are asked for by name; of what is rarer, all is asked for.
MAX_BLOCKS = 64

# Blocks that are not worth to be asked for one by one.
FEW_BLOCKS = 4

# Entries with all words of a phrase that are looked at for whether they stand side by side.
MAX_CHECKED = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """What matches.

    Attributes:
        hits: The newest, in no order.
        is_all: Whether nothing else matches.
    """

    hits: tuple[Hit, ...] = ()
    is_all: bool = True


def find(
    connection: Connection,
    query: Query,
    *,
    states: Sequence[EntryState] = change_log.OPEN_STATES,
) -> SearchResult:
    """Return the newest entries that match, and where in each of them it all stands."""
    latest = select(entry.c.first_seen_at).order_by(entry.c.id.desc()).limit(1)
    newest_at = connection.scalar(latest)
    if newest_at is None or not query.asks:
        return SearchResult()
    rules: list[ColumnElement[bool]] = [entry.c.state.in_(states)]
    marks: list[Sequence[str]] = []
    if query.since or query.until:
        since = max(query.since or EARLIEST, EARLIEST)
        until = min(query.until or date.max, newest_at.date())
        marks.append(list(_months(since, until)))
        rules += [entry.c.sort_at >= _midnight(since), entry.c.sort_at < _midnight(until) + A_DAY]
    if query.source or query.topic:
        sources = _sources(connection, query)
        if len(sources) <= MAX_MARKED:
            marks.append([f"§s{one}" for one in sources])
        else:
            rules.append(entry.c.source_id.in_(sources))
    if not all(marks):
        return SearchResult()
    wanted = IndexQuery(terms=query.terms, without=query.without, marks=marks, rules=rules)
    is_sqlite = connection.dialect.name == "sqlite"
    newest = newest_on_sqlite if is_sqlite else newest_on_postgresql
    hits = newest(connection, wanted)
    return SearchResult(hits=tuple(hits[:MAX_FOUND]), is_all=len(hits) <= MAX_FOUND)


def _sources(connection: Connection, query: Query) -> list[int]:
    statement = select(source.c.id)
    if query.source:
        statement = statement.where(source.c.slug == query.source)
    if query.topic:
        labelled = (
            select(source_topic.c.source_id)
            .join(topic, topic.c.id == source_topic.c.topic_id)
            .where(topic.c.slug == query.topic)
        )
        statement = statement.where(source.c.id.in_(labelled))
    return list(connection.scalars(statement))


def _months(since: date, until: date) -> Iterator[str]:
    """Yield the marks of the months from one day to another; whole years have one."""
    month = since.replace(day=1)
    while month <= until:
        if month.month == 1 and month.year < until.year:
            yield f"§y{month.year}"
            month = month.replace(year=month.year + 1)
        else:
            yield f"§m{month:%Y%m}"
            month = (month + timedelta(days=31)).replace(day=1)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexQuery:
    """What the index is asked for, and what is looked at in the entries themselves.

    Attributes:
        terms: All of them are to be found.
        without: None of them may be found.
        marks: Of each group at least one is to be found.
        rules: Conditions on the `entry` table.
    """

    terms: Sequence[Term]
    without: Sequence[Term]
    marks: Sequence[Sequence[str]]
    rules: Sequence[ColumnElement[bool]]


def written(term: Term) -> tuple[str, ...]:
    """Return the words of a term as they stand in the index: a single character is a mark."""
    if term.is_open and len(term.words) == 1:
        return (f"{EVERY}{term.words[0]}",)
    return term.words


def is_beginning(term: Term) -> bool:
    """Tell whether the last word of a term is the beginning of one in the index."""
    return term.is_open and len(term.words) > 1


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


def newest_on_postgresql(connection: Connection, wanted: IndexQuery) -> list[Hit]:
    """Return the newest hits, one more than are ranked."""
    newest_id = connection.scalar(select(func.max(entry.c.id))) or 0
    top = newest_id // BLOCK
    hits: list[Hit] = []
    step = 1
    while top >= 0 and len(hits) < ENOUGH:
        if step > MAX_BLOCKS or top < FEW_BLOCKS:
            step = top + 1
        blocks = range(max(top - step + 1, 0), top + 1)
        hits += _hits(connection, wanted, blocks, limit=ENOUGH - len(hits))
        asked = (newest_id + 1) / BLOCK - blocks.start  # the newest block is not full yet
        top = blocks.start - 1
        step = int((ENOUGH - len(hits)) * asked / len(hits)) + 1 if hits else MAX_BLOCKS + 1
    return hits


def _hits(connection: Connection, wanted: IndexQuery, blocks: range, *, limit: int) -> list[Hit]:
    """Return the newest hits of some blocks; if the first is the first of all, without naming them."""
    groups = list(wanted.marks)
    if blocks.start:
        groups.append([f"§b{number}" for number in blocks])
    terms = [_words(term, joined_by=" <-> ") for term in wanted.terms]
    exactly = " & ".join(
        [*terms, *(f"!({_words(term, joined_by=' <-> ')})" for term in wanted.without)]
    )
    is_checked = any(len(term.words) > 1 for term in (*wanted.terms, *wanted.without))
    words = entry_words.c
    loosely = _postgresql_matches(words.body, _loose(wanted, groups))
    found = select(entry_words).where(loosely, words.entry_id < blocks.stop * BLOCK)
    if is_checked:
        found = found.order_by(words.entry_id.desc()).limit(MAX_CHECKED)
    hit = found.cte("found").prefix_with("MATERIALIZED")
    best = (
        select(*COLUMNS, hit.c.title, hit.c.lead)
        .join(hit, hit.c.entry_id == entry.c.id)
        .where(*wanted.rules, *([_postgresql_matches(hit.c.body, exactly)] if is_checked else ()))
        .order_by(hit.c.entry_id.desc())
        .limit(limit)
        .subquery()
    )
    zones = (best.c.title, best.c.lead) if terms else ()
    asked = [
        _postgresql_matches(zone, " & ".join(terms)).label(f"in_{zone.name}") for zone in zones
    ]
    rows = connection.execute(select(best, *asked).order_by(best.c.id.desc()))
    return [
        Hit(
            entry_id=row.id,
            sort_at=row.sort_at,
            story_id=row.story_id,
            follows=row.follows,
            zone=_zone(row) if terms else Zone.BODY,
        )
        for row in rows
    ]


def _zone(row: Row[*tuple[Any, ...]]) -> Zone:
    if row.in_title:
        return Zone.TITLE
    return Zone.LEAD if row.in_lead else Zone.BODY


def _loose(wanted: IndexQuery, groups: Sequence[Sequence[str]]) -> str:
    """Return what the index alone can tell: words and marks, but not which words are neighbours."""
    words = [_words(term, joined_by=" & ") for term in wanted.terms]
    marks = [" | ".join(f"'{mark}'" for mark in group) for group in groups]
    without = [f"!{_words(term, joined_by='')}" for term in wanted.without if len(term.words) == 1]
    groups_of_marks = (f"({group})" for group in marks)
    return " & ".join([*(words or [f"'{EVERY}'"]), *groups_of_marks, *without])


def _postgresql_matches(vector: ColumnElement[str], query: str) -> ColumnElement[bool]:
    return vector.bool_op("@@")(cast(query, TSQUERY))


def _words(term: Term, *, joined_by: str) -> str:
    """Return the words of a term as PostgreSQL reads them; none of them holds a quotation mark."""
    ending = ":*" if is_beginning(term) else ""
    return "(" + joined_by.join(f"'{word}'" for word in written(term)) + ending + ")"
