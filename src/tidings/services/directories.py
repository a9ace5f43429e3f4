"""The directories: what is followed, as pages and as a list for other programs."""

from collections.abc import Iterable

from tidings.domain.publishing import FeedOutline
from tidings.domain.sources import Source, SourceState, health_of
from tidings.errors import NotFoundError
from tidings.rendering.directory_pages import SourceLine, SourcesPage, TopicLine, TopicsPage
from tidings.rendering.site import Site
from tidings.storage import searches, sources, topics
from tidings.storage.database import Connection


def topics_page(connection: Connection, site: Site) -> TopicsPage:
    """Return the list of all topics and saved searches."""
    lines = tuple(
        TopicLine(
            slug=use.slug,
            title=use.title,
            sources=use.sources,
            latest=use.latest_at,
        )
        for use in topics.at_a_glance(connection)
    )
    return TopicsPage(site=site, topics=lines, searches=tuple(searches.every(connection)))


def sources_page(connection: Connection, site: Site, *, topic: str = "") -> SourcesPage:
    """Return the list of sources by title: all, or those of a topic.

    Raises:
        NotFoundError: There is no such topic.
    """
    if topic and topics.find(connection, topic) is None:
        raise NotFoundError("topic", topic)
    lines = tuple(
        line_of(source)
        for source in _by_title(sources.every(connection))
        if not topic or topic in {label.slug for label in source.topics}
    )
    return SourcesPage(site=site, sources=lines, topic=topic)


def line_of(source: Source) -> SourceLine:
    """Return a source as it is shown."""
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
        language=source.language,
        rights=source.rights,
        noindex=source.noindex,
    )


def outlines(connection: Connection) -> list[FeedOutline]:
    """Return every source that is not retired, and whose address may be told, by title."""
    return [
        FeedOutline(
            url=source.url,
            title=source.title,
            site_url=source.site_url,
            topics=tuple(topic.title for topic in source.topics),
        )
        for source in _by_title(sources.every(connection))
        if source.state is not SourceState.RETIRED and not source.hides_address
    ]


def _by_title(every: Iterable[Source]) -> list[Source]:
    return sorted(every, key=lambda source: (source.title.casefold(), source.id))
