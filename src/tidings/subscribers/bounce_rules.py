"""Rules for bounces: what a failure tells about an address, and when it is suppressed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tidings.model.refusals import RefusalSubject, is_unknown_to_microsoft, subject_of
from tidings.model.subscribers import SuppressionReason

# Failed issues until an address is suppressed; who keeps sending to dead ones is taken for a
# spammer.
MAX_SCORE = 5

# How long issues have to fail at least: a mailbox may be full over a holiday.
MIN_FAILING_TIME = timedelta(days=14)

# How long after an accepted issue without a bounce earlier failures are forgotten. Bounces may
# arrive days later: servers retry for up to five (RFC 5321, 4.5.4.1).
FORGIVE_AFTER = timedelta(days=14)

# No such mailbox, or domain; it moved, or is closed (RFC 3463; 5.1.10 is a null MX, RFC 7505).
_GONE = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})

# No answer, a broken connection, congestion (RFC 3463): these say nothing of a mailbox.
_CONNECTIONS = frozenset({"4.1", "4.2", "4.5"})


class BounceKind(StrEnum):
    """What a report tells about its address."""

    GONE = "gone"
    """The mailbox or the domain does not exist any more."""
    FAILED = "failed"
    """One message did not arrive, for whatever reason."""
    OTHER = "other"
    """The sender was refused, or a connection failed; it tells nothing about the address."""
    COMPLAINT = "complaint"
    """A subscriber marked a message as spam."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BounceHistory:
    """The failures of a subscriber that are not forgiven.

    Attributes:
        score: Issues that failed.
        since: When the first of them failed.
        last_at: When the last one did.
    """

    score: float = 0
    since: datetime | None = None
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BounceDecision:
    """What follows from a bounce.

    Attributes:
        reason: Why the address is suppressed; None if it is not.
    """

    history: BounceHistory
    reason: SuppressionReason | None = None


def kind_of(status: str | None, text: str) -> BounceKind:
    """Return what a permanent failure tells about its address.

    Args:
        status: The enhanced status, if there is one.
        text: What the mail server said.
    """
    # First: "Access denied" reads as a refusal of us, and 5.4.1 as a connection that failed; yet
    # Exchange Online means a mailbox that does not exist.
    if is_unknown_to_microsoft(f"{status} {text}"):
        return BounceKind.GONE
    # Before the status: Gmail answers 5.2.1, as for a closed mailbox, also to who sends too fast.
    subject = subject_of(f"{status or ''} {text}")
    if subject in {RefusalSubject.OURS, RefusalSubject.PACE}:
        return BounceKind.OTHER
    if status in _GONE:
        return BounceKind.GONE
    # Without its class: a server that gave up after days reports 4.4.1, and that is as final.
    if (status or "").partition(".")[2] in _CONNECTIONS:
        return BounceKind.OTHER
    return BounceKind.FAILED


def is_forgiven(history: BounceHistory, *, arrived_at: datetime | None, now: datetime) -> bool:
    """Tell whether failures are forgotten, because a later issue arrived.

    Args:
        history: The failures.
        arrived_at: When the first issue after them was accepted that brought no bounce.
        now: Aware UTC.
    """
    return bool(history.score) and arrived_at is not None and now - arrived_at >= FORGIVE_AFTER


def decide(
    kind: BounceKind, history: BounceHistory, *, is_known_to_fail: bool, now: datetime
) -> BounceDecision:
    """Decide what follows from a bounce.

    Args:
        kind: What the report says.
        history: Earlier failures.
        is_known_to_fail: This issue has been counted before.
        now: When we learnt of it.
    """
    # A suppressed address starts with an empty history, should the operator lift the suppression.
    match kind:
        case BounceKind.COMPLAINT:
            return BounceDecision(history=BounceHistory(), reason=SuppressionReason.COMPLAINT)
        case BounceKind.GONE:
            return BounceDecision(history=BounceHistory(), reason=SuppressionReason.BOUNCES)
        case BounceKind.OTHER:
            return BounceDecision(history=history)
    # Once a day: a daily and a weekly issue to the same full mailbox are one failure.
    is_same_day = history.last_at is not None and history.last_at.date() == now.date()
    if is_known_to_fail or is_same_day:
        return BounceDecision(history=history)
    since = history.since or now
    counted = BounceHistory(score=history.score + 1, since=since, last_at=now)
    if counted.score >= MAX_SCORE and now - since >= MIN_FAILING_TIME:
        return BounceDecision(history=BounceHistory(), reason=SuppressionReason.BOUNCES)
    return BounceDecision(history=counted)
