"""People who read newsletters: how they sign up, what they agreed to, when too much is asked.

Letters that are no issue: what kinds there are, and for how long each is worth sending.

Those who visit the pages: where the pages are, and which address a visitor has.
"""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from tidings.model.newsletters import Ending, Newsletter, Schedule, Subscription

# At most one letter of a kind in that time to an address that has yet to be confirmed.
LETTER_PAUSE = timedelta(hours=24)

# Letters to an address while it waits to be confirmed.
MAX_LETTERS = 3

# How long what somebody asked for waits to be confirmed; then it is forgotten.
WAITING_TIME = timedelta(days=7)

# How long who left can come back with one click.
UNDO_TIME = timedelta(days=30)

OWN_ENDINGS = frozenset({Ending.READER, Ending.ONE_CLICK})

# Between these, people fill in a form; machines are faster, or keep it for later.
QUICKEST, SLOWEST = timedelta(seconds=3), timedelta(days=7)

# Local parts behind which nobody reads a newsletter.
ROLES = frozenset({"abuse", "hostmaster", "mailer-daemon", "noreply", "no-reply", "postmaster"})

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """What somebody wants of a newsletter; `topics` are slugs, empty for all."""

    schedule: Schedule
    language: str
    topics: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferencesForm:
    """A wish as it comes out of a form: text that nobody has checked; empty for the usual."""

    frequency: str = ""
    hour: str = ""
    timezone: str = ""
    language: str = ""
    topics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUpForm:
    """What a visitor sends who wants a newsletter.

    Attributes:
        newsletter: Its slug.
        form: Which form it was, for the record and for the limit of each form.
        wording: The sentence that they agreed to.
        honeypot: A field that people do not see, and so leave empty.
        rendered: The signed time at which the form was shown.
    """

    newsletter: str
    address: str
    choice: PreferencesForm
    form: str
    wording: str
    honeypot: str
    rendered: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who asks, as far as is known.

    Attributes:
        network: The address that the request came from; empty if nobody knows.
    """

    network: str
    language: str | None = None


# A visitor of whom nothing is known.
NOBODY = Visitor(network="")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUp:
    """What somebody wishes who has yet to confirm that the address is theirs.

    Attributes:
        key: The address as it is told apart.
        network: Where it was asked from, as a keyed hash.
        asked_at: When the last letter was asked for; its link is good for no other.
        asked_times: How many letters that makes.
    """

    id: int
    address: str
    key: str
    newsletter: Newsletter
    preferences: Preferences
    form: str
    wording: str
    network: str | None
    asked_at: datetime
    asked_times: int
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberProfile:
    """A subscriber with all they subscribe or subscribed to.

    Attributes:
        token_version: Links to their preferences with another one are good no more.
    """

    id: int
    address: str
    key: str
    token_version: int
    subscriptions: tuple[Subscription, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressChange:
    """The address that a subscriber wants from now on, once it is confirmed there."""

    id: int
    subscriber_id: int
    old_address: str
    address: str
    key: str
    asked_at: datetime
    expires_at: datetime


class ConsentEvent(StrEnum):
    """What a line of the consent record tells."""

    ASKED = "asked"
    CONFIRMED = "confirmed"
    IMPORTED = "imported"
    ADDED = "added"
    """By the operator's word."""
    CHANGED = "changed"
    PAUSED = "paused"
    RESUMED = "resumed"
    ENDED = "ended"
    UNDONE = "undone"
    ADDRESS_CHANGED = "address changed"
    SIGNED_OUT = "signed out"
    """All links to the preferences were made worthless."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """A line of the record of what somebody agreed to, or took back; never changed.

    Attributes:
        newsletter: Its slug; None for what concerns the person.
        form: Which form they used, and `wording` the sentence that they agreed to.
        network: Where from, as a keyed hash.
        details: What else is to be known: the preferences, the reason, the proof.
    """

    at: datetime
    event: ConsentEvent
    newsletter: str | None = None
    form: str | None = None
    wording: str | None = None
    network: str | None = None
    details: Mapping[str, str]


class SuppressionReason(StrEnum):
    """Why an address gets nothing any more."""

    BOUNCES = "bounces"
    COMPLAINT = "complaint"
    OPERATOR = "operator"
    ERASED = "erased"
    """At the person's wish, who may come back by signing up themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """An address that gets nothing any more; `key` is its keyed hash."""

    key: bytes
    reason: SuppressionReason
    since: datetime
    evidence: str | None


def network_of(address: str) -> str:
    """Return the network that an address belongs to, as a provider hands them out: /24 or /48."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    bits = 24 if found.version == 4 else 48
    return str(ipaddress.ip_network(f"{found}/{bits}", strict=False))


def abuse_key(key: str) -> str:
    """Return what is the same for all the ways in which many providers let one address be written.

    It counts how often somebody is written to; it is never who somebody is.
    """
    local, _, domain = key.rpartition("@")
    return f"{local.partition('+')[0].replace('.', '')}@{domain}"


def is_role(key: str) -> bool:
    """Say whether mail to an address is read by nobody, or by whoever runs its server."""
    return key.partition("@")[0] in ROLES


def looks_human(rendered_at: datetime, *, now: datetime) -> bool:
    """Say whether the time it took to fill in a form is one that people take."""
    return QUICKEST <= now - rendered_at <= SLOWEST


def can_undo(subscription: Subscription, *, now: datetime) -> bool:
    """Say whether an ended subscription comes back at its reader's wish alone."""
    ended_at = subscription.ended_at
    return (
        ended_at is not None
        and now - ended_at <= UNDO_TIME
        and subscription.ended_because in OWN_ENDINGS
    )


class MessageKind(StrEnum):
    """What such a letter is for."""

    CONFIRM = "confirm"
    """Asks whether a sign-up was meant."""
    WELCOME = "welcome"
    GOODBYE = "goodbye"
    ADDRESS = "address"
    """Asks at a new address whether it is meant."""
    MOVED = "moved"
    """Tells at the old address that letters go elsewhere."""
    OPERATOR = "operator"
    """Tells the operator what to look at; at most one a day."""

    @property
    def is_of_list(self) -> bool:
        """Whether it goes to somebody who is, or was just now, on the newsletter's list."""
        return self in {MessageKind.WELCOME, MessageKind.GOODBYE}


# How long a letter is tried, before it would only puzzle who gets it.
LIFETIMES: Mapping[MessageKind, timedelta] = MappingProxyType(
    {
        MessageKind.CONFIRM: timedelta(days=2),
        MessageKind.WELCOME: timedelta(days=3),
        MessageKind.GOODBYE: timedelta(days=3),
        MessageKind.ADDRESS: timedelta(days=2),
        MessageKind.MOVED: timedelta(days=7),
        MessageKind.OPERATOR: timedelta(days=1),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """Where the pages are served, and where the public finds them.

    Attributes:
        base_url: Absolute, without a slash at the end; empty for `http://HOST:PORT`.
        trusted_proxies: Addresses and networks whose `X-Forwarded-For` is believed.
    """

    host: str
    port: int
    base_url: str
    trusted_proxies: tuple[str, ...]

    @property
    def public_url(self) -> str:
        """The address that pages and feeds are known by."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.base_url.rstrip("/") or f"http://{host}:{self.port}"


def read_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Read addresses (`10.0.0.5`) and networks (`10.0.0.0/8`).

    Raises:
        ValueError: One of them is neither.
    """
    return tuple(ipaddress.ip_network(text) for text in texts)


def visitor_address(peer: str, forwarded: Sequence[str], *, trusted: Sequence[Network]) -> str:
    """Return the address that a request came from; empty if nobody knows.

    Each proxy adds who asked it at the end. So the list is read from there, for as long as
    one of ours wrote it: what stands before that anybody may have made up. Where it cannot be
    read, all that come through that proxy are one.

    Args:
        peer: Who holds the connection.
        forwarded: What the headers `X-Forwarded-For` say.
        trusted: Our proxies.
    """
    hops = [hop.strip() for line in forwarded for hop in line.split(",")]
    address = _address(peer)
    while hops and address is not None and any(address in one for one in trusted):
        before = _address(hops.pop())
        if before is None:
            break
        address = before
    return str(address) if address is not None else ""


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if address.version == 6 else None
    return mapped or address
