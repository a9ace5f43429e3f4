"""The operator's pages: the context of each template."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from tidings.model.channels import Channel
from tidings.model.entries import TopicCredit
from tidings.model.newsletters import DeliveryState, Newsletter
from tidings.model.operators import AuditLine, ModerationQueue, OperatorToken, SettingLine
from tidings.newsletters.windows import Forecast
from tidings.operator.delivery_desk import DeliveryLine, IssueDeliveries
from tidings.operator.newsletter_desk import NewsletterLine, NextIssue
from tidings.operator.people_desk import PeopleFigures
from tidings.operator.people_pages import AnyPeoplePage
from tidings.operator.service import Workload
from tidings.operator.source_desk import SourceAttention
from tidings.operator.source_pages import SourcePage
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
    """The overview.

    Attributes:
        token: The one that the operator signed in with.
        attention: Sources that have to be looked at.
        issues: Of the last week, with what became of them.
        lines: All newsletters, with what is due next.
        people: Subscriptions in numbers.
    """

    template: ClassVar[str] = "operator/desk.html"

    site: Site
    token: OperatorToken
    attention: SourceAttention
    issues: tuple[IssueDeliveries, ...]
    lines: tuple[NewsletterLine, ...]
    people: PeopleFigures


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
    newsletter: Newsletter
    forecast: Forecast


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveriesPage:
    """The latest issues, and what became of their deliveries."""

    template: ClassVar[str] = "operator/deliveries.html"

    site: Site
    issues: tuple[IssueDeliveries, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueDeliveriesPage:
    """The deliveries of an issue, those in one state alone if `state` is given."""

    template: ClassVar[str] = "operator/issue_deliveries.html"

    site: Site
    found: IssueDeliveries
    lines: tuple[DeliveryLine, ...]
    state: DeliveryState | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsPage:
    """All settings in force, with where they are from."""

    template: ClassVar[str] = "operator/settings.html"

    site: Site
    lines: tuple[SettingLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsPage:
    """Jobs and workers; `found` is None where one process does it all."""

    template: ClassVar[str] = "operator/jobs.html"

    site: Site
    found: Workload | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelsPage:
    """All channels, and how they do."""

    template: ClassVar[str] = "operator/channels.html"

    site: Site
    found: tuple[Channel, ...]


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
    | DeliveriesPage
    | IssueDeliveriesPage
    | SettingsPage
    | JobsPage
    | ChannelsPage
    | SourcePage
    | AnyPeoplePage
)
