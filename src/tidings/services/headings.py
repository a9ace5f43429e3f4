"""What a scope is called, and what it holds."""

from dataclasses import dataclass

from tidings.domain.entries import EntryState
from tidings.domain.publishing import Scope
from tidings.errors import NotFoundError
from tidings.storage import publishing, sources, topics
from tidings.storage.database import Connection
from tidings.storage.entries import Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """What a scope is called, and what it holds.

    Attributes:
        about: A sentence on the scope, or empty.
        site_url: The publisher's page, if the scope is a source.
        language: BCP 47, of the scope's feed; None for the site's.
        page_states: Which of its entries its page shows.
    """

    title: str
    selection: Selection
    about: str = ""
    site_url: str | None = None
    language: str | None = None
    page_states: tuple[EntryState, ...] = (EntryState.PUBLIC,)


def heading_of(connection: Connection, scope: Scope, *, title: str) -> Heading:
    """Return what a scope is called and holds; `title` is that of everything.

    Raises:
        NotFoundError: There is no such topic or source.
    """
    if scope.kind == "topic":
        topic = topics.find(connection, scope.slug)
        if topic:
            return Heading(title=topic.title, selection=Selection(topic=topic.slug))
    elif scope.kind == "source":
        source = sources.find_by_slug(connection, scope.slug)
        if source:
            return Heading(
                title=source.title,
                selection=Selection(source=source.id),
                site_url=source.site_url,
                page_states=publishing.OPEN_STATES,
            )
    else:
        return Heading(title=title, selection=Selection())
    raise NotFoundError(scope.kind, scope.slug)
