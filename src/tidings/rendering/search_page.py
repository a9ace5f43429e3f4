"""The page of a search: what was asked, and what was found."""

from dataclasses import dataclass
from typing import ClassVar

from tidings.model.entries import Entry
from tidings.model.scopes import Scope
from tidings.search.query import Asked
from tidings.search.snippets import Piece
from tidings.templating.site import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchHit:
    """An entry that was found.

    Attributes:
        title: Its title in pieces; empty if it has none.
        snippet: Why it was found: a piece of its text.
    """

    entry: Entry
    title: tuple[Piece, ...]
    snippet: tuple[Piece, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPage:
    """A page of what was found, the best first; of a saved search the newest.

    Attributes:
        scope: A `query`, or a saved `search`; feeds of the same stand at its addresses.
        heading: The title of a saved search; empty for what somebody asks.
        asked: What the form is filled with.
        whole: The link to all that a saved search finds; None where nobody answers to forms.
        has_asked: Whether anything was asked.
        misread: What was said of time and could not be understood.
        is_cut: Whether the end of the question was not read.
        count: How many entries were found.
        is_all: Whether more than those match.
        number: Of the page, from 1, the best.
        pages: How many there are.
        previous: The link to the page before; None on the first.
        following: The link to the next page; None on the last.
    """

    template: ClassVar[str] = "search.html"

    site: Site
    scope: Scope
    heading: str = ""
    asked: Asked
    whole: str | None = None
    has_asked: bool
    misread: tuple[str, ...] = ()
    is_cut: bool = False
    results: tuple[SearchHit, ...]
    count: int
    is_all: bool
    number: int = 1
    pages: int = 1
    previous: str | None = None
    following: str | None = None
