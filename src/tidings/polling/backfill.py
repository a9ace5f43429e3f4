"""Backfill: the older entries of first documents, stored when there is nothing else to do.

The first poll of a source cleans and stores its newest entries only (`Newest`): readers have them
at once, however much else there is. The document itself is kept, and the source notes how many of
its entries are deferred. They are stored before the source is polled again, so that no other poll
finds them unknown and takes them for news; a process that is killed meanwhile loses nothing.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future, wait
from dataclasses import replace
from threading import Event

from tidings.db.database import Database
from tidings.errors import ParseError
from tidings.model.entries import EntryState
from tidings.model.feed import Document, ParsedFeed
from tidings.model.page_rules import PageRules
from tidings.model.sources import DueSource, with_decision
from tidings.polling.new_entries import Circumstances, FirstPoll, NewEntry, receive
from tidings.polling.outcome import Rules, shown_error
from tidings.polling.parse_queue import Parse
from tidings.polling.polled_source import KeptDocument
from tidings.polling.store import backfill, kept_documents, polls
from tidings.polling.store.backfill import Backfill
from tidings.polling.store.polls import Arrival

logger = logging.getLogger(__name__)

# Documents that are read at a time, and stored in one transaction.
AT_ONCE = 8

# Seconds between two looks at whether to stop.
_GLANCE = 0.2


class Backfiller:
    """Stores what first polls have deferred.

    Args:
        database: Sources, and the documents that are kept of them.
        parse: Parses a document in a child process.
        rules: How many of a source's first entries are public.
    """

    def __init__(self, database: Database, *, parse: Parse, rules: Rules) -> None:
        self._database = database
        self._parse = parse
        self._rules = rules

    def store_all(
        self, *, only: AbstractSet[int] | None, stop: Event, is_wanted: Callable[[], bool]
    ) -> None:
        """Store what is deferred, until nothing is left or there is something better to do.

        Args:
            only: The sources to look at; None for all.
            stop: Ends it at once; what is not stored then is left to the next time.
            is_wanted: Asked after every step whether polls have to be made instead.
        """
        while self._store_some(only=only, stop=stop) and not is_wanted():
            pass

    def finish(
        self, dues: Collection[DueSource], *, stop: Event, meanwhile: Callable[[], None]
    ) -> dict[int, DueSource]:
        """Store what is deferred of sources that are about to be polled, and return them by id.

        Args:
            dues: The sources.
            stop: Ends it at once; what could not be stored then is left out of the result.
            meanwhile: Called after every step, for what must not wait until the end.
        """
        behind = {due.id for due in dues if due.deferred}
        while behind and self._store_some(only=behind, stop=stop):
            meanwhile()
        if stop.is_set():
            return {due.id: due for due in dues if not due.deferred}
        return {due.id: replace(due, deferred=0) if due.deferred else due for due in dues}

    def _store_some(self, *, only: AbstractSet[int] | None, stop: Event) -> bool:
        """Store what is deferred of a few sources; return whether there were any."""
        with self._database.read() as connection:
            dues = backfill.sources_with_deferred(connection, only=only, limit=AT_ONCE)
            kept = {due.id: kept_documents.kept(connection, due.id) for due in dues}
            known = polls.known_entries(connection, kept)
        feeds = {due.id: self._read(due, kept[due.id]) for due in dues}
        while wait(feeds.values(), timeout=_GLANCE).not_done:
            if stop.is_set():
                return False
        if stop.is_set():  # the children may have been killed for that
            return False
        settled = [self._settle(due, feeds[due.id], known[due.id]) for due in dues]
        if settled:
            with self._database.write() as connection:
                backfill.store(connection, settled)
        return bool(settled)

    def _read(self, due: DueSource, kept: Sequence[KeptDocument]) -> Future[ParsedFeed]:
        if kept:
            return self._parse(_as_document(kept[0], due.page), {})
        lost: Future[ParsedFeed] = Future()
        lost.set_exception(ParseError(due.url, "it is not kept"))
        return lost

    def _settle(
        self, due: DueSource, feed: Future[ParsedFeed], known: Collection[bytes]
    ) -> Backfill:
        # When its document came.
        polled_at = due.first_polled_at or due.added_at
        try:
            parsed = feed.result()
        except ParseError as error:
            because = shown_error(error, due)
            logger.warning(
                "backfill failed", extra={"source": due.shown(due.url), "error": because}
            )
            decision = f"{due.deferred} older entries of its first document not stored: {because}"
            history = with_decision(due.history, decision, now=polled_at)
            return Backfill(source_id=due.id, history=history)
        # As the first poll would have decided, with all of them before it.
        circumstances = Circumstances(
            source_url=due.url,
            now=polled_at,
            first=FirstPoll(public=self._rules.first_poll, imported=due.imported),
        )
        arrived = [
            Arrival(source_id=due.id, seen_at=polled_at, new=_as_backfill(new))
            for new in receive(parsed.entries, circumstances)
            if new.entry.key not in known
        ]
        return Backfill(source_id=due.id, arrived=arrived, memo=parsed.memo)


def _as_document(kept: KeptDocument, page: PageRules | None) -> Document:
    return Document(
        url=kept.url,
        body=kept.body,
        content_type=kept.content_type,
        charset=kept.charset,
        language=kept.language,
        page=page,
    )


def _as_backfill(new: NewEntry) -> NewEntry:
    # What was to be public is stored already, unless the operator has raised the number since.
    return replace(new, state=EntryState.BACKFILL) if new.state is EntryState.PUBLIC else new
