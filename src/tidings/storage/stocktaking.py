"""The last changes of everything of a kind at once, for whoever keeps copies of all of it."""

from collections.abc import Iterator

from sqlalchemy import Connection, case, func, select

from tidings.storage import publishing
from tidings.storage.tables import counter, entry, feed_state, page_mark

EXPORT_CHUNK = 10_000
"""Rows that are fetched at a time."""


def export_entry_changes(connection: Connection) -> Iterator[tuple[int, int]]:
    """Yield the ids of all entries that have a page, with the last change of what it shows.

    As `publishing.get_entry_change` says it of one, less what stands beside every entry.
    """
    mate = entry.alias()
    of_story = select(func.max(mate.c.change)).where(mate.c.story_id == entry.c.story_id)
    in_stories = select(entry.c.id, of_story.scalar_subquery())
    told = dict(connection.execute(in_stories.where(entry.c.story_id.is_not(None))).all())
    every = select(entry.c.id, entry.c.change).where(entry.c.state.in_(publishing.OPEN_STATES))
    for entry_id, change in connection.execute(
        every, execution_options={"yield_per": EXPORT_CHUNK}
    ):
        yield entry_id, max(change, told.get(entry_id, 0))


def export_page_changes(connection: Connection) -> Iterator[tuple[str, int, int]]:
    """Yield the scope and number of all numbered pages, with their last change.

    As `paging.get_page_change` says it of one, less what stands beside every entry.
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
