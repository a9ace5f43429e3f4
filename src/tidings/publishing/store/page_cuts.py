"""Cutting lists into pages, and noting which pages changes belong to.

Between `begin` and `end` the change log is locked: nothing becomes visible meanwhile.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Text,
    Update,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    union,
    union_all,
    update,
)

from tidings.catalog import change_log
from tidings.catalog.entries import Selection
from tidings.db.tables import counter, entry, feed_state, page_mark, source, source_topic, topic
from tidings.db.types import UtcDateTime
from tidings.publishing.pagination import NEIGHBOURS, Place, Span
from tidings.publishing.store.pages import bounds_of, get_span, place, within

EARLIEST = literal(datetime.min.replace(tzinfo=UTC), UtcDateTime())

# Places that are fetched at a time.
CHUNK = 5_000

_KEY_OF_SOURCE = literal(change_log.of_source(""), Text()) + source.c.slug
_KEY_OF_TOPIC = literal(change_log.of_topic(""), Text()) + topic.c.slug


class Progress(NamedTuple):
    """How far changes have been assigned to pages: up to `marked`, of all up to `change`."""

    change: int
    marked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PagedList:
    """A list that is cut into pages.

    Attributes:
        scope: Its key in the change log.
        selection: Its entries.
    """

    scope: str
    selection: Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """New pages of a list.

    Attributes:
        number: Of the first; it and all after it replace those that were there.
        ends: The places of their newest entries, the oldest first.
    """

    scope: str
    number: int
    ends: Sequence[Place]


def has_changed(connection: Connection) -> bool:
    """Tell whether there are changes that are not assigned to pages yet."""
    is_behind = exists().where(counter.c.change > counter.c.marked)
    is_unfinished = exists().where(~feed_state.c.is_paged)
    return bool(connection.scalar(select(or_(is_behind, is_unfinished))))


def progress(connection: Connection) -> Progress:
    """Return how far changes have been assigned to pages."""
    return Progress(*connection.execute(select(counter.c.change, counter.c.marked)).one())


def begin(connection: Connection) -> Progress:
    """Lock the change log, and return how far changes have been assigned to pages."""
    # For PostgreSQL; with SQLite the write transaction has locked the whole file already.
    statement = select(counter.c.change, counter.c.marked).with_for_update()
    return Progress(*connection.execute(statement).one())


def end(connection: Connection, *, unfinished: Collection[str]) -> None:
    """Note that all changes have been assigned, but for those of some lists."""
    connection.execute(update(counter).values(marked=counter.c.change))
    waiting = update(feed_state).where(~feed_state.c.is_paged)
    connection.execute(waiting.values(is_paged=True))
    left = update(feed_state).where(feed_state.c.scope.in_(unfinished))
    connection.execute(left.values(is_paged=False))


def note_changes(connection: Connection, now: Progress) -> Mapping[str, list[int]]:
    """Assign the changes since to pages; return their numbers by scope."""
    statement = _noting(now).returning(page_mark.c.scope, page_mark.c.number)
    numbers = defaultdict[str, list[int]](list)
    if not connection.scalar(select(exists().select_from(page_mark))):
        return numbers  # the first cut, when all there is counts as changed
    for scope, number in connection.execute(statement):
        numbers[scope].append(number)
    return numbers


def changed_lists(connection: Connection, now: Progress) -> list[PagedList]:
    """Return the list of everything and those of topics, if something of theirs has changed."""
    changed = entry.c.change > now.marked
    topics_of_entries = (
        select(source_topic.c.topic_id)
        .join(entry, entry.c.source_id == source_topic.c.source_id)
        .where(changed)
    )
    # A topic that a source joins or leaves has changed too, without a changed entry.
    is_concerned = or_(topic.c.id.in_(topics_of_entries), _awaits_cuts(_KEY_OF_TOPIC))
    slugs = connection.scalars(select(topic.c.slug).where(is_concerned).order_by(topic.c.id))
    # Unfolded: what is folded behind another entry has its place on the page all the same.
    lists = [PagedList(scope=change_log.ALL, selection=Selection(folded=False, one_per_story=True))]
    for slug in slugs:
        selection = Selection(topic=slug, folded=False, one_per_story=True)
        lists.append(PagedList(scope=change_log.of_topic(slug), selection=selection))
    return lists


def long_lists_of_sources(connection: Connection, now: Progress, *, least: int) -> list[PagedList]:
    """Return the lists of single sources that have changed and have a front of that length."""
    changed = select(entry.c.source_id).where(entry.c.change > now.marked)
    prefix = change_log.of_source("")
    # By what its scope says, and not its scope by what it is called: that would read all sources.
    waiting = (
        select(source.c.id)
        .join(feed_state, source.c.slug == func.substr(feed_state.c.scope, len(prefix) + 1))
        .where(~feed_state.c.is_paged, feed_state.c.scope.startswith(prefix))
    )
    mark = page_mark.alias()
    last = select(func.max(mark.c.number)).where(mark.c.scope == _KEY_OF_SOURCE)
    is_last = and_(
        page_mark.c.scope == _KEY_OF_SOURCE, page_mark.c.number == last.scalar_subquery()
    )
    is_open = entry.c.state.in_(change_log.OPEN_STATES)
    # OFFSET and LIMIT instead of a count: it reads no more of the index than two pages of entries.
    front = (
        select(entry.c.id)
        .where(entry.c.source_id == source.c.id, is_open, place() > _end_of(page_mark))
        .offset(least - 1)
        .limit(1)
    )
    statement = (
        select(source.c.id, source.c.slug)
        .outerjoin(page_mark, is_last)
        .where(source.c.id.in_(union(changed, waiting)))
        .where(front.scalar_subquery().is_not(None))
    )
    return [
        PagedList(
            scope=change_log.of_source(row.slug),
            selection=Selection(source=row.id, states=change_log.OPEN_STATES),
        )
        for row in connection.execute(statement)
    ]


def find_long_page(
    connection: Connection, paged: PagedList, numbers: Iterable[int], *, least: int
) -> int | None:
    """Return the first of some pages that has at least so many entries, if there is one."""
    before = page_mark.alias()
    is_before = and_(before.c.scope == page_mark.c.scope, before.c.number == page_mark.c.number - 1)
    bounds = (place() > _end_of(before), place() <= _end_of(page_mark))
    on_it = within(paged.selection, *bounds, of=(page_mark, before))
    length = on_it.with_only_columns(func.count()).scalar_subquery()
    statement = (
        select(func.min(page_mark.c.number))
        .outerjoin_from(page_mark, before, is_before)
        .where(page_mark.c.scope == paged.scope, page_mark.c.number.in_(numbers), length >= least)
    )
    first: int | None = connection.scalar(statement)
    return first


def number_of_front(connection: Connection, paged: PagedList, *, least: int) -> int | None:
    """Return the number that the front would get, if it has at least so many entries."""
    front = get_span(connection, paged.scope, None)
    # Counted no further than needed: a first front holds everything.
    length = within(paged.selection, *bounds_of(front)).limit(least).subquery()
    counted = connection.execute(select(func.count()).select_from(length)).scalar_one()
    return front.number if counted >= least else None


def places_from(
    connection: Connection, paged: PagedList, number: int, *, most: int
) -> Iterator[Place]:
    """Yield the places of entries from a page or the front on, the oldest first."""
    above = get_span(connection, paged.scope, number - 1).upto if number > 1 else None
    stretch = within(paged.selection, *bounds_of(Span(number=number, last=number, above=above)))
    columns = (entry.c.sort_at, entry.c.id)
    statement = stretch.with_only_columns(*columns).order_by(*columns).limit(most)
    for row in connection.execute(statement, execution_options={"yield_per": CHUNK}):
        yield Place(row.sort_at, row.id)


def put(connection: Connection, made: Sequence[Cut], *, now: datetime) -> None:
    """Store new pages: a change of the lists, of the pages and of those that link to them."""
    if not made:
        return
    change, _ = change_log.next_change(connection)
    lists = [{"of": cut.scope, "least": cut.number} for cut in made]
    # Pages a few numbers before link to the new ones, so they have changed as well.
    linking = [{"of": cut.scope, "least": cut.number - NEIGHBOURS} for cut in made]
    listed = update(feed_state).where(feed_state.c.scope == bindparam("of"))
    connection.execute(listed.values(change=change, changed_at=now), lists)
    is_newer = (page_mark.c.scope == bindparam("of"), page_mark.c.number >= bindparam("least"))
    # Before the update: rows that are replaced need no new number.
    connection.execute(delete(page_mark).where(*is_newer), lists)
    connection.execute(update(page_mark).where(*is_newer).values(change=change), linking)
    rows = [row for cut in made for row in _rows(cut, change)]
    connection.execute(insert(page_mark), rows)


def _rows(cut: Cut, change: int) -> Iterator[dict[str, Any]]:
    for number, end in enumerate(cut.ends, cut.number):
        yield {
            "scope": cut.scope,
            "number": number,
            "sort_at": end.sort_at,
            "entry_id": end.entry_id,
            "change": change,
        }


def _awaits_cuts(scope: ColumnElement[str]) -> ColumnElement[bool]:
    return scope.in_(select(feed_state.c.scope).where(~feed_state.c.is_paged))


def _end_of(mark: FromClause) -> ColumnElement[Any]:
    """Return the place of the newest entry of a page; before everything if there is no page."""
    earliest = func.coalesce(mark.c.sort_at, EARLIEST)
    return tuple_(earliest, func.coalesce(mark.c.entry_id, 0))


def _noting(now: Progress) -> Update:
    """Return the statement that finds the page of each changed entry in each of its lists."""
    columns = (entry.c.sort_at, entry.c.id)
    parts = (
        select(literal(change_log.ALL, Text()).label("scope"), *columns),
        select(_KEY_OF_SOURCE, *columns).join(source, source.c.id == entry.c.source_id),
        select(_KEY_OF_TOPIC, *columns)
        .join(source_topic, source_topic.c.source_id == entry.c.source_id)
        .join(topic, topic.c.id == source_topic.c.topic_id),
    )
    found = union_all(*(part.where(entry.c.change > now.marked) for part in parts)).subquery()
    mark = page_mark.alias()
    # The first page that ends at the entry's place or above. Without one the entry is on the front,
    # which has no row.
    number = (
        select(mark.c.number)
        .where(
            mark.c.scope == found.c.scope,
            tuple_(mark.c.sort_at, mark.c.entry_id) >= tuple_(found.c.sort_at, found.c.id),
        )
        .order_by(mark.c.sort_at, mark.c.entry_id)
        .limit(1)
        .scalar_subquery()
    )
    is_found = tuple_(page_mark.c.scope, page_mark.c.number).in_(select(found.c.scope, number))
    return update(page_mark).where(is_found).values(change=now.change)
