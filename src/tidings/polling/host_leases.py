"""The host leases of one round: claimed, renewed while polling, released with a pause."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from tidings.db.database import Database
from tidings.errors import StorageError
from tidings.model.sources import DueSource
from tidings.polling.store import leases
from tidings.polling.store.leases import LeaseRequest

# Hosts leased for each that is polled at a time, so that the next are always at hand.
HELD_PER_POLLED = 2

# Seconds until hosts are claimed again after there was none to claim.
CLAIM_PAUSE = 1.0

# How long a named source waits for a host that another process holds.
PATIENCE = timedelta(seconds=30)

# Named sources in one statement; SQLite takes 32,766 parameters.
MAX_NAMED = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRules:
    """How hosts are claimed.

    Attributes:
        concurrency: How many are polled at a time.
        pause_of: How long each is left alone afterwards.
        patience: How long a named source waits for a host that another process holds.
    """

    concurrency: int
    pause_of: Callable[[str], timedelta]
    patience: timedelta = PATIENCE


class HostLeases:
    """The hosts that one round holds, and what is left to poll on each.

    Args:
        database: Where the leases are.
        owner: The round's name on them.
        rules: How many hosts, and their pauses.
        clock: Returns the current time, in UTC, to tell what is due.
        only: The sources to poll, due or not; None for those that are due.
    """

    def __init__(
        self,
        database: Database,
        owner: str,
        *,
        rules: HostRules,
        clock: Callable[[], datetime],
        only: set[int] | None,
    ) -> None:
        self._database = database
        self._owner = owner
        self._rules = rules
        self._clock = clock
        self._only = only
        self._held: dict[str, set[int]] = {}
        self._finished: dict[str, timedelta] = {}
        self._cooling: dict[str, timedelta] = {}
        self._renewed = time.monotonic()
        self._asleep_until = 0.0

    @property
    def named(self) -> frozenset[int] | None:
        """The sources that were named and not claimed yet; None if all that are due are polled."""
        return None if self._only is None else frozenset(self._only)

    @property
    def has_more(self) -> bool:
        """Whether sources were named that could not be claimed yet."""
        return bool(self._only)

    def claim(self) -> list[list[DueSource]]:
        """Claim free hosts, as far as there is room, and release those that are finished.

        Return what is due on each host.
        """
        now = time.monotonic()
        # Only when half of the hosts are used up: one transaction then serves many of them.
        is_low = len(self._held) <= self._rules.concurrency
        room = HELD_PER_POLLED * self._rules.concurrency - len(self._held)
        if not is_low or now < self._asleep_until:
            return []
        with self._database.write() as connection:
            leases.release(connection, self._owner, self._finished)
            claimed = leases.claim(connection, self._owner, wanted=self._wanted(), limit=room)
        self._finished = {}
        if not claimed:
            self._asleep_until = now + CLAIM_PAUSE
        for of_one_host in claimed:
            ids = {due.id for due in of_one_host}
            self._held[of_one_host[0].host] = ids
            if self._only:
                self._only -= ids
        return claimed

    def can_claim(self) -> bool:
        """Tell whether there is a free host with something to poll."""
        with self._database.read() as connection:
            return leases.has_free(connection, self._wanted())

    def renew(self) -> None:
        """Renew all leases, if it is time to."""
        now = time.monotonic()
        if self._held and now - self._renewed >= leases.RENEWAL.total_seconds():
            with self._database.write() as connection:
                leases.renew(connection, self._owner)
            self._renewed = now

    def cool_down(self, host: str, pause: timedelta) -> None:
        """Leave a host alone for longer than usual once it is finished."""
        self._cooling[host] = pause

    def finish(self, due: DueSource) -> None:
        """Note that a source is polled; with the last one of a host its lease can be released."""
        left = self._held[due.host]
        left.discard(due.id)
        if not left:
            del self._held[due.host]
            pause = self._rules.pause_of(due.host)
            self._finished[due.host] = max(pause, self._cooling.pop(due.host, pause))

    def give_up(self, *, after: timedelta) -> list[tuple[DueSource, str]]:
        """Return the named sources that cannot be claimed before `after`, each with the reason.

        If `after` is zero, these are all that are left; else those whose host cools down longer.
        """
        named = set(sorted(self._only or ())[:MAX_NAMED])
        with self._database.read() as connection:
            if after:
                named &= leases.resting(connection, named, after=after)
            given = [
                (due, leases.find_obstacle(connection, due.host) or f"{due.host} is busy")
                for due in leases.due(connection, named)
            ]
        if self._only:
            self._only -= named
        return given

    def release_all(self) -> None:
        """Release everything; if the database is away, the leases expire by themselves."""
        with suppress(StorageError), self._database.write() as connection:
            leases.release(connection, self._owner, self._finished)
            leases.release_all(connection, self._owner)

    def _wanted(self) -> LeaseRequest:
        if self._only is None:
            return LeaseRequest(due_at=self._clock())
        return LeaseRequest(only=sorted(self._only)[:MAX_NAMED])
