"""Full-text queries: SQLite (FTS5) and PostgreSQL (tsvector with GIN) find the same entries.

Only the newest hits are wanted, and ids are in the order in which entries were first seen. FTS5
gives rows in the order of their ids. GIN knows no order; so there the newest entries are searched
first, by a mark that neighbouring ids share (a block), and then as many more as seem to be needed.
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
from tidings.model.words import MARK, is_character
from tidings.search.query import MAX_HITS, Hit, Query, Term, Zone
from tidings.search.store.index import BLOCK

# Sources up to which the index is searched by their marks; of more, by a join with `entry`.
MAX_SOURCE_MARKS = 50

# No entry is older.
EARLIEST = date(1995, 1, 1)

DAY = timedelta(days=1)

# One more than is shown tells that there are more.
HIT_LIMIT = MAX_HITS + 1

# What `Hit` has of an entry, in its order.
COLUMNS = (entry.c.id, entry.c.sort_at, entry.c.story_id, entry.c.follows)

_index = table("entry_index", column("rowid", Integer), column("entry_index"))

_ZONES = {zone.value: zone for zone in Zone}

_sqlite_matches = _index.c.entry_index.bool_op("MATCH")

# Blocks named in one query; for terms that are rarer, all that is left is searched at once.
MAX_BLOCKS = 64

# Blocks that are left and not worth a query each.
FEW_BLOCKS = 4

# Entries with all words of a phrase that are checked for the phrase itself: GIN has no positions.
MAX_CHECKED = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """The hits of a search.

    Attributes:
        hits: The newest, in no order.
        is_all: Whether there are no others.
    """

    hits: tuple[Hit, ...] = ()
    is_all: bool = True


def find(
    connection: Connection,
    query: Query,
    *,
    states: Sequence[EntryState] = change_log.OPEN_STATES,
) -> SearchResult:
    """Return the newest entries that match, each with the zone in which all terms stand."""
    latest = select(entry.c.first_seen_at).order_by(entry.c.id.desc()).limit(1)
    newest_at = connection.scalar(latest)
    if newest_at is None or not query.has_criteria:
        return SearchResult()
    rules: list[ColumnElement[bool]] = [entry.c.state.in_(states)]
    marks: list[Sequence[str]] = []
    if query.since or query.until:
        since = max(query.since or EARLIEST, EARLIEST)
        until = min(query.until or date.max, newest_at.date())
        marks.append(list(_months(since, until)))
        rules += [entry.c.sort_at >= _midnight(since), entry.c.sort_at < _midnight(until) + DAY]
    if query.source or query.topic:
        sources = _sources(connection, query)
        if len(sources) <= MAX_SOURCE_MARKS:
            marks.append([f"§s{one}" for one in sources])
        else:
            rules.append(entry.c.source_id.in_(sources))
    if not all(marks):
        return SearchResult()
    index_query = IndexQuery(terms=query.terms, without=query.without, marks=marks, rules=rules)
    is_sqlite = connection.dialect.name == "sqlite"
    newest = newest_on_sqlite if is_sqlite else newest_on_postgresql
    hits = newest(connection, index_query)
    return SearchResult(hits=tuple(hits[:MAX_HITS]), is_all=len(hits) <= MAX_HITS)


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
    """Yield the marks of the months from one day to another; whole years have a single one."""
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
    """A query in terms of the index, with further conditions on entries.

    Attributes:
        terms: All of them have to match.
        without: None of them may match.
        marks: Of each group at least one has to match.
        rules: Conditions on the `entry` table.
    """

    terms: Sequence[Term]
    without: Sequence[Term]
    marks: Sequence[Sequence[str]]
    rules: Sequence[ColumnElement[bool]]


def index_words(term: Term) -> tuple[str, ...]:
    """Return the words of a term as they stand in the index; a single character is a mark."""
    if len(term.words) == 1 and is_character(term.words[0]):
        return (f"{MARK}{term.words[0]}",)
    return term.words


def is_prefix_search(term: Term) -> bool:
    """Tell whether the last word of a term is searched as a prefix."""
    return term.is_prefix and index_words(term) == term.words


def newest_on_sqlite(connection: Connection, query: IndexQuery) -> list[Hit]:
    """Return the newest hits, one more than are ranked."""
    statement = (
        select(*COLUMNS)
        .select_from(_index)
        .join(entry, entry.c.id == _index.c.rowid)
        .where(_sqlite_matches(_expression(query, "body")), *query.rules)
        .order_by(_index.c.rowid.desc())
        .limit(HIT_LIMIT)
    )
    rows = connection.execute(statement).all()
    zones = _zones(connection, query, lowest=rows[-1].id) if rows and query.terms else {}
    return [Hit(*row, zones.get(row.id, Zone.BODY)) for row in rows]


def _zones(connection: Connection, query: IndexQuery, *, lowest: int) -> dict[int, Zone]:
    """Return by id the zones of entries that have all terms in their title or lead."""
    statement = union_all(
        *(
            select(_index.c.rowid, literal(zone.value)).where(
                _sqlite_matches(_expression(query, zone.name.lower())), _index.c.rowid >= lowest
            )
            for zone in (Zone.LEAD, Zone.TITLE)
        )
    )
    return {entry_id: _ZONES[worth] for entry_id, worth in connection.execute(statement)}


def _expression(query: IndexQuery, zone: str) -> str:
    """Return the query in FTS5's syntax: words in the column of `zone`, marks in `body`."""
    terms = " AND ".join(map(_phrase, query.terms)) or f'"{MARK}"'
    parts = [f"{{{zone}}} : ({terms})"]
    for group in query.marks:
        marks = " OR ".join(f'"{mark}"' for mark in group)
        parts.append(f"{{body}} : ({marks})")
    expression = " AND ".join(f"({part})" for part in parts)
    if not query.without:
        return expression
    return f"({expression}) NOT ({{body}} : ({' OR '.join(map(_phrase, query.without))}))"


def _phrase(term: Term) -> str:
    """Return a phrase in FTS5's syntax; no word holds a quotation mark, so nothing is escaped."""
    return f'"{" ".join(index_words(term))}"{" *" if is_prefix_search(term) else ""}'


def newest_on_postgresql(connection: Connection, query: IndexQuery) -> list[Hit]:
    """Return the newest hits, one more than are ranked."""
    newest_id = connection.scalar(select(func.max(entry.c.id))) or 0
    top = newest_id // BLOCK
    hits: list[Hit] = []
    step = 1
    while top >= 0 and len(hits) < HIT_LIMIT:
        if step > MAX_BLOCKS or top < FEW_BLOCKS:
            step = top + 1
        blocks = range(max(top - step + 1, 0), top + 1)
        hits += _hits(connection, query, blocks, limit=HIT_LIMIT - len(hits))
        searched = (newest_id + 1) / BLOCK - blocks.start  # the newest block is not full yet
        top = blocks.start - 1
        step = int((HIT_LIMIT - len(hits)) * searched / len(hits)) + 1 if hits else MAX_BLOCKS + 1
    return hits


def _hits(connection: Connection, query: IndexQuery, blocks: range, *, limit: int) -> list[Hit]:
    """Return the newest hits of some blocks; if they reach back to the first, without their marks."""
    groups = list(query.marks)
    if blocks.start:
        groups.append([f"§b{number}" for number in blocks])
    terms = [_words(term, joined_by=" <-> ") for term in query.terms]
    exact = " & ".join(
        [*terms, *(f"!({_words(term, joined_by=' <-> ')})" for term in query.without)]
    )
    is_checked = any(len(term.words) > 1 for term in (*query.terms, *query.without))
    words = entry_words.c
    in_index = _postgresql_matches(words.body, _index_condition(query, groups))
    found = select(entry_words).where(in_index, words.entry_id < blocks.stop * BLOCK)
    if is_checked:
        found = found.order_by(words.entry_id.desc()).limit(MAX_CHECKED)
    # Materialized: phrases are checked only on what the index has found.
    hit = found.cte("found").prefix_with("MATERIALIZED")
    best = (
        select(*COLUMNS, hit.c.title, hit.c.lead)
        .join(hit, hit.c.entry_id == entry.c.id)
        .where(*query.rules, *([_postgresql_matches(hit.c.body, exact)] if is_checked else ()))
        .order_by(hit.c.entry_id.desc())
        .limit(limit)
        .subquery()
    )
    zones = (best.c.title, best.c.lead) if terms else ()
    searched = [
        _postgresql_matches(zone, " & ".join(terms)).label(f"in_{zone.name}") for zone in zones
    ]
    rows = connection.execute(select(best, *searched).order_by(best.c.id.desc()))
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


def _index_condition(query: IndexQuery, groups: Sequence[Sequence[str]]) -> str:
    """Return the part of the query that GIN can answer: words and marks, but no phrases."""
    words = [_words(term, joined_by=" & ") for term in query.terms]
    marks = [" | ".join(f"'{mark}'" for mark in group) for group in groups]
    without = [f"!{_words(term, joined_by='')}" for term in query.without if len(term.words) == 1]
    groups_of_marks = (f"({group})" for group in marks)
    return " & ".join([*(words or [f"'{MARK}'"]), *groups_of_marks, *without])


def _postgresql_matches(vector: ColumnElement[str], query: str) -> ColumnElement[bool]:
    return vector.bool_op("@@")(cast(query, TSQUERY))


def _words(term: Term, *, joined_by: str) -> str:
    """Return a term in the syntax of `to_tsquery`; no word holds a quotation mark."""
    ending = ":*" if is_prefix_search(term) else ""
    return "(" + joined_by.join(f"'{word}'" for word in index_words(term)) + ending + ")"
