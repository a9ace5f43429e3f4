"""Full text: fetch the pages of new entries before these are saved, so that readers get the whole.

Whatever fails, an entry is saved as the feed has it. Pages are fetched once, when their entry is new:
what is changed on them later is not looked for.
"""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from threading import Event
from typing import TypeVar

from tidings.db.database import Database
from tidings.errors import FetchError, ParseError, StatusError, TidingsError
from tidings.fetching.outcomes import Fetch, Fetched, Outcome, Request
from tidings.model.access import Access
from tidings.model.entries import EntryState
from tidings.model.feed import Document, ParsedEntry
from tidings.model.full_text import TextMode, TextNote
from tidings.model.sources import DueSource, failure_phrase
from tidings.parsing import robots
from tidings.parsing.article import MISSING, is_installed
from tidings.polling.new_entries import NewEntry
from tidings.polling.parse_queue import Parse
from tidings.polling.polled_source import PolledSource
from tidings.polling.store import full_texts
from tidings.polling.teasers import is_teaser

logger = logging.getLogger(__name__)

# Pages that are fetched of the new entries of one poll, the newest.
MAX_PAGES = 20

# Failures in a row after which the other pages of a poll are left alone.
MAX_FAILURES = 3

# How long the pages of one poll may take; what is missing then stays as the feed has it.
PATIENCE = timedelta(minutes=2)

# Sources whose pages are fetched at the same time; their threads do nothing but wait.
AT_ONCE = 16

# How long a robots.txt is believed (RFC 9309, section 2.4).
ROBOTS_AGE = timedelta(days=1)

# Seconds between two looks at whether to stop.
_GLANCE = 0.2

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletedPoll:
    """A poll whose new entries have their full texts, as far as these could be had.

    Attributes:
        refusal: The response that asked to leave the host alone, if one did.
    """

    polled: PolledSource
    refusal: StatusError | None = None


class TextCompleter:
    """Completes polls, some at a time, in threads of its own, until it is closed.

    Args:
        database: Where robots.txt files are kept.
        fetch: Fetches requests of one host in turn; calls back from any thread.
        parse: Parses a document in a child process.
        clock: Returns the current time, in UTC.
        stop: Ends it at once.
        done: Called from any thread with each poll that is completed.
    """

    def __init__(  # noqa: PLR0913 - an engine takes what it needs
        self,
        database: Database,
        *,
        fetch: Fetch,
        parse: Parse,
        clock: Callable[[], datetime],
        stop: Event,
        done: Callable[[CompletedPoll], None],
    ) -> None:
        self._database = database
        self._fetch = fetch
        self._parse = parse
        self._clock = clock
        self._stop = stop
        self._is_closed = False
        self._done = done
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="full-text")

    def close(self) -> None:
        """End it: polls that are not completed are not reported."""
        self._is_closed = True
        self._threads.shutdown(cancel_futures=True)

    def begin(self, due: DueSource, polled: PolledSource) -> bool:
        """Begin to complete a poll; return whether there is anything to complete."""
        mode = due.full_text.mode if due.full_text else None
        wanted = [new for new in polled.changes.new if mode and _is_wanted(mode, new)]
        if wanted:
            # The newest first: if not all can be fetched, the others go without.
            future = self._threads.submit(self._complete, due, polled, wanted[::-1])
            future.add_done_callback(partial(self._report, polled))
        return bool(wanted)

    def _report(self, polled: PolledSource, future: Future[CompletedPoll]) -> None:
        if future.cancelled() or self._ends():
            return  # nothing of it is saved: its source is still due, and its entries still new
        if error := future.exception():
            logger.error("full text failed unexpectedly", exc_info=error)
        self._done(CompletedPoll(polled=polled) if error else future.result())

    def _complete(
        self, due: DueSource, polled: PolledSource, wanted: Sequence[NewEntry]
    ) -> CompletedPoll:
        until = time.monotonic() + PATIENCE.total_seconds()
        complete: dict[bytes, ParsedEntry] = {}
        errors: list[TidingsError] = []
        in_a_row = 0
        for new in wanted:
            is_enough = len(complete) + len(errors) == MAX_PAGES or in_a_row == MAX_FAILURES
            if is_enough or time.monotonic() > until or self._ends():
                break
            try:
                complete[new.entry.key] = self._read(due, new.entry)
                in_a_row = 0
            except TidingsError as error:
                errors.append(error)
                in_a_row += 1
        failed = len(wanted) - len(complete)
        because = _because(errors, left=failed - len(errors))
        note = TextNote(fetched=len(complete), failed=failed, error=because)
        refusals = [one for one in errors if isinstance(one, StatusError) and one.status == 429]
        return CompletedPoll(
            polled=_with_articles(polled, complete, note),
            refusal=refusals[0] if refusals else None,
        )

    def _read(self, due: DueSource, entry: ParsedEntry) -> ParsedEntry:
        """Return an entry with the article of its page.

        Raises:
            TidingsError: It cannot be had, or must not.
        """
        url = entry.url or ""
        if not is_installed():
            raise ParseError(url, MISSING)
        self._refuse_excluded(due, url)
        page = self._get(due, url)
        # A link that only counts who follows it, say: where it leads is known now.
        self._refuse_excluded(due, page.url)
        document = Document(
            url=page.url,
            body=page.body,
            content_type=page.content_type,
            charset=page.charset,
            entry=entry,
        )
        [whole] = self._result(self._parse(document, {}), url).entries
        return whole

    def _refuse_excluded(self, due: DueSource, url: str) -> None:
        if not robots.is_allowed(self._robots_of(due, url), url):
            raise FetchError(url, "the robots.txt of its site asks not to fetch it")

    def _robots_of(self, due: DueSource, url: str) -> str:
        """Return the robots.txt of a site, empty if there is none; from the last day, or now.

        Raises:
            FetchError: Whether there is one cannot be told: then nothing is fetched.
        """
        site = robots.site_of(url)
        with self._database.read() as connection:
            known = full_texts.find_robots(connection, site, since=self._clock() - ROBOTS_AGE)
        if known is not None:
            return known
        try:
            text = robots.text_of(self._get(due, robots.address(site)).body)
        except StatusError as error:
            # "Unavailable" means that there are no rules, 429 aside (RFC 9309, section 2.3.1.3).
            if error.status >= 500 or error.status == 429:
                raise
            text = ""
        with self._database.write() as connection:
            full_texts.put_robots(connection, site, text, now=self._clock())
        return text

    def _get(self, due: DueSource, url: str) -> Fetched:
        answer: Future[Outcome] = Future()
        # A login is shown to nobody but the site that it is for.
        own: Access | None = due.access if robots.site_of(url) == robots.site_of(due.url) else None
        request = Request(source_id=due.id, url=url, access=own, borrows=True)
        self._fetch([request], lambda _, outcome: answer.set_result(outcome))
        outcome = self._result(answer, url)
        if isinstance(outcome, Fetched):
            return outcome
        if isinstance(outcome, FetchError):
            raise outcome
        raise FetchError(url, "the server says it has not changed, but we never saw it")

    def _result(self, future: Future[_T], url: str) -> _T:
        while not wait_for([future], timeout=_GLANCE).done:
            if self._ends():
                raise FetchError(url, "the service is stopping")
        return future.result()

    def _ends(self) -> bool:
        return self._is_closed or self._stop.is_set()


def _is_wanted(mode: TextMode, new: NewEntry) -> bool:
    is_shown = new.state is EntryState.PUBLIC and bool(new.entry.url)
    return is_shown and (mode is TextMode.ON or is_teaser(new.entry))


def _with_articles(
    polled: PolledSource, complete: dict[bytes, ParsedEntry], note: TextNote
) -> PolledSource:
    new = tuple(
        replace(one, entry=complete[one.entry.key], has_full_text=True)
        if one.entry.key in complete
        else one
        for one in polled.changes.new
    )
    return replace(polled, changes=replace(polled.changes, new=new), text_note=note)


def _because(errors: Sequence[TidingsError], *, left: int) -> str:
    """Return why entries stayed as the feed has them."""
    if errors:
        error = errors[-1]
        where = error.url if isinstance(error, FetchError | ParseError) else ""
        return f"{where}: {failure_phrase(error)}" if where else failure_phrase(error)
    return "there were too many pages for one poll" if left else ""
