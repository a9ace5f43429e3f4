"""Taking in what hubs have sent: parsed, compared and saved like any document, but for its host.

Nobody is asked for anything, so no host has to be free. Whoever polls the same source at that
moment, here or in another process, and whoever else takes in the same document, is met when it is
saved: only one can follow the poll that both began from, and the other compares once more.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from queue import Empty, SimpleQueue
from threading import Event

from tidings.domain.sources import DueSource
from tidings.domain.websub import Push
from tidings.errors import LeaseLostError, StorageError, TidingsError
from tidings.fetching.outcomes import Fetched
from tidings.services.readings import Parse, Parsed, Readings
from tidings.services.settling import Rules, result_of, settle_read, shown_error
from tidings.services.websub import FRESH_FOR, as_fetched
from tidings.storage import leases, polls, websub
from tidings.storage.database import Database

logger = logging.getLogger(__name__)


class PushReader:
    """Takes in what hubs have sent.

    Args:
        database: Where it waits, and what is made of it.
        parse: Reads a document in a child, given the raw hashes known by key.
        clock: Tells the time.
        rules: By which documents are judged.
        repaginate: Cuts some pages of what was saved; says whether more is left to be cut.
    """

    def __init__(
        self,
        database: Database,
        *,
        parse: Parse,
        clock: Callable[[], datetime],
        rules: Rules,
        repaginate: Callable[[], bool],
    ) -> None:
        self._database = database
        self._parse = parse
        self._clock = clock
        self._rules = rules
        self._repaginate = repaginate

    def take_in_all(self, *, stop: Event) -> None:
        """Take in every document that waits, until none does, or when told to stop."""
        while not stop.is_set():
            with self._database.read() as connection:
                pushes = websub.waiting(connection, since=self._clock() - FRESH_FOR)
                dues = {due.id: due for due in leases.due(connection, pushes.keys())}
            if not dues:
                return
            self._take_in(dues, pushes, stop=stop)
            # One piece: what is left of a long cut is for the next round of polling.
            self._repaginate()

    def _take_in(
        self, dues: Mapping[int, DueSource], pushes: Mapping[int, Push], *, stop: Event
    ) -> None:
        inbox: SimpleQueue[Parsed] = SimpleQueue()
        readings = Readings(self._database, self._parse, done=inbox.put)
        readings.begin([(due, as_fetched(due, pushes[key])) for key, due in dues.items()])
        left = len(dues)
        while left and not stop.is_set():
            try:
                parsed = inbox.get(timeout=0.2)
            except Empty:
                continue
            left -= 1
            readings.look_closer([parsed])
            self._save(readings, parsed, due=dues[parsed.source_id])

    def _save(self, readings: Readings, parsed: Parsed, *, due: DueSource) -> None:
        push = _as_pushed(parsed.fetched)
        try:
            reading = readings.end(parsed)
            polled = settle_read(due, reading, now=self._clock(), rules=self._rules)
            with self._database.write() as connection:
                polls.save(connection, None, [polled])
                websub.finish(connection, due.id, push, fetches=False)
        except LeaseLostError:
            return  # it was polled meanwhile, and what waits still is compared with what is stored now
        except StorageError:
            raise
        except TidingsError as error:
            data = {"source": due.shown(due.url), "because": shown_error(error, due)}
            logger.warning("push not read", extra=data)
            with self._database.write() as connection:
                websub.finish(connection, due.id, push, fetches=True)
            return
        result = result_of(due, polled)
        counts = {"new": result.new, "updated": result.updated}
        logger.info("push taken in", extra={"source": result.url, **counts})


def _as_pushed(fetched: Fetched) -> Push:
    return Push(body=fetched.body, content_type=fetched.content_type, charset=fetched.charset)
