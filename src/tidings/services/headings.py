"""What a scope is called, and what it holds."""

from dataclasses import dataclass

from tidings.domain.entries import EntryState
from tidings.domain.publishing import Scope
from tidings.domain.searching import Asked, newest_first, read_asked, read_query
from tidings.domain.sources import Source
from tidings.errors import NotFoundError
from tidings.storage import publishing, search, searches, sources, topics
from tidings.storage.database import Connection
from tidings.storage.entries import Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """What a scope is called, and what it holds.

    Attributes:
        about: A sentence on the scope, or empty.
        source: What the scope is, if it is one.
        language: BCP 47, of the scope's feed; None for the site's.
        page_states: Which of its entries its page shows.
    """

    title: str
    selection: Selection
    about: str = ""
    source: Source | None = None
    language: str | None = None
    page_states: tuple[EntryState, ...] = (EntryState.PUBLIC,)


def heading_of(connection: Connection, scope: Scope, *, title: str) -> Heading:
    """Return what a scope is called and holds; `title` is that of everything.

    Raises:
        NotFoundError: There is no such topic, source or saved search.
    """
    if scope.kind == "topic":
        topic = topics.find(connection, scope.slug)
        if topic:
            return Heading(title=topic.title, selection=Selection(topic=topic.slug, told_once=True))
    elif scope.kind == "source":
        source = sources.find_by_slug(connection, scope.slug)
        if source:
            return Heading(
                title=source.title,
                selection=Selection(source=source.id),
                source=source,
                language=source.language,
                page_states=publishing.OPEN_STATES,
            )
    elif scope.kind == "search":
        saved = searches.find(connection, scope.slug)
        if saved:
            among = _found(connection, Asked(q=saved.query))
            return Heading(title=saved.title, about=saved.query, selection=Selection(among=among))
    elif scope.kind == "query":
        asked = read_asked(scope.slug)
        return Heading(title=asked.summary, selection=Selection(among=_found(connection, asked)))
    else:
        return Heading(title=title, selection=Selection(told_once=True))
    raise NotFoundError(scope.kind, scope.slug)


def _found(connection: Connection, asked: Asked) -> tuple[int, ...]:
    """Return the ids of the newest public entries that match, of every story one."""
    found = search.find(connection, read_query(asked), states=[EntryState.PUBLIC])
    return tuple(hit.entry_id for hit in newest_first(found.hits))
