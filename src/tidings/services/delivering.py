"""Delivering: claim, build, mark, send, settle; each letter once, and every doubt on record.

```
claim ─► build bytes ─► mark ─► write ─► reply ─► settle
  │         nothing can have left │ it may have left   │ a batch at a time
  └── safe to repeat ─────────────┘                    └─ a crash before: assumed accepted
```

One thread claims and settles; a few send, each over a connection of its own.
"""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from queue import Empty, SimpleQueue
from threading import Event, Thread

from tidings.delivery.letters import Letterhead, PreparedIssue, Recipient, prepare
from tidings.delivery.transports import Connect, Envelope, Send
from tidings.domain.newsletters import DeliveryState, Newsletter
from tidings.domain.retries import DOUBT, FAULT, MAX_FAULTS, PAUSES, Verdict, judge
from tidings.errors import DeliveryError, LeaseLostError, NotFoundError, StorageError
from tidings.storage import deliveries, issues, relays
from tidings.storage.database import Database
from tidings.storage.deliveries import ClaimedDelivery, SettledDelivery
from tidings.storage.leases import RENEWAL

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
        owner: This process's name on what it is sending.
        relay: The name under which the relay's pauses are kept.
        connections: Letters that are sent at the same time.
        sender: The address that bounces go to.
    """

    database: Database
    clock: Callable[[], datetime]
    owner: str
    connect: Connect
    relay: str
    connections: int
    sender: str
    letterhead_of: Callable[[Newsletter], Letterhead]
    unsubscribe_url: Callable[[int], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What a round came to, in letters."""

    accepted: int
    failed: int


def deliver_due(tools: DeliverTools, *, stop: Event) -> Delivered:
    """Send everything whose time has come; return when nothing is left, or when told to stop.

    When told to stop it waits a few seconds for the letters on their way; what is not
    answered by then is on record as doubtful.
    """
    with tools.database.write() as connection:
        now = tools.clock()
        deliveries.recover(connection)
        deliveries.withdraw(connection, now=now)
        pause = relays.find_pause(connection, tools.relay, now=now)
    if pause:
        logger.warning("relay paused", extra={"relay": tools.relay, "because": pause[1]})
        return Delivered(accepted=0, failed=0)
    return _Round(tools, stop=stop).run()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    claimed: ClaimedDelivery
    prepared: PreparedIssue
    newsletter: Newsletter


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """What came of a job; no verdict means that it is not ours any more, or not known."""

    claimed: ClaimedDelivery
    verdict: Verdict | None
    reply: str


class _Round:
    """One run; only `_work` and what it calls run on the senders' threads."""

    def __init__(self, tools: DeliverTools, *, stop: Event) -> None:
        self._tools = tools
        self._stop = stop
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._results: SimpleQueue[_Result] = SimpleQueue()
        self._unsettled: list[tuple[_Result, Verdict]] = []
        self._in_flight = 0
        self._is_closing = False
        self._faults = 0
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
                if not self._in_flight:
                    break
                self._settle(self._gather(timeout=1.0))
        finally:
            self._wind_up(threads)
        return Delivered(accepted=self._accepted, failed=self._failed)

    def _is_over(self) -> bool:
        return self._stop.is_set() or self._is_closing

    def _renew(self) -> None:
        if time.monotonic() - self._renewed > RENEWAL.total_seconds():
            with self._tools.database.write() as connection:
                deliveries.renew(connection, self._tools.owner)
            self._renewed = time.monotonic()

    def _claim(self) -> None:
        tools, now = self._tools, self._tools.clock()
        room = tools.connections + AHEAD - self._in_flight
        if room <= AHEAD // 2:
            return
        with tools.database.write() as connection:
            claimed = deliveries.claim(connection, tools.owner, limit=room, now=now)
        for one in claimed:
            self._in_flight += 1
            self._hand_out(one)

    def _hand_out(self, claimed: ClaimedDelivery) -> None:
        try:
            newsletter, prepared = self._prepare(claimed.issue_id)
        except (ValueError, NotFoundError) as error:
            self._results.put(_unfit(claimed, error))
            return
        self._jobs.put(_Job(claimed=claimed, prepared=prepared, newsletter=newsletter))

    def _prepare(self, issue_id: int) -> tuple[Newsletter, PreparedIssue]:
        if issue_id not in self._prepared:
            with self._tools.database.read() as connection:
                issue = issues.get(connection, issue_id)
            while len(self._prepared) >= PREPARED:
                del self._prepared[next(iter(self._prepared))]
            letterhead = self._tools.letterhead_of(issue.newsletter)
            self._prepared[issue_id] = issue.newsletter, prepare(issue, letterhead)
        return self._prepared[issue_id]

    def _work(self) -> None:
        with self._tools.connect() as send:
            while job := self._jobs.get():
                if self._is_over():
                    result = _Result(claimed=job.claimed, verdict=None, reply="")
                else:
                    result = self._attempt(job, send)
                # at once: before it is settled others would meet the same relay
                self._is_closing |= bool(result.verdict and result.verdict.relay_pause)
                self._results.put(result)

    def _attempt(self, job: _Job, send: Send) -> _Result:
        claimed = job.claimed
        try:
            letter = job.prepared.letter(self._recipient(job))
            envelope = Envelope(sender=self._tools.sender, recipient=claimed.address)
        except ValueError as error:
            return _unfit(claimed, error)
        try:
            reply = str(send(envelope, letter, partial(self._mark, claimed.id)))
            verdict: Verdict | None = Verdict(state=DeliveryState.ACCEPTED)
        except DeliveryError as error:
            verdict = judge(error, attempt=claimed.attempt, is_resend=claimed.is_resend)
            reply = error.because
        except (LeaseLostError, StorageError) as error:
            verdict, reply = None, str(error)
        except Exception as error:  # one letter must not stop the others
            logger.exception("letter failed", extra={"message_id": claimed.message_id})
            verdict, reply = None, str(error)
        return _Result(claimed=claimed, verdict=verdict, reply=reply)

    def _recipient(self, job: _Job) -> Recipient:
        claimed = job.claimed
        return Recipient(
            address=claimed.address,
            message_id=claimed.message_id,
            date=claimed.planned_at,
            unsubscribe_url=self._tools.unsubscribe_url(claimed.subscription_id),
            feedback_id=f"{claimed.issue_id}:{job.newsletter.slug}:tidings",
        )

    def _mark(self, delivery_id: int) -> None:
        with self._tools.database.write() as connection:
            deliveries.mark(connection, self._tools.owner, delivery_id, now=self._tools.clock())

    def _gather(self, *, timeout: float) -> list[_Result]:
        results: list[_Result] = []
        with suppress(Empty):
            results.append(self._results.get(timeout=timeout))
            while True:
                results.append(self._results.get_nowait())
        return results

    def _settle(self, results: Sequence[_Result]) -> None:
        tools, now = self._tools, self._tools.clock()
        self._in_flight -= len(results)
        self._unsettled += [(result, result.verdict) for result in results if result.verdict]
        if not self._unsettled:
            return
        pause, because = self._relay_pause()
        with tools.database.write() as connection:
            settled = [_settled(result, verdict, now=now) for result, verdict in self._unsettled]
            deliveries.settle(connection, tools.owner, settled, now=now)
            if pause:
                relays.pause(connection, tools.relay, until=now + pause, reason=because)
        self._is_closing = self._is_closing or bool(pause)
        for result, verdict in self._unsettled:
            self._count(result, verdict)
        self._unsettled.clear()

    def _relay_pause(self) -> tuple[timedelta, str]:
        for _, verdict in self._unsettled:
            self._faults = self._faults + 1 if verdict.state is DeliveryState.HELD else 0
        longest = max((verdict.relay_pause, result.reply) for result, verdict in self._unsettled)
        if self._faults < MAX_FAULTS:
            return longest
        return max(longest[0], FAULT), self._unsettled[-1][0].reply

    def _count(self, result: _Result, verdict: Verdict) -> None:
        is_accepted = verdict.state is DeliveryState.ACCEPTED
        self._accepted += is_accepted
        self._failed += not is_accepted
        data = {"message_id": result.claimed.message_id, "state": verdict.state}
        level = logging.INFO if is_accepted else logging.WARNING
        event = "letter accepted" if is_accepted else "letter not accepted"
        logger.log(level, event, extra={**data, "reply": result.reply})

    def _wind_up(self, threads: Sequence[Thread]) -> None:
        """Wait for the letters on their way, then give back what is left.

        Where replies could not be saved nothing is: what is marked will be taken for accepted.
        """
        self._is_closing = True
        for _ in threads:
            self._jobs.put(None)
        waited = 0.0
        while self._in_flight > 0 and waited < LAST_WAIT:
            began = time.monotonic()
            self._renew()
            self._settle(self._gather(timeout=0.2))
            waited += (time.monotonic() - began) * self._stop.is_set()
        self._settle([])
        now = self._tools.clock()
        with self._tools.database.write() as connection:
            deliveries.give_back(connection, self._tools.owner, doubtful_until=now + DOUBT, now=now)


def _unfit(claimed: ClaimedDelivery, error: Exception) -> _Result:
    """Return what comes of a letter that is not as letters must be, and so is not sent."""
    state = DeliveryState.UNCERTAIN if claimed.is_resend else DeliveryState.HELD
    verdict = Verdict(state=state, pause=PAUSES[-1], unmarked=not claimed.is_resend)
    return _Result(claimed=claimed, verdict=verdict, reply=str(error))


def _settled(result: _Result, verdict: Verdict, *, now: datetime) -> SettledDelivery:
    return SettledDelivery(
        id=result.claimed.id,
        state=verdict.state,
        next_try_at=now + verdict.pause,
        reply=result.reply,
        unmarked=verdict.unmarked,
    )
