"""When a source is polled next."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

MAX_DOUBLINGS = 16
"""Beyond, every sensible limit is passed, and 2**n stays a small number."""

JITTER = 0.1
"""The part of the pause by which the sources of one minute drift apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PollPolicy:
    """How often sources are polled; each is a setting under `[poll]`.

    Attributes:
        tick: How often somebody looks for what is due.
        interval: The shortest pause between two polls of a source that asks for nothing else.
        max_interval: The longest, however many polls failed or whatever a server asks for.
        max_pause: The longest that an answer "429, come back later" is obeyed.
    """

    tick: timedelta
    interval: timedelta
    max_interval: timedelta
    max_pause: timedelta


def next_poll_at(
    source_id: int,
    *,
    now: datetime,
    failures: int,
    server_delay: timedelta,
    policy: PollPolicy,
) -> datetime:
    """Return the earliest time at which a source may be polled again.

    Every failure in a row after the first doubles the pause, and a server that asks for a
    longer one gets it; the policy bounds both. The result is moved on by up to a tenth, by
    an amount that depends on source and time, so that what failed together does not come
    back together.

    Args:
        source_id: Whose poll it is.
        now: The end of the poll just made.
        failures: Polls that failed in a row, this one included.
        server_delay: The pause asked for by Retry-After, Cache-Control or the document;
            zero if none.
        policy: The limits that hold for every source.
    """
    doublings = min(max(failures - 1, 0), MAX_DOUBLINGS)
    own = min(policy.interval * (1 << doublings), policy.max_interval)
    asked = min(server_delay, policy.max_pause if failures else policy.max_interval)
    pause = max(own, asked)
    return now + pause + pause * JITTER * _fraction(source_id, now)


def _fraction(source_id: int, now: datetime) -> float:
    seed = sha256(f"{source_id} {now.isoformat()}".encode()).digest()
    return int.from_bytes(seed[:4]) / 2**32
