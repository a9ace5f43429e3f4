"""The operator's pages: the context of each template."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from tidings.model.entries import Republish, TopicCredit
from tidings.model.newsletters import Newsletter
from tidings.model.operators import AuditLine, ModerationQueue, OperatorToken, SourceForm
from tidings.model.sources import Source
from tidings.operator.newsletter_desk import NewsletterLine, NextIssue
from tidings.subscribers.pages import Menu
from tidings.templating.site import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInPage:
    """The sign-in form.

    Attributes:
        fault: Why they are not signed in: `token`, `tries` or `ended`; empty at first.
    """

    template: ClassVar[str] = "operator/sign_in.html"

    site: Site
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewPage:
    """The overview; `token` is the one that the operator signed in with."""

    template: ClassVar[str] = "operator/desk.html"

    site: Site
    token: OperatorToken
    desk: ModerationQueue


@dataclass(frozen=True, slots=True, kw_only=True)
class EntriesPage:
    """Held, pinned and hidden entries."""

    template: ClassVar[str] = "operator/entries.html"

    site: Site
    desk: ModerationQueue


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPage:
    """What operators did, the latest first."""

    template: ClassVar[str] = "operator/audit.html"

    site: Site
    lines: tuple[AuditLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedPage:
    """What could not be done, and why.

    Attributes:
        because: In the words of the command line, which are English.
        back: The path of the page that they came from.
    """

    template: ClassVar[str] = "operator/refused.html"

    site: Site
    because: str
    back: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsletterListPage:
    """All newsletters, with what is due next."""

    template: ClassVar[str] = "operator/newsletters.html"

    site: Site
    lines: tuple[NewsletterLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsletterFields:
    """A submitted form with the settings of a newsletter: unchecked text.

    Attributes:
        topics: Their slugs; empty for all.
        review: `yes`, `no`, or a duration.
    """

    slug: str
    title: str
    frequency: str
    hour: str
    timezone: str
    weekday: str
    language: str
    topics: tuple[str, ...]
    sender: str
    reply_to: str
    postal_address: str
    min_entries: str
    max_entries: str
    images: bool
    review: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsletterFormPage:
    """The form of a newsletter.

    Attributes:
        newsletter: As it is; None if it is new.
        topics: All topics.
        fault: What has to be corrected, in the words of the command line; empty if nothing.
    """

    template: ClassVar[str] = "operator/newsletter.html"

    site: Site
    newsletter: Newsletter | None
    fields: NewsletterFields
    menu: Menu
    topics: tuple[TopicCredit, ...]
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NextIssuePage:
    """The next issue of a newsletter, and its review.

    Attributes:
        languages: Of letters, each by its own name.
    """

    template: ClassVar[str] = "operator/next_issue.html"

    site: Site
    found: NextIssue
    languages: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SendPage:
    """The question whether a newsletter shall be sent right now."""

    template: ClassVar[str] = "operator/send.html"

    site: Site
    found: NextIssue


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFormPage:
    """The form of a source.

    Attributes:
        topics: All topics.
        rights: All choices of republishing.
        form: The values of the fields.
        fault: The field that has to be corrected, or empty.
    """

    template: ClassVar[str] = "operator/source.html"

    site: Site
    source: Source
    topics: tuple[TopicCredit, ...]
    rights: tuple[Republish, ...]
    form: SourceForm
    fault: str = ""


OperatorPage = (
    SignInPage
    | OverviewPage
    | EntriesPage
    | AuditPage
    | RefusedPage
    | NewsletterListPage
    | NewsletterFormPage
    | NextIssuePage
    | SendPage
    | SourceFormPage
)
