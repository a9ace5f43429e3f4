"""Paging: lists are cut into pages as they grow, and old pages keep their number.

Whatever becomes public, changes or is withdrawn takes a change number; here all that has one
since the last time is found again, whoever did it. So this may be late or fail: what is read
meanwhile is true, only longer.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import islice

from tidings.domain.paging import TOO_LONG, cuts
from tidings.storage import page_cuts
from tidings.storage.database import BREATH, Connection, Database
from tidings.storage.page_cuts import Cut, PagedList

AT_ONCE = 500
"""Pages that are made in one transaction."""


def keep_pages(database: Database, *, size: int, clock: Callable[[], datetime]) -> None:
    """Make pages of what has become too long, and note which pages have changed.

    Args:
        database: Where the lists are.
        size: Entries on a page that is made now; older ones stay as they are.
        clock: Tells when.
    """
    while keep_some_pages(database, size=size, clock=clock):
        time.sleep(BREATH)


def keep_some_pages(database: Database, *, size: int, clock: Callable[[], datetime]) -> bool:
    """Do as much of it as keeps other writers for less than a second; say whether more is left.

    Lists are cut from their oldest end. What is not cut yet stays on the front.
    """
    with database.read() as connection:
        if not page_cuts.has_changed(connection):
            return False
    with database.write() as connection:
        now = page_cuts.begin(connection)
        noted = page_cuts.note_changes(connection, now)
        lists = page_cuts.changed_lists(connection, now)
        lists += page_cuts.long_lists_of_sources(connection, now, least=2 * size)
        made: list[Cut] = []
        unfinished: list[str] = []
        room = AT_ONCE
        for one in lists:
            cut = _cut(connection, one, noted, size=size, most=room) if room else None
            if cut:
                made.append(cut)
                room -= len(cut.ends)
            if not room:
                unfinished.append(one.scope)
        page_cuts.put(connection, made, now=clock())
        page_cuts.end(connection, unfinished=unfinished)
    return bool(unfinished)


def _cut(
    connection: Connection,
    paged: PagedList,
    noted: Mapping[str, Sequence[int]],
    *,
    size: int,
    most: int,
) -> Cut | None:
    """Cut a list from its first page on that is too long, be it the front."""
    numbers = noted.get(paged.scope, ())
    first = page_cuts.find_long_page(connection, paged, numbers, least=TOO_LONG * size)
    first = first or page_cuts.number_of_front(connection, paged, least=2 * size)
    if first is None:
        return None
    places = page_cuts.places_from(connection, paged, first)
    return Cut(scope=paged.scope, number=first, ends=list(islice(cuts(places, size=size), most)))
