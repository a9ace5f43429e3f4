"""The polling pipeline: claim hosts, fetch, parse, compare, save, until nothing is due.

```
claim ─► fetch ─► (same body? ─► settled) ─► parse ─► compare ─► (full texts?) ─► save
  │      event loop's thread                 child    this thread, a batch at a time
  └── hosts are leased; what is not saved is due again as soon as the lease ends
```

One thread decides and writes; sockets and child processes report to its inbox.
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

from tidings.db.database import WRITE_PAUSE, Database
from tidings.errors import (
    DatabaseAwayError,
    FetchError,
    LeaseLostError,
    StatusError,
    StorageError,
    TidingsError,
)
from tidings.fetching.outcomes import Fetch, Fetched, NotModified, Outcome, Request, Validators
from tidings.model.feed import Newest
from tidings.model.mail_lists import is_by_mail
from tidings.model.service_status import PollOutcome, PollResult, PollSummary, summarise
from tidings.model.sources import DueSource
from tidings.model.urls import host_of
from tidings.polling.backfill import Backfiller
from tidings.polling.full_text import CompletedPoll, TextCompleter
from tidings.polling.host_leases import HostLeases, HostRules
from tidings.polling.outcome import (
    Rules,
    is_doubtful,
    is_same,
    result_of,
    settle_failure,
    settle_read,
    settle_unchanged,
)
from tidings.polling.parse_queue import Parse, Parsed, ParseQueue
from tidings.polling.polled_source import PolledSource
from tidings.polling.push import take_pushes
from tidings.polling.schedule import PollPolicy
from tidings.polling.store import leases, polls

logger = logging.getLogger(__name__)

# Polls saved in one transaction, at most: the single writer of SQLite is held for a moment only.
BATCH = 64

# Seconds that a decided poll waits for others to be saved with.
LINGER = 0.5

# Bytes of documents waiting for a parser at which no further host is claimed.
MAX_BACKLOG = 32_000_000

# Seconds between two times that pages are cut in a long round. Until then what is new stands on the
# front, which is right, only longer.
REPAGINATION = 10.0

# How long a host is left alone after its first 403, at least.
FORBIDDEN_PAUSE = timedelta(hours=4)


class Poller:
    """Polls sources; several may do so at a time, in this process and in others.

    Args:
        database: Where sources, entries and leases are.
        fetch: Fetches requests of one host in turn; calls back from any thread.
        parse: Parses a document in a child process, given the known raw hashes by key.
        clock: Returns the current time, in UTC.
        owner: This process's name; the lease owner of each round begins with it.
        rules: How outcomes are judged.
        hosts: How many hosts are polled at a time, and the pauses between requests.
        repaginate: Moves the page boundaries past some of what was saved; returns whether
            more is left to do.
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

    def poll_due(
        self,
        *,
        report: Callable[[PollResult], None],
        stop: Event,
        lasting: timedelta = timedelta.max,
    ) -> PollSummary:
        """Poll every source that is due, or becomes due meanwhile.

        Args:
            report: Called with each result.
            stop: Ends it; what has been decided is saved.
            lasting: Hosts are claimed no longer than that; those claimed are polled to the end.
        """
        return _Round(self, report=report, stop=stop, lasting=lasting).run()

    def poll_sources(
        self,
        source_ids: Collection[int],
        *,
        report: Callable[[PollResult], None],
        stop: Event,
    ) -> PollSummary:
        """Poll these sources, due or not.

        A source whose host is leased by another process, or cools down, is skipped after half a
        minute, or at once where that will not be enough; the result says who holds the lease.
        """
        return _Round(self, report=report, stop=stop, only=set(source_ids)).run()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Response:
    """The outcome of fetching a source, or of looking for what its hub has pushed."""

    source_id: int
    outcome: Outcome


_Settled = list[tuple[DueSource, PolledSource]]

_Report = _Response | Parsed | CompletedPoll


class _Round:
    """One run of the pipeline. Only `_on_response` is called from other threads."""

    def __init__(
        self,
        poller: Poller,
        *,
        report: Callable[[PollResult], None],
        stop: Event,
        only: set[int] | None = None,
        lasting: timedelta = timedelta.max,
    ) -> None:
        self._poller = poller
        self._claims_until = time.monotonic() + lasting.total_seconds()
        self._owner = leases.name_of_round(poller.owner)
        self._report = report
        self._stop = stop
        self._leases = HostLeases(
            poller.database, self._owner, rules=poller.hosts, clock=poller.clock, only=only
        )
        self._inbox: SimpleQueue[_Report] = SimpleQueue()
        self._parse_queue = ParseQueue(poller.database, poller.parse, done=self._inbox.put)
        self._backfiller = Backfiller(poller.database, parse=poller.parse, rules=poller.rules)
        self._texts = TextCompleter(
            poller.database,
            fetch=poller.fetch,
            parse=poller.parse,
            clock=poller.clock,
            stop=stop,
            done=self._inbox.put,
        )
        self._in_flight: dict[int, DueSource] = {}
        self._responses: dict[int, _Response] = {}
        self._results: list[PollResult] = []
        self._repaginated_at = time.monotonic()

    def run(self) -> PollSummary:
        only = self._leases.named
        patience = self._poller.hosts.patience.total_seconds()
        give_up_at = time.monotonic() + patience
        try:
            while not self._stop.is_set():
                self._claim()
                if self._in_flight:
                    self._save(self._gather())
                    give_up_at = time.monotonic() + patience
                elif self._has_lasted() or not self._leases.has_more:
                    break
                else:
                    self._skip_unavailable(after=give_up_at - time.monotonic())
                    self._stop.wait(0.2)
            self._repaginate()
            if not self._has_lasted():
                self._backfiller.store_all(
                    only=only, stop=self._stop, is_wanted=self._leases.can_claim
                )
                self._repaginate()
        finally:
            self._texts.close()
            self._leases.release_all()
        return summarise(self._results)

    def _claim(self) -> None:
        self._leases.renew()
        if self._parse_queue.backlog >= MAX_BACKLOG or self._has_lasted():
            return
        claimed = self._leases.claim()
        every = [due for of_host in claimed for due in of_host]
        ready = self._backfiller.finish(every, stop=self._stop, meanwhile=self._leases.renew)
        for of_host in claimed:
            to_fetch = [ready[due.id] for due in of_host if due.id in ready]
            self._in_flight |= {due.id: due for due in to_fetch}
            self._fetch(to_fetch)

    def _has_lasted(self) -> bool:
        return time.monotonic() >= self._claims_until

    def _fetch(self, claimed: Sequence[DueSource]) -> None:
        """Start to fetch the documents, but for those that come by themselves."""
        pushed = take_pushes(self._poller.database, claimed, now=self._poller.clock())
        # What has come by mail is read elsewhere, and nobody is to be asked.
        mailed = {due.id: _nothing_new(due) for due in claimed if is_by_mail(due.url)}
        known: dict[int, Outcome] = {**pushed, **mailed}
        for source_id, outcome in known.items():
            self._inbox.put(_Response(source_id=source_id, outcome=outcome))
        requests = [_request(due) for due in claimed if due.id not in known]
        if requests:
            self._poller.fetch(requests, self._on_response)

    def _on_response(self, request: Request, outcome: Outcome) -> None:
        self._inbox.put(_Response(source_id=request.source_id, outcome=outcome))

    def _gather(self) -> _Settled:
        """Wait for something to save, and a moment more for what can be saved with it."""
        settled: _Settled = []
        parsed: list[Parsed] = []
        until = time.monotonic() + 1
        # Half of what is in flight will do: the other half is fetched while we write.
        while len(settled) + len(parsed) < min(BATCH, -(-len(self._in_flight) // 2)):
            reports = self._drain_inbox(until)
            if not reports:
                break
            parsed += [one for one in reports if isinstance(one, Parsed)]
            settled += self._settle([one for one in reports if isinstance(one, _Response)])
            settled += [self._completed(one) for one in reports if isinstance(one, CompletedPoll)]
            if settled or parsed:
                until = min(until, time.monotonic() + LINGER)
        # Those that are to get full texts come back to the inbox.
        return settled + [
            (due, polled)
            for due, polled in self._settle_documents(parsed)
            if not self._texts.begin(due, polled)
        ]

    def _completed(self, completed: CompletedPoll) -> tuple[DueSource, PolledSource]:
        due = self._in_flight[completed.polled.id]
        if completed.refusal and (
            pause := host_pause(due, completed.refusal, self._poller.rules.policy)
        ):
            self._leases.cool_down(due.host, pause)
        return due, completed.polled

    def _drain_inbox(self, until: float) -> list[_Report]:
        reports: list[_Report] = []
        with suppress(Empty):
            reports.append(self._inbox.get(timeout=max(until - time.monotonic(), 0)))
            while len(reports) < BATCH:
                reports.append(self._inbox.get_nowait())
        return reports

    def _settle(self, responses: Sequence[_Response]) -> _Settled:
        """Settle the responses without a document to be parsed, and have the others parsed."""
        settled: _Settled = []
        unread: list[tuple[DueSource, Fetched]] = []
        for response in responses:
            due = self._in_flight[response.source_id]
            self._responses[response.source_id] = response
            if isinstance(response.outcome, Fetched) and not is_same(due, response.outcome):
                unread.append((due, response.outcome))
            else:
                settled.append((due, self._settle_response(due, response.outcome)))
        if unread:
            count, now = self._poller.rules.first_poll, self._poller.clock()
            newest = Newest(count=count, now=now) if count else None
            self._parse_queue.submit(unread, newest=newest)
        return settled

    def _settle_response(self, due: DueSource, outcome: Outcome) -> PolledSource:
        now, rules = self._poller.clock(), self._poller.rules
        if not isinstance(outcome, FetchError):
            return settle_unchanged(due, outcome, now=now, rules=rules)
        if pause := host_pause(due, outcome, rules.policy):
            self._leases.cool_down(due.host, pause)
        return settle_failure(due, outcome, now=now, rules=rules)

    def _settle_documents(self, parsed: Sequence[Parsed]) -> _Settled:
        # All at once: what may have been renamed is one question to the database.
        self._parse_queue.load_rename_candidates(parsed)
        dues = [self._in_flight[one.source_id] for one in parsed]
        return [
            (due, self._settle_document(due, one)) for due, one in zip(dues, parsed, strict=True)
        ]

    def _settle_document(self, due: DueSource, parsed: Parsed) -> PolledSource:
        now, rules = self._poller.clock(), self._poller.rules
        try:
            document = self._parse_queue.finish(parsed)
        except TidingsError as error:
            return settle_failure(due, error, now=now, rules=rules)
        if field := document.feed.disagreement:
            data = {"source": due.shown(due.url), "field": field}
            logger.warning("readers disagree", extra=data)
        return settle_read(due, document, now=now, rules=rules)

    def _save(self, settled: _Settled) -> None:
        if not settled:
            return
        try:
            self._write([polled for _, polled in settled])
            results: list[PollResult | None] = [result_of(*pair) for pair in settled]
        except DatabaseAwayError:
            raise  # `_write` gives up only when told to stop
        except (StorageError, LeaseLostError):
            # One bad row must not cost the others of its batch.
            results = [self._save_alone(due, polled) for due, polled in settled]
        for (due, _), result in zip(settled, results, strict=True):
            if result is None:
                continue  # queued again, and still in flight
            del self._in_flight[due.id], self._responses[due.id]
            self._leases.finish(due)
            self._record(result)
        if time.monotonic() - self._repaginated_at > REPAGINATION:
            self._repaginate()

    def _save_alone(self, due: DueSource, polled: PolledSource) -> PollResult | None:
        """Save one poll of a batch that failed; if that fails as well, save the error.

        Return None if the source is to be compared once more with what is stored.
        """
        try:
            self._write([polled])
        except LeaseLostError as error:
            return None if self._requeue(due) else _skipped(due, str(error))
        except StorageError as error:
            polled = settle_failure(due, error, now=self._poller.clock(), rules=self._poller.rules)
            self._write([polled])
        return result_of(due, polled)

    def _requeue(self, due: DueSource) -> bool:
        """Queue a response again if its source was saved meanwhile, by a push from its hub."""
        with self._poller.database.read() as connection:
            found = leases.due(connection, [due.id])
        if not found or found[0].last_polled_at == due.last_polled_at:
            return False
        self._in_flight[due.id] = replace(found[0], host=due.host)
        self._inbox.put(self._responses[due.id])
        return True

    def _write(self, polled: Sequence[PolledSource]) -> None:
        """Save; retry while the database is unreachable, so that nothing is fetched twice."""
        while True:
            try:
                with self._poller.database.write() as connection:
                    polls.save(connection, self._owner, polled)
            except DatabaseAwayError:
                if self._stop.wait(1):
                    raise
            else:
                return

    def _repaginate(self) -> None:
        """Move page boundaries past what was saved; what fails is made up the next time."""
        try:
            while self._poller.repaginate():
                if self._stop.wait(WRITE_PAUSE):
                    break
        except StorageError as error:
            logger.warning("repagination failed", extra={"because": str(error)})
        self._repaginated_at = time.monotonic()

    def _skip_unavailable(self, *, after: float) -> None:
        for due, because in self._leases.give_up(after=timedelta(seconds=max(after, 0))):
            self._record(_skipped(due, because))

    def _record(self, result: PollResult) -> None:
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
    # Without validators a server that says "not modified" for ever has to send the document.
    if due.validators_url and (due.etag or due.last_modified) and not is_doubtful(due):
        validators = Validators(
            url=due.validators_url, etag=due.etag, last_modified=due.last_modified
        )
    return Request(source_id=due.id, url=due.url, validators=validators, access=due.access)


def _nothing_new(due: DueSource) -> NotModified:
    return NotModified(url=due.url, validators=Validators(url=due.url))


def _skipped(due: DueSource, because: str) -> PollResult:
    return PollResult(
        source_id=due.id, url=due.shown(due.url), outcome=PollOutcome.SKIPPED, error=because
    )


def host_pause(due: DueSource, error: FetchError, policy: PollPolicy) -> timedelta | None:
    """Return for how long a whole host is left alone after a response; None if it need not be.

    That is after 429, and after the first 403 from a server that answered before: the server
    has started to block us, not that one document.
    """
    # After a redirect the status is another host's.
    if not isinstance(error, StatusError) or host_of(error.url) != due.host:
        return None
    if error.status == HTTPStatus.TOO_MANY_REQUESTS:
        return min(error.retry_after or policy.interval, policy.max_pause)
    if error.status == HTTPStatus.FORBIDDEN and due.last_ok_at and not due.failures:
        return min(max(error.retry_after or FORBIDDEN_PAUSE, FORBIDDEN_PAUSE), policy.max_pause)
    return None
