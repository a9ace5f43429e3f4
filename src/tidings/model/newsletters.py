"""Newsletters, subscriptions, issues and deliveries."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from zoneinfo import available_timezones

from tidings.errors import InvalidError
from tidings.model.drafts import IssueEdits
from tidings.model.durations import parse_duration
from tidings.model.entries import Entry, SourceCredit, TopicCredit
from tidings.model.text import nearest


class Frequency(StrEnum):
    """How often a subscriber wants mail."""

    DAILY = "daily"
    WEEKDAYS = "weekdays"
    WEEKLY = "weekly"
    """On a day of the week."""
    FORTNIGHTLY = "fortnightly"
    """The same, every second week; the same weeks for everybody."""
    MONTHLY = "monthly"
    """On the first."""
    INSTANT = "instant"
    """As it happens, a few minutes' entries in one message."""


# As they are named in forms, files and commands; in a schedule a day is its number here.
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a subscription's slots fall due.

    Attributes:
        hour: Of the day, in local time of `timezone`.
        timezone: An IANA name.
        weekday: 0 for Monday; counts for `weekly` and `fortnightly`.
    """

    frequency: Frequency
    hour: int
    timezone: str
    weekday: int = 0


def parse_weekday(text: str) -> int:
    """Return the number of a weekday, 0 for `monday`.

    Raises:
        InvalidError: It is none.
    """
    if text not in WEEKDAYS:
        raise InvalidError("weekday", text, f"use {', '.join(WEEKDAYS)}")
    return WEEKDAYS.index(text)


def parse_timezone(text: str) -> str:
    """Return `text` if it is an IANA time zone.

    Raises:
        InvalidError: It is none; the message suggests the nearest.
    """
    if text not in _timezones():
        meant = nearest(text, _timezones()) or "Europe/Berlin"
        because = f"no such zone, use an IANA name such as {meant}"
        raise InvalidError("time zone", text, because)
    return text


@cache  # it reads hundreds of files
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())


@dataclass(frozen=True, slots=True, kw_only=True)
class Newsletter:
    """A series that people subscribe to.

    Attributes:
        schedule: Of the newsletter's own edition, and what a new subscription gets.
        topics: Slugs; only entries with one of them. Empty for everything.
        language: Of its own edition; `en` or `zh`.
        postal_address: In the footer of each message, as the law of some countries asks.
        sender: From header of its messages, `Name <address>`; None for the service's.
        min_entries: With fewer entries no issue is made; they are left for the next slot.
        max_entries: Entries in a message; the rest is on the issue's page only.
        images: Whether messages show publishers' images, which mail programs fetch from them.
        review: Whether each issue waits as a draft until it is approved.
        review_time: After which a draft goes as it is; None if it waits for approval.
    """

    id: int
    slug: str
    title: str
    schedule: Schedule
    topics: tuple[str, ...]
    language: str
    reply_to: str | None
    postal_address: str | None
    sender: str | None = None
    min_entries: int = 1
    max_entries: int = 50
    images: bool = False
    review: bool = False
    review_time: timedelta | None = None


def parse_review(text: str) -> tuple[bool, timedelta | None]:
    """Return whether issues wait for approval, and how long at most, of `yes`, `no` or `2h`.

    Raises:
        InvalidError: It is none of these.
    """
    if text in {"yes", "no"}:
        return text == "yes", None
    because = "expected yes, no or a duration such as 2h"
    try:
        span = parse_duration(text)
    except InvalidError as error:
        raise InvalidError("review", text, because) from error
    if not span:
        raise InvalidError("review", text, because)
    return True, span


class Ending(StrEnum):
    """Why a subscription ended."""

    READER = "reader"
    ONE_CLICK = "one-click"
    """By the List-Unsubscribe button of a mail program (RFC 8058)."""
    BOUNCES = "bounces"
    COMPLAINT = "complaint"
    OPERATOR = "operator"
    ADDRESS = "address"
    """The address was suppressed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A subscriber's confirmed subscription to one newsletter.

    Attributes:
        nonce: In links to it, which are not valid for another subscription with the same id.
        topics: Slugs chosen out of the newsletter's; empty for all of those.
        watermark: The last `seq` that has been planned for them.
        next_issue_at: When the next slot falls due.
        ended_at: When they unsubscribed; None while they are subscribed.
        paused_at: Since when nothing is planned for them; None while they get issues.
    """

    id: int
    nonce: int
    address: str
    newsletter: Newsletter
    schedule: Schedule
    topics: tuple[str, ...]
    language: str
    watermark: int
    next_issue_at: datetime
    ended_at: datetime | None
    ended_because: Ending | None = None
    paused_at: datetime | None = None
    confirmed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """A source's entries beyond its share: counted in the message, shown on the issue's page."""

    source: SourceCredit
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of a digest; `topic` is None for entries without any."""

    topic: TopicCredit | None
    entries: tuple[Entry, ...]
    folds: tuple[Fold, ...] = ()

    @property
    def total(self) -> int:
        """How many entries it has, those in folds as well."""
        return len(self.entries) + sum(len(fold.entries) for fold in self.folds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """The entries of a window in sections; each entry is in one of them.

    Attributes:
        from_seq: Beginning of the window, exclusive.
        to_seq: End of the window, inclusive.
        since: When its first entry was seen, for the heading; None if on the same day as `until`.
        until: When its last entry was seen.
        timezone: In which dates are shown.
        lead_id: The entry that a letter opens with, the first of its section; None for none.
        edits: What editors changed; None if nobody looked at it.
    """

    newsletter: Newsletter
    language: str
    timezone: str
    from_seq: int
    to_seq: int
    since: datetime | None
    until: datetime
    sections: tuple[Section, ...]
    lead_id: int | None = None
    edits: IssueEdits | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """A digest frozen for one window: what is sent, and what the archive shows.

    Attributes:
        key: Hash of newsletter, entries, language and template version: same key, same issue.
        slug: Its address below `/issues/`.
        timezone: In which its dates are shown.
        listed: Whether it is of the newsletter's own edition, which the archive lists.
        html: With `UNSUBSCRIBE_URL` and `PREFERENCES_URL` as placeholders for the recipient's
            own links, as in `text`.
        entries: How many it has.
        draft_id: The draft that it went through; None if it went by itself.
    """

    id: int
    key: bytes
    slug: str
    newsletter: Newsletter
    language: str
    timezone: str
    listed: bool
    from_seq: int
    to_seq: int
    subject: str
    html: str
    text: str
    entries: int
    created_at: datetime
    draft_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueLine:
    """An issue as a list shows it."""

    slug: str
    newsletter: Newsletter
    language: str
    subject: str


# Placeholder in a frozen issue for the recipient's link to unsubscribe.
UNSUBSCRIBE_URL = "https://unsubscribe.tidings.invalid/"

# Placeholder for the recipient's link to their preferences.
PREFERENCES_URL = "https://preferences.tidings.invalid/"


class DeliveryState(StrEnum):
    """The state of one delivery: one issue to one subscription."""

    READY = "ready"
    SENDING = "sending"
    DEFERRED = "deferred"
    """Refused for now; tried again."""
    UNCERTAIN = "uncertain"
    """The connection was lost past the marker: sent once more, with the same bytes."""
    HELD = "held"
    """The relay refuses us, not the recipient; tried again when the relay's pause is over."""
    ACCEPTED = "accepted"
    ASSUMED_ACCEPTED = "assumed_accepted"
    """Past the marker, without a reply; never sent again by itself."""
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    """Not sent before the next one was planned, which has its entries as well."""
    EXPIRED = "expired"
