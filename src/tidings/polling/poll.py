"""Polling: claim hosts, fetch, parse, compare, save, until nothing is left to do.

```
claim ─► fetch ─► (same body? ─► settled) ─► parse ─► compare ─► save
  │      loop's thread                       child    this thread, a batch at a time
  └── hosts are leased; what is not saved is due again as soon as the lease ends
```

One thread decides and writes; sockets and children report to its inbox.

Answers after which a whole host is left alone.
"""

import logging
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from queue import Empty, SimpleQueue
from threading import Event

from tidings.db.database import BREATH, Database
from tidings.errors import (
    DatabaseAwayError,
    FetchError,
    LeaseLostError,
    StatusError,
    StorageError,
    TidingsError,
)
from tidings.fetching.outcomes import Fetched, Outcome, Request, Validators
from tidings.model.sources import DueSource
from tidings.model.status import PollOutcome, PollResult, PollSummary, summarise
from tidings.model.urls import host_of
from tidings.polling.host_leases import Claims, HostRules
from tidings.polling.outcome import (
    Rules,
    is_doubtful,
    is_same,
    result_of,
    settle_failure,
    settle_read,
    settle_unchanged,
)
from tidings.polling.parse_queue import Parse, Parsed, Readings
from tidings.polling.polled_source import PolledSource
from tidings.polling.push import take_pushes
from tidings.polling.schedule import PollPolicy
from tidings.polling.store import leases, polls

logger = logging.getLogger(__name__)

# Polls that are saved in one transaction, at most.
BATCH = 64

# Seconds that a settled poll waits for others to be saved with.
LINGER = 0.5

# Bytes of documents waiting to be read at which no further host is claimed.
BACKLOG = 32_000_000

Fetch = Callable[[Sequence[Request], Callable[[Request, Outcome], None]], None]

FORBIDDEN_PAUSE = timedelta(hours=4)


class Poller:
    """Polls sources; several may do so at a time, in this process and in others.

    Args:
        database: Where sources, entries and leases are.
        fetch: Fetches requests of one host in turn, and reports from any thread.
        parse: Reads a document in a child, given the raw hashes known by key.
        clock: Tells the time.
        owner: This process's name, which those of its rounds on leases begin with.
        rules: By which answers are judged.
        hosts: How many hosts are polled at a time, and their pauses.
        repaginate: Cuts some pages of what was saved; says whether more is left to be cut.
    """

    def __init__(  # noqa: PLR0913 - an engine takes what it needs
        self,
        database: Database,
        *,
        fetch: Fetch,
        parse: Parse,
        clock: Callable[[], datetime],
        owner: str,
        rules: Rules,
        hosts: HostRules,
        repaginate: Callable[[], bool],
    ) -> None:
        self.database = database
        self.fetch = fetch
        self.parse = parse
        self.clock = clock
        self.owner = owner
        self.rules = rules
        self.hosts = hosts
        self.repaginate = repaginate

    def poll_due(self, *, report: Callable[[PollResult], None], stop: Event) -> PollSummary:
        """Poll every source whose time has come, also those whose time comes meanwhile."""
        return _Round(self, report=report, stop=stop).run()

    def poll_sources(
        self,
        source_ids: Collection[int],
        *,
        report: Callable[[PollResult], None],
        stop: Event,
    ) -> PollSummary:
        """Poll these sources, due or not.

        A source whose host is held by another process, or cools down, is skipped after half a
        minute, or at once where that will not be enough; the result says who holds it.
        """
        return _Round(self, report=report, stop=stop, only=set(source_ids)).run()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What the web said."""

    source_id: int
    outcome: Outcome


_Settled = list[tuple[DueSource, PolledSource]]


class _Round:
    """One run of the pipeline. Only `_answered` is called from other threads."""

    def __init__(
        self,
        poller: Poller,
        *,
        report: Callable[[PollResult], None],
        stop: Event,
        only: set[int] | None = None,
    ) -> None:
        self._poller = poller
        self._owner = leases.name_of_round(poller.owner)
        self._report = report
        self._stop = stop
        self._claims = Claims(
            poller.database, self._owner, rules=poller.hosts, clock=poller.clock, only=only
        )
        self._inbox: SimpleQueue[_Answer | Parsed] = SimpleQueue()
        self._readings = Readings(poller.database, poller.parse, done=self._inbox.put)
        self._in_flight: dict[int, DueSource] = {}
        self._answers: dict[int, _Answer] = {}
        self._results: list[PollResult] = []

    def run(self) -> PollSummary:
        patience = self._poller.hosts.patience.total_seconds()
        give_up_at = time.monotonic() + patience
        self._keep_pages()
        try:
            while not self._stop.is_set():
                self._claim()
                if self._in_flight:
                    self._save(self._gather())
                    give_up_at = time.monotonic() + patience
                elif not self._claims.has_more:
                    break
                else:
                    self._skip(after=give_up_at - time.monotonic())
                    self._stop.wait(0.2)
        finally:
            self._claims.give_back()
        return summarise(self._results)

    def _claim(self) -> None:
        self._claims.keep()
        for claimed in self._claims.take() if self._readings.backlog < BACKLOG else ():
            self._in_flight |= {due.id: due for due in claimed}
            self._ask(claimed)

    def _ask(self, claimed: Sequence[DueSource]) -> None:
        """Have the documents fetched that no hub has sent."""
        pushed = take_pushes(self._poller.database, claimed, now=self._poller.clock())
        for source_id, document in pushed.items():
            self._inbox.put(_Answer(source_id=source_id, outcome=document))
        requests = [_request(due) for due in claimed if due.id not in pushed]
        if requests:
            self._poller.fetch(requests, self._answered)

    def _answered(self, request: Request, outcome: Outcome) -> None:
        self._inbox.put(_Answer(source_id=request.source_id, outcome=outcome))

    def _gather(self) -> _Settled:
        """Wait for something to save, and a moment more for what can be saved with it.

        Half of what is in flight will do: the other half is fetched while we write.
        """
        settled: _Settled = []
        until = time.monotonic() + 1
        while len(settled) < min(BATCH, -(-len(self._in_flight) // 2)):
            reports = self._take(until)
            if not reports:
                break
            settled += self._settle(reports)
            if settled:
                until = min(until, time.monotonic() + LINGER)
        return settled

    def _take(self, until: float) -> list[_Answer | Parsed]:
        reports: list[_Answer | Parsed] = []
        with suppress(Empty):
            reports.append(self._inbox.get(timeout=max(until - time.monotonic(), 0)))
            while len(reports) < BATCH:
                reports.append(self._inbox.get_nowait())
        return reports

    def _settle(self, reports: Sequence[_Answer | Parsed]) -> _Settled:
        settled: _Settled = []
        unread: list[tuple[DueSource, Fetched]] = []
        self._readings.look_closer([one for one in reports if isinstance(one, Parsed)])
        for report in reports:
            due = self._in_flight[report.source_id]
            if isinstance(report, _Answer):
                self._answers[report.source_id] = report
            if isinstance(report, Parsed):
                settled.append((due, self._settle_reading(due, report)))
            elif isinstance(report.outcome, Fetched) and not is_same(due, report.outcome):
                unread.append((due, report.outcome))
            else:
                settled.append((due, self._settle_answer(due, report.outcome)))
        if unread:
            self._readings.begin(unread)
        return settled

    def _settle_answer(self, due: DueSource, outcome: Outcome) -> PolledSource:
        now, rules = self._poller.clock(), self._poller.rules
        if not isinstance(outcome, FetchError):
            return settle_unchanged(due, outcome, now=now, rules=rules)
        if pause := host_pause(due, outcome, rules.policy):
            self._claims.cool_down(due.host, pause)
        return settle_failure(due, outcome, now=now, rules=rules)

    def _settle_reading(self, due: DueSource, parsed: Parsed) -> PolledSource:
        now, rules = self._poller.clock(), self._poller.rules
        try:
            reading = self._readings.end(parsed)
        except TidingsError as error:
            return settle_failure(due, error, now=now, rules=rules)
        return settle_read(due, reading, now=now, rules=rules)

    def _save(self, settled: _Settled) -> None:
        if not settled:
            return
        try:
            self._write([polled for _, polled in settled])
            results: list[PollResult | None] = [result_of(*pair) for pair in settled]
        except DatabaseAwayError:
            raise  # told to stop meanwhile
        except (StorageError, LeaseLostError):
            results = [self._save_alone(due, polled) for due, polled in settled]
        for (due, _), result in zip(settled, results, strict=True):
            if result is None:
                continue
            del self._in_flight[due.id], self._answers[due.id]
            self._claims.finish(due)
            self._tell(result)
        self._keep_pages()

    def _save_alone(self, due: DueSource, polled: PolledSource) -> PollResult | None:
        """Save what could not be saved with others; if that fails, save why.

        Return None where it is to be compared once more with what is stored.
        """
        try:
            self._write([polled])
        except LeaseLostError as error:
            return None if self._begin_anew(due) else _skipped(due, str(error))
        except StorageError as error:
            polled = settle_failure(due, error, now=self._poller.clock(), rules=self._poller.rules)
            self._write([polled])
        return result_of(due, polled)

    def _begin_anew(self, due: DueSource) -> bool:
        """Take an answer once more if its source was saved meanwhile, for a hub sent something."""
        with self._poller.database.read() as connection:
            found = leases.due(connection, [due.id])
        if not found or found[0].last_polled_at == due.last_polled_at:
            return False
        self._in_flight[due.id] = replace(found[0], host=due.host)
        self._inbox.put(self._answers[due.id])
        return True

    def _write(self, polled: Sequence[PolledSource]) -> None:
        """Save; while the database is away, keep what was fetched and try again."""
        while True:
            try:
                with self._poller.database.write() as connection:
                    polls.save(connection, self._owner, polled)
            except DatabaseAwayError:
                if self._stop.wait(1):
                    raise
            else:
                return

    def _keep_pages(self) -> None:
        """Cut pages of what has been saved; what fails here is done with the next batch."""
        try:
            while self._poller.repaginate():
                if self._stop.wait(BREATH):
                    break
        except StorageError as error:
            logger.warning("pages not cut", extra={"because": str(error)})

    def _skip(self, *, after: float) -> None:
        for due, because in self._claims.give_up(after=timedelta(seconds=max(after, 0))):
            self._tell(_skipped(due, because))

    def _tell(self, result: PollResult) -> None:
        self._results.append(result)
        data = {"source": result.url, "outcome": result.outcome}
        if result.error:
            logger.warning("source not polled", extra={**data, "error": result.error})
        else:
            counts = {"new": result.new, "updated": result.updated}
            logger.info("source polled", extra={**data, **counts})
        self._report(result)


def _request(due: DueSource) -> Request:
    validators = None
    if due.validators_url and (due.etag or due.last_modified) and not is_doubtful(due):
        validators = Validators(
            url=due.validators_url, etag=due.etag, last_modified=due.last_modified
        )
    return Request(source_id=due.id, url=due.url, validators=validators, access=due.access)


def _skipped(due: DueSource, because: str) -> PollResult:
    return PollResult(
        source_id=due.id, url=due.shown(due.url), outcome=PollOutcome.SKIPPED, error=because
    )


def host_pause(due: DueSource, error: FetchError, policy: PollPolicy) -> timedelta | None:
    """Return for how long a whole host is left alone after an answer; None if it need not be.

    That is after "too many requests", and after the first "forbidden" from a server that
    answered before: it has had enough of us.
    """
    if not isinstance(error, StatusError) or host_of(error.url) != due.host:
        return None
    if error.status == HTTPStatus.TOO_MANY_REQUESTS:
        return min(error.retry_after or policy.interval, policy.max_pause)
    if error.status == HTTPStatus.FORBIDDEN and due.last_ok_at and not due.failures:
        return min(max(error.retry_after or FORBIDDEN_PAUSE, FORBIDDEN_PAUSE), policy.max_pause)
    return None
