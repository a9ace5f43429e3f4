"""Following a source: look at it once, keep what was found, poll it from then on."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Event

from tidings.catalog import sources, topics
from tidings.catalog.sources import NewSource
from tidings.db.database import BREATH, Connection, Database
from tidings.errors import FetchError, NoFeedError, StatusError
from tidings.model.feed import Link
from tidings.model.scopes import FeedOutline
from tidings.model.sources import Source
from tidings.model.urls import host_of, web_addresses, without_credentials
from tidings.polling.discover import Discovery, Looked, Prober, Visit, discover
from tidings.polling.outcome import ComparedDocument, Rules, settle_read
from tidings.polling.store import leases, polls
from tidings.stories.store import stories

# Sources of a list that are stored in one transaction.
CHUNK = 200

Choose = Callable[[Sequence[Link]], Link | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """A source that is followed from now on.

    Attributes:
        found: Entries in its document.
        public: How many of them are public now.
        problems: What was wrong with the document.
    """

    source: Source
    found: int
    public: int
    problems: tuple[str, ...]


class SourceAdder:
    """Follows sources: looks at each once, and keeps what was found.

    Args:
        database: Where sources are.
        prober: Looks at their addresses.
        clock: Tells the time.
        rules: By which documents are judged.
    """

    def __init__(
        self, database: Database, *, prober: Prober, clock: Callable[[], datetime], rules: Rules
    ) -> None:
        self._database = database
        self._prober = prober
        self._clock = clock
        self._rules = rules

    def add(self, new: NewSource, *, choose: Choose) -> Added:
        """Fetch a source once, and follow it with what was found.

        Args:
            new: The source; its URL may lack the scheme, its topics need not exist.
            choose: Asked which feed to follow if the URL is none, but leads to some.

        Raises:
            InvalidError: The URL is none.
            ConflictError: It is followed already, or another process holds its host.
            FetchError: There is no answer.
            NoFeedError: The answer is no feed, and none of those that it leads to is wanted; the
                error names them.
        """
        addresses = web_addresses(new.url)
        for url in addresses:
            self._refuse_duplicate(url)
        with self._prober.visit(stop=Event()) as visit:
            discovery = _discover_first(visit, addresses)
            if discovery.itself is not None:
                return self._keep(visit, replace(new, url=discovery.asked), discovery.itself)
        looked_by_link = {feed.link: feed.looked for feed in discovery.feeds}
        link = choose(list(looked_by_link)) if looked_by_link else None
        if link is None:
            raise discovery.error()
        return self._follow(replace(new, url=link.url), looked_by_link[link])

    def _follow(self, new: NewSource, looked: Looked | None) -> Added:
        """Follow a feed that was chosen; it is asked for unless it was `looked` at before."""
        self._refuse_duplicate(new.url)
        with self._prober.visit(stop=Event()) as visit:
            return self._keep(visit, new, looked or visit.look(new.url))

    def _keep(self, visit: Visit, new: NewSource, looked: Looked) -> Added:
        fetched, feed = looked.fetched, looked.feed
        if feed is None:
            raise NoFeedError(fetched.url, looked.because, ())
        visit.hold(host_of(new.url))
        reading = ComparedDocument(fetched=fetched, feed=feed, known={})
        with self._database.write() as connection:
            now = self._clock()
            slugs = topics.ensure(connection, new.topics, now=now)
            new = replace(
                new, topics=[*slugs.values()], feed_title=feed.title or None, site_url=feed.site_url
            )
            [source_id] = sources.add(connection, [new], now=now)
            [due] = leases.due(connection, [source_id])
            polled = settle_read(due, reading, now=now, rules=self._rules)
            polls.save(connection, visit.owner, [polled])
            source = sources.get(connection, source_id)
        return Added(
            source=source,
            found=len(feed.entries),
            public=polled.changes.published,
            problems=feed.problems,
        )

    def _refuse_duplicate(self, url: str) -> None:
        with self._database.read() as connection:
            sources.refuse_duplicate(connection, url)


def find_feeds(prober: Prober, url: str) -> list[Link]:
    """Return the feeds that an address is, or leads to, the likeliest first.

    Raises:
        InvalidError: The URL is none.
        ConflictError: Another process holds its host.
        FetchError: There is no answer.
        NoFeedError: There is no feed.
    """
    with prober.visit(stop=Event()) as visit:
        discovery = _discover_first(visit, web_addresses(url))
    if not discovery.feeds:
        raise discovery.error()
    return [feed.link for feed in discovery.feeds]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSummary:
    """What came of a list: sources by how many, and what could not be used."""

    added: int
    known: int


def import_sources(
    database: Database, outlines: Sequence[FeedOutline], *, clock: Callable[[], datetime]
) -> ImportSummary:
    """Follow every source of a list that is not followed yet; their topics are made.

    A long list is stored in pieces, so that nobody else has to wait with what they write; if it
    breaks off, it can be imported again.
    """
    by_url = {without_credentials(outline.url): outline for outline in outlines}
    added = 0
    for urls in _pieces(list(by_url), CHUNK):
        if added:
            time.sleep(BREATH)
        with database.write() as connection:
            known = sources.find_by_urls(connection, urls)
            fresh = [by_url[url] for url in urls if url not in known]
            added += _add_outlines(connection, fresh, now=clock())
    return ImportSummary(added=added, known=len(outlines) - added)


def remove_source(connection: Connection, source_id: int, *, now: datetime) -> None:
    """Stop following a source: it goes with its entries, and the stories go on without them.

    Raises:
        NotFoundError: There is no such source.
    """
    told = stories.of_source(connection, source_id)  # afterwards nothing leads to them any more
    sources.remove(connection, source_id, now=now)
    stories.detach(connection, told, now=now)


def _pieces(urls: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(urls), size):
        yield urls[start : start + size]


def _add_outlines(connection: Connection, outlines: Sequence[FeedOutline], *, now: datetime) -> int:
    if not outlines:
        return 0
    titles = dict.fromkeys(title for outline in outlines for title in outline.topics)
    slugs = topics.ensure(connection, titles, now=now)
    new = [
        NewSource(
            url=outline.url,
            title=outline.title or None,
            site_url=outline.site_url,
            topics=[slugs[title] for title in outline.topics],
            imported=True,
        )
        for outline in outlines
    ]
    return len(sources.add(connection, new, now=now))


def _discover_first(visit: Visit, addresses: Sequence[str]) -> Discovery:
    """Look at the first of some addresses that answers at all.

    Raises:
        ConflictError: Another process holds a host.
        FetchError: None answers; what is wrong with the last.
    """
    *likely, last = addresses
    for url in likely:
        try:
            return discover(visit, url)
        except StatusError:
            raise
        except FetchError:  # nobody speaks TLS there, say
            continue
    return discover(visit, last)
