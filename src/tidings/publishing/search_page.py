"""Search: the pages of a query, and of saved searches."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import ClassVar

from tidings.catalog import entries, topics
from tidings.db.database import Connection
from tidings.errors import InvalidError, NotFoundError
from tidings.model.entries import Entry, EntryState
from tidings.model.scopes import PageAddress, Scope
from tidings.model.text import readable
from tidings.model.words import MAX_CONTENT
from tidings.publishing.pagination import Pagination, paginate_from_first
from tidings.publishing.site_context import SiteContext
from tidings.search.query import (
    Hit,
    Query,
    SavedSearch,
    SearchInput,
    Term,
    newest_first,
    parse_input,
    parse_query,
    rank,
)
from tidings.search.snippets import SnippetPart, find_snippet, highlight
from tidings.search.store import fulltext, saved_searches
from tidings.search.suggestions import other_spellings
from tidings.templating.site import Site

# Hits below which other spellings are tried.
FEW = 3

MOST_SUGGESTED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchHit:
    """An entry that was found.

    Attributes:
        title: In pieces, those that match marked; empty if it has none.
        snippet: A piece of its text that matches, likewise.
    """

    entry: Entry
    title: tuple[SnippetPart, ...]
    snippet: tuple[SnippetPart, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Another query, and how many entries it finds; more than are counted if not `is_all`."""

    asked: SearchInput
    count: int
    is_all: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPage:
    """A page of results, the best first; of a saved search the newest.

    Attributes:
        scope: A `query`, or a saved `search`; its feeds are at the same address.
        heading: The title of a saved search; empty for a query.
        asked: What the form is filled with.
        whole: The link to all results of a saved search; None on a static site.
        has_asked: Whether there was a query.
        misread: Dates in the query that could not be understood.
        is_cut: Whether the end of the query was ignored.
        count: How many entries were found.
        is_all: Whether there are no more than those.
        suggestions: Other spellings that find more, if this one finds little.
        topics: How many of those that were found there are by topic's slug, and all by the empty
            one.
    """

    template: ClassVar[str] = "search.html"

    site: Site
    scope: Scope
    heading: str = ""
    asked: SearchInput
    whole: str | None = None
    has_asked: bool
    misread: tuple[str, ...] = ()
    is_cut: bool = False
    results: tuple[SearchHit, ...]
    count: int
    is_all: bool
    suggestions: tuple[Suggestion, ...] = ()
    topics: Mapping[str, int] = field(default_factory=dict)
    pagination: Pagination


def find_entries(connection: Connection, query: str, *, limit: int | None) -> list[Entry]:
    """Return entries that everybody may see and that match, the best first."""
    asked = parse_query(SearchInput(q=query))
    hits = rank(fulltext.find(connection, asked).hits)
    return entries.in_order(connection, [hit.entry_id for hit in hits[:limit]])


def save(connection: Connection, new: SavedSearch, *, now: datetime) -> None:
    """Save a search, which gets a page and feeds.

    Raises:
        ConflictError: There is one with that slug.
        InvalidError: The query looks for nothing, or the slug cannot stand in an address.
    """
    query = parse_query(SearchInput(q=new.query))
    if not query.has_criteria:
        raise InvalidError("query", new.query, "say what to look for")
    # On a page a wrong date is ignored with a note; a saved search would keep it for ever.
    if query.invalid_dates:
        raise InvalidError("date", query.invalid_dates[0], "write it as in 2026-11-21")
    if query.is_truncated:
        raise InvalidError("query", new.query[:60], "it is too long")
    saved_searches.add(connection, new, now=now)


def search_page(connection: Connection, address: PageAddress, context: SiteContext) -> SearchPage:
    """Return a page of results.

    Raises:
        NotFoundError: There is no such saved search, or no such page.
    """
    if address.scope.kind == "search":
        return _saved_page(connection, address, context)
    asked = parse_input(address.scope.slug)
    query = parse_query(asked)
    found = fulltext.find(connection, query)
    hits = rank(found.hits)
    size, number = context.settings.page_size, address.number or 1
    pages = max(-(-len(hits) // size), 1)  # rounded up
    if number > pages:
        raise NotFoundError("page", number)
    page = _page(connection, query, hits[(number - 1) * size : number * size], context)
    href = partial(context.numbered_href, address.scope.path)
    return replace(
        page,
        scope=address.scope,
        asked=asked,
        count=len(hits),
        is_all=found.is_all,
        suggestions=_suggestions(connection, asked, than=len(hits)) if len(hits) < FEW else (),
        topics=_by_topic(connection, hits),
        pagination=paginate_from_first(number, count=pages, href=href),
    )


def _suggestions(
    connection: Connection, asked: SearchInput, *, than: int
) -> tuple[Suggestion, ...]:
    """Return the other spellings that find more, the most first."""
    tried = [replace(asked, q=q) for q in other_spellings(asked.q)]
    found = [(one, fulltext.find(connection, parse_query(one))) for one in tried]
    better = [
        Suggestion(asked=one, count=count, is_all=result.is_all)
        for one, result in found
        if (count := len(rank(result.hits))) > than
    ]
    return tuple(sorted(better, key=lambda one: one.count, reverse=True)[:MOST_SUGGESTED])


def _by_topic(connection: Connection, hits: Sequence[Hit]) -> Mapping[str, int]:
    of_sources = entries.count_sources(connection, [hit.entry_id for hit in hits])
    counts: Counter[str] = Counter({"": len(hits)})
    for source_id, labels in topics.of_sources(connection, of_sources.keys()).items():
        for topic in labels:
            counts[topic.slug] += of_sources[source_id]
    return counts


def _saved_page(connection: Connection, address: PageAddress, context: SiteContext) -> SearchPage:
    """Return the page of a saved search: the newest entries, as many as in its feeds."""
    saved = saved_searches.get(connection, address.scope.slug)
    # One page only: who wants more follows the link to the search itself.
    if address.number is not None:
        raise NotFoundError("page", address.number)
    asked = SearchInput(q=saved.query)
    query = parse_query(asked)
    # Backfill is left out, as in the feeds of the search.
    found = fulltext.find(connection, query, states=[EntryState.PUBLIC])
    hits = newest_first(found.hits)
    shown = hits[: context.settings.feed_size]
    everywhere = Scope(kind="query", slug=asked.encoded)
    site = context.site
    return replace(
        _page(connection, query, shown, context),
        scope=address.scope,
        heading=saved.title,
        asked=asked,
        whole=site.href(everywhere.path) if site.has_forms else None,
        count=len(hits),
        is_all=found.is_all,
    )


def _page(
    connection: Connection, query: Query, hits: Sequence[Hit], context: SiteContext
) -> SearchPage:
    ids = [hit.entry_id for hit in hits]
    # With content only to cut snippets from; it is dropped in `_result`.
    found = {one.id: one for one in entries.by_ids(connection, ids, with_content=True)}
    return SearchPage(
        site=context.site_now(connection),
        scope=Scope(kind="query"),
        asked=SearchInput(),
        has_asked=query.has_criteria,
        misread=query.invalid_dates,
        is_cut=query.is_truncated,
        results=tuple(_result(found[one], query.terms) for one in ids),
        count=len(ids),
        is_all=True,
        pagination=paginate_from_first(1, count=1, href=str),
    )


def _result(entry: Entry, terms: Sequence[Term]) -> SearchHit:
    return SearchHit(
        entry=replace(entry, content=None),
        title=highlight(entry.title, terms),
        snippet=_snippet(entry, terms),
    )


def _snippet(entry: Entry, terms: Sequence[Term]) -> tuple[SnippetPart, ...]:
    """Return the excerpt if it matches, else a piece of the content that does.

    Neither has more of an entry than its source lets us show.
    """
    excerpt = highlight(entry.excerpt, terms)
    if any(piece.is_found for piece in excerpt):
        return excerpt
    # No further than the index reads: beyond it nothing can have matched.
    return find_snippet(readable((entry.content or "")[:MAX_CONTENT]), terms) or excerpt
