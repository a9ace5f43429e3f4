"""WebSub (W3C): a hub tells what is new at a source; what is known of it, and what it says."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

# Hubs of documents that do not name them, by how their addresses begin.
KNOWN_HUBS = {
    "https://www.youtube.com/feeds/videos.xml?channel_id=": "https://pubsubhubbub.appspot.com/subscribe",
}

# The strongest first. A keyed SHA-1 is not broken, and the largest hub knows nothing else.
METHODS = ("sha512", "sha384", "sha256", "sha1")

PRIVATE_NAMES = ("localhost", "local", "internal", "lan", "home.arpa")


class HubState(StrEnum):
    """How it stands between a hub and us."""

    PENDING = "pending"
    """To be asked for the first time."""
    ASKED = "asked"
    """Asked to subscribe us, and not yet heard of."""
    SILENT = "silent"
    """We are subscribed; what is new comes by polling all the same."""
    ACTIVE = "active"
    """We are subscribed, and pushes bring what is new before polls find it."""
    DENIED = "denied"
    LEAVING = "leaving"
    """To be asked to end our subscription."""


# States in which a hub may confirm, deny, and push.
SUBSCRIBED = frozenset({HubState.ASKED, HubState.SILENT, HubState.ACTIVE})


@dataclass(frozen=True, slots=True, kw_only=True)
class HubOffer:
    """Where a document says that its changes are announced.

    Attributes:
        hubs: One is enough; the publisher tells them all.
        topic: The address that they know the document by.
    """

    hubs: Sequence[str]
    topic: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSubscription:
    """A subscription at a hub.

    Attributes:
        token: The end of the address that the hub calls us at, which nobody else knows.
        secret: What pushes are signed with.
        asked_at: When the hub was last asked for something.
        act_at: When to ask it next.
        lease_until: When it will forget us.
        pushed_at: When it last sent something, rightly signed.
        pending_bytes: Of a push that the next poll is to read, 0 for a mere hint that there is something
            to fetch; None if there is none.
        misses: Polls in a row that found what no push had brought.
        failures: Requests in a row without a confirmation, the present one included.
        last_error: What the hub said to the last one, if it did not accept it.
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
        """Which hub it is and how it stands, as an operator reads it."""
        trouble = f": {self.last_error}" if self.last_error else ""
        return f"{self.hub} ({self.state}{trouble})"

    @property
    def pushes_whole_entries(self) -> bool:
        """Whether what comes by push has everything that a poll would find.

        Hubs that are known to us and not named by the document send less than the document.
        """
        return not any(self.topic.startswith(beginning) for beginning in KNOWN_HUBS)


class HubStep(StrEnum):
    """What a poll leads to, between a hub and us."""

    JOIN = "join"
    LEAVE = "leave"
    TRUST = "trust"
    """What is new came by push."""
    MISS = "miss"
    """What is new did not come by push, although it should have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubNote:
    """A step, with the offer that is taken up in it."""

    step: HubStep
    offer: HubOffer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What a hub says it is about to do: subscribe or unsubscribe us, or that it will not."""

    mode: str
    topic: str
    lease: timedelta | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """A document as a hub sent it; without a body it is a hint that there is one to fetch."""

    body: bytes = b""
    content_type: str | None = None
    charset: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSubSettings:
    """Whether hubs are asked to tell us what is new, and which ones we tell.

    Attributes:
        subscribe: With `auto`, if `[web] base_url` is an address that a hub can reach.
        hubs: Who is told when one of our own feeds has changed, absolute URLs.
    """

    subscribe: Literal["auto", "on", "off"]
    hubs: tuple[str, ...]

    def callback(self, base_url: str) -> str | None:
        """Return what precedes the tokens in our addresses for hubs; None if hubs are not used.

        Args:
            base_url: Where the public finds us; empty if it does not.
        """
        wanted = self.subscribe == "on" or (self.subscribe == "auto" and _is_public(base_url))
        return f"{base_url.rstrip('/')}/websub/" if wanted and base_url else None


def is_genuine(body: bytes, signatures: Sequence[str], secret: str) -> bool:
    """Tell whether a push was signed with `secret`.

    Of several signatures the strongest counts, and it alone.

    Args:
        body: The bytes as they came.
        signatures: Each `METHOD=HEX`, as in the header X-Hub-Signature.
        secret: What the hub was given.
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
