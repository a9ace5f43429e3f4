"""Ingest documents that come by themselves: pushed by hubs, or made of messages of mailing lists."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from queue import Empty, SimpleQueue
from threading import Event
from typing import Protocol

from tidings.db.database import Connection, Database
from tidings.errors import LeaseLostError, StorageError, TidingsError
from tidings.model.sources import DueSource
from tidings.model.websub import Push
from tidings.polling.backfill import Backfiller
from tidings.polling.outcome import Rules, result_of, settle_read, shown_error
from tidings.polling.parse_queue import Parse, Parsed, ParseQueue
from tidings.polling.push import FRESH_FOR, as_fetched
from tidings.polling.store import leases, mail_lists, polls, push_subscriptions

logger = logging.getLogger(__name__)


class Inbox(Protocol):
    """Where documents wait."""

    def pending(self, connection: Connection, *, now: datetime) -> Mapping[int, Push]:
        """Return a document of each source that has one."""

    def finish(self, connection: Connection, source_id: int, push: Push, *, is_read: bool) -> None:
        """Remove a document, in the transaction that saves what it said; or deal with one that could not be read."""


class PushInbox:
    """What hubs have pushed; a document that cannot be read is fetched by the next poll."""

    def pending(self, connection: Connection, *, now: datetime) -> Mapping[int, Push]:
        """Return what has been pushed lately, by source."""
        return push_subscriptions.pending(connection, since=now - FRESH_FOR)

    def finish(self, connection: Connection, source_id: int, push: Push, *, is_read: bool) -> None:
        """Remove a push, unless another came meanwhile."""
        push_subscriptions.finish(connection, source_id, push, fetches=not is_read)


class MailInbox:
    """Messages of lists that are followed; one that cannot be read by itself is given up."""

    def pending(self, connection: Connection, *, now: datetime) -> Mapping[int, Push]:
        """Return the oldest messages that wait, by source."""
        del now  # they wait as long as it takes
        return mail_lists.pending(connection)

    def finish(self, connection: Connection, source_id: int, push: Push, *, is_read: bool) -> None:
        """Remove messages that were read; the others are tried one by one."""
        for subject in mail_lists.finish(connection, push, is_read=is_read):
            logger.warning("message given up", extra={"source": source_id, "subject": subject})


class IntakeReader:
    """Ingests documents that wait: parses, compares and saves them like polled ones.

    No host is leased, since nothing is fetched. A poll of the same source meanwhile, or another
    process that ingests the same document, is noticed when it is saved: only one of two can follow
    the poll that both began from.

    Args:
        database: Where documents, sources and entries are.
        inboxes: Where documents wait.
        parse: Parses a document in a child process, given the known raw hashes by key.
        clock: Returns the current time, in UTC.
        rules: How documents are judged.
        repaginate: Moves page boundaries past some of what was saved; returns whether more is
            left to do.
    """

    def __init__(  # noqa: PLR0913 - an engine takes what it needs
        self,
        database: Database,
        inboxes: Sequence[Inbox],
        *,
        parse: Parse,
        clock: Callable[[], datetime],
        rules: Rules,
        repaginate: Callable[[], bool],
    ) -> None:
        self._database = database
        self._inboxes = inboxes
        self._parse = parse
        self._clock = clock
        self._rules = rules
        self._repaginate = repaginate
        self._backfiller = Backfiller(database, parse=parse, rules=rules)

    def ingest_all(self, *, stop: Event) -> None:
        """Ingest pending documents until none is left, or `stop` is set."""
        for inbox in self._inboxes:
            while not stop.is_set():
                with self._database.read() as connection:
                    pushes = inbox.pending(connection, now=self._clock())
                    dues = {due.id: due for due in leases.due(connection, pushes.keys())}
                if not dues:
                    break
                self._ingest(inbox, dues, pushes, stop=stop)
                # One step only: what is left is for the next round of polling.
                self._repaginate()

    def _ingest(
        self,
        inbox: Inbox,
        dues: Mapping[int, DueSource],
        pushes: Mapping[int, Push],
        *,
        stop: Event,
    ) -> None:
        done: SimpleQueue[Parsed] = SimpleQueue()
        parse_queue = ParseQueue(self._database, self._parse, done=done.put)
        # Nothing is leased here.
        ready = self._backfiller.finish(dues.values(), stop=stop, meanwhile=lambda: None)
        parse_queue.submit([(due, as_fetched(due, pushes[key])) for key, due in ready.items()])
        left = len(ready)
        while left and not stop.is_set():
            try:
                parsed = done.get(timeout=0.2)
            except Empty:
                continue
            left -= 1
            parse_queue.load_rename_candidates([parsed])
            self._save(inbox, parse_queue, parsed, due=ready[parsed.source_id])

    def _save(
        self, inbox: Inbox, parse_queue: ParseQueue, parsed: Parsed, *, due: DueSource
    ) -> None:
        fetched = parsed.fetched
        push = Push(body=fetched.body, content_type=fetched.content_type, charset=fetched.charset)
        try:
            document = parse_queue.finish(parsed)
            polled = settle_read(due, document, now=self._clock(), rules=self._rules)
            with self._database.write() as connection:
                polls.save(connection, None, [polled])
                inbox.finish(connection, due.id, push, is_read=True)
        except LeaseLostError:
            return  # polled meanwhile: the document still waits, and compared with the new state
        except StorageError:
            raise
        except TidingsError as error:
            data = {"source": due.shown(due.url), "because": shown_error(error, due)}
            logger.warning("document not parsed", extra=data)
            with self._database.write() as connection:
                inbox.finish(connection, due.id, push, is_read=False)
            return
        result = result_of(due, polled)
        counts = {"new": result.new, "updated": result.updated}
        logger.info("document ingested", extra={"source": result.url, **counts})
