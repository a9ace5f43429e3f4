"""Add sources: probe one, and save what was found."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Event

from tidings.catalog import sources, topics
from tidings.catalog.sources import NewSource
from tidings.db.database import Database
from tidings.errors import ConflictError, FetchError, NoFeedError, ParseError, StatusError
from tidings.model.feed import Link, ParsedEntry, ParsedFeed
from tidings.model.page_rules import PageRules
from tidings.model.sources import Source
from tidings.model.urls import host_of, web_address, web_addresses
from tidings.parsing import robots
from tidings.parsing.page_items import SelectorFinding, find_on_page
from tidings.parsing.page_tree import page_text
from tidings.polling.discover import (
    Discovery,
    FoundFeed,
    Prober,
    ProbeResult,
    Visit,
    discover,
)
from tidings.polling.outcome import ComparedDocument, Rules, settle_read
from tidings.polling.polled_source import pack
from tidings.polling.store import leases, polls

# Feeds of a page that are fetched to be shown, and entries of one without; the others are only named.
MAX_PREVIEWS = 5

Choose = Callable[[Sequence[Link]], Link | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedSource:
    """A source that was added.

    Attributes:
        found: Number of entries in its document.
        public: How many of them are public now.
        problems: What was wrong with the document, in words.
    """

    source: Source
    found: int
    public: int
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPreview:
    """A feed that was found, to choose from.

    Attributes:
        feed: What is in it; None if it was not looked at, or cannot be read.
        problem: Why it cannot be read, in words; empty if nothing is known against it.
    """

    link: Link
    feed: ParsedFeed | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePreview:
    """What rules find on a page.

    Attributes:
        findings: That of each selector, the one for items first.
        entries: The first few entries that it would have.
        doubts: What speaks against fetching it, in words.
    """

    findings: Sequence[SelectorFinding]
    entries: Sequence[ParsedEntry]
    doubts: Sequence[str]


class SourceAdder:
    """Adds sources: probes each, and saves what was found as its first poll.

    Args:
        database: Where sources are.
        prober: Fetches and parses their documents.
        clock: Returns the current time, in UTC.
        rules: How documents are judged.
    """

    def __init__(
        self, database: Database, *, prober: Prober, clock: Callable[[], datetime], rules: Rules
    ) -> None:
        self._database = database
        self._prober = prober
        self._clock = clock
        self._rules = rules

    def add(self, new: NewSource, *, choose: Choose, public: int | None = None) -> AddedSource:
        """Add a source, with the entries of its document.

        Args:
            new: The source; its URL may lack the scheme, its topics need not exist.
            choose: Asked which feed to add if the URL is a page that leads to some.
            public: How many of its entries become public, the newest; None for as many as the
                settings say.

        Raises:
            InvalidError: The URL is not valid.
            ConflictError: The source exists already, or another process holds its host.
            FetchError: There is no response.
            NoFeedError: The response is no feed, and none of those that it leads to was chosen;
                the error names them.
        """
        addresses = web_addresses(new.url)
        rules = self._rules if public is None else replace(self._rules, first_poll=public)
        for url in addresses:
            self._refuse_duplicate(url)
        with self._prober.visit(stop=Event()) as visit:
            discovery = _discover_first(visit, addresses)
            if discovery.itself is not None:
                found = replace(new, url=discovery.asked)
                return self._save(visit, found, discovery.itself, rules=rules)
        probed_by_link = {feed.link: feed.probed for feed in discovery.feeds}
        link = choose(list(probed_by_link)) if probed_by_link else None
        if link is None:
            raise discovery.error()
        return self._follow(replace(new, url=link.url), probed_by_link[link], rules=rules)

    def add_page(self, new: NewSource, *, public: int | None = None) -> AddedSource:
        """Add a page that has no feed, with the entries that its rules find on it.

        Args:
            new: The source; its URL may lack the scheme, its topics need not exist.
            public: As for `add`.

        Raises:
            InvalidError: The URL is not valid.
            ConflictError: The source exists already, or another process holds its host.
            FetchError: There is no response.
            ParseError: The rules find nothing on the page.
        """
        url = web_address(new.url)
        rules = self._rules if public is None else replace(self._rules, first_poll=public)
        self._refuse_duplicate(url)
        with self._prober.visit(stop=Event()) as visit:
            probed = visit.probe(url, page=new.page)
            if probed.feed is None:
                raise ParseError(probed.fetched.url, probed.because)
            added = self._save(visit, replace(new, url=url), probed, rules=rules)
            return replace(added, problems=(*added.problems, *_doubts(visit, url)))

    def _follow(self, new: NewSource, probed: ProbeResult | None, *, rules: Rules) -> AddedSource:
        """Add a feed that was chosen; it is fetched unless it was `probed` before."""
        self._refuse_duplicate(new.url)
        with self._prober.visit(stop=Event()) as visit:
            return self._save(visit, new, probed or visit.probe(new.url), rules=rules)

    def _save(
        self, visit: Visit, new: NewSource, probed: ProbeResult, *, rules: Rules
    ) -> AddedSource:
        fetched, feed = probed.fetched, probed.feed
        if feed is None:
            raise NoFeedError(fetched.url, probed.because, ())
        visit.hold(host_of(new.url))
        reading = ComparedDocument(fetched=fetched, packed=pack(fetched.body), feed=feed, known={})
        with self._database.write() as connection:
            # All in one transaction: no poll finds the source before its first entries are there.
            now = self._clock()
            slugs = topics.ensure(connection, new.topics, now=now)
            new = replace(
                new, topics=[*slugs.values()], feed_title=feed.title or None, site_url=feed.site_url
            )
            [source_id] = sources.add(connection, [new], now=now)
            [due] = leases.due(connection, [source_id])
            polled = settle_read(due, reading, now=now, rules=rules)
            polls.save(connection, visit.owner, [polled])
            source = sources.get(connection, source_id)
        return AddedSource(
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
        InvalidError: The URL is not valid.
        ConflictError: Another process holds its host.
        FetchError: There is no response.
        NoFeedError: There is no feed.
    """
    with prober.visit(stop=Event()) as visit:
        discovery = _discover_first(visit, web_addresses(url))
    if not discovery.feeds:
        raise discovery.error()
    return [feed.link for feed in discovery.feeds]


def preview_feeds(prober: Prober, url: str) -> list[FeedPreview]:
    """Return the feeds that an address is, or leads to, with what is in them, the likeliest first.

    Raises:
        As for `find_feeds`.
    """
    with prober.visit(stop=Event()) as visit:
        discovery = _discover_first(visit, web_addresses(url))
        if not discovery.feeds:
            raise discovery.error()
        looked_at = [_preview(visit, feed) for feed in discovery.feeds[:MAX_PREVIEWS]]
    return [*looked_at, *(FeedPreview(link=one.link) for one in discovery.feeds[MAX_PREVIEWS:])]


def preview_page(prober: Prober, url: str, rules: PageRules) -> PagePreview:
    """Return what rules find on a page; nothing is stored.

    Raises:
        InvalidError: The URL is not valid.
        ConflictError: Another process holds its host.
        FetchError: There is no response.
    """
    with prober.visit(stop=Event()) as visit:
        probed = visit.probe(web_address(url), page=rules)
        doubts = _doubts(visit, web_address(url))
    fetched = probed.fetched
    findings = find_on_page(page_text(fetched.body, fetched.charset), rules)
    entries = probed.feed.entries if probed.feed else ()
    return PagePreview(findings=findings, entries=entries[:MAX_PREVIEWS], doubts=doubts)


def _doubts(visit: Visit, url: str) -> tuple[str, ...]:
    """Return a note if the robots.txt of a site is against fetching a page: the operator decides."""
    try:
        rules = robots.text_of(visit.fetch(robots.address(robots.site_of(url))).body)
    except FetchError:
        return ()
    against = "the robots.txt of its site asks programs not to fetch this page"
    return () if robots.is_allowed(rules, url) else (against,)


def _preview(visit: Visit, found: FoundFeed) -> FeedPreview:
    try:
        probed = found.probed or visit.probe(found.link.url)
    except (ConflictError, FetchError) as error:
        return FeedPreview(link=found.link, problem=str(error))
    return FeedPreview(link=found.link, feed=probed.feed, problem=probed.because)


def _discover_first(visit: Visit, addresses: Sequence[str]) -> Discovery:
    """Probe the first of some addresses that responds at all.

    Raises:
        ConflictError: Another process holds a host.
        FetchError: None responds; the error of the last.
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
