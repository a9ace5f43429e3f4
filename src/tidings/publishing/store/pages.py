"""Pages of lists: their spans, their entries, and when each last changed."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Row,
    Select,
    bindparam,
    case,
    func,
    literal,
    select,
    tuple_,
)

from tidings.catalog import change_log
from tidings.catalog.entries import Selection
from tidings.db.tables import counter, entry, feed_state, page_mark
from tidings.db.types import UtcDateTime
from tidings.errors import NotFoundError
from tidings.publishing.pagination import Place, Span

# Tables of marks.
Marks = Sequence[FromClause]

# Rows that are fetched at a time.
EXPORT_CHUNK = 10_000


def get_span(connection: Connection, scope: str, number: int | None) -> Span:
    """Return the span of a page; None is the front.

    Raises:
        NotFoundError: There is no page with that number, or not yet.
    """
    of_scope = select(page_mark).where(page_mark.c.scope == scope)
    last = connection.execute(of_scope.order_by(page_mark.c.number.desc()).limit(1)).first()
    count = last.number if last else 0
    if number is None:
        return Span(number=count + 1, last=count, above=_place(last))
    # A row holds only where its page ends; the page before tells where it begins.
    wanted = of_scope.where(page_mark.c.number.in_([number - 1, number]))
    marks = {row.number: row for row in connection.execute(wanted)}
    if number not in marks:
        raise NotFoundError("page", number)
    above, upto = _place(marks.get(number - 1)), _place(marks[number])
    return Span(number=number, last=count, above=above, upto=upto)


def count(connection: Connection, scope: str) -> int:
    """Return how many numbered pages a list has."""
    last = select(func.max(page_mark.c.number)).where(page_mark.c.scope == scope)
    return connection.scalar(last) or 0


def ids_on(connection: Connection, selection: Selection, span: Span, *, most: int) -> list[int]:
    """Return the ids of the entries on a page, newest first, at most so many."""
    newest_first = (entry.c.sort_at.desc(), entry.c.id.desc())
    page = within(selection, *bounds_of(span))
    return list(connection.scalars(page.order_by(*newest_first).limit(most)))


def within(selection: Selection, *bounds: ColumnElement[bool], of: Marks = ()) -> Select[int]:
    """Select the ids of a stretch of a list.

    Args:
        selection: The entries of the list.
        bounds: Comparisons with `place()`.
        of: The marks that the bounds are taken from, if another statement selects them.
    """
    return select(entry.c.id).where(*selection.rules(), *bounds).correlate(*of)


def place() -> ColumnElement[Any]:
    """Return the place of an entry as columns that can be compared."""
    return tuple_(entry.c.sort_at, entry.c.id)


def bounds_of(span: Span) -> list[ColumnElement[bool]]:
    """Return the bounds of a page."""
    bounds = []
    if span.above:
        bounds.append(place() > _given(span.above))
    if span.upto:
        bounds.append(place() <= _given(span.upto))
    return bounds


def get_page_change(connection: Connection, scope: str, number: int) -> tuple[int, datetime]:
    """Return the last change of a numbered page, or of the whole site.

    Until the scope's last change is assigned to a page, it counts for all of them.

    Raises:
        NotFoundError: There is no such page.
    """
    row = connection.execute(_page_change(), {"of": scope, "wanted": number}).first()
    if row is None:
        raise NotFoundError("page", number)
    return max(row[0], row[2]), max(row[1], row[3])


# Once per process: every request for a numbered page asks this.
@cache
def _page_change() -> Select[*tuple[Any, ...]]:
    site = feed_state.alias()
    is_settled = feed_state.c.change <= counter.c.marked
    own = case((is_settled, page_mark.c.change), else_=feed_state.c.change)
    return (
        select(own.label("own"), feed_state.c.changed_at, site.c.change, site.c.changed_at)
        .select_from(page_mark)
        .join(feed_state, feed_state.c.scope == page_mark.c.scope)
        .join(site, site.c.scope == change_log.SITE)
        .join(counter, counter.c.id == 1)
        .where(page_mark.c.scope == bindparam("of"), page_mark.c.number == bindparam("wanted"))
    )


def _given(one: Place) -> ColumnElement[Any]:
    return tuple_(literal(one.sort_at, UtcDateTime()), literal(one.entry_id, BigInteger()))


def _place(mark: Row[Any] | None) -> Place | None:
    return Place(mark.sort_at, mark.entry_id) if mark else None


def export_entry_changes(connection: Connection) -> Iterator[tuple[int, int]]:
    """Yield the ids of all entries that have a page, with the last change of what it shows.

    Like `change_log.get_entry_change` for each, without changes of the whole site.
    """
    mate = entry.alias()
    of_story = select(func.max(mate.c.change)).where(mate.c.story_id == entry.c.story_id)
    in_stories = select(entry.c.id, of_story.scalar_subquery())
    # The page of an entry names all others of its story, so their changes are its own.
    told = dict(connection.execute(in_stories.where(entry.c.story_id.is_not(None))).all())
    every = select(entry.c.id, entry.c.change).where(entry.c.state.in_(change_log.OPEN_STATES))
    for entry_id, change in connection.execute(
        every, execution_options={"yield_per": EXPORT_CHUNK}
    ):
        yield entry_id, max(change, told.get(entry_id, 0))


def export_page_changes(connection: Connection) -> Iterator[tuple[str, int, int]]:
    """Yield the scope and number of all numbered pages, with their last change.

    Like `get_page_change` for each, without changes of the whole site.
    """
    is_settled = feed_state.c.change <= counter.c.marked
    change = case((is_settled, page_mark.c.change), else_=feed_state.c.change)
    statement = (
        select(page_mark.c.scope, page_mark.c.number, change)
        .join(feed_state, feed_state.c.scope == page_mark.c.scope)
        .join(counter, counter.c.id == 1)
        .order_by(page_mark.c.scope, page_mark.c.number)
    )
    for row in connection.execute(statement, execution_options={"yield_per": EXPORT_CHUNK}):
        yield row[0], row[1], row[2]
