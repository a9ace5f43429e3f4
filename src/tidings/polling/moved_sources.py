"""Search for sources that answer "not found", or with a page: where their feeds may be now."""

import logging
import shlex
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from threading import Event
from urllib.parse import urljoin

from tidings.catalog import sources
from tidings.db.database import Database
from tidings.errors import ConflictError, FetchError
from tidings.model.feed import ParsedFeed
from tidings.model.sources import DueSource
from tidings.parsing.absolute_urls import canonical_url
from tidings.polling.discover import FoundFeed, Prober, ProbeResult, Visit, discover
from tidings.polling.store import kept_documents, polls

logger = logging.getLogger(__name__)

# How long to wait for a host; its sources are searched for in a later round if it is busy longer.
PATIENCE = timedelta(seconds=5)

# Feeds of one page that are compared with the entries of a source.
MAX_CANDIDATES = 3


class MoveFinder:
    """Searches for the feeds of lost sources; to poll them there is for the operator to decide.

    Args:
        database: Where sources are, and what was found is noted.
        prober: Fetches and parses candidates.
        clock: Returns the current time, in UTC.
    """

    def __init__(
        self, database: Database, *, prober: Prober, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._prober = prober
        self._clock = clock

    def find(self, *, stop: Event) -> int:
        """Search for each lost source, once until it works again; return how many were found.

        What is found becomes a notice for the operator.
        """
        with self._database.read() as connection:
            lost = kept_documents.lost_sources(connection)
        found, busy = 0, set()
        for source in lost:
            if stop.is_set():
                break
            if source.host in busy:
                continue
            try:
                with self._prober.visit(stop=stop, patience=PATIENCE) as visit:
                    found += self._was_found(visit, source)
            except ConflictError:
                busy.add(source.host)
        return found

    def _was_found(self, visit: Visit, source: DueSource) -> bool:
        """Search for one source and note the result."""
        # With the host leased no poll is under way; it may have worked again just before.
        visit.hold(source.host)
        with self._database.read() as connection:
            if not kept_documents.lost_sources(connection, only=source.id):
                return False
        url = self._find(visit, source)
        if visit.stop.is_set():
            return False
        with self._database.write() as connection:
            duplicate_id = sources.find_by_urls(connection, [url]).get(url) if url else None
            notice = _notice(source, url, duplicate_id) if url else None
            kept_documents.note_looked(connection, source.id, notice, now=self._clock())
        data = {"source": source.shown(source.url), "found": url and source.shown(url)}
        logger.info("moved source searched for", extra=data)
        return url is not None

    def _find(self, visit: Visit, source: DueSource) -> str | None:
        """Return the address of the feed that a source seems to have become.

        That is a feed that the page in its place links to, failing that its site's page, and
        that shares an entry with it.

        Raises:
            ConflictError: Another process holds a host, or it has to be left alone.
        """
        with self._database.read() as connection:
            keys = polls.known_entries(connection, [source.id])[source.id]
            pages = kept_documents.entry_urls(connection, source.id)
        known = {_without_scheme(url) for url in pages}
        for url, feed in _candidates(visit, source):
            for entry in feed.entries:
                if entry.key in keys or (entry.url and _without_scheme(entry.url) in known):
                    return url
        return None


def _notice(source: DueSource, url: str, duplicate_id: int | None) -> str:
    if duplicate_id is not None:
        return f"it seems to have moved to {url}, which is source {duplicate_id} already"
    command = f"tidings source edit {source.id} --url {shlex.quote(url)}"
    return f"it seems to have moved to {url}; to follow it there: {command}"


def _candidates(visit: Visit, source: DueSource) -> Iterator[tuple[str, ParsedFeed]]:
    seen = {canonical_url(source.url)}
    pages = [source.url] if source.failing_with == "html" else []
    for page in dict.fromkeys([*pages, source.site_url or urljoin(source.url, "/")]):
        for found in _feeds_behind(visit, page)[:MAX_CANDIDATES]:
            address = canonical_url(found.link.url)
            probed = found.probed or _probe(visit, found.link.url) if address not in seen else None
            seen.add(address)
            if probed and probed.feed:
                yield probed.fetched.moved_to or found.link.url, probed.feed


def _feeds_behind(visit: Visit, page: str) -> tuple[FoundFeed, ...]:
    try:
        return discover(visit, page).feeds
    except FetchError:
        return ()


def _probe(visit: Visit, url: str) -> ProbeResult | None:
    try:
        return visit.probe(url)
    except FetchError:
        return None


def _without_scheme(url: str) -> str:
    return url.partition("://")[2]
