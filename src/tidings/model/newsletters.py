"""Newsletters, subscriptions, issues and deliveries."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from zoneinfo import available_timezones

from tidings.errors import InvalidError
from tidings.model.entries import Entry, SourceCredit, TopicCredit
from tidings.model.text import nearest


class Frequency(StrEnum):
    """How often a subscriber wants mail."""

    DAILY = "daily"
    WEEKDAYS = "weekdays"
    WEEKLY = "weekly"
    """On Mondays."""
    MONTHLY = "monthly"
    """On the first."""
    INSTANT = "instant"
    """As it happens, a few minutes' news in one letter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a subscription's slots fall due.

    Attributes:
        hour: Of the day, by the clock on the subscriber's wall.
        timezone: An IANA name.
    """

    frequency: Frequency
    hour: int
    timezone: str


def read_timezone(text: str) -> str:
    """Return the name of a time zone, as it is given.

    Raises:
        InvalidError: There is none of that name; the message has the nearest.
    """
    if text not in _timezones():
        meant = nearest(text, _timezones()) or "Europe/Berlin"
        because = f"no such zone, use an IANA name such as {meant}"
        raise InvalidError("time zone", text, because)
    return text


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())


@dataclass(frozen=True, slots=True, kw_only=True)
class Newsletter:
    """A series that people subscribe to.

    Attributes:
        schedule: Of the newsletter's own edition, and what a new subscription gets.
        topics: Slugs; only entries with one of them. Empty for everything.
        language: Of its own edition; `en` or `zh`.
        postal_address: Stands at the foot of each letter, as the law of some countries asks.
        sender: Who its letters are from, `Name <address>`; None for who all letters are from.
        min_entries: With fewer than these no letter is made; they wait for the next slot.
        max_entries: As many stand in a letter; the rest is left to the issue's page.
        images: Whether letters show publishers' images, which mail programs fetch from them.
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


class Ending(StrEnum):
    """Why a subscription ended."""

    READER = "reader"
    ONE_CLICK = "one-click"
    """By the button that mail programs show."""
    BOUNCES = "bounces"
    COMPLAINT = "complaint"
    OPERATOR = "operator"
    ADDRESS = "address"
    """The address it went to gets nothing any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A subscriber's confirmed wish for one newsletter.

    Attributes:
        nonce: Tells links to it from those to another that had its id before.
        topics: Slugs chosen out of the newsletter's; empty for all of those.
        watermark: The last `seq` that has been planned for them.
        next_issue_at: When the next slot falls due.
        ended_at: When they left; None while they are subscribed.
        paused_at: Since when nothing is planned for them; None while they get letters.
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
    """What a source has more than its share: counted, and left to the issue's page."""

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
        """How many entries it tells of, those put aside as well."""
        return len(self.entries) + sum(len(fold.entries) for fold in self.folds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """What is new in a window, sorted for people; each entry stands once.

    Attributes:
        from_seq: Beginning of the window, which does not belong to it.
        to_seq: End of the window, which does.
        since: When the first of it was seen, for the heading; None if that was on the same day.
        until: When the last of it was seen.
        timezone: In which dates are shown.
    """

    newsletter: Newsletter
    language: str
    timezone: str
    from_seq: int
    to_seq: int
    since: datetime | None
    until: datetime
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """A digest frozen for one window: what is sent, and what the archive shows.

    Attributes:
        key: Tells issues apart by content: newsletter, entries, language, template version.
        slug: Its address below `/issues/`.
        timezone: In which its dates are shown.
        listed: Whether it is an edition of the newsletter's own, for everybody to find.
        html: With `UNSUBSCRIBE_URL` and `PREFERENCES_URL` where the recipient's own links
            belong, as in `text`.
        entries: How many it tells of.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueLine:
    """An issue as a list shows it."""

    slug: str
    newsletter: Newsletter
    language: str
    subject: str


# Stands in a frozen issue for the link by which a recipient leaves.
UNSUBSCRIBE_URL = "https://unsubscribe.tidings.invalid/"

# Stands there for the link by which they change what they get.
PREFERENCES_URL = "https://preferences.tidings.invalid/"


class DeliveryState(StrEnum):
    """Where one issue to one subscriber stands."""

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
    """Past the marker, and nobody saw a reply; never sent again by itself."""
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    """Not sent before the next one was planned, which tells of the same."""
    EXPIRED = "expired"
