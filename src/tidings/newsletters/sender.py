"""The sender: claim, build, mark, send, settle; each message once, and every doubt on record.

```
claim ─► build bytes ─► mark ─► write ─► reply ─► settle
  │         nothing can have left │ it may have left   │ a batch at a time
  └── safe to repeat ─────────────┘                    └─ a crash before: assumed accepted
```

One thread claims and settles; a few send, each over a connection of its own. Messages to a domain
that refuses us, or that has all it takes, go back where they were and hold up nobody. Issues and
transactional mail are sent alike, each from a queue of its own.
"""

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Generic

from tidings.db.database import Database
from tidings.errors import DatabaseAwayError
from tidings.mail.settings import DomainLimits
from tidings.mail.transport import Connect, Reply, Send
from tidings.model.newsletters import DeliveryState
from tidings.newsletters.domain_limits import DomainLimiter
from tidings.newsletters.message_queue import AttemptResult, Claimed, OutgoingMessage, Queue
from tidings.newsletters.retries import DOUBT, Verdict
from tidings.newsletters.send_one import attempt, domain_of, put_back
from tidings.newsletters.store import relay_pauses
from tidings.polling.store.leases import RENEWAL, name_of_round

logger = logging.getLogger(__name__)

# Messages that are claimed beyond those that are being sent.
AHEAD = 8

# Seconds that messages on their way have to be answered when the service stops.
LAST_WAIT = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What a round came to, in messages.

    Attributes:
        is_interrupted: The database was away meanwhile: there may be more to send.
    """

    accepted: int
    failed: int
    is_interrupted: bool = False


class Sender(Generic[Claimed]):
    """Sends the messages of a queue through a relay.

    Args:
        open_queue: Gives the queue, as one round meets it.
        owner: This process's name, which those of its rounds begin with.
        connect: The way to the relay.
        relay: The name under which the relay's pauses are kept.
        connections: Messages that are sent at the same time.
        limits: What less holds for a recipient's domain.
    """

    def __init__(  # noqa: PLR0913 - an engine shows what it needs
        self,
        open_queue: Callable[[], Queue[Claimed]],
        *,
        database: Database,
        clock: Callable[[], datetime],
        owner: str,
        connect: Connect,
        relay: str,
        connections: int,
        limits: Mapping[str, DomainLimits],
    ) -> None:
        self.open_queue = open_queue
        self.database = database
        self.clock = clock
        self.owner = owner
        self.connect = connect
        self.relay = relay
        self.connections = connections
        self.limits = limits

    def send_due(self, *, stop: Event) -> Delivered:
        """Send everything whose time has come; return when nothing is left, or when told to stop.

        When told to stop it waits a few seconds for the messages on their way; what is not
        answered by then is on record as doubtful.

        Raises:
            StorageError: The database failed. One that is away is waited for while there are
                replies that it is to be told, and then the round goes on.
        """
        accepted = failed = 0
        while (delivered := self._send_round(stop)).is_interrupted and not stop.is_set():
            accepted, failed = accepted + delivered.accepted, failed + delivered.failed
        return Delivered(accepted=accepted + delivered.accepted, failed=failed + delivered.failed)

    def send_unrecorded(self, message: OutgoingMessage) -> Reply:
        """Send a message that is in no queue, the way all go, and record nothing.

        Raises:
            DeliveryError: It was not accepted.
        """
        with self.connect() as send:
            return send(message.envelope, message.content, lambda: None)

    def find_pause(self) -> tuple[datetime, str] | None:
        """Return until when the relay is left alone, and why; None if it is not."""
        with self.database.read() as connection:
            return relay_pauses.find_relay_pause(connection, self.relay, now=self.clock())

    def _send_round(self, stop: Event) -> Delivered:
        queue, now = self.open_queue(), self.clock()
        # A read first: most rounds find nothing, and shall not take SQLite's only write lock.
        with self.database.read() as connection:
            is_any = queue.is_any_due(connection, now=now)
        if not is_any:
            return Delivered(accepted=0, failed=0)
        with self.database.write() as connection:
            queue.outbox.recover(connection)
            queue.withdraw(connection, now=now)
            pause = relay_pauses.find_relay_pause(connection, self.relay, now=now)
            queue.pauses.refresh(connection, now=now)
        if pause:
            logger.warning("relay paused", extra={"relay": self.relay, "because": pause[1]})
            return Delivered(accepted=0, failed=0)
        return _Round(self, queue, stop=stop).run()


class _Round(Generic[Claimed]):
    """One run; only `_work` and what it calls run on the threads that send."""

    def __init__(self, sender: Sender[Claimed], queue: Queue[Claimed], *, stop: Event) -> None:
        self._sender, self._queue, self._stop = sender, queue, stop
        # Of its own: what another round of this process holds is not given back by this one.
        self._owner = name_of_round(sender.owner)
        self._limited: DomainLimiter[Claimed] = DomainLimiter(sender.limits)
        self._jobs: SimpleQueue[Claimed | None] = SimpleQueue()
        self._results: SimpleQueue[AttemptResult[Claimed]] = SimpleQueue()
        self._replies: deque[AttemptResult[Claimed]] = deque()
        self._unsettled: list[tuple[AttemptResult[Claimed], Verdict]] = []
        self._in_flight = 0
        self._is_more = self._is_closing = self._is_interrupted = False
        self._relay_pause: tuple[datetime, str] | None = None
        self._renewed = time.monotonic()
        self._accepted = self._failed = 0

    def run(self) -> Delivered:
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
                self._settle(self._gather(timeout=self._patience()))
        except DatabaseAwayError as error:
            logger.warning("messages wait for the database", extra={"because": str(error)})
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
            with self._sender.database.write() as connection:
                self._queue.outbox.renew(connection, self._owner)
                self._queue.pauses.refresh(connection, now=self._sender.clock())
            self._renewed = time.monotonic()

    def _claim(self) -> None:
        now = self._sender.clock()
        room = self._sender.connections + AHEAD - self._in_flight
        # Not one by one: a claim is a commit, synced to the disk, whatever it brings.
        self._is_more = room > AHEAD // 2
        if self._is_more:
            claimed = self._queue.claim(self._owner, limit=room, now=now)
            self._is_more = len(claimed) == room
            for one in claimed:
                self._hand_out(one, now=now)

    def _hand_out(self, claimed: Claimed, *, now: datetime) -> None:
        """Let a message go its way, or put it back if it has to wait for longer than a moment."""
        wait: timedelta | None = self._queue.pauses.pause_of(claimed, now=now)
        if not wait:
            if domain_of(claimed) not in self._limited:
                self._send(claimed)
                return
            wait = self._limited.add(claimed)
        if wait:
            self._keep(put_back(claimed, wait))

    def _release(self) -> None:
        for claimed in self._limited.ready():
            self._send(claimed)

    def _send(self, claimed: Claimed) -> None:
        self._in_flight += 1
        self._jobs.put(claimed)

    def _patience(self) -> float:
        """Return the seconds for which there is nothing to do but to wait for replies."""
        if self._is_more or self._unsettled:
            return 0.0
        return min(1.0, self._limited.until_next())

    def _work(self) -> None:
        with self._sender.connect() as send:
            while claimed := self._jobs.get():
                result = self._result(claimed, send)
                # at once: before it is settled others would meet the same relay
                self._is_closing |= bool(result.verdict and result.verdict.relay_pause)
                self._results.put(result)

    def _result(self, claimed: Claimed, send: Send) -> AttemptResult[Claimed]:
        if self._is_over():
            return AttemptResult(claimed=claimed, verdict=None, reply="")
        if wait := self._queue.pauses.pause_of(claimed, now=self._sender.clock()):
            return put_back(claimed, wait)
        return attempt(self._queue, claimed, send=send, mark=partial(self._mark, claimed.id))

    def _mark(self, message: int) -> None:
        with self._sender.database.write() as connection:
            self._queue.outbox.mark(connection, self._owner, message, now=self._sender.clock())

    def _gather(self, *, timeout: float) -> list[AttemptResult[Claimed]]:
        results: list[AttemptResult[Claimed]] = []
        with suppress(Empty):
            results.append(self._results.get(timeout=timeout))
            while True:
                results.append(self._results.get_nowait())
        return results

    def _settle(self, results: Sequence[AttemptResult[Claimed]]) -> None:
        self._replies.extend(results)
        while self._replies:
            # Off the list only when it is kept: to weigh a refusal the database is asked, too.
            self._keep(result := self._replies[0])
            self._replies.popleft()
            self._in_flight -= 1
            self._limited.done(domain_of(result.claimed))
        if not self._unsettled:
            return
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
        pauses.saved()

    def _keep(self, result: AttemptResult[Claimed]) -> None:
        """Keep what is to be settled, and see what it says of the relay."""
        verdict = result.verdict
        if verdict is None:
            return
        if not result.untried:
            verdict = self._queue.pauses.weigh(result, verdict)
            if verdict.relay_pause:
                self._is_closing = True
                pause = self._sender.clock() + verdict.relay_pause, result.reply
                self._relay_pause = max(self._relay_pause or pause, pause)
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

    def _wind_up(self, threads: Sequence[Thread]) -> None:
        """Wait for the messages on their way, settle them, then give back what is left.

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
            now = self._sender.clock()
            with self._sender.database.write() as connection:
                self._queue.outbox.give_back(
                    connection, self._owner, doubtful_until=now + DOUBT, now=now
                )
                # Once more: what was given back of an issue that is held waits with it.
                self._queue.pauses.save(connection, now=now)
        except DatabaseAwayError:
            return False
        return True
