"""Finding entries by their words: the same on both kinds of database."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import ColumnElement, Connection, select

from tidings.domain.entries import EntryState
from tidings.domain.searching import MAX_FOUND, Hit, Query
from tidings.storage import postgresql_search, publishing, sqlite_search
from tidings.storage.search_hits import IndexQuery
from tidings.storage.tables import entry, source, source_topic, topic

MAX_MARKED = 50
"""Sources up to which the index is asked for each; of more, every entry that matches is looked at."""

EARLIEST = date(1995, 1, 1)
"""No entry is older."""

A_DAY = timedelta(days=1)


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
    states: Sequence[EntryState] = publishing.OPEN_STATES,
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
    newest = sqlite_search.newest_on_sqlite if is_sqlite else postgresql_search.newest_on_postgresql
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
