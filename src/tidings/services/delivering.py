"""Delivering: claim, build, mark, send, settle; each letter once, and every doubt on record.

```
claim ─► build bytes ─► mark ─► write ─► reply ─► settle
  │         nothing can have left │ it may have left   │ a batch at a time
  └── safe to repeat ─────────────┘                    └─ a crash before: assumed accepted
```

One thread claims and settles; a few send, each over a connection of its own. Letters to a domain
that refuses us, or that has all it takes, go back where they were and hold up nobody.
"""

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from threading import Event, Thread

from tidings.delivery.letters import Letterhead, PreparedIssue, prepare
from tidings.delivery.settings import DomainLimits
from tidings.delivery.transports import Connect, Send
from tidings.domain.newsletters import DeliveryState, Newsletter
from tidings.domain.retries import DOUBT, Verdict
from tidings.domain.standings import Standings
from tidings.errors import DatabaseAwayError, NotFoundError
from tidings.services.attempts import Attempts, Job, Result, domain_of, put_back, unfit
from tidings.services.lanes import Lanes
from tidings.services.restoring import claim
from tidings.storage import deliveries, issues, relays
from tidings.storage.database import Database
from tidings.storage.deliveries import ClaimedDelivery
from tidings.storage.leases import RENEWAL, name_of_round

logger = logging.getLogger(__name__)

PREPARED = 16
"""Issues that are kept in the form of bytes."""

AHEAD = 8
"""Letters that are claimed beyond those that are being sent."""

LAST_WAIT = 8.0
"""Seconds that letters on their way have to be answered when the service stops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverTools:
    """What delivering works with.

    Attributes:
        owner: This process's name, which those of its rounds begin with.
        relay: The name under which the relay's pauses are kept.
        connections: Letters that are sent at the same time.
        limits: What less holds for a recipient's domain.
        bounces_to: The envelope's sender: where that delivery goes if it comes back.
    """

    database: Database
    clock: Callable[[], datetime]
    owner: str
    connect: Connect
    relay: str
    connections: int
    limits: Mapping[str, DomainLimits]
    sender: str
    bounces_to: Callable[[ClaimedDelivery], str]
    letterhead_of: Callable[[Newsletter], Letterhead]
    unsubscribe_url: Callable[[int, int], str]
    preferences_url: Callable[[int, int], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What a round came to, in letters.

    Attributes:
        is_interrupted: The database was away meanwhile: there may be more to send.
    """

    accepted: int
    failed: int
    is_interrupted: bool = False


def deliver_due(tools: DeliverTools, *, stop: Event) -> Delivered:
    """Send everything whose time has come; return when nothing is left, or when told to stop.

    When told to stop it waits a few seconds for the letters on their way; what is not
    answered by then is on record as doubtful.

    Raises:
        StorageError: The database failed. One that is away is waited for while there are
            replies that it is to be told, and then the round goes on.
    """
    accepted = failed = 0
    while (delivered := _deliver(tools, stop=stop)).is_interrupted and not stop.is_set():
        accepted, failed = accepted + delivered.accepted, failed + delivered.failed
    return Delivered(accepted=accepted + delivered.accepted, failed=failed + delivered.failed)


def _deliver(tools: DeliverTools, *, stop: Event) -> Delivered:
    with tools.database.write() as connection:
        now = tools.clock()
        deliveries.recover(connection)
        deliveries.withdraw(connection, now=now)
        pause = relays.find_pause(connection, tools.relay, now=now)
        paused = relays.paused_domains(connection, now=now)
    if pause:
        logger.warning("relay paused", extra={"relay": tools.relay, "because": pause[1]})
        return Delivered(accepted=0, failed=0)
    return _Round(tools, paused=paused, stop=stop).run()


class _Round:
    """One run; only `_work` and what it calls run on the senders' threads."""

    def __init__(self, tools: DeliverTools, *, paused: dict[str, datetime], stop: Event) -> None:
        self._tools = tools
        self._owner = name_of_round(tools.owner)
        self._stop = stop
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._results: SimpleQueue[Result] = SimpleQueue()
        self._unsettled: list[tuple[Result, Verdict]] = []
        self._in_flight = 0
        self._is_more = self._is_closing = self._is_interrupted = False
        self._standings, self._lanes = Standings(), Lanes(tools.limits)
        self._paused = paused
        self._refusing: dict[str, tuple[datetime, str]] = {}
        self._relay_pause: tuple[datetime, str] | None = None
        self._attempts = Attempts(
            bounces_to=tools.bounces_to,
            unsubscribe_url=tools.unsubscribe_url,
            preferences_url=tools.preferences_url,
            database=tools.database,
            owner=self._owner,
            clock=tools.clock,
        )
        self._prepared: dict[int, tuple[Newsletter, PreparedIssue]] = {}
        self._renewed = time.monotonic()
        self._accepted = self._failed = 0

    def run(self) -> Delivered:
        threads = [
            Thread(target=self._work, name=f"deliver-{number}", daemon=True)
            for number in range(self._tools.connections)
        ]
        for thread in threads:
            thread.start()
        try:
            while not self._is_over():
                self._renew()
                self._claim()
                self._release()
                if not (self._in_flight or self._lanes.waiting or self._unsettled):
                    break
                self._settle(self._gather(timeout=self._patience()))
        except DatabaseAwayError as error:
            logger.warning("letters wait for the database", extra={"because": str(error)})
            self._is_interrupted = True
        finally:
            self._wind_up(threads)
        return Delivered(
            accepted=self._accepted, failed=self._failed, is_interrupted=self._is_interrupted
        )

    def _is_over(self) -> bool:
        return self._stop.is_set() or self._is_closing

    def _renew(self) -> None:
        if time.monotonic() - self._renewed > RENEWAL.total_seconds():
            with self._tools.database.write() as connection:
                deliveries.renew(connection, self._owner)
                self._paused = relays.paused_domains(connection, now=self._tools.clock())
            self._renewed = time.monotonic()

    def _claim(self) -> None:
        tools, now = self._tools, self._tools.clock()
        room = tools.connections + AHEAD - self._in_flight
        self._is_more = room > AHEAD // 2
        if self._is_more:
            claimed = claim(tools.database, self._owner, limit=room, now=now)
            self._is_more = len(claimed) == room
            for one in claimed:
                if result := self._hand_out(one, now=now):
                    self._keep(result)

    def _hand_out(self, claimed: ClaimedDelivery, *, now: datetime) -> Result | None:
        """Let a letter go its way; return what comes of it if that is no further."""
        domain = domain_of(claimed)
        if (pause := self._paused.get(domain, now) - now) > timedelta(0):
            return put_back(claimed, pause)
        try:
            newsletter, prepared = self._prepare(claimed.issue_id)
        except (ValueError, NotFoundError) as error:
            return unfit(claimed, error)
        job = Job(claimed=claimed, prepared=prepared, newsletter=newsletter)
        if domain not in self._lanes:
            self._send(job)
        elif wait := self._lanes.enter(job):
            return put_back(claimed, wait)
        return None

    def _prepare(self, issue_id: int) -> tuple[Newsletter, PreparedIssue]:
        if issue_id not in self._prepared:
            with self._tools.database.read() as connection:
                issue = issues.get(connection, issue_id)
            while len(self._prepared) >= PREPARED:
                del self._prepared[next(iter(self._prepared))]
            letterhead = self._tools.letterhead_of(issue.newsletter)
            self._prepared[issue_id] = issue.newsletter, prepare(issue, letterhead)
        return self._prepared[issue_id]

    def _release(self) -> None:
        for job in self._lanes.ready():
            self._send(job)

    def _send(self, job: Job) -> None:
        self._in_flight += 1
        self._jobs.put(job)

    def _patience(self) -> float:
        """Return the seconds for which there is nothing to do but to wait for replies."""
        if self._is_more or self._unsettled:
            return 0.0
        return min(1.0, self._lanes.until_next())

    def _work(self) -> None:
        with self._tools.connect() as send:
            while job := self._jobs.get():
                result = self._result(job, send)
                # at once: before it is settled others would meet the same relay
                self._is_closing |= bool(result.verdict and result.verdict.relay_pause)
                self._results.put(result)

    def _result(self, job: Job, send: Send) -> Result:
        now = self._tools.clock()
        if self._is_over():
            return Result(claimed=job.claimed, verdict=None, reply="")
        if (pause := self._paused.get(domain_of(job.claimed), now) - now) > timedelta(0):
            return put_back(job.claimed, pause)
        return self._attempts.of(job, send)

    def _gather(self, *, timeout: float) -> list[Result]:
        results: list[Result] = []
        with suppress(Empty):
            results.append(self._results.get(timeout=timeout))
            while True:
                results.append(self._results.get_nowait())
        return results

    def _settle(self, results: Sequence[Result]) -> None:
        for result in results:
            self._in_flight -= 1
            self._lanes.left(domain_of(result.claimed))
            self._keep(result)
        if not self._unsettled:
            return
        tools, now = self._tools, self._tools.clock()
        with tools.database.write() as connection:
            settled = [result.settled(verdict, now=now) for result, verdict in self._unsettled]
            deliveries.settle(connection, self._owner, settled, now=now)
            for domain, (until, because) in self._refusing.items():
                relays.pause_domain(connection, domain, until=until, reason=because)
                deliveries.postpone(connection, domain, until=until)
            if self._relay_pause:
                until, because = self._relay_pause
                relays.pause(connection, tools.relay, until=until, reason=because)
        for result, verdict in self._unsettled:
            self._count(result, verdict)
        self._unsettled.clear()
        self._refusing.clear()

    def _keep(self, result: Result) -> None:
        """Keep what is to be settled, and see what it says of the relay and the domain."""
        if result.verdict is None:
            return
        self._unsettled.append((result, result.verdict))
        if result.untried:
            return
        domain, now = domain_of(result.claimed), self._tools.clock()
        domain_pause, relay_pause = self._standings.note(domain, result.verdict)
        if domain_pause:
            self._paused[domain] = now + domain_pause
            self._refusing[domain] = now + domain_pause, result.reply
            logger.warning("domain paused", extra={"domain": domain, "because": result.reply})
        if relay_pause:
            self._is_closing = True
            pause = now + relay_pause, result.reply
            self._relay_pause = max(self._relay_pause or pause, pause)

    def _count(self, result: Result, verdict: Verdict) -> None:
        if result.untried:
            return
        is_accepted = verdict.state is DeliveryState.ACCEPTED
        self._accepted += is_accepted
        self._failed += not is_accepted
        data = {"message_id": result.claimed.message_id, "state": verdict.state}
        level = logging.INFO if is_accepted else logging.WARNING
        event = "letter accepted" if is_accepted else "letter not accepted"
        logger.log(level, event, extra={**data, "reply": result.reply})

    def _wind_up(self, threads: Sequence[Thread]) -> None:
        """Wait for the letters on their way, settle them, then give back what is left.

        While the database is away replies are kept: what the relay has taken must not look
        as if nobody knew. Only who is told to stop, or dies, leaves it at the markers.
        """
        self._is_closing = True
        for _ in threads:
            self._jobs.put(None)
        give_up_at = math.inf
        is_late = False
        while not self._is_wound_up(is_late=is_late):
            if is_late:
                logger.warning("replies not saved", extra={"replies": len(self._unsettled)})
                return
            is_late = time.monotonic() > give_up_at
            if self._stop.is_set():
                give_up_at = min(give_up_at, time.monotonic() + LAST_WAIT)

    def _is_wound_up(self, *, is_late: bool) -> bool:
        """Settle what there is; once all is, or it is late, give back the rest."""
        try:
            self._renew()
            self._settle(self._gather(timeout=0.2))
            if self._in_flight and not is_late:
                return False
            now = self._tools.clock()
            with self._tools.database.write() as connection:
                deliveries.give_back(connection, self._owner, doubtful_until=now + DOUBT, now=now)
        except DatabaseAwayError:
            return False
        return True
