"""Replay: run the kept documents of a source through the pipeline again, without the network."""

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from threading import Event
from typing import Any

from tidings.catalog import sources
from tidings.db.database import Database
from tidings.errors import ConflictError, FetchError, NotFoundError
from tidings.fetching.outcomes import Fetch, Fetched, Outcome, Request, Validators
from tidings.model.feed import Document, ParsedFeed
from tidings.model.service_status import PollResult, PollSummary, summarise
from tidings.polling.parse_queue import Parse
from tidings.polling.poll import Poller
from tidings.polling.polled_source import KeptDocument
from tidings.polling.store import kept_documents


class Replayer:
    """Polls sources with kept documents in place of responses.

    Args:
        database: Where documents are kept.
        parse: Parses a document in a child process, given the known raw hashes by key.
        poller_with: Makes a poller that fetches and parses in these ways.
    """

    def __init__(
        self, database: Database, *, parse: Parse, poller_with: Callable[[Fetch, Parse], Poller]
    ) -> None:
        self._database = database
        self._parse = parse
        self._poller_with = poller_with

    def replay(
        self, source_id: int, *, report: Callable[[PollResult], None], stop: Event
    ) -> PollSummary:
        """Poll a source with its kept documents, the oldest first.

        The latest is cleaned anew, as if all of it had changed. Each document counts as a poll.

        Raises:
            NotFoundError: There is no such source, or nothing is kept of it.
            ConflictError: It is an element of a page that is watched for changes.
        """
        with self._database.write() as connection:
            found = sources.get(connection, source_id)
            if found.page and found.page.watch:
                # Older states of it would be told as if they were what it says now.
                raise ConflictError("source", source_id, because="is watched: it has no feed")
            kept = kept_documents.kept(connection, source_id)
            if not kept:
                raise NotFoundError("document kept of source", source_id)
            kept_documents.mark_unread(connection, source_id)
        # Of the older ones only what is not stored counts: no old text may replace a newer one.
        parses = [self._parse, *[_parse_unknown(self._parse)] * (len(kept) - 1)]
        rounds = [
            self._poller_with(_fetch_from(document), parse).poll_sources(
                [source_id], report=report, stop=stop
            )
            for document, parse in zip(kept, parses, strict=True)
        ]
        return summarise(result for summary in rounds for result in summary.sources)


def _fetch_from(kept: KeptDocument) -> Fetch:
    def fetch(requests: Sequence[Request], done: Callable[[Request, Outcome], None]) -> None:
        for request in requests:
            if request.borrows:
                done(request, FetchError(request.url, "a replay fetches no pages"))
                continue
            answered = Fetched(
                url=kept.url,
                body=kept.body,
                content_type=kept.content_type,
                charset=kept.charset,
                validators=request.validators or Validators(url=kept.url),
                is_partial=True,  # it says nothing of what the server has now: keep validators
            )
            done(request, answered)

    return fetch


def _parse_unknown(parse: Parse) -> Parse:
    def parse_new(
        document: Document, known: Mapping[bytes, bytes], **wanted: Any
    ) -> Future[ParsedFeed]:
        unknown: Future[ParsedFeed] = Future()

        def pass_on(parsed: Future[ParsedFeed]) -> None:
            if error := parsed.exception():
                unknown.set_exception(error)
            else:
                unknown.set_result(_without(parsed.result(), known))

        parse(document, known, **wanted).add_done_callback(pass_on)
        return unknown

    return parse_new


def _without(feed: ParsedFeed, known: Collection[bytes]) -> ParsedFeed:
    new = tuple(entry for entry in feed.entries if entry.key not in known)
    left = {entry.key for entry in feed.entries if entry.key in known}
    return replace(feed, entries=new, unchanged_keys=feed.unchanged_keys | left)
