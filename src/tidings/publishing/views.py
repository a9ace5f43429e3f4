"""The public pages: the context of each template."""

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, ClassVar, Protocol

from tidings.model.entries import Entry
from tidings.model.newsletters import Digest, Issue, IssueLine, Newsletter
from tidings.model.scopes import Scope
from tidings.publishing.directories import SourceLine
from tidings.publishing.pagination import Pagination
from tidings.templating.engine import Templates
from tidings.templating.site import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCounts:
    """How much came in the 24 hours before the newest entry of a front page.

    Attributes:
        counts: Entries by the slug of a topic, those of all topics together by the empty one;
            empty where nothing is counted.
        sources: How many sources they are from.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    sources: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPage:
    """A page of entries, newest first.

    Attributes:
        heading: The scope's name; the site's title for `all`.
        about: A sentence on the scope, or empty.
        source: If the scope is a source.
        pinned: By the operator, newest pin first.
        folded: How many entries are folded behind one, by its id.
        today: Of the 24 hours up to its newest entry; only on the front of everything.
    """

    template: ClassVar[str] = "list.html"

    site: Site
    scope: Scope
    heading: str
    about: str = ""
    source: SourceLine | None = None
    pinned: tuple[Entry, ...] = ()
    entries: tuple[Entry, ...]
    folded: Mapping[int, int]
    today: DayCounts = DayCounts()
    pagination: Pagination


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPage:
    """The page of an entry, with its content."""

    template: ClassVar[str] = "entry.html"

    site: Site
    entry: Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuePage:
    """The page of an issue, with all its entries.

    Attributes:
        newer: The next listed issue of the newsletter; None if there is none, or this one is
            not listed.
        older: The one before, likewise.
    """

    template: ClassVar[str] = "issue.html"

    site: Site
    issue: Issue
    digest: Digest
    newer: IssueLine | None = None
    older: IssueLine | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueContent:
    """An issue as the content of an entry in a feed: a fragment of HTML."""

    template: ClassVar[str] = "issue_content.html"

    site: Site
    digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """The archived issues of a newsletter, newest first."""

    newsletter: Newsletter
    issues: tuple[IssueLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuesPage:
    """A page of the archives of all newsletters, newest issues first."""

    template: ClassVar[str] = "issues.html"

    site: Site
    archives: tuple[Archive, ...]
    pagination: Pagination


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPage:
    """The page of an error.

    Attributes:
        status: 400, 403, 404, 405, 409, 413, 415 or 500: those that have phrases.
    """

    template: ClassVar[str] = "error.html"

    site: Site
    status: int


# A protocol, since the pages of subscribers and operators belong to packages above this one.
class Page(Protocol):
    """The context of a template."""

    template: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def site(self) -> Site:
        """What all pages share."""


def render(page: Page, templates: Templates) -> bytes:
    """Render a page as HTML.

    Raises:
        TemplateError: Its template uses something that its values do not have.
    """
    # Not `asdict`, which would turn the values inside into dicts as well.
    values = {field.name: getattr(page, field.name) for field in fields(page)}
    return templates.render(page.template, values, language=page.site.language)
