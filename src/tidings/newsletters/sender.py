"""The sender: claim, build, mark, send, settle; each message once, and every doubt on record.

```
claim ─► build bytes ─► mark ─► write ─► reply ─► settle
  │         nothing can have left │ it may have left   │ a batch at a time
  └── safe to repeat ─────────────┘                    └─ a crash before: assumed accepted
```

One thread claims and settles; a few send, each over a connection of its own. Messages to a domain
that is paused, or at its limit, are put back, so they do not hold up the others. Issues and
transactional mail are sent by the same code, each from a queue of its own.
"""

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from queue import Empty, SimpleQueue
from threading import Event, Thread, get_ident
from typing import Generic

from tidings.db.database import Database
from tidings.errors import DatabaseAwayError
from tidings.mail.dkim import Signer
from tidings.mail.settings import DomainLimits
from tidings.mail.transport import Connect, OutgoingMessage, Reply, Send
from tidings.model.newsletters import DeliveryState
from tidings.newsletters.attempt import attempt, build, domain_of, put_back
from tidings.newsletters.domain_limits import DomainLimiter
from tidings.newsletters.lease_owners import is_gone, owner_of_round
from tidings.newsletters.marker_commits import MarkerCommits
from tidings.newsletters.message_queue import AttemptResult, Claimed, Queue
from tidings.newsletters.retries import RESEND_DELAY, Verdict
from tidings.newsletters.store import relay_pauses
from tidings.polling.store.leases import RENEWAL

logger = logging.getLogger(__name__)

# Messages that are claimed beyond those that are being sent: about as many as the relay accepted in
# the last second, within these bounds. Each claim is a commit, synced to the disk, however many it
# brings: at six a claim it costs 0.8 ms a message, at thirty 0.16. But what is claimed is still
# sent to who has unsubscribed meanwhile, and after a crash it may wait out a lease of a minute.
MIN_AHEAD, MAX_AHEAD = 8, 64

# Messages that the threads have before them, beyond two each: so many more may be sent, and be in
# doubt after a crash, while this one waits for the database.
QUEUED = 8

# Replies that are saved in one commit, at most. A crash leaves them in doubt.
SETTLE_BATCH = 16

# Seconds that a reply waits for others to be saved with; and that the next claim waits after one
# that found less than there was room for.
BATCH_DELAY = 0.05

# Seconds that replies are waited for when the service stops: well within the 30 of our systemd
# unit.
SHUTDOWN_TIMEOUT = 8.0

# Seconds between two looks at whether a round that ends has come to its end.
PAUSE = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class SendCounts:
    """How many messages were sent.

    Attributes:
        is_interrupted: The database was away meanwhile: there may be more to send.
    """

    accepted: int
    failed: int
    is_interrupted: bool = False


class Sender(Generic[Claimed]):
    """Sends the messages of a queue through a relay.

    Args:
        open_queue: Makes the queue of one round.
        database: Where queues and pauses are.
        clock: Aware UTC.
        owner: The name of this process, a prefix of the names that hold its leases.
        connect: Opens a connection to the relay.
        signer: Signs every message; None if they go unsigned.
        relay: The name under which the relay's pauses are stored.
        connections: Messages that are sent at the same time.
        limits: By recipient domain.
    """

    def __init__(  # noqa: PLR0913 - an engine shows what it needs
        self,
        open_queue: Callable[[], Queue[Claimed]],
        *,
        database: Database,
        clock: Callable[[], datetime],
        owner: str,
        connect: Connect,
        signer: Signer | None,
        relay: str,
        connections: int,
        limits: Mapping[str, DomainLimits],
    ) -> None:
        self.open_queue = open_queue
        self.database = database
        self.clock = clock
        self.owner = owner
        self.connect = connect
        self.signer = signer
        self.relay = relay
        self.connections = connections
        self.limits = limits

    def send_due(self, *, stop: Event, lasting: timedelta = timedelta.max) -> SendCounts:
        """Send everything that is due; return when nothing is left, after `stop`, or in time.

        Once it has lasted so long, nothing more is claimed. After `stop` it waits a few seconds for outstanding replies; messages that are not
        answered by then are recorded as doubtful.

        Raises:
            StorageError: The database failed. If it is away while there are replies to save, they
                are kept until it is back, and then sending goes on.
        """
        accepted = failed = 0
        until = time.monotonic() + lasting.total_seconds()
        while (delivered := self._send_round(stop, until)).is_interrupted and not stop.is_set():
            accepted, failed = accepted + delivered.accepted, failed + delivered.failed
        return SendCounts(accepted=accepted + delivered.accepted, failed=failed + delivered.failed)

    def send_unrecorded(self, message: OutgoingMessage) -> Reply:
        """Send a message that is in no queue, without any record of it.

        Raises:
            DeliveryError: It was not accepted.
        """
        with self.connect() as send:
            return send(self._signed(message), lambda: None)

    def built(
        self, queue: Queue[Claimed], claimed: Claimed
    ) -> OutgoingMessage | AttemptResult[Claimed]:
        """Build a message and sign it; return the result of its attempt if that fails."""
        message = build(queue, claimed)
        return self._signed(message) if isinstance(message, OutgoingMessage) else message

    def _signed(self, message: OutgoingMessage) -> OutgoingMessage:
        if self.signer is None:
            return message
        return replace(message, content=self.signer.signed(message.content))

    def find_pause(self) -> tuple[datetime, str] | None:
        """Return until when the relay is paused, and why; None if it is not."""
        with self.database.read() as connection:
            return relay_pauses.find_relay_pause(connection, self.relay, now=self.clock())

    def _send_round(self, stop: Event, until: float) -> SendCounts:
        queue, now = self.open_queue(), self.clock()
        # A read first: most rounds find nothing, and shall not take SQLite's only write lock.
        with self.database.read() as connection:
            if not queue.is_any_due(connection, now=now):
                return SendCounts(accepted=0, failed=0)
            owners = queue.outbox.owners(connection)
        with self.database.write() as connection:
            queue.outbox.recover(connection, gone=[owner for owner in owners if is_gone(owner)])
            queue.withdraw(connection, now=now)
            pause = relay_pauses.find_relay_pause(connection, self.relay, now=now)
            queue.pauses.refresh(connection, now=now)
        if pause:
            logger.warning("relay paused", extra={"relay": self.relay, "because": pause[1]})
            return SendCounts(accepted=0, failed=0)
        return _Round(self, queue, stop=stop, until=until).run()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Built(Generic[Claimed]):
    """A message that is ready to be sent."""

    claimed: Claimed
    message: OutgoingMessage


class _Round(Generic[Claimed]):
    """One round of sending; only `_work` and what it calls run on the threads that send."""

    def __init__(
        self, sender: Sender[Claimed], queue: Queue[Claimed], *, stop: Event, until: float
    ) -> None:
        self._sender, self._queue, self._stop, self._until = sender, queue, stop, until
        # A name of its own: `give_back` at the end must not take what another round still holds.
        self._owner = owner_of_round(sender.owner)
        self._markers = MarkerCommits(self._commit_markers)
        self._limited: DomainLimiter[Claimed] = DomainLimiter(sender.limits)
        self._claimed: deque[Claimed] = deque()
        self._jobs: SimpleQueue[Claimed | None] = SimpleQueue()
        self._results: SimpleQueue[AttemptResult[Claimed]] = SimpleQueue()
        self._idle: set[int] = set()  # threads that have nothing to send
        self._replies: deque[AttemptResult[Claimed]] = deque()
        self._unsettled: list[tuple[AttemptResult[Claimed], Verdict]] = []
        self._in_flight = 0
        self._is_more = self._is_closing = self._is_interrupted = False
        self._relay_pause: tuple[datetime, str] | None = None
        self._renewed = self._claimed_at = time.monotonic()
        self._ahead, self._accepted_since_claim = MIN_AHEAD, 0
        self._no_claim_before, self._settle_at = 0.0, math.inf
        self._accepted = self._failed = 0

    def run(self) -> SendCounts:
        # Daemons: a relay that never replies must not keep the process from ending.
        threads = [
            Thread(target=self._work, name=f"deliver-{number}", daemon=True)
            for number in range(self._sender.connections)
        ]
        for thread in threads:
            thread.start()
        try:
            while not self._is_over():
                self._renew()
                self._claim()
                self._release()
                if not (self._in_flight or self._limited.waiting or self._unsettled):
                    break
                self._settle(self._gather(timeout=self._poll_timeout()))
        except DatabaseAwayError as error:
            logger.warning("messages wait for the database", extra={"because": str(error)})
            self._is_interrupted = True
        finally:
            self._shut_down(threads)
        return SendCounts(
            accepted=self._accepted, failed=self._failed, is_interrupted=self._is_interrupted
        )

    def _is_over(self) -> bool:
        return self._stop.is_set() or self._is_closing

    def _renew(self) -> None:
        # Monotonic: a clock that is set back must not let the leases run out.
        if time.monotonic() - self._renewed > RENEWAL.total_seconds():
            with self._sender.database.write() as connection:
                self._queue.outbox.renew(connection, self._owner)
                self._queue.pauses.refresh(connection, now=self._sender.clock())
            self._renewed = time.monotonic()

    def _claim(self) -> None:
        held = self._in_flight + len(self._claimed)
        room = self._sender.connections + self._ahead - held
        is_idle = not (self._in_flight or self._unsettled)
        now = time.monotonic()
        may_claim = now < self._until and (is_idle or now >= self._no_claim_before)
        self._is_more = may_claim and room > self._ahead // 2
        if self._is_more:
            self._measure()
            claimed = self._queue.claim(self._owner, limit=room, now=self._sender.clock())
            self._claimed.extend(claimed)
            self._is_more = len(claimed) == room
            if not self._is_more:
                self._no_claim_before = time.monotonic() + BATCH_DELAY

    def _measure(self) -> None:
        """Set how many messages the next claims bring, by how many were accepted since the last."""
        # Accepted, not answered: a relay that refuses everybody should be known after a few.
        now = time.monotonic()
        seconds = now - self._claimed_at
        self._ahead = min(max(MIN_AHEAD, int(self._accepted_since_claim / seconds)), MAX_AHEAD)
        self._claimed_at, self._accepted_since_claim = now, 0

    def _dispatch(self, claimed: Claimed, *, now: datetime) -> None:
        """Send a message, or put it back if its domain is paused or has no room."""
        wait: timedelta | None = self._queue.pauses.pause_of(claimed, now=now)
        if not wait:
            if domain_of(claimed) not in self._limited:
                self._send(claimed)
                return
            wait = self._limited.add(claimed)
        if wait:
            self._keep(put_back(claimed, wait))

    def _release(self) -> None:
        now = self._sender.clock()
        while self._claimed and self._in_flight < 2 * self._sender.connections + QUEUED:
            self._dispatch(self._claimed.popleft(), now=now)
        for claimed in self._limited.ready():
            self._send(claimed)

    def _send(self, claimed: Claimed) -> None:
        self._in_flight += 1
        self._jobs.put(claimed)

    def _poll_timeout(self) -> float:
        """Return the seconds to wait for replies before the next claim or release."""
        if self._is_more or self._is_settlement_due():
            return 0.0
        until_settlement = max(0.0, self._settle_at - time.monotonic())
        return min(1.0, until_settlement, self._limited.until_next())

    def _work(self) -> None:
        with self._sender.connect() as send:
            built = self._next()
            while built:
                following = self._following()
                self._note(self._result(built, send, following))
                built = following or self._next()

    def _next(self) -> _Built[Claimed] | None:
        """Wait for what is to be sent next, and build it; None after the last."""
        built = None
        while built is None:
            self._idle.add(get_ident())
            claimed = self._jobs.get()
            self._idle.discard(get_ident())
            if claimed is None:
                break
            built = self._built(claimed)
        return built

    def _following(self) -> _Built[Claimed] | None:
        """Build what comes next, if there is something that no other thread is waiting for."""
        if self._jobs.qsize() <= len(self._idle):
            return None
        with suppress(Empty):
            if claimed := self._jobs.get_nowait():
                return self._built(claimed)
            self._jobs.put(None)  # found again after what is being sent
        return None

    def _built(self, claimed: Claimed) -> _Built[Claimed] | None:
        message = self._sender.built(self._queue, claimed)
        if isinstance(message, OutgoingMessage):
            return _Built(claimed=claimed, message=message)
        self._note(message)
        return None

    def _result(
        self, built: _Built[Claimed], send: Send, following: _Built[Claimed] | None
    ) -> AttemptResult[Claimed]:
        claimed = built.claimed
        if self._is_over():
            return AttemptResult(claimed=claimed, verdict=None, reply="")  # `give_back` releases it
        # Once more: the domain may have been paused since the message was dispatched.
        if wait := self._queue.pauses.pause_of(claimed, now=self._sender.clock()):
            return put_back(claimed, wait)
        mark = partial(self._markers.mark, claimed.id)
        after = following.message if following else None
        return attempt(claimed, partial(send, built.message, mark, following=after))

    def _note(self, result: AttemptResult[Claimed]) -> None:
        # Here and not when it is settled: the other threads would meet the same refusal.
        self._is_closing |= bool(result.verdict and result.verdict.relay_pause)
        self._results.put(result)

    def _commit_markers(self, messages: Sequence[int]) -> set[int]:
        with self._sender.database.write() as connection:
            now = self._sender.clock()
            return self._queue.outbox.mark(connection, self._owner, messages, now=now)

    def _gather(self, *, timeout: float) -> list[AttemptResult[Claimed]]:
        results: list[AttemptResult[Claimed]] = []
        with suppress(Empty):
            results.append(self._results.get(timeout=timeout))
            while True:
                results.append(self._results.get_nowait())
        return results

    def _settle(self, results: Sequence[AttemptResult[Claimed]], *, at_once: bool = False) -> None:
        """Take results in, and save them if `at_once` or if it is time for it."""
        self._replies.extend(results)
        while self._replies:
            # Removed only afterwards: `_keep` may read the database, and fail if that is away.
            self._keep(result := self._replies[0])
            self._replies.popleft()
            self._in_flight -= 1
            self._limited.done(domain_of(result.claimed))
        if self._unsettled and (at_once or self._is_settlement_due()):
            self._save()

    def _is_settlement_due(self) -> bool:
        if not self._unsettled:
            return False
        is_full = len(self._unsettled) >= SETTLE_BATCH
        return is_full or not self._in_flight or time.monotonic() >= self._settle_at

    def _save(self) -> None:
        now, pauses = self._sender.clock(), self._queue.pauses
        with self._sender.database.write() as connection:
            settled = [result.settled(verdict, now=now) for result, verdict in self._unsettled]
            self._queue.outbox.settle(connection, self._owner, settled, now=now)
            pauses.save(connection, now=now)
            if self._relay_pause:
                until, because = self._relay_pause
                relay_pauses.pause_relay(
                    connection, self._sender.relay, until=until, reason=because
                )
        for result, verdict in self._unsettled:
            self._count(result, verdict)
        self._unsettled.clear()
        self._settle_at = math.inf
        pauses.saved()

    def _keep(self, result: AttemptResult[Claimed]) -> None:
        """Keep a result to be settled, and pause the relay if it says so."""
        verdict = result.verdict
        if verdict is None:
            return
        if not result.untried:
            verdict = self._queue.pauses.adjust(result, verdict)
            if verdict.relay_pause:
                self._is_closing = True
                pause = self._sender.clock() + verdict.relay_pause, result.reply
                self._relay_pause = max(self._relay_pause or pause, pause)
        is_accepted = verdict.state is DeliveryState.ACCEPTED
        self._accepted_since_claim += is_accepted
        # A refusal at once: it may pause or hold what would be claimed next.
        wait = BATCH_DELAY if is_accepted else 0.0
        self._settle_at = min(self._settle_at, time.monotonic() + wait)
        self._unsettled.append((result, verdict))

    def _count(self, result: AttemptResult[Claimed], verdict: Verdict) -> None:
        if result.untried:
            return
        is_accepted = verdict.state is DeliveryState.ACCEPTED
        self._accepted += is_accepted
        self._failed += not is_accepted
        claimed = result.claimed
        data = {"kind": claimed.kind, "message_id": claimed.message_id, "state": verdict.state}
        level = logging.INFO if is_accepted else logging.WARNING
        event = "message accepted" if is_accepted else "message not accepted"
        logger.log(level, event, extra={**data, "reply": result.reply})

    def _shut_down(self, threads: Sequence[Thread]) -> None:
        """Wait for outstanding replies, settle them, then release the leases that are left.

        While the database is away replies are kept and tried again: else an accepted message would
        end as `assumed_accepted`. That is what remains only after `stop`, or a crash.
        """
        self._is_closing = True
        for _ in threads:
            self._jobs.put(None)
        give_up_at = math.inf
        is_late = False
        while not self._has_shut_down(is_late=is_late):
            if is_late:
                logger.warning(
                    "replies not saved",
                    extra={"replies": len(self._replies) + len(self._unsettled)},
                )
                return
            is_late = time.monotonic() > give_up_at
            if self._stop.is_set():
                give_up_at = min(give_up_at, time.monotonic() + SHUTDOWN_TIMEOUT)

    def _has_shut_down(self, *, is_late: bool) -> bool:
        """Settle what has arrived; once nothing is outstanding, or it is late, release the rest."""
        try:
            self._renew()
            results = self._gather(timeout=PAUSE if self._in_flight else 0.0)
            self._settle(results, at_once=True)
            if self._in_flight and not is_late:
                return False
            now = self._sender.clock()
            with self._sender.database.write() as connection:
                self._queue.outbox.give_back(
                    connection, self._owner, doubtful_until=now + RESEND_DELAY, now=now
                )
                # After `give_back`: what it released of a held issue has to be held as well.
                self._queue.pauses.save(connection, now=now)
        except DatabaseAwayError:
            time.sleep(PAUSE)  # one that refuses at once would be asked without a break
            return False
        return True
