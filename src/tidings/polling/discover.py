"""Feed discovery: fetch an address now, and find the feed that it is, or those it leads to.

Hosts are leased as in a round of polling, so that discovery is as polite.
"""

import time
from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, replace
from datetime import timedelta
from http import HTTPStatus
from threading import Event
from typing import Self, TypeVar

from tidings.db.database import Database
from tidings.errors import ConflictError, FetchError, NoFeedError, ParseError, StatusError
from tidings.fetching.outcomes import Fetch, Fetched, Outcome, Request
from tidings.model.feed import Document, Link, ParsedFeed
from tidings.model.page_rules import PageRules
from tidings.model.urls import host_of, without_credentials
from tidings.parsing import discovery
from tidings.parsing.discovery import HtmlPage, is_page, read_page
from tidings.polling.host_leases import HostRules
from tidings.polling.parse_queue import Parse
from tidings.polling.schedule import PollPolicy
from tidings.polling.store import leases

# Addresses that are tried where a page advertises no feed.
MAX_TRIES = 10

# How many of them are links of the page; the rest are well-known paths.
MAX_LINKED = 5

_T = TypeVar("_T")

# Seconds between two attempts to lease a host, and two checks of whether to stop.
_PAUSE = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """The response of an address.

    Attributes:
        feed: The parsed feed; None if it is none.
        because: What it is instead, in words.
    """

    fetched: Fetched
    feed: ParsedFeed | None = None
    because: str = ""


class Prober:
    """Fetches and parses single addresses, beside the rounds of polling.

    Args:
        database: Where the leases are.
        fetch: As for `Poller`.
        parse: As for `Poller`.
        owner: This process's name.
        hosts: The pauses of hosts, and how long one that is busy is waited for.
        policy: How long a host is left alone that asks for it.
    """

    def __init__(  # noqa: PLR0913 - an engine takes what it needs
        self,
        database: Database,
        *,
        fetch: Fetch,
        parse: Parse,
        owner: str,
        hosts: HostRules,
        policy: PollPolicy,
    ) -> None:
        self.database = database
        self.fetch = fetch
        self.parse = parse
        self.owner = owner
        self.hosts = hosts
        self.policy = policy

    def visit(self, *, stop: Event, patience: timedelta | None = None) -> "Visit":
        """Begin a visit.

        Args:
            stop: Set to end the visit early; requests then fail.
            patience: How long a busy host is waited for, if shorter than the rules say.
        """
        longest = self.hosts.patience
        shorter = longest if patience is None else min(patience, longest)
        return Visit(self, stop=stop, patience=shorter)


class Visit:
    """Probes a few addresses in turn; a context manager.

    Their hosts are leased from the first request to the end, under `owner`: another name than
    that of this process's rounds. Whoever saves what was found does so under that name, too.
    """

    def __init__(self, prober: Prober, *, stop: Event, patience: timedelta) -> None:
        self.owner = leases.borrower(prober.owner)
        self.stop = stop
        self._prober = prober
        self._patience = patience
        self._pauses: dict[str, timedelta] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._prober.database.write() as connection:
            leases.release(connection, self.owner, self._pauses)

    def probe(self, url: str, *, page: PageRules | None = None) -> ProbeResult:
        """Fetch a document and parse it, as a feed or as `page` says.

        Raises:
            ConflictError: Another process holds its host, or it has to be left alone.
            FetchError: There is no document.
        """
        fetched = self.fetch(url)
        document = Document(
            url=fetched.url,
            body=fetched.body,
            content_type=fetched.content_type,
            charset=fetched.charset,
            language=fetched.language,
            page=page,
        )
        try:
            feed = self._result(self._prober.parse(document, {}), url)
        except ParseError as error:
            return ProbeResult(fetched=fetched, because=error.because)
        return ProbeResult(fetched=fetched, feed=feed)

    def fetch(self, url: str) -> Fetched:
        """Fetch a document.

        Raises:
            ConflictError: Another process holds its host, or it has to be left alone.
            FetchError: There is no document.
        """
        self.hold(host_of(url))
        return self._fetch(url)

    def hold(self, host: str) -> None:
        """Lease a host, or extend its lease; wait for it if need be.

        Raises:
            ConflictError: Another process holds it, or it has to be left alone.
        """
        give_up_at = time.monotonic() + self._patience.total_seconds()
        while not self._claim(host):
            if time.monotonic() > give_up_at or self.stop.wait(_PAUSE):
                with self._prober.database.read() as connection:
                    because = leases.find_obstacle(connection, host) or "is busy"
                raise ConflictError("host", host, because=f"is not free: {because}")
        self._pauses.setdefault(host, self._prober.hosts.pause_of(host))

    def _claim(self, host: str) -> bool:
        with self._prober.database.write() as connection:
            leases.renew(connection, self.owner)
            return leases.claim_one(connection, self.owner, host)

    def _fetch(self, url: str) -> Fetched:
        answer: Future[Outcome] = Future()
        self._prober.fetch(
            [Request(source_id=0, url=url)], lambda _, outcome: answer.set_result(outcome)
        )
        outcome = self._result(answer, url)
        if isinstance(outcome, Fetched):
            return outcome
        error = (
            outcome
            if isinstance(outcome, FetchError)
            else FetchError(url, "the server says it has not changed, but we never saw it")
        )
        self._cool_down_if_asked(error, host_of(url))
        raise error

    def _cool_down_if_asked(self, error: FetchError, host: str) -> None:
        is_rate_limited = (
            isinstance(error, StatusError) and error.status == HTTPStatus.TOO_MANY_REQUESTS
        )
        if is_rate_limited and host_of(error.url) == host:
            policy = self._prober.policy
            self._pauses[host] = min(error.retry_after or policy.interval, policy.max_pause)

    def _result(self, future: "Future[_T]", url: str) -> _T:
        while not wait_for([future], timeout=_PAUSE).done:
            if self.stop.is_set():
                raise FetchError(without_credentials(url), "the service is stopping")
        return future.result()


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFeed:
    """A feed that an address leads to.

    Attributes:
        probed: Its response, if it was tried; None if it is only advertised.
    """

    link: Link
    probed: ProbeResult | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """What an address leads to.

    Attributes:
        asked: The address that was requested.
        url: The one that responded, after redirects.
        found: What there is, in words.
        feeds: The feeds behind it, the likeliest first.
        itself: The response, if the address is a feed; then it is the only one of `feeds`.
    """

    asked: str
    url: str
    found: str
    feeds: tuple[FoundFeed, ...]
    itself: ProbeResult | None = None

    def error(self) -> NoFeedError:
        """Return what to raise if a feed is wanted, and none of these."""
        return NoFeedError(self.url, self.found, tuple(feed.link.url for feed in self.feeds))


def discover(visit: Visit, url: str) -> Discovery:
    """Fetch an address, and find the feeds it leads to.

    What a page advertises (`rel=alternate`) is believed. If it advertises nothing, links that
    look like feeds are tried, then well-known paths, and those count that can be parsed.

    Raises:
        ConflictError: Another process holds a host, or it has to be left alone.
        FetchError: There is no response.
    """
    if named := discovery.find_feed_of(url):
        feeds = (FoundFeed(link=named),)
        return Discovery(asked=url, url=url, found="a page of YouTube", feeds=feeds)
    probed = visit.probe(url)
    fetched = probed.fetched
    if probed.feed is not None:
        feeds = (_tried_feed(probed, Link(url=url)),)
        return Discovery(asked=url, url=fetched.url, found="a feed", feeds=feeds, itself=probed)
    # An unconditional request gets a document with no other status.
    answer = f"200 OK, {fetched.content_type or 'no content type'}, {len(fetched.body):,} bytes"
    return Discovery(
        asked=url,
        url=fetched.url,
        found=f"{probed.because} ({answer})",
        feeds=tuple(_feeds_behind(visit, probed)),
    )


def _feeds_behind(visit: Visit, probed: ProbeResult) -> Iterator[FoundFeed]:
    fetched = probed.fetched
    page = read_page(
        fetched.body, fetched.url, charset=fetched.charset, alternates=fetched.alternates
    )
    if page.advertised:
        yield from (FoundFeed(link=link) for link in page.advertised)
    elif is_page(fetched.body, fetched.content_type):
        yield from _feeds_tried(visit, page)


def _feeds_tried(visit: Visit, page: HtmlPage) -> Iterator[FoundFeed]:
    linked = {link.url: link for link in page.linked[:MAX_LINKED]}
    well_known = {link.url: link for link in page.well_known if link.url not in linked}
    found: set[str] = set()
    for link in [*linked.values(), *well_known.values()][:MAX_TRIES]:
        if found and link.url in well_known:
            return
        try:
            probed = visit.probe(link.url)
        except FetchError as error:
            if error.transient:  # the server is in trouble, or has had enough of us
                return
            continue
        if probed.feed is not None and probed.fetched.url not in found:
            found.add(probed.fetched.url)
            yield _tried_feed(probed, replace(link, url=probed.fetched.moved_to or link.url))


def _tried_feed(probed: ProbeResult, link: Link) -> FoundFeed:
    title = probed.feed.title if probed.feed else ""
    kind = probed.fetched.content_type
    return FoundFeed(link=replace(link, title=title or link.title, type=kind), probed=probed)
