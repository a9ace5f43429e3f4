"""WebSub subscriptions: when to subscribe, renew, trust and leave a hub. Pure decisions."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256

from tidings.errors import one_line
from tidings.model.urls import host_of
from tidings.model.websub import (
    KNOWN_HUBS,
    SUBSCRIBED,
    HubNote,
    HubOffer,
    HubState,
    HubStep,
    HubSubscription,
    Intent,
)

# The lease that we ask for; a hub that does not say how long its own is is taken to agree.
LEASE = timedelta(days=10)

SHORTEST_LEASE, LONGEST_LEASE = timedelta(hours=1), timedelta(days=30)
RETRY, LONGEST_RETRY = timedelta(hours=1), timedelta(days=1)
DENIED_FOR = timedelta(days=7)

# Polls in a row that found what no push had brought; then a hub is not relied on any more.
MAX_MISSES = 3

# Requests to end a subscription; later callbacks are answered "gone" anyway.
MAX_UNSUBSCRIBES = 3

# Characters of a hub's or a topic's address.
MAX_ADDRESS = 2000


def find_offer(
    url: str, *, hubs: Sequence[str], self_url: str | None, known_as: str
) -> HubOffer | None:
    """Return the hubs and the topic of a document; None if it has none.

    Args:
        url: Where the document came from.
        hubs: Those that its headers name, failing that the document itself.
        self_url: The topic (`rel=self`) that the same place names.
        known_as: The address that its source is polled at.
    """
    topic = self_url or url
    if not hubs:
        hubs = [hub for beginning, hub in KNOWN_HUBS.items() if known_as.startswith(beginning)]
        topic = known_as
    usable = [hub for hub in hubs if is_address(hub)]
    return HubOffer(hubs=usable, topic=topic) if usable and is_address(topic) else None


def judge_news(known: HubSubscription | None, *, last_polled_at: datetime | None) -> HubNote | None:
    """Decide whether a poll that brought new entries makes its hub more or less trusted.

    Args:
        known: The subscription when the poll began; if a push was pending then, that is what
            was parsed, or made us fetch.
        last_polled_at: When the poll before this one was.
    """
    # Trusted once a push was first to bring something, and not before: many hubs confirm a
    # subscription and then never push. `MAX_MISSES` misses in a row end the trust.
    if known is None or known.state not in SUBSCRIBED or last_polled_at is None:
        return None
    if known.pending_bytes is not None:
        is_settled = known.state is HubState.ACTIVE and not known.misses
        return None if is_settled else HubNote(step=HubStep.TRUST)
    # What was published before we were subscribed could not come by push.
    could_push = known.asked_at is not None and known.asked_at < last_polled_at
    is_miss = known.state is HubState.ACTIVE and could_push
    return HubNote(step=HubStep.MISS) if is_miss else None


def judge_offer(known: HubSubscription | None, offer: HubOffer | None) -> HubNote | None:
    """Decide whether to subscribe, or to leave a hub that the whole document names no more."""
    if known is None:
        return HubNote(step=HubStep.JOIN, offer=offer) if offer else None
    # While pushes come nothing is changed, whatever a document names.
    if known.state in {HubState.ACTIVE, HubState.LEAVING}:
        return None
    stays = offer is not None and known.hub in offer.hubs and known.topic == offer.topic
    return None if stays else HubNote(step=HubStep.LEAVE)


def prepare_request(known: HubSubscription, *, now: datetime) -> HubSubscription | None:
    """Return the subscription as it is to be stored before its next request is sent.

    Every request counts as failed until it is confirmed, and the pause doubles up to a day.

    Returns:
        None if there is nothing to request, and the subscription can be deleted.
    """
    is_over = known.lease_until is None or known.lease_until <= now
    leaves = known.state is HubState.LEAVING
    if leaves and (is_over or known.failures >= MAX_UNSUBSCRIBES):
        return None
    state = HubState.ASKED if is_over else known.state
    pause = min(RETRY * (1 << min(known.failures, 10)), LONGEST_RETRY)
    return replace(
        known, state=state, asked_at=now, act_at=now + pause, failures=known.failures + 1
    )


def settle_intent(known: HubSubscription, intent: Intent, *, now: datetime) -> HubSubscription:
    """Return a subscription after a hub's callback; unchanged if we did not ask for that."""
    if intent.topic != known.topic or known.state not in SUBSCRIBED:
        return known
    if intent.mode == "denied":
        because = one_line(f"denied: {intent.reason}") if intent.reason else "denied"
        act_at = now + DENIED_FOR
        return replace(known, state=HubState.DENIED, act_at=act_at, last_error=because)
    if intent.mode != "subscribe":
        return known
    lease = min(max(intent.lease or LEASE, SHORTEST_LEASE), LONGEST_LEASE)
    return replace(
        known,
        state=HubState.SILENT if known.state is HubState.ASKED else known.state,
        # Renewed well before it ends, and not all of a hub's at the same time.
        act_at=now + lease * (0.7 + 0.1 * _fraction(known.token)),
        lease_until=now + lease,
        failures=0,
        last_error=None,
    )


def confirms_unsubscribe(known: HubSubscription, intent: Intent) -> bool:
    """Tell whether a hub's callback verifies an unsubscription that we asked for."""
    is_meant = intent.mode == "unsubscribe" and intent.topic == known.topic
    return is_meant and known.state is HubState.LEAVING


def is_address(text: str) -> bool:
    """Tell whether `text` can be the address of a hub, or of a topic."""
    try:
        host_of(text)
    except ValueError:
        return False
    return text.isprintable() and len(text) <= MAX_ADDRESS


def _fraction(token: str) -> float:
    return int.from_bytes(sha256(token.encode()).digest()[:4]) / 2**32
