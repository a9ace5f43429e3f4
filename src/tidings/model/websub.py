"""WebSub (W3C): subscriptions at hubs, their callbacks and pushes, and signatures."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

# Hubs of documents that do not name them, by the beginning of their addresses.
KNOWN_HUBS = {
    "https://www.youtube.com/feeds/videos.xml?channel_id=": "https://pubsubhubbub.appspot.com/subscribe",
}

# Of signatures, the strongest first. HMAC-SHA1 is not broken, and the largest hub (Google's) knows
# nothing else.
METHODS = ("sha512", "sha384", "sha256", "sha1")

PRIVATE_NAMES = ("localhost", "local", "internal", "lan", "home.arpa")


class HubState(StrEnum):
    """The state of a subscription at a hub."""

    PENDING = "pending"
    """The first request is still to be sent."""
    ASKED = "asked"
    """Requested, and not verified by the hub yet."""
    SILENT = "silent"
    """Subscribed; so far polls have found what is new, not pushes."""
    ACTIVE = "active"
    """Subscribed, and pushes bring what is new before polls find it."""
    DENIED = "denied"
    LEAVING = "leaving"
    """To be unsubscribed."""


# States in which a hub may confirm, deny, and push.
SUBSCRIBED = frozenset({HubState.ASKED, HubState.SILENT, HubState.ACTIVE})


@dataclass(frozen=True, slots=True, kw_only=True)
class HubOffer:
    """The hubs and the topic that a document names.

    Attributes:
        hubs: One is enough; the publisher pings them all.
        topic: The address that hubs know the document by.
    """

    hubs: Sequence[str]
    topic: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSubscription:
    """A subscription at a hub.

    Attributes:
        token: The end of the callback's address, which only the hub knows.
        secret: The key that pushes are signed with.
        asked_at: When the last request was sent to the hub.
        act_at: When the next one is due.
        lease_until: When the subscription expires.
        pushed_at: When the last push with a valid signature came.
        pending_bytes: Of a push that the next poll is to read, 0 for a mere hint that there is something
            to fetch; None if there is none.
        misses: Polls in a row that found what no push had brought.
        failures: Requests in a row that were not verified, the present one included.
        last_error: Why the hub refused the last one, if it did.
    """

    source_id: int
    token: str = field(repr=False)
    secret: str = field(repr=False)
    hub: str
    topic: str
    state: HubState
    asked_at: datetime | None
    act_at: datetime
    lease_until: datetime | None
    pushed_at: datetime | None
    pending_bytes: int | None
    misses: int
    failures: int
    last_error: str | None

    @property
    def summary(self) -> str:
        """Hub, state and last error, for the operator."""
        trouble = f": {self.last_error}" if self.last_error else ""
        return f"{self.hub} ({self.state}{trouble})"

    @property
    def pushes_whole_entries(self) -> bool:
        """Whether pushed entries have everything that the document has."""
        # YouTube's hub sends entries without descriptions and pictures.
        return not any(self.topic.startswith(beginning) for beginning in KNOWN_HUBS)


class HubStep(StrEnum):
    """How a poll changes a subscription."""

    JOIN = "join"
    LEAVE = "leave"
    TRUST = "trust"
    """What is new came by push."""
    MISS = "miss"
    """What is new did not come by push, although it should have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubNote:
    """A step, with the offer to subscribe to."""

    step: HubStep
    offer: HubOffer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A hub's verification of intent (subscribe, unsubscribe), or its denial."""

    mode: str
    topic: str
    lease: timedelta | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """A document that a hub pushed; without a body, a hint that there is one to fetch."""

    body: bytes = b""
    content_type: str | None = None
    charset: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSubSettings:
    """Whether we subscribe to hubs of sources, and which hubs we ping for our own feeds.

    Attributes:
        subscribe: With `auto`, if `[web] base_url` is an address that a hub can reach.
        hubs: Pinged when one of our own feeds has changed; absolute URLs.
    """

    subscribe: Literal["auto", "on", "off"]
    hubs: tuple[str, ...]

    def callback(self, base_url: str) -> str | None:
        """Return the URL of our callback up to the token; None if we do not subscribe.

        Args:
            base_url: Public address of our pages; empty if there is none.
        """
        wanted = self.subscribe == "on" or (self.subscribe == "auto" and _is_public(base_url))
        return f"{base_url.rstrip('/')}/websub/" if wanted and base_url else None


def is_genuine(body: bytes, signatures: Sequence[str], secret: str) -> bool:
    """Tell whether a push was signed with `secret`.

    Of several signatures only the strongest counts.

    Args:
        body: The bytes as they came.
        signatures: Each `METHOD=HEX`, as in the header X-Hub-Signature.
        secret: The key that the hub was given.
    """
    offered = dict(signature.strip().lower().partition("=")[::2] for signature in signatures)
    method = next((method for method in METHODS if method in offered), None)
    if method is None:
        return False
    expected = hmac.new(secret.encode(), body, method).hexdigest()
    return hmac.compare_digest(expected.encode(), offered[method].encode())


def _is_public(url: str) -> bool:
    name = urlsplit(url).hostname or ""
    try:
        return ip_address(name).is_global
    except ValueError:
        return "." in name and not name.endswith(tuple(f".{one}" for one in PRIVATE_NAMES))
