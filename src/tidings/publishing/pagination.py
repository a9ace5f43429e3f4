"""Pagination: where lists are cut into pages, so that a page keeps its number and its entries.

Pages are numbered from the oldest. What is newer than the last of them is the front: it has no
number yet, and becomes a page as soon as it is long enough to leave another one behind.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

# A page that late entries make so many times as long as a new one is cut anew, with all after it.
TOO_LONG = 3

# Numbered pages that a page links to on either side. Few: a new page changes all that link to it.
NEIGHBOURS = 2


class Place(NamedTuple):
    """Where an entry stands in a list; the later, the newer."""

    sort_at: datetime
    entry_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The stretch of a list that a page covers.

    Attributes:
        number: Of the page, 1 is the oldest; the front has the next one after the last.
        last: The number of the last page, 0 if everything is on the front.
        above: The place of the newest entry of the page before; None for the oldest page.
        upto: The place of its own newest entry; None for the front.
    """

    number: int
    last: int
    above: Place | None = None
    upto: Place | None = None


def cuts(places: Iterable[Place], *, size: int) -> Iterator[Place]:
    """Yield the place of the newest entry of every page of a list.

    At least one page's worth of entries is left for the front.

    Args:
        places: Of all entries, the oldest first.
        size: Entries on a page.
    """
    waiting: deque[Place] = deque()
    for place in places:
        waiting.append(place)
        # Never all of it: a front that was just emptied would show a visitor nothing.
        if len(waiting) == 2 * size:
            yield waiting[size - 1]
            for _ in range(size):
                waiting.popleft()
