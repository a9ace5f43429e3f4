"""Rules for pings: when a hub is pinged, and retried."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

# The least time between two pings of a feed at a hub, however often the feed changes: each ping
# makes the hub fetch it.
PAUSE = timedelta(minutes=1)

LONGEST_PAUSE = timedelta(hours=3)

# Attempts, over about a day; after the last one a hub is not pinged until the feed changes again.
MAX_ATTEMPTS = 14

DIGEST_SIZE = sha256().digest_size


@dataclass(frozen=True, slots=True, kw_only=True)
class HubPing:
    """A ping: one of our feeds, at one hub.

    Attributes:
        change: The number of the change that it announces.
        attempts: Since the last success, the present one included.
        next_try_at: None if there is nothing to announce, or trying is given up.
        accepted_at: The last success.
        last_error: Of the last attempt, if that failed.
    """

    hub: str
    feed_url: str
    change: int
    attempts: int = 0
    next_try_at: datetime | None = None
    accepted_at: datetime | None = None
    last_error: str | None = None


def fingerprints(bodies: Sequence[bytes]) -> bytes:
    """Return the digests of bodies, one after the other."""
    return b"".join(sha256(body).digest() for body in bodies)


def changed_bodies(before: bytes | None, after: bytes) -> list[int]:
    """Return which bodies differ, by their fingerprints then and now.

    One that is seen for the first time has not changed: nobody can have an older copy.
    """
    known = before or b""
    return [
        start // DIGEST_SIZE
        for start in range(0, min(len(known), len(after)), DIGEST_SIZE)
        if known[start : start + DIGEST_SIZE] != after[start : start + DIGEST_SIZE]
    ]


def announce(known: HubPing, *, change: int, now: datetime) -> HubPing:
    """Return a ping after its feed has changed again.

    If one is pending, or failing, both changes are announced at the time set for the first.
    """
    if known.next_try_at:
        return replace(known, change=change)
    rested_at = known.accepted_at + PAUSE if known.accepted_at else now
    return replace(known, change=change, attempts=0, next_try_at=max(now, rested_at))


def attempt(known: HubPing, *, now: datetime) -> HubPing:
    """Return a ping while it is being sent.

    To be stored before the request is sent: after a crash it is sent again.
    """
    pause = min(PAUSE * (1 << min(known.attempts, 10)), LONGEST_PAUSE)
    return replace(known, attempts=known.attempts + 1, next_try_at=now + pause)


def settle(known: HubPing, error: str | None, *, told: int, now: datetime) -> HubPing:
    """Return a ping after an attempt.

    Args:
        known: As it stood when the response came.
        error: Why the hub did not accept; None if it did.
        told: The change that the attempt announced.
        now: When the response came.
    """
    if error is not None:
        gives_up = known.attempts >= MAX_ATTEMPTS
        until = None if gives_up else known.next_try_at
        return replace(known, next_try_at=until, last_error=error)
    # The feed changed while the hub was being told of the change before.
    until = now + PAUSE if known.change > told else None
    return replace(known, attempts=0, next_try_at=until, accepted_at=now, last_error=None)
