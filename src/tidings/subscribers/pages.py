"""The pages for subscribers: the context of each template."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from itertools import groupby
from typing import ClassVar

from tidings.model.entries import TopicCredit
from tidings.model.newsletters import WEEKDAYS, Frequency, Newsletter, Subscription
from tidings.model.subscribers import PreferencesForm
from tidings.templating.site import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A part of the world, as IANA names it, and the names of its zones."""

    name: str
    zones: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsletterChoice:
    """A newsletter on a form, with the topics that it can be narrowed to."""

    newsletter: Newsletter
    topics: tuple[TopicCredit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu:
    """The choices that are the same for all newsletters.

    Attributes:
        weekdays: From Monday on.
        languages: Of messages, each by its own name.
    """

    frequencies: tuple[Frequency, ...]
    weekdays: tuple[str, ...]
    regions: tuple[Region, ...]
    languages: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewslettersPage:
    """All newsletters, for a visitor to choose one."""

    template: ClassVar[str] = "newsletters.html"

    site: Site
    newsletters: tuple[Newsletter, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscribePage:
    """The sign-up form.

    Attributes:
        address: What they wrote, if the form is shown again.
        stamp: The signed time at which it is rendered.
        fault: The field that has to be corrected, or empty.
        detail: What is wrong with the address, if that is known.
        again: Why the form has to be sent once more: `again` at once, `later`; else empty.
    """

    template: ClassVar[str] = "subscribe.html"

    site: Site
    offer: NewsletterChoice
    menu: Menu
    choice: PreferencesForm
    address: str
    stamp: str
    fault: str
    detail: str = ""
    again: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedPage:
    """The answer to a sign-up, the same for every address."""

    template: ClassVar[str] = "asked.html"

    site: Site
    newsletter: Newsletter


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmPage:
    """The page that confirms a sign-up, before and after."""

    template: ClassVar[str] = "confirm.html"

    site: Site
    newsletter: str
    is_done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressPage:
    """The page that confirms a new address, before and after."""

    template: ClassVar[str] = "address.html"

    site: Site
    is_done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """A subscription on the preferences page.

    Attributes:
        choice: What the form shows; not saved yet if there is a fault.
        can_undo: Whether it has ended, and can be restored.
    """

    subscription: Subscription
    offer: NewsletterChoice
    choice: PreferencesForm
    fault: str
    can_undo: bool


class StatusMessage(StrEnum):
    """The message after an action; the phrases have its text."""

    NOTHING = ""
    SAVED = "saved"
    PAUSED = "paused"
    RESUMED = "resumed"
    ENDED = "ended"
    UNDONE = "undone"
    TOO_LATE = "too-late"
    MOVING = "moving"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferencesPage:
    """A subscriber's preferences.

    Attributes:
        address: Masked: whoever got hold of a forwarded message must not learn it.
        wanted: The new address that they entered, if it has to be corrected.
        fault: `address` then, else empty.
        detail: What is wrong with it, if that is known.
    """

    template: ClassVar[str] = "preferences.html"

    site: Site
    menu: Menu
    address: str
    preferences: tuple[Preference, ...]
    said: StatusMessage
    wanted: str
    fault: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FarewellPage:
    """The page after the links were revoked: `kind` is `forgotten` or `signed-out`."""

    template: ClassVar[str] = "farewell.html"

    site: Site
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsubscribePage:
    """The page of an unsubscribe link, before and after.

    Attributes:
        newsletter: Its title.
        slower: Less frequent choices that are offered instead.
        can_undo: Whether it has ended, and can be restored.
    """

    template: ClassVar[str] = "unsubscribe.html"

    site: Site
    newsletter: str
    said: StatusMessage
    has_ended: bool
    can_undo: bool
    slower: tuple[Frequency, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidLinkPage:
    """The page for a link that has expired, was truncated, or is not ours."""

    template: ClassVar[str] = "lost_link.html"

    site: Site


SubscriberPage = (
    NewslettersPage
    | SubscribePage
    | AskedPage
    | ConfirmPage
    | AddressPage
    | PreferencesPage
    | FarewellPage
    | UnsubscribePage
    | InvalidLinkPage
)


def to_form(subscription: Subscription) -> PreferencesForm:
    """Return the form of a subscription."""
    schedule = subscription.schedule
    return PreferencesForm(
        frequency=schedule.frequency,
        hour=str(schedule.hour),
        timezone=schedule.timezone,
        weekday=WEEKDAYS[schedule.weekday],
        language=subscription.language,
        topics=subscription.topics,
    )


def masked(address: str) -> str:
    """Return an address masked, so that only its owner recognises it: `i…@m….example`."""
    # The first letters of name and host: enough to tell one's own addresses apart.
    local, _, domain = address.rpartition("@")
    name, dot, rest = domain.rpartition(".")
    return f"{local[:1]}…@{name[:1]}…{dot}{rest}"


@cache
def regions() -> tuple[Region, ...]:
    """Return the time zones by region; old aliases are left out."""
    # zone.tab has one line a zone, and none of the aliases that `zoneinfo` lists as well.
    table = resources.files("tzdata.zoneinfo").joinpath("zone.tab").read_text("utf-8")
    rows = [line for line in table.splitlines() if not line.startswith("#")]
    zones = sorted(row.split("\t")[2] for row in rows)
    return tuple(
        Region(name=name, zones=tuple(group))
        for name, group in groupby(zones, key=lambda zone: zone.partition("/")[0])
    )
