"""The directories of topics and sources, the list of sources for OPML, and the sitemap.

The sitemap leaves out the pages of entries: their content is the publisher's, and they name it
as canonical. It leaves out numbered pages as well: their entries are on the publishers' pages.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar

from tidings.catalog import change_log, newsletters, sources, topics
from tidings.catalog.sources import SourceName
from tidings.db.database import Connection
from tidings.errors import NotFoundError
from tidings.model.entries import TopicCredit
from tidings.model.mail_lists import is_by_mail
from tidings.model.scopes import FeedOutline, ListAddress
from tidings.model.sources import Source, SourceHealth, SourceState, health_of
from tidings.newsletters.store import issues
from tidings.publishing.formats.sitemap import (
    MOST,
    SitemapEntry,
    render_sitemap,
    render_sitemap_index,
)
from tidings.publishing.pagination import Pagination, paginate_from_first
from tidings.publishing.site_context import every_scope, key_of
from tidings.search.query import SavedSearch
from tidings.search.store import saved_searches
from tidings.templating.site import Site

# Sources on a page of their directory.
PAGE_SIZE = 100

# Where sources without entries stand.
LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicLine:
    """A topic in the list of topics; `latest` is None if it has no entries."""

    slug: str
    title: str
    sources: int
    latest: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicsPage:
    """All topics, and the searches that are saved."""

    template: ClassVar[str] = "topics.html"

    site: Site
    topics: tuple[TopicLine, ...]
    searches: tuple[SavedSearch, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLine:
    """A source in the directory.

    Attributes:
        latest: None if it has no entries.
        last_ok: The last successful poll, aware UTC; None if there was none.
        trouble: What kind of failure its last poll was; None if it was none.
        language: BCP 47.
        rights: The copyright notice of its feed.
        noindex: Search engines are asked to leave its pages out.
    """

    slug: str
    title: str
    site_url: str | None
    topics: tuple[TopicCredit, ...]
    entries: int
    latest: datetime | None
    health: SourceHealth
    last_ok: datetime | None = None
    trouble: str | None = None
    language: str | None = None
    rights: str | None = None
    noindex: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcesPage:
    """A page of the directory of sources.

    Attributes:
        asked: Which sources, and in which order.
        count: Of all sources that are listed, on this page and the others.
        healths: How many sources do how, among those with the topic and the words.
    """

    template: ClassVar[str] = "sources.html"

    site: Site
    sources: tuple[SourceLine, ...]
    asked: ListAddress
    count: int
    healths: Mapping[SourceHealth, int] = field(default_factory=dict)
    pagination: Pagination


def topics_page(connection: Connection, site: Site) -> TopicsPage:
    """Return the list of all topics and saved searches."""
    lines = tuple(
        TopicLine(
            slug=use.slug,
            title=use.title,
            sources=use.sources,
            latest=use.latest_at,
        )
        for use in topics.summaries(connection)
    )
    return TopicsPage(site=site, topics=lines, searches=tuple(saved_searches.every(connection)))


def sources_page(
    connection: Connection, site: Site, asked: ListAddress, *, href: Callable[[int], str]
) -> SourcesPage:
    """Return a page of the list of sources.

    Args:
        connection: A reading one.
        site: Where it is published.
        asked: The page.
        href: Gives the link to a page.

    Raises:
        NotFoundError: There is no such topic, or no such page.
    """
    number = asked.number or 1
    # A topic without sources is an empty list; a topic that does not exist is no page.
    if asked.topic and topics.find(connection, asked.topic) is None:
        raise NotFoundError("topic", asked.topic)
    named = matching(sources.by_title(connection, topic_slug=asked.topic), asked.q)
    listed = [one for one in named if asked.health in {"", one.health}]
    if asked.order == "failing":
        listed.sort(key=lambda one: one.health is not SourceHealth.FAILING)
    elif asked.order == "newest":
        latest = sources.latest_entries(connection)
        listed.sort(key=lambda one: latest.get(one.id, LONG_AGO), reverse=True)
    pages = _count_of_pages(len(listed))
    if number > pages:
        raise NotFoundError("page", number)
    # Only these in full: what is counted of each source takes the longest.
    shown = [one.id for one in listed[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]]
    return SourcesPage(
        site=site,
        sources=tuple(map(to_line, sources.of_ids(connection, shown))),
        asked=asked,
        count=len(listed),
        healths=Counter(one.health for one in named),
        pagination=paginate_from_first(number, count=pages, href=href),
    )


def matching(named: Sequence[SourceName], q: str) -> list[SourceName]:
    """Return the sources whose title or address has all the words of `q`."""
    wanted = q.casefold().split()
    return [
        one
        for one in named
        if all(word in f"{one.title} {one.address}".casefold() for word in wanted)
    ]


def count_of_source_pages(connection: Connection) -> int:
    """Return how many pages the list of all sources has."""
    return _count_of_pages(sources.count_all(connection))


def _count_of_pages(listed: int) -> int:
    return max(-(-listed // PAGE_SIZE), 1)  # rounded up


def to_line(source: Source) -> SourceLine:
    """Return a source as it is listed."""
    return SourceLine(
        slug=source.slug,
        title=source.title,
        site_url=source.site_url,
        topics=source.topics,
        entries=source.entries,
        latest=source.latest_at,
        health=health_of(
            source.state,
            fails=bool(source.failures),
            has_worked=source.last_ok_at is not None,
        ),
        last_ok=source.last_ok_at,
        trouble=source.failing_with if source.failures else None,
        language=source.language,
        rights=source.rights,
        noindex=source.noindex,
    )


def outlines(connection: Connection) -> list[FeedOutline]:
    """Return every source that is not retired and whose address is public, by title."""
    by_id = {source.id: source for source in sources.every(connection)}
    return [
        FeedOutline(
            url=source.url,
            title=source.title,
            site_url=source.site_url,
            topics=tuple(topic.title for topic in source.topics),
            page=source.page,
        )
        for source in (by_id[name.id] for name in sources.by_title(connection))
        # An address with a login or token in it is a secret between us and the publisher; what
        # comes by mail has none that others could follow.
        if source.state is not SourceState.RETIRED
        and not source.hides_address
        and not is_by_mail(source.url)
    ]


def sitemap(connection: Connection, site: Site, *, number: int | None = None) -> bytes:
    """Render the sitemap, or its index if it is too long for one document.

    Args:
        connection: A reading one.
        site: Where it is published.
        number: Of a part, from 1.

    Raises:
        NotFoundError: There is no such part.
    """
    listed = _pages(connection, site)
    parts = [listed[start : start + MOST] for start in range(0, len(listed), MOST)]
    if number is not None:
        if len(parts) == 1 or number > len(parts):
            raise NotFoundError("sitemap", number)
        return render_sitemap(parts[number - 1])
    if len(parts) == 1:
        return render_sitemap(listed)
    return render_sitemap_index(
        [
            SitemapEntry(url=f"{site.base_url}/sitemap/{place}.xml")
            for place in range(1, len(parts) + 1)
        ]
    )


def count_of_parts(connection: Connection, site: Site) -> int:
    """Return how many parts the sitemap has beside its index; 0 if it fits into one document."""
    # Rounded up.
    count = -(-len(_pages(connection, site)) // MOST)
    return count if count > 1 else 0


def _pages(connection: Connection, site: Site) -> Sequence[SitemapEntry]:
    changes = change_log.changes(connection)
    kept_out = sources.noindex_slugs(connection)
    pages: dict[str, datetime | None] = {
        scope.path: changes[key_of(scope)].changed_at
        for scope in every_scope(connection)
        # A page that asks to be left out of indexes is not offered to them here.
        if scope.kind != "source" or scope.slug not in kept_out
    }
    pages["/topics"] = pages["/sources"] = changes[change_log.SOURCES].changed_at
    if newsletters.every(connection):
        pages["/issues"] = changes[change_log.ISSUES].changed_at
        # Without a date: to find when an issue last changed takes a read of all its entries.
        pages |= {f"/issues/{line.slug}": None for line in issues.listed(connection)}
    return [
        SitemapEntry(url=site.base_url + path, changed_at=changed_at)
        for path, changed_at in pages.items()
    ]
