"""What hubs are told of our own feeds: the decisions of a publisher in WebSub."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

# A hub is told of a feed once in that time at most, however often the feed changes.
PAUSE = timedelta(minutes=1)

LONGEST_PAUSE = timedelta(hours=3)

# That many pauses make a day; then a hub is left alone until the feed changes again.
MAX_ATTEMPTS = 14

DIGEST_SIZE = sha256().digest_size


@dataclass(frozen=True, slots=True, kw_only=True)
class HubPing:
    """What one hub is to be told of one of our feeds, or was told.

    Attributes:
        change: The number of the change that it is to be told of.
        attempts: Since it was last told, the present one included.
        next_try_at: None if there is nothing to tell, or no use in it.
        accepted_at: When it was last told.
        last_error: What came of the last attempt, if that failed.
    """

    hub: str
    feed_url: str
    change: int
    attempts: int = 0
    next_try_at: datetime | None = None
    accepted_at: datetime | None = None
    last_error: str | None = None


def fingerprints(bodies: Sequence[bytes]) -> bytes:
    """Return what tells these bodies from all others, a digest of each after the other."""
    return b"".join(sha256(body).digest() for body in bodies)


def changed_bodies(before: bytes | None, after: bytes) -> list[int]:
    """Return which of several bodies differ, by their fingerprints then and now.

    What is seen for the first time has not changed: nobody can know an older form of it.
    """
    known = before or b""
    return [
        start // DIGEST_SIZE
        for start in range(0, min(len(known), len(after)), DIGEST_SIZE)
        if known[start : start + DIGEST_SIZE] != after[start : start + DIGEST_SIZE]
    ]


def announce(known: HubPing, *, change: int, now: datetime) -> HubPing:
    """Return a ping as it stands once its feed has changed again.

    A hub that waits to be told, or that does not answer, is told of both changes in one, at
    the time that was set for the first.
    """
    if known.next_try_at:
        return replace(known, change=change)
    rested_at = known.accepted_at + PAUSE if known.accepted_at else now
    return replace(known, change=change, attempts=0, next_try_at=max(now, rested_at))


def attempt(known: HubPing, *, now: datetime) -> HubPing:
    """Return a ping as it stands while its hub is told.

    To be stored before the request leaves: what we do not live to hear of is told again.
    """
    pause = min(PAUSE * (1 << min(known.attempts, 10)), LONGEST_PAUSE)
    return replace(known, attempts=known.attempts + 1, next_try_at=now + pause)


def settle(known: HubPing, error: str | None, *, told: int, now: datetime) -> HubPing:
    """Return a ping as it stands after an attempt.

    Args:
        known: As it stood when the answer came.
        error: Why the hub did not accept; None if it did.
        told: The change that the attempt was for.
        now: When the answer came.
    """
    if error is not None:
        gives_up = known.attempts >= MAX_ATTEMPTS
        until = None if gives_up else known.next_try_at
        return replace(known, next_try_at=until, last_error=error)
    until = now + PAUSE if known.change > told else None
    return replace(known, attempts=0, next_try_at=until, accepted_at=now, last_error=None)
