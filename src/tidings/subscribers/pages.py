"""The pages for readers of newsletters: what each one shows, as a contract with its template.

The time zones that people choose from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from itertools import groupby
from typing import ClassVar

from tidings.model.entries import TopicCredit
from tidings.model.newsletters import Frequency, Newsletter, Subscription
from tidings.model.subscribers import PreferencesForm
from tidings.templating.site import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A part of the world, as IANA names it, and the names of its zones."""

    name: str
    zones: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsletterChoice:
    """A newsletter as somebody chooses it; `topics` are what it can be narrowed to."""

    newsletter: Newsletter
    topics: tuple[TopicCredit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu:
    """What every newsletter leaves to choose.

    Attributes:
        languages: Of letters, each by its own name.
    """

    frequencies: tuple[Frequency, ...]
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
    """The form by which somebody signs up.

    Attributes:
        address: What they wrote, if the form is shown again.
        stamp: The signed time of now.
        fault: The field that has to be mended, or empty.
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
    """What everybody sees who sent the form: that a letter comes, if it should."""

    template: ClassVar[str] = "asked.html"

    site: Site
    newsletter: Newsletter


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmPage:
    """Where a sign-up is confirmed, and seen to be."""

    template: ClassVar[str] = "confirm.html"

    site: Site
    newsletter: str
    is_done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressPage:
    """Where a new address is confirmed, and seen to be."""

    template: ClassVar[str] = "address.html"

    site: Site
    is_done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """A subscription as its reader sees it.

    Attributes:
        choice: What the form shows, which is not yet saved if there is a fault.
        can_undo: Whether it has ended, and comes back at their wish.
    """

    subscription: Subscription
    offer: NewsletterChoice
    choice: PreferencesForm
    fault: str
    can_undo: bool


class Notice(StrEnum):
    """What a reader is told of what they did; a phrase of the catalogue says it."""

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
    """What somebody subscribes to, and all they can do about it.

    Attributes:
        address: Only as much of it as tells its owner which one it is.
        wanted: The address that they want from now on, if it has to be mended.
        fault: `address` then, else empty.
        detail: What is wrong with it, if that is known.
    """

    template: ClassVar[str] = "preferences.html"

    site: Site
    menu: Menu
    address: str
    preferences: tuple[Preference, ...]
    said: Notice
    wanted: str
    fault: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FarewellPage:
    """The last thing to be seen by a link: `kind` is `forgotten` or `signed-out`."""

    template: ClassVar[str] = "farewell.html"

    site: Site
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsubscribePage:
    """Where a reader leaves a newsletter, and is told that they have.

    Attributes:
        newsletter: Its title.
        slower: How much less often letters could come instead.
        can_undo: Whether it has ended, and comes back at their wish.
    """

    template: ClassVar[str] = "unsubscribe.html"

    site: Site
    newsletter: str
    said: Notice
    has_ended: bool
    can_undo: bool
    slower: tuple[Frequency, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LostLinkPage:
    """What somebody sees whose link is outdated, cut short, or not ours."""

    template: ClassVar[str] = "lost_link.html"

    site: Site


ReaderPage = (
    NewslettersPage
    | SubscribePage
    | AskedPage
    | ConfirmPage
    | AddressPage
    | PreferencesPage
    | FarewellPage
    | UnsubscribePage
    | LostLinkPage
)


def in_form(subscription: Subscription) -> PreferencesForm:
    """Return a subscription as its form shows it."""
    schedule = subscription.schedule
    return PreferencesForm(
        frequency=schedule.frequency,
        hour=str(schedule.hour),
        timezone=schedule.timezone,
        language=subscription.language,
        topics=subscription.topics,
    )


def masked(address: str) -> str:
    """Return as much of an address as tells its owner which one it is: `i…@m….example`."""
    local, _, domain = address.rpartition("@")
    name, dot, rest = domain.rpartition(".")
    return f"{local[:1]}…@{name[:1]}…{dot}{rest}"


@cache
def regions() -> tuple[Region, ...]:
    """Return all places that a zone is named for, by region; old names are left out."""
    table = resources.files("tzdata.zoneinfo").joinpath("zone.tab").read_text("utf-8")
    rows = [line for line in table.splitlines() if not line.startswith("#")]
    zones = sorted(row.split("\t")[2] for row in rows)
    return tuple(
        Region(name=name, zones=tuple(group))
        for name, group in groupby(zones, key=lambda zone: zone.partition("/")[0])
    )
