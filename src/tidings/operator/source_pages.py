"""The operator's pages about sources: the context of each template."""

from dataclasses import dataclass
from typing import ClassVar

from tidings.filters.rules import Action, Field, FilterTrial, Kind
from tidings.model.entries import Republish, TopicCredit
from tidings.model.full_text import TextMode
from tidings.model.operators import SourceForm
from tidings.model.page_rules import SELECTORS
from tidings.model.sources import Source
from tidings.operator.inbox_desk import InboxListing
from tidings.operator.source_desk import (
    FollowForm,
    ImportPreview,
    SourceListing,
    WatchedPoll,
)
from tidings.polling.follow import FeedPreview, PagePreview
from tidings.polling.source_list import ImportSummary
from tidings.publishing.pagination import Pagination
from tidings.templating.site import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class PassingPage:
    """The step between a bookmark and our own page, which knows who is signed in.

    Attributes:
        path: Where it leads.
    """

    template: ClassVar[str] = "operator/passing.html"

    site: Site
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowPage:
    """An address, what was found there, and the form to follow it.

    Attributes:
        address: That was looked at; empty at first.
        found: The feeds, the likeliest first; empty before one has looked.
        form: The values of the fields.
        topics: All topics.
        rights: All choices of republishing.
        instead: The source that gets another feed; None if a new one is followed.
        fault: What has to be corrected, in the words of the command line; empty if nothing.
    """

    template: ClassVar[str] = "operator/follow.html"

    site: Site
    address: str
    found: tuple[FeedPreview, ...]
    form: FollowForm
    topics: tuple[TopicCredit, ...]
    rights: tuple[Republish, ...] = tuple(Republish)
    instead: Source | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageTrialPage:
    """A page without a feed: what selectors find on it, and the form to follow it.

    Attributes:
        preview: What was found; None before one has tried, and if it was not followed.
        is_ready: The form to follow it is shown.
        form: The values of the fields.
        topics: All topics.
        rights: All choices of republishing.
        selectors: The names of all that may be given.
        fault: What has to be corrected, in the words of the command line; empty if nothing.
    """

    template: ClassVar[str] = "operator/page_trial.html"

    site: Site
    preview: PagePreview | None
    is_ready: bool
    form: FollowForm
    topics: tuple[TopicCredit, ...]
    rights: tuple[Republish, ...] = tuple(Republish)
    selectors: tuple[str, ...] = SELECTORS
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPage:
    """A list of sources: to be handed in, to be looked through, or imported.

    Attributes:
        preview: What would be done; None before a list was handed in, and after it was imported.
        opml: The new ones, to be handed in again.
        result: What was done; None before.
        fault: Why the list cannot be read, in the words of the command line; empty if it can.
    """

    template: ClassVar[str] = "operator/opml.html"

    site: Site
    preview: ImportPreview | None = None
    opml: str = ""
    result: ImportSummary | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceListPage:
    """Sources, those that fail first.

    Attributes:
        q: Words that their titles or addresses have.
        health: How they do; empty for all.
    """

    template: ClassVar[str] = "operator/sources.html"

    site: Site
    listing: SourceListing
    q: str
    health: str
    pagination: Pagination


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFormPage:
    """A source: how it does, what can be done, and its form.

    Attributes:
        waits: It is due, and the page is loaded again until it was polled.
        topics: All topics.
        rights: All choices of republishing.
        texts: All choices of full text.
        selectors: The names of all that a page without a feed may have.
        form: The values of the fields.
        fault: The field that has to be corrected, or empty.
        because: What is wrong with it, in the words of the command line.
    """

    template: ClassVar[str] = "operator/source.html"

    site: Site
    watched: WatchedPoll
    waits: bool
    topics: tuple[TopicCredit, ...]
    rights: tuple[Republish, ...]
    form: SourceForm
    texts: tuple[str, ...] = ("off", TextMode.AUTO, TextMode.ON)
    selectors: tuple[str, ...] = SELECTORS
    fault: str = ""
    because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessForm:
    """A submitted form of how a source is fetched: unchecked text.

    Attributes:
        headers: A line each, as are cookies.
        afresh: Remove first all that was set before.
    """

    user: str = ""
    headers: str = ""
    cookies: str = ""
    proxy: str = ""
    user_agent: str = ""
    afresh: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessPage:
    """How a source is fetched; what was set before is never shown.

    Attributes:
        fault: What has to be corrected, in the words of the command line; empty if nothing.
    """

    template: ClassVar[str] = "operator/access.html"

    site: Site
    watched: WatchedPoll
    form: AccessForm
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterForm:
    """A submitted form of a filter: unchecked text."""

    action: str = Action.DROP
    field: str = Field.TITLE
    kind: str = Kind.WORDS
    pattern: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FiltersPage:
    """The filters of a source, and what they do to its last entries.

    Attributes:
        trial: With the filter of the form, if it has one.
        fault: What has to be corrected, in the words of the command line; empty if nothing.
    """

    template: ClassVar[str] = "operator/filters.html"

    site: Site
    source: Source
    trial: FilterTrial
    form: FilterForm
    actions: tuple[Action, ...] = tuple(Action)
    fields: tuple[Field, ...] = tuple(Field)
    kinds: tuple[Kind, ...] = tuple(Kind)
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxPage:
    """Lists that have written, and the form to follow the one that was chosen.

    Attributes:
        rights: All choices of republishing.
        usual: The one that is chosen at first: a letter was written to its subscribers.
    """

    template: ClassVar[str] = "operator/inbox.html"

    site: Site
    listing: InboxListing
    pagination: Pagination
    rights: tuple[Republish, ...] = tuple(Republish)
    usual: Republish = Republish.EXCERPT


SourcePage = (
    PassingPage
    | FollowPage
    | PageTrialPage
    | ImportPage
    | SourceListPage
    | SourceFormPage
    | AccessPage
    | FiltersPage
    | InboxPage
)
