"""What comes back: what a refusal says of an address, and when we stop writing to it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tidings.model.refusals import RefusalSubject, is_unknown_to_microsoft, subject_of
from tidings.model.subscribers import SuppressionReason

# Issues that fail in a row; with more patience we would be taken for a spammer.
MAX_SCORE = 5

# How long they have to fail at least: a mailbox may be full over a holiday.
PATIENCE = timedelta(days=14)

# How long an issue has to bring no bounce, until those before it are forgotten.
QUIET = timedelta(days=14)

# No such mailbox, or domain; it moved, or is closed (RFC 3463).
_GONE = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})

# No answer, a line that broke, too much traffic: it says nothing of a mailbox.
_CONNECTIONS = frozenset({"4.1", "4.2", "4.5"})


class BounceKind(StrEnum):
    """What a report says of the address that it is about."""

    GONE = "gone"
    """Nobody can be reached there any more."""
    FAILED = "failed"
    """One letter did not arrive, for whatever reason."""
    OTHER = "other"
    """Somebody dislikes us, or a line was down; it says nothing of the address."""
    COMPLAINT = "complaint"
    """A reader called a letter spam."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BounceHistory:
    """What failures there have been to a subscriber.

    Attributes:
        score: Issues that failed, not counting those that are forgotten.
        since: When the first of them did.
        last_at: When the last one did.
    """

    score: float = 0
    since: datetime | None = None
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BounceDecision:
    """What a bounce leads to.

    Attributes:
        reason: Why nothing more is sent to the address; None if letters go on.
    """

    standing: BounceHistory
    reason: SuppressionReason | None = None


def kind_of(status: str | None, text: str) -> BounceKind:
    """Return what a letter that failed for good says of its address.

    Args:
        status: The enhanced status, if there is one.
        text: What the mail server said.
    """
    if is_unknown_to_microsoft(f"{status} {text}"):
        return BounceKind.GONE
    subject = subject_of(f"{status or ''} {text}")
    if subject in {RefusalSubject.OURS, RefusalSubject.PACE}:
        return BounceKind.OTHER
    if status in _GONE:
        return BounceKind.GONE
    if (status or "").partition(".")[2] in _CONNECTIONS:
        return BounceKind.OTHER
    return BounceKind.FAILED


def is_forgiven(standing: BounceHistory, *, arrived_at: datetime | None, now: datetime) -> bool:
    """Say whether failures are forgotten, because a later issue arrived.

    Args:
        standing: The failures.
        arrived_at: When the first issue was taken after the last of them, that brought none.
        now: The time.
    """
    return bool(standing.score) and arrived_at is not None and now - arrived_at >= QUIET


def decide(
    kind: BounceKind, standing: BounceHistory, *, is_known_to_fail: bool, now: datetime
) -> BounceDecision:
    """Decide over a subscriber after a bounce.

    Each issue counts once, and each day counts once, whatever comes back. Who is let go
    begins anew, should the operator let letters go there again.

    Args:
        kind: What the report says.
        standing: What there has been before.
        is_known_to_fail: This issue has been counted before.
        now: When we learnt of it.
    """
    match kind:
        case BounceKind.COMPLAINT:
            return BounceDecision(standing=BounceHistory(), reason=SuppressionReason.COMPLAINT)
        case BounceKind.GONE:
            return BounceDecision(standing=BounceHistory(), reason=SuppressionReason.BOUNCES)
        case BounceKind.OTHER:
            return BounceDecision(standing=standing)
    is_same_day = standing.last_at is not None and standing.last_at.date() == now.date()
    if is_known_to_fail or is_same_day:
        return BounceDecision(standing=standing)
    since = standing.since or now
    counted = BounceHistory(score=standing.score + 1, since=since, last_at=now)
    if counted.score >= MAX_SCORE and now - since >= PATIENCE:
        return BounceDecision(standing=BounceHistory(), reason=SuppressionReason.BOUNCES)
    return BounceDecision(standing=counted)
