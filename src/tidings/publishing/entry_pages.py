"""Pages that list entries, and the page of an entry."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from tidings.catalog import change_log, entries, sources, topics
from tidings.catalog.entries import Selection
from tidings.db.database import Connection
from tidings.errors import NotFoundError
from tidings.model.entries import Entry, EntryState
from tidings.model.scopes import PageAddress, Scope
from tidings.model.sources import Source
from tidings.publishing.directories import to_line
from tidings.publishing.pagination import paginate
from tidings.publishing.site_context import SiteContext, key_of
from tidings.publishing.store import pages, pins
from tidings.publishing.views import DayCounts, EntryPage, ListPage
from tidings.search.query import SearchInput, newest_first, parse_input, parse_query
from tidings.search.store import fulltext, saved_searches

# The most entries on a page that is not cut yet, as a multiple of a new page: after an import the
# front may hold everything there is.
MOST = 10

DAY = timedelta(days=1)

# Entries of a day that are counted by topic; where there are more, no visitor has to wait for it.
MOST_COUNTED = 1_000


def list_page(connection: Connection, address: PageAddress, context: SiteContext) -> ListPage:
    """Return a page of entries.

    Raises:
        NotFoundError: There is no such topic, source or page.
    """
    scope, size = address.scope, context.settings.page_size
    heading = scope_details(connection, scope, title=context.site.title)
    # What a source brings at once is folded among others; on its own page it is what people came
    # for.
    is_mixed = scope.kind != "source"
    selection = replace(
        heading.selection, states=heading.page_states, folded=False if is_mixed else None
    )
    span = pages.get_span(connection, key_of(scope), address.number)
    on_it = pages.ids_on(connection, selection, span, most=MOST * size)
    shown = entries.in_order(connection, on_it)
    # Only on the front of everything: numbered pages stay the same byte for byte.
    is_front = scope.kind == "all" and address.number is None
    pinned = _pinned(connection) if is_front else ()
    href = partial(context.page_href, scope.path)
    return ListPage(
        site=context.site_now(connection),
        scope=scope,
        heading=heading.title,
        about=heading.about,
        source=to_line(heading.source) if heading.source else None,
        pinned=pinned,
        # Once on a page, at the top.
        entries=tuple(one for one in shown if one not in pinned),
        folded=entries.count_folded(connection, shown) if is_mixed else {},
        today=_counts_of_a_day(connection, shown[0]) if is_front and shown else DayCounts(),
        # Files are not written anew for every page that is added.
        pagination=paginate(span.number, count=span.last + 1, href=href, is_placed=context.is_live),
    )


def _pinned(connection: Connection) -> tuple[Entry, ...]:
    return tuple(entries.in_order(connection, pins.on_top(connection)))


def _counts_of_a_day(connection: Connection, newest: Entry) -> DayCounts:
    # Back from the newest entry, not from now: the same state gives the same bytes. And 24 hours,
    # for a day begins at another hour for every reader.
    since = newest.sort_at - DAY
    everything = Selection(one_per_story=True)
    of_sources = entries.count_by_source(connection, everything, since, most=MOST_COUNTED)
    if not of_sources:
        return DayCounts()
    counts: Counter[str] = Counter({"": sum(of_sources.values())})
    for source_id, labels in topics.of_sources(connection, of_sources.keys()).items():
        for topic in labels:
            counts[topic.slug] += of_sources[source_id]
    return DayCounts(counts=counts, sources=len(of_sources))


def entry_page(connection: Connection, entry_id: int, context: SiteContext) -> EntryPage:
    """Return the page of an entry that is for everybody, or of any to an operator.

    Raises:
        NotFoundError: There is none.
    """
    entry = entries.get(connection, entry_id)
    # Operators see what is hidden or held, to decide about it.
    if entry.state not in change_log.OPEN_STATES and context.site.operator is None:
        raise NotFoundError("entry", entry_id)
    return EntryPage(site=context.site_now(connection), entry=entry)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeDetails:
    """The title of a scope, and which entries it has.

    Attributes:
        about: A sentence on the scope, or empty.
        source: If the scope is a source.
        language: BCP 47, of the scope's feed; None for the site's.
        page_states: The states of entries that its page shows.
    """

    title: str
    selection: Selection
    about: str = ""
    source: Source | None = None
    language: str | None = None
    page_states: tuple[EntryState, ...] = (EntryState.PUBLIC,)


def scope_details(connection: Connection, scope: Scope, *, title: str) -> ScopeDetails:
    """Return the title of a scope, and which entries it has; `title` is that of everything.

    Raises:
        NotFoundError: There is no such topic, source or saved search.
    """
    if scope.kind == "topic":
        topic = topics.find(connection, scope.slug)
        if topic:
            return ScopeDetails(
                title=topic.title, selection=Selection(topic=topic.slug, one_per_story=True)
            )
    elif scope.kind == "source":
        source = sources.find_by_slug(connection, scope.slug)
        if source:
            return ScopeDetails(
                title=source.title,
                selection=Selection(source=source.id),
                source=source,
                language=source.language,
                # Backfill is no news and in no feed, but the source's own page lists all that it
                # has.
                page_states=change_log.OPEN_STATES,
            )
    elif scope.kind == "search":
        saved = saved_searches.find(connection, scope.slug)
        if saved:
            among = _found(connection, SearchInput(q=saved.query))
            return ScopeDetails(
                title=saved.title, about=saved.query, selection=Selection(among=among)
            )
    elif scope.kind == "query":
        asked = parse_input(scope.slug)
        return ScopeDetails(
            title=asked.summary, selection=Selection(among=_found(connection, asked))
        )
    else:
        return ScopeDetails(title=title, selection=Selection(one_per_story=True))
    raise NotFoundError(scope.kind, scope.slug)


def _found(connection: Connection, asked: SearchInput) -> tuple[int, ...]:
    """Return the ids of the newest public entries that match, one of each story."""
    found = fulltext.find(connection, parse_query(asked), states=[EntryState.PUBLIC])
    return tuple(hit.entry_id for hit in newest_first(found.hits))
