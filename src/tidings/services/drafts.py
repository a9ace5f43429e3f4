"""Drafts: what a plan is to hold, decided on one snapshot, with the letters it lacks composed."""

import hmac
from base64 import b32encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tidings.domain.digests import compose, issue_key
from tidings.domain.newsletters import Digest, Issue, Newsletter, Subscription
from tidings.domain.planning import Omission, Window, window_of
from tidings.domain.slots import PERIODS, Slot
from tidings.rendering.mail import Composed
from tidings.services.filtering import Sieve
from tidings.services.news import News
from tidings.storage import entries, issues, plans, publishing
from tidings.storage.database import Connection, Database
from tidings.storage.issues import NewIssue
from tidings.storage.newsletters import Edition
from tidings.storage.plans import Omitted, Plan, PlannedDelivery, Step

SHORTEST_LIFE = timedelta(days=2)
"""How long a delivery is tried at least, however soon the next slot comes."""

SHORTEST_LIFE = timedelta(days=2)
"""How long a delivery is tried at least, however soon the next slot comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTools:
    """What planning works with.

    Attributes:
        write_letter: Composes a digest whose page will have the given address.
        template_version: Moves with the templates, and so does the key of an issue.
        secret: From which names are made that nobody else can make.
        mail_domain: The right side of Message-IDs.
        site_url: Absolute, without a slash at the end.
    """

    database: Database
    clock: Callable[[], datetime]
    write_letter: Callable[[Digest, str], Composed]
    template_version: str
    secret: bytes
    mail_domain: str
    site_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A subscription with the slot it is planned for.

    Attributes:
        cut: The upper bound of its window.
        next_issue_at: When it is due again.
    """

    subscription: Subscription
    slot: Slot
    cut: int
    next_issue_at: datetime


def draw_up(
    tools: PlanTools,
    connection: Connection,
    cases: Sequence[Case],
    *,
    sieve: Sieve,
    now: datetime,
) -> tuple[Plan, list[NewIssue]]:
    """Return the plan for some subscriptions, and the issues that are not stored yet."""
    windows = _windows(connection, cases, now=now)
    first = min((window.from_seq for window in windows), default=0)
    last = max((window.to_seq for window in windows), default=0)
    news = News(connection, sieve, from_seq=first, to_seq=last)
    draft = _Draft(tools, now=now)
    for case, window in zip(cases, windows, strict=True):
        draft.add(case, window, _chosen(news, case.subscription, window))
    stored = issues.ids(connection, draft.wanted)
    new = [
        _compose(tools, connection, wanted, key=key)
        for key, wanted in draft.wanted.items()
        if key not in stored
    ]
    return draft.plan, new


def draw_up_edition(
    tools: PlanTools, connection: Connection, edition: Edition, *, sieve: Sieve, cut: int
) -> NewIssue | None:
    """Return a newsletter's own next issue; None if there is no news for it."""
    newsletter = edition.newsletter
    chosen = _chosen_for(connection, edition, sieve=sieve, cut=cut)
    wanted = _Wanted(newsletter=newsletter, language=newsletter.language, entry_ids=chosen)
    if not wanted.entry_ids:
        return None
    return _compose(tools, connection, wanted, key=_key(tools, wanted), listed=True)


def preview(
    tools: PlanTools, connection: Connection, edition: Edition, *, at: datetime
) -> Issue | None:
    """Return what the edition would be at a time; None if it had nothing. Stores nothing."""
    cut = publishing.last_seq(connection)
    newsletter = edition.newsletter
    chosen = _chosen_for(connection, edition, sieve=Sieve(), cut=cut)
    news = entries.by_ids(connection, chosen)
    shown = [entry for entry in news if entry.first_seen_at <= at]
    if not shown:
        return None
    digest = compose(newsletter, newsletter.language, shown)
    letter = tools.write_letter(digest, f"{tools.site_url}/issues/{newsletter.slug}-preview")
    return Issue(
        id=0,
        key=b"",
        slug=f"{newsletter.slug}-preview",
        newsletter=newsletter,
        language=newsletter.language,
        timezone=digest.timezone,
        listed=False,
        from_seq=digest.from_seq,
        to_seq=digest.to_seq,
        subject=letter.subject,
        html=letter.html,
        text=letter.text,
        entries=len(shown),
        created_at=at,
    )


def _windows(connection: Connection, cases: Sequence[Case], *, now: datetime) -> list[Window]:
    marks = {case.subscription.id: case.subscription.watermark for case in cases}
    standings = plans.standings(connection, marks, {case.slot.key for case in cases})
    return [
        window_of(
            case.subscription.schedule,
            case.slot,
            standings[case.subscription.id],
            cut=case.cut,
            now=now,
        )
        for case in cases
    ]


def _chosen(news: News, subscription: Subscription, window: Window) -> tuple[int, ...]:
    """Return what a subscription has not had."""
    if window.omission:
        return ()
    newsletter, topics = subscription.newsletter, subscription.topics
    return news.of(newsletter, topics, from_seq=window.from_seq, to_seq=window.to_seq)


def _chosen_for(
    connection: Connection, edition: Edition, *, sieve: Sieve, cut: int
) -> tuple[int, ...]:
    news = News(connection, sieve, from_seq=edition.watermark, to_seq=cut)
    return news.of(edition.newsletter, (), from_seq=edition.watermark, to_seq=cut)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    newsletter: Newsletter
    language: str
    entry_ids: tuple[int, ...]


class _Draft:
    """A plan in the making."""

    def __init__(self, tools: PlanTools, *, now: datetime) -> None:
        self._tools = tools
        self._now = now
        self._deliveries: list[PlannedDelivery] = []
        self._omitted: list[Omitted] = []
        self._superseded: list[int] = []
        self._steps: list[Step] = []
        self._keys: dict[tuple[object, ...], bytes] = {}
        self.wanted: dict[bytes, _Wanted] = {}

    @property
    def plan(self) -> Plan:
        return Plan(
            deliveries=self._deliveries,
            omitted=self._omitted,
            superseded=self._superseded,
            steps=self._steps,
        )

    def add(self, case: Case, window: Window, chosen: tuple[int, ...]) -> None:
        self._superseded += window.supersedes
        self._step(case, window)
        if chosen:
            self._deliver(case, window, chosen)
        else:
            self._omit(case, window)

    def _deliver(self, case: Case, window: Window, chosen: tuple[int, ...]) -> None:
        one = case.subscription
        life = max(2 * PERIODS[one.schedule.frequency], SHORTEST_LIFE)
        self._deliveries.append(
            PlannedDelivery(
                subscription_id=one.id,
                issue_key=self._want(one, chosen),
                slot=window.slot,
                from_seq=window.from_seq,
                to_seq=window.to_seq,
                message_id=_message_id(self._tools, one.id, window),
                expires_at=self._now + life,
            )
        )

    def _want(self, one: Subscription, chosen: tuple[int, ...]) -> bytes:
        # equal selections are one object, and to compare long ones takes long
        asked = (one.newsletter.id, one.language, id(chosen))
        if asked not in self._keys:
            wanted = _Wanted(newsletter=one.newsletter, language=one.language, entry_ids=chosen)
            self._keys[asked] = _key(self._tools, wanted)
            self.wanted[self._keys[asked]] = wanted
        return self._keys[asked]

    def _omit(self, case: Case, window: Window) -> None:
        if window.from_seq == window.to_seq and window.slot.startswith(("e:", "now:")):
            return  # no slot of the calendar, and nothing happened
        self._omitted.append(
            Omitted(
                subscription_id=case.subscription.id,
                slot=window.slot,
                reason=window.omission or Omission.EMPTY,
                from_seq=window.from_seq,
                to_seq=window.to_seq,
            )
        )

    def _step(self, case: Case, window: Window) -> None:
        one = case.subscription
        self._steps.append(
            Step(
                subscription_id=one.id,
                from_watermark=one.watermark,
                to_watermark=window.to_seq,
                was_due_at=one.next_issue_at,
                next_issue_at=case.next_issue_at,
            )
        )


def _compose(
    tools: PlanTools, connection: Connection, wanted: _Wanted, *, key: bytes, listed: bool = False
) -> NewIssue:
    found = entries.by_ids(connection, wanted.entry_ids)
    digest = compose(wanted.newsletter, wanted.language, found)
    slug = f"{wanted.newsletter.slug}-{_name(tools, key)[:16]}"
    letter = tools.write_letter(digest, f"{tools.site_url}/issues/{slug}")
    return NewIssue(
        key=key,
        slug=slug,
        newsletter_id=wanted.newsletter.id,
        listed=listed,
        language=wanted.language,
        timezone=digest.timezone,
        from_seq=digest.from_seq,
        to_seq=digest.to_seq,
        since=digest.since,
        entry_ids=[entry.id for section in digest.sections for entry in section.entries],
        subject=letter.subject,
        text=letter.text,
        html=letter.html,
    )


def _key(tools: PlanTools, wanted: _Wanted) -> bytes:
    return issue_key(
        wanted.newsletter.id,
        wanted.entry_ids,
        language=wanted.language,
        template_version=tools.template_version,
    )


def _message_id(tools: PlanTools, subscription_id: int, window: Window) -> str:
    """Return what is the same however often the same window is planned."""
    what = f"v1|{subscription_id}|{window.slot}|{window.from_seq}|{window.to_seq}"
    return f"<{_name(tools, what.encode())}.d@{tools.mail_domain}>"


def _name(tools: PlanTools, what: bytes) -> str:
    digest = hmac.digest(tools.secret, what, "sha256")
    return b32encode(digest).decode()[:26].lower()
