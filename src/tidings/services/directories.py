"""The directories: what is followed, as pages and as a list for other programs."""

from collections.abc import Iterable

from tidings.domain.publishing import FeedOutline
from tidings.domain.sources import Source, SourceState
from tidings.rendering.pages import (
    SourceHealth,
    SourceLine,
    SourcesPage,
    TopicLine,
    TopicsPage,
)
from tidings.rendering.site import Site
from tidings.storage import sources, topics
from tidings.storage.database import Connection


def topics_page(connection: Connection, site: Site) -> TopicsPage:
    """Return the list of all topics."""
    lines = tuple(
        TopicLine(
            slug=use.slug,
            title=use.title,
            sources=use.sources,
            entries=use.entries,
            latest=use.latest_at,
        )
        for use in topics.in_use(connection)
    )
    return TopicsPage(site=site, topics=lines)


def sources_page(connection: Connection, site: Site) -> SourcesPage:
    """Return the list of all sources, by title."""
    lines = tuple(
        SourceLine(
            slug=source.slug,
            title=source.title,
            site_url=source.site_url,
            topics=source.topics,
            entries=source.entries,
            latest=source.latest_at,
            health=_health(source),
        )
        for source in _by_title(sources.every(connection))
    )
    return SourcesPage(site=site, sources=lines)


def outlines(connection: Connection) -> list[FeedOutline]:
    """Return every source that is not retired as OPML lists it, by title."""
    return [
        FeedOutline(
            url=source.url,
            title=source.title,
            site_url=source.site_url,
            topics=tuple(topic.slug for topic in source.topics),
        )
        for source in _by_title(sources.every(connection))
        if source.state is not SourceState.RETIRED
    ]


def _by_title(every: Iterable[Source]) -> list[Source]:
    return sorted(every, key=lambda source: (source.title.casefold(), source.id))


def _health(source: Source) -> SourceHealth:
    if source.state is SourceState.RETIRED:
        return SourceHealth.RETIRED
    if source.failures:
        return SourceHealth.FAILING
    return SourceHealth.FINE if source.last_ok_at else SourceHealth.NEW
