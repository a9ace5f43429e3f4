"""Newsletters as operators look after them on the pages: lists, settings, the next issue."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from tidings.catalog import newsletters, topics
from tidings.catalog.newsletters import NewsletterForm
from tidings.db.database import Database
from tidings.errors import ConflictError
from tidings.mail.addresses import parse_address
from tidings.model.drafts import Draft
from tidings.model.entries import TopicCredit
from tidings.model.newsletters import Issue, Newsletter
from tidings.newsletters import compose
from tidings.newsletters.compose import Composer
from tidings.newsletters.drafts import Drafts, DraftView
from tidings.newsletters.issue_messages import IssueMessages
from tidings.newsletters.issue_queue import IssueSender
from tidings.newsletters.plan import Planner
from tidings.newsletters.send_by_hand import forecast, send_test
from tidings.newsletters.store import drafts, plans
from tidings.newsletters.windows import Forecast, due_after_change, next_due
from tidings.operator.store import people


class MailRoom(NamedTuple):
    """What makes and sends messages, built when it is asked for.

    Each raises ConfigError where the settings of mail do not do.
    """

    composer: Callable[[], Composer]
    messages: Callable[[], IssueMessages]
    sender: Callable[[], IssueSender]
    planner: Callable[[], Planner]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsletterLine:
    """A newsletter in the list.

    Attributes:
        subscribers: Those that get issues now, as far as they are counted.
        is_more: Whether there are more.
        draft: Under review; None if nothing is.
    """

    newsletter: Newsletter
    next_issue_at: datetime
    subscribers: int
    draft: Draft | None
    is_more: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NextIssue:
    """What a newsletter tells next.

    Attributes:
        subscribers: Those that get issues now.
        view: The draft under review, with its entries; None if there is none.
        issue: As it would be now; None if there is nothing new.
    """

    newsletter: Newsletter
    next_issue_at: datetime
    subscribers: int
    view: DraftView | None
    issue: Issue | None


class NewsletterDesk:
    """Newsletters, their settings and next issues; thread-safe."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        mail: MailRoom,
        languages: tuple[str, ...],
    ) -> None:
        self.drafts = Drafts(database, clock=clock)
        self.languages = languages
        self._database = database
        self._clock = clock
        self._mail = mail

    def every(self) -> tuple[NewsletterLine, ...]:
        """Return all newsletters by slug."""
        with self._database.read() as connection:
            editions = newsletters.editions(connection)
            waiting = {one.newsletter_id: one for one in drafts.every_open(connection)}
            counted = people.active_by_newsletter(connection)
        is_more = sum(counted.values()) >= people.MOST_COUNTED
        return tuple(
            NewsletterLine(
                newsletter=one.newsletter,
                next_issue_at=one.next_issue_at,
                subscribers=counted.get(one.newsletter.id, 0),
                draft=waiting.get(one.newsletter.id),
                is_more=is_more,
            )
            for one in editions
        )

    def topics(self) -> tuple[TopicCredit, ...]:
        """Return all topics that a newsletter can be narrowed to."""
        with self._database.read() as connection:
            return tuple(topics.every(connection))

    def get(self, slug: str) -> Newsletter:
        """Return a newsletter.

        Raises:
            NotFoundError: There is no such newsletter.
        """
        with self._database.read() as connection:
            return newsletters.get(connection, slug)

    def add(self, slug: str, form: NewsletterForm) -> None:
        """Add a newsletter.

        Raises:
            ConflictError: There is one with that slug.
            InvalidError: The slug or the title is not valid.
            NotFoundError: One of its topics does not exist.
        """
        now = self._clock()
        with self._database.write() as connection:
            first = next_due(form.schedule, now)
            newsletters.add(connection, slug, form, next_issue_at=first, now=now)

    def edit(self, slug: str, form: NewsletterForm) -> None:
        """Change a newsletter.

        Raises:
            NotFoundError: There is no such newsletter or topic.
            InvalidError: The title is not valid.
        """
        now = self._clock()
        with self._database.write() as connection:
            old = newsletters.get(connection, slug)
            following = due_after_change(old.schedule, form.schedule, now)
            newsletters.edit(connection, slug, form, next_issue_at=following, now=now)

    def next_issue(self, slug: str) -> NextIssue:
        """Return what a newsletter tells next.

        Raises:
            NotFoundError: There is no such newsletter.
            ConfigError: The settings of mail do not do.
        """
        with self._database.read() as connection:
            edition = newsletters.edition_of(connection, slug)
            subscribers = plans.count_active(connection, edition.newsletter.id)
        return NextIssue(
            newsletter=edition.newsletter,
            next_issue_at=edition.next_issue_at,
            subscribers=subscribers,
            view=self.drafts.find(edition.newsletter),
            issue=self.preview(slug, language=edition.newsletter.language),
        )

    def forecast(self, newsletter: Newsletter) -> Forecast:
        """Return what sending a newsletter right now would send."""
        with self._database.read() as connection:
            return forecast(connection, newsletter)

    def preview(self, slug: str, *, language: str) -> Issue | None:
        """Return the next issue as it would be now; None if there is nothing new.

        Raises:
            NotFoundError: There is no such newsletter.
            ConfigError: The settings of mail do not do.
        """
        composer = self._mail.composer()
        with self._database.read() as connection:
            edition = newsletters.edition_of(connection, slug)
            spoken = replace(edition.newsletter, language=language)
            edition = replace(edition, newsletter=spoken)
            return compose.preview(composer, connection, edition, at=self._clock())

    def send_test(self, slug: str, address: str) -> None:
        """Send the next issue to one address; nothing of it is recorded.

        Raises:
            NotFoundError: There is no such newsletter.
            ConfigError: The settings of mail do not do.
            InvalidError: That is no address.
            ConflictError: The newsletter never had an entry.
            DeliveryError: It was not accepted.
        """
        tester = parse_address(address).address
        with self._database.read() as connection:
            edition = newsletters.edition_of(connection, slug)
        send_test(
            self._mail.sender(),
            edition,
            composer=self._mail.composer(),
            messages=self._mail.messages(),
            to=tester,
        )

    def send_now(self, slug: str, *, recipients: int) -> None:
        """Plan a newsletter for all its subscribers right now; the service sends it.

        Args:
            slug: Of the newsletter.
            recipients: For how many the operator has agreed.

        Raises:
            NotFoundError: There is no such newsletter.
            ConflictError: There are more recipients by now.
            ConfigError: The settings of mail do not do.
        """
        with self._database.read() as connection:
            newsletter = newsletters.get(connection, slug)
            expected = forecast(connection, newsletter)
        if expected.recipients > recipients:
            because = f"has {expected.recipients} subscribers by now; look again, and send it then"
            raise ConflictError("newsletter", slug, because=because)
        self._mail.planner().plan_now(newsletter)
