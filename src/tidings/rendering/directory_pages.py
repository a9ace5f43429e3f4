"""The directories: what each one shows, as a contract with its template."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from tidings.model.entries import TopicCredit
from tidings.model.sources import SourceHealth
from tidings.search.query import SavedSearch
from tidings.templating.site import Site


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
    """A source, as it is shown.

    Attributes:
        latest: None if it has no entries.
        last_ok: When its last poll went well, aware UTC; None if none did.
        language: BCP 47.
        rights: What its own document says of copyright.
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
    language: str | None = None
    rights: str | None = None
    noindex: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcesPage:
    """The directory of sources.

    Attributes:
        topic: The slug of the topic that they have, or empty for all.
    """

    template: ClassVar[str] = "sources.html"

    site: Site
    sources: tuple[SourceLine, ...]
    topic: str = ""
