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
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from threading import Event, Thread

from tidings.delivery.letters import Letterhead, PreparedIssue, prepare
from tidings.delivery.settings import DomainLimits
from tidings.delivery.transports import Connect, Send
from tidings.domain.newsletters import DeliveryState, Newsletter
from tidings.domain.refusals import Outcomes
from tidings.domain.retries import DOUBT, FAULT, ISSUE_REST, Verdict
from tidings.domain.standings import Standings
from tidings.errors import DatabaseAwayError, NotFoundError
from tidings.services.attempts import Attempts, Job, Result, domain_of, put_back, unfit
from tidings.services.lanes import Lanes
from tidings.services.restoring import claim
from tidings.storage import deliveries, issues, relays
from tidings.storage.database import Connection, Database
from tidings.storage.deliveries import ClaimedDelivery
from tidings.storage.leases import RENEWAL, name_of_round

logger = logging.getLogger(__name__)

PREPARED = 16
"""Issues that are kept in the form of bytes."""

AHEAD = 8
"""Letters that are claimed beyond those that are being sent."""

LATELY = timedelta(days=1)
"""How far it is looked back on what became of letters, whatever their issue."""

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
        sender: The address that letters are from.
        bounces_to: A delivery's own address for what comes back, by its id and Message-ID; None
            if that goes to the sender.
    """

    database: Database
    clock: Callable[[], datetime]
    owner: str
    connect: Connect
    relay: str
    connections: int
    limits: Mapping[str, DomainLimits]
    sender: str
    bounces_to: Callable[[int, str], str | None]
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
        self._replies: deque[Result] = deque()
        self._unsettled: list[tuple[Result, Verdict]] = []
        self._in_flight = 0
        self._is_more = self._is_closing = self._is_interrupted = False
        self._standings, self._lanes = Standings(), Lanes(tools.limits)
        self._paused = paused
        self._refusing: dict[str, tuple[datetime, str]] = {}
        self._relay_pause: tuple[datetime, str] | None = None
        self._outcomes: dict[int | None, Outcomes] = {}
        self._held: dict[int, tuple[datetime, str]] = {}
        self._taken_back: dict[timedelta, set[int]] = defaultdict(set)
        self._attempts = Attempts(
            sender=tools.sender,
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
        if pause := self._pause_of(claimed, now=now):
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

    def _pause_of(self, claimed: ClaimedDelivery, *, now: datetime) -> timedelta:
        """Return for how long a letter has to wait for its domain or its issue."""
        issue_until, _ = self._held.get(claimed.issue_id, (now, ""))
        until = max(self._paused.get(domain_of(claimed), now), issue_until)
        return max(until - now, timedelta(0))

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
        if self._is_over():
            return Result(claimed=job.claimed, verdict=None, reply="")
        if pause := self._pause_of(job.claimed, now=self._tools.clock()):
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
        self._replies.extend(results)
        while self._replies:
            # Off the list only when it is kept: to weigh a refusal the database is asked, too.
            self._keep(result := self._replies[0])
            self._replies.popleft()
            self._in_flight -= 1
            self._lanes.left(domain_of(result.claimed))
        if not self._unsettled:
            return
        tools, now = self._tools, self._tools.clock()
        with tools.database.write() as connection:
            settled = [result.settled(verdict, now=now) for result, verdict in self._unsettled]
            deliveries.settle(connection, self._owner, settled, now=now)
            for domain, (until, because) in self._refusing.items():
                relays.pause_domain(connection, domain, until=until, reason=because)
                deliveries.postpone(connection, domain, until=until)
            self._hold(connection, now=now)
            if self._relay_pause:
                until, because = self._relay_pause
                relays.pause(connection, tools.relay, until=until, reason=because)
        for result, verdict in self._unsettled:
            self._count(result, verdict)
        self._unsettled.clear()
        self._refusing.clear()
        self._taken_back.clear()

    def _keep(self, result: Result) -> None:
        """Keep what is to be settled, and see what it says of the relay and the domain."""
        if result.verdict is None:
            return
        verdict = self._weighed(result, result.verdict)
        self._unsettled.append((result, verdict))
        if result.untried:
            return
        domain, now = domain_of(result.claimed), self._tools.clock()
        domain_pause, relay_pause = self._standings.note(domain, verdict)
        if domain_pause:
            self._paused[domain] = now + domain_pause
            self._refusing[domain] = now + domain_pause, result.reply
            logger.warning("domain paused", extra={"domain": domain, "because": result.reply})
        if relay_pause:
            self._is_closing = True
            pause = now + relay_pause, result.reply
            self._relay_pause = max(self._relay_pause or pause, pause)

    def _weighed(self, result: Result, verdict: Verdict) -> Verdict:
        """Return what follows from an attempt, in view of what became of the rest of its issue.

        If most of it is refused in the same words, it is nobody's address that is at fault.
        """
        letter, issue_id = result.claimed.id, result.claimed.issue_id
        if verdict.state is DeliveryState.ACCEPTED:
            for whose in self._outcomes.keys() & {issue_id, None}:
                self._outcomes[whose].note_accepted(letter)
        if not verdict.is_refusal:
            return verdict
        # Issues may be for few: then what became of all letters lately says more.
        for outcomes in (self._outcomes_of(issue_id), self._outcomes_of(None)):
            outcomes.note_refused(letter, domain_of(result.claimed), result.reply)
            if alike := outcomes.alike(letter):
                of_domains = outcomes.domains_of(alike)
                is_of_one = len(of_domains) == 1 and self._is_for_others(issue_id, *of_domains)
                self._taken_back[FAULT if is_of_one else ISSUE_REST] |= alike
                return self._refused_alike(result, verdict, is_of_one_domain=is_of_one)
        return verdict

    def _refused_alike(
        self, result: Result, verdict: Verdict, *, is_of_one_domain: bool
    ) -> Verdict:
        """Hold a letter that most others share their refusal with, and its issue with it.

        If all of them were for one domain, and the issue has letters for others, only that
        domain is left alone.
        """
        # What is too large stops its own issue; the next one may well be small enough.
        is_of_issue = verdict.state is DeliveryState.HELD and not verdict.blames_domain
        held = replace(verdict, state=DeliveryState.HELD, pause=max(verdict.pause, FAULT))
        if is_of_one_domain:
            return replace(held, blames_domain=not is_of_issue)
        rest, issue_id = ISSUE_REST if is_of_issue else FAULT, result.claimed.issue_id
        self._held[issue_id] = self._tools.clock() + rest, result.reply
        logger.warning("issue held", extra={"issue": issue_id, "because": result.reply})
        return held if is_of_issue else replace(held, relay_pause=FAULT)

    def _outcomes_of(self, issue_id: int | None) -> Outcomes:
        """Return what became of the letters of an issue, or of all of the last day."""
        if issue_id not in self._outcomes:
            since = self._tools.clock() - LATELY
            with self._tools.database.read() as connection:
                found = deliveries.outcomes(connection, issue_id, since=since)
            self._outcomes[issue_id] = found
            for result, verdict in self._unsettled:
                is_theirs = issue_id in {None, result.claimed.issue_id}
                if is_theirs and verdict.state is DeliveryState.ACCEPTED:
                    found.note_accepted(result.claimed.id)
        return self._outcomes[issue_id]

    def _is_for_others(self, issue_id: int, domain: str) -> bool:
        with self._tools.database.read() as connection:
            return deliveries.is_for_others(connection, issue_id, domain)

    def _hold(self, connection: Connection, *, now: datetime) -> None:
        """Hold what everybody is refused; what was not tried of it comes before the rest."""
        for rest, letters in self._taken_back.items():
            deliveries.hold_refused(connection, letters, until=now + rest)
        for issue_id, (until, because) in self._held.items():
            reason = f"most letters of this issue are refused: {because}"
            deliveries.hold_issue(connection, issue_id, until=until, reason=reason)

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
                logger.warning(
                    "replies not saved",
                    extra={"replies": len(self._replies) + len(self._unsettled)},
                )
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
                self._hold(connection, now=now)
        except DatabaseAwayError:
            return False
        return True
