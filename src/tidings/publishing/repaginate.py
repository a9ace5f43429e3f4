"""Repagination: lists are cut into pages as they grow, and old pages keep their number.

Everything that becomes public, changes or is withdrawn takes a change number; here all that has
one since the last time is found, whoever did it. So this may be late or fail: meanwhile pages
are right, only longer.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from tidings.db.database import WRITE_PAUSE, Connection, Database
from tidings.publishing.pagination import TOO_LONG, cuts
from tidings.publishing.store import page_cuts
from tidings.publishing.store.page_cuts import Cut, PagedList, Progress

# Pages that are made in one transaction.
AT_ONCE = 300

# Recut pages replace all after them in one transaction: none may be missing meanwhile.
EVERY = 1_000_000


def repaginate(database: Database, *, size: int, clock: Callable[[], datetime]) -> None:
    """Make pages where lists have become too long, and note which pages have changed.

    Args:
        database: The lists.
        size: Entries on a new page; old ones stay as they are.
        clock: Aware UTC.
    """
    while repaginate_some(database, size=size, clock=clock):
        time.sleep(WRITE_PAUSE)


def repaginate_some(database: Database, *, size: int, clock: Callable[[], datetime]) -> bool:
    """Do as much of it as blocks other writers for less than a second; say whether more is left.

    Lists are cut from their oldest end. What is not cut yet stays on the front.
    """
    # Cut on a snapshot first: the write transaction holds the lock that gives out change numbers,
    # and every poll waits for that.
    with database.read() as connection:
        if not page_cuts.has_changed(connection):
            return False
        known = page_cuts.progress(connection)
        fronts, unfinished = _cut_fronts(connection, known, size=size)
    with database.write() as connection:
        now = page_cuts.begin(connection)
        if now != known:  # something became visible meanwhile: once more, alone
            fronts, unfinished = _cut_fronts(connection, now, size=size)
        noted = page_cuts.note_changes(connection, now)
        # A recut starts before the front and includes it, so it takes the place of the front's cut.
        cut = [_cut_long_page(connection, one, noted, size=size) or new for one, new in fronts]
        page_cuts.put(connection, [one for one in cut if one], now=clock())
        page_cuts.end(connection, unfinished=unfinished)
    return bool(unfinished)


def _cut_fronts(
    connection: Connection, now: Progress, *, size: int
) -> tuple[list[tuple[PagedList, Cut | None]], list[str]]:
    """Return the lists that have changed, each with new pages of its front; and what is left."""
    lists = page_cuts.changed_lists(connection, now)
    # Of sources only the long ones: there are thousands, most with less than two pages.
    lists += page_cuts.long_lists_of_sources(connection, now, least=2 * size)
    fronts: list[tuple[PagedList, Cut | None]] = []
    unfinished, room = [], AT_ONCE
    for one in lists:
        number = page_cuts.number_of_front(connection, one, least=2 * size) if room else None
        cut = _cut(connection, one, number, size=size, most=room) if number else None
        fronts.append((one, cut))
        room -= len(cut.ends) if cut else 0
        # Left to the next round; what is cut by then stays.
        if not room:
            unfinished.append(one.scope)
    return fronts, unfinished


def _cut_long_page(
    connection: Connection, paged: PagedList, noted: Mapping[str, Sequence[int]], *, size: int
) -> Cut | None:
    """Cut a list anew from its first page that late entries have made too long, if there is one."""
    numbers = noted.get(paged.scope)
    if not numbers:
        return None
    first = page_cuts.find_long_page(connection, paged, numbers, least=TOO_LONG * size)
    return _cut(connection, paged, first, size=size, most=EVERY) if first else None


def _cut(connection: Connection, paged: PagedList, number: int, *, size: int, most: int) -> Cut:
    # The places of so many pages, and of the front that has to be left.
    places = page_cuts.places_from(connection, paged, number, most=(most + 1) * size)
    return Cut(scope=paged.scope, number=number, ends=list(cuts(places, size=size)))
