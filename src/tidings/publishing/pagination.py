"""Pagination: where lists are cut into pages that keep their number, and how pages are linked.

Pages are numbered from the oldest. What is newer than the last of them is the front: it has no
number yet, and becomes a page as soon as it is long enough to leave another one behind.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLink:
    """A page by its position, 1 being the newest; `href` is None for the page shown."""

    position: int
    href: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pagination:
    """Where a page stands among the pages of its list.

    Attributes:
        newest: The page without a number in its address; None on that page.
        position: Of the page shown, from the newest, which is 1; None where it is not known.
        links: In ascending order; a gap in the positions is a gap in the list. Empty where the
            position is not known.
    """

    newest: str | None
    newer: str | None
    older: str | None
    position: int | None
    links: tuple[PageLink, ...]


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


def paginate(
    number: int, *, count: int, href: Callable[[int | None], str], is_placed: bool = True
) -> Pagination:
    """Return the links from page `number` of `count` to the others.

    Args:
        number: Of the page shown, from 1, the oldest: the number in its address, which stays.
        count: Of pages; an empty list has one.
        href: Gives the link to a page, None being the newest.
        is_placed: Whether the page says where it stands. Else only the newest does: the others stay
            the same while new ones are added.
    """
    is_newest = number == count
    position = count - number + 1

    def link(other: int) -> str:
        # The newest page has no number in its address.
        return href(None if other == 1 else count - other + 1)

    near = range(position - NEIGHBOURS, position + NEIGHBOURS + 1)
    shown = {1, count, *near} & {*range(1, count + 1)} if is_placed or is_newest else set[int]()
    return Pagination(
        newest=None if is_newest else link(1),
        newer=None if is_newest else link(position - 1),
        older=link(position + 1) if number > 1 else None,
        position=position if shown else None,
        links=tuple(
            PageLink(position=other, href=None if other == position else link(other))
            for other in sorted(shown)
        ),
    )


def paginate_from_first(number: int, *, count: int, href: Callable[[int], str]) -> Pagination:
    """Return the links from page `number` of `count` to the others, 1 being the first."""

    def link(other: int | None) -> str:
        return href(1 if other is None else count - other + 1)

    return paginate(count - number + 1, count=count, href=link)
