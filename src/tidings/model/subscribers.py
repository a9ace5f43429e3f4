"""Subscribers: sign-up, preferences, consent, suppression; transactional mail; visitors."""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from tidings.model.newsletters import Ending, Newsletter, Schedule, Subscription

# At most one message of a kind in that time to an unconfirmed address: anybody can type one in.
CONFIRMATION_PAUSE = timedelta(hours=24)

# Messages to an unconfirmed address, at most.
MAX_CONFIRMATIONS = 3

# How long a sign-up can be confirmed; then it is deleted.
CONFIRMATION_PERIOD = timedelta(days=7)

# How long an unsubscription can be undone with one click.
UNDO_TIME = timedelta(days=30)

OWN_ENDINGS = frozenset({Ending.READER, Ending.ONE_CLICK})

# How long people take to fill in a form; bots are faster, or keep it for later.
QUICKEST, SLOWEST = timedelta(seconds=3), timedelta(days=7)

# Local parts of role accounts (RFC 2142), behind which nobody reads a newsletter.
ROLE_ACCOUNTS = frozenset(
    {"abuse", "hostmaster", "mailer-daemon", "noreply", "no-reply", "postmaster"}
)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """The options of a subscription; `topics` are slugs, empty for all."""

    schedule: Schedule
    language: str
    topics: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferencesForm:
    """Preferences as submitted by a form: unchecked text, empty for the default."""

    frequency: str = ""
    hour: str = ""
    timezone: str = ""
    weekday: str = ""
    language: str = ""
    topics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUpForm:
    """A submitted sign-up form.

    Attributes:
        newsletter: Its slug.
        form: Which form it was, for the consent log and for the form's rate limit.
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
    """The sender of a request, as far as is known.

    Attributes:
        network: The IP address that the request came from; empty if unknown.
    """

    network: str
    language: str | None = None


# A visitor of whom nothing is known.
UNKNOWN_VISITOR = Visitor(network="")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUp:
    """A sign-up that is not confirmed yet (double opt-in).

    Attributes:
        key: The case-folded address.
        network: Network that it came from, as a keyed hash.
        asked_at: When the last confirmation was requested; links in earlier ones are not valid.
        asked_times: How many were requested.
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
    """A subscriber with their present and former subscriptions.

    Attributes:
        token_version: Links to their preferences with another one are not valid any more.
    """

    id: int
    address: str
    key: str
    token_version: int
    subscriptions: tuple[Subscription, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressChange:
    """A change of address that is not confirmed yet at the new one."""

    id: int
    subscriber_id: int
    old_address: str
    address: str
    key: str
    asked_at: datetime
    expires_at: datetime


class ConsentEvent(StrEnum):
    """The kind of a line in the consent log."""

    ASKED = "asked"
    CONFIRMED = "confirmed"
    IMPORTED = "imported"
    ADDED = "added"
    """By the operator."""
    CHANGED = "changed"
    PAUSED = "paused"
    RESUMED = "resumed"
    ENDED = "ended"
    UNDONE = "undone"
    ADDRESS_CHANGED = "address changed"
    SIGNED_OUT = "signed out"
    """All links to the preferences were revoked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """A line of the consent log; never changed.

    Attributes:
        newsletter: Its slug; None for what concerns the person.
        form: Which form they used, and `wording` the sentence that they agreed to.
        network: Network that it came from, as a keyed hash.
        details: Preferences, reason, proof and so on.
    """

    at: datetime
    event: ConsentEvent
    newsletter: str | None = None
    form: str | None = None
    wording: str | None = None
    network: str | None = None
    details: Mapping[str, str]


class SuppressionReason(StrEnum):
    """Why an address is suppressed."""

    BOUNCES = "bounces"
    COMPLAINT = "complaint"
    OPERATOR = "operator"
    ERASED = "erased"
    """At the person's request; only their own sign-up lifts it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """An address to which nothing is sent any more; `key` is its keyed hash."""

    key: bytes
    reason: SuppressionReason
    since: datetime
    evidence: str | None


def network_of(address: str) -> str:
    """Return the network of an IP address, as providers assign them: /24 or /48."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    bits = 24 if found.version == 4 else 48
    return str(ipaddress.ip_network(f"{found}/{bits}", strict=False))


def abuse_key(key: str) -> str:
    """Return an address without dots and +tag, which many providers ignore.

    For rate limits only: elsewhere the two may be different people.
    """
    local, _, domain = key.rpartition("@")
    return f"{local.partition('+')[0].replace('.', '')}@{domain}"


def is_role(key: str) -> bool:
    """Tell whether an address is a role account, read by nobody or by a server's operator."""
    return key.partition("@")[0] in ROLE_ACCOUNTS


def looks_human(rendered_at: datetime, *, now: datetime) -> bool:
    """Tell whether a form was filled in neither too fast nor too late for a person."""
    return QUICKEST <= now - rendered_at <= SLOWEST


def can_undo(subscription: Subscription, *, now: datetime) -> bool:
    """Tell whether the subscriber can undo the end of a subscription with one click."""
    ended_at = subscription.ended_at
    return (
        ended_at is not None
        and now - ended_at <= UNDO_TIME
        and subscription.ended_because in OWN_ENDINGS
    )


class MessageKind(StrEnum):
    """The kind of a transactional message."""

    CONFIRM = "confirm"
    """Asks whether a sign-up was meant."""
    WELCOME = "welcome"
    GOODBYE = "goodbye"
    ADDRESS = "address"
    """Asks a new address to confirm the change."""
    MOVED = "moved"
    """Tells the old address of the change."""
    OPERATOR = "operator"
    """The operator's daily note; at most one a day."""

    @property
    def is_of_list(self) -> bool:
        """Whether its recipient is, or was just now, a subscriber of the newsletter."""
        return self in {MessageKind.WELCOME, MessageKind.GOODBYE}


# How long sending is tried; later the message would only puzzle its recipient.
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
    """Where the pages are served, and their public address.

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
        """The address in links to pages and feeds."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.base_url.rstrip("/") or f"http://{host}:{self.port}"


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Parse addresses (`10.0.0.5`) and networks (`10.0.0.0/8`).

    Raises:
        ValueError: One of them is neither.
    """
    return tuple(ipaddress.ip_network(text) for text in texts)


def visitor_address(peer: str, forwarded: Sequence[str], *, trusted: Sequence[Network]) -> str:
    """Return the IP address that a request came from; empty if unknown.

    Args:
        peer: The other end of the connection.
        forwarded: The headers `X-Forwarded-For`.
        trusted: Our proxies.
    """
    # Each proxy appends its peer. So read from the end, as long as a proxy of ours wrote it:
    # anybody may have made up what stands before.
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
