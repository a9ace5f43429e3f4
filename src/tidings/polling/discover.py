"""Finding feeds: an address is one, or leads to some.

Looking at an address here and now, as politely as a round of polling does.
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
from tidings.fetching.outcomes import Fetched, Outcome, Request
from tidings.model.feed import Link, ParsedFeed
from tidings.model.urls import host_of, without_credentials
from tidings.parsing import discovery
from tidings.parsing.discovery import Page, is_page, read_page
from tidings.parsing.document import Document
from tidings.polling.host_leases import HostRules
from tidings.polling.parse_queue import Parse
from tidings.polling.poll import Fetch
from tidings.polling.schedule import PollPolicy
from tidings.polling.store import leases

# Addresses that are tried where a page advertises no feed.
MAX_TRIES = 10

# How many of them are links of the page; the rest are where feeds usually are.
MAX_LINKED = 5

_T = TypeVar("_T")

# Seconds between two attempts to have a host, and two looks at whether to stop.
_PAUSE = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What an address answered with.

    Attributes:
        feed: What it says; None if it is no feed.
        because: What it is instead.
    """

    fetched: Fetched
    feed: ParsedFeed | None = None
    because: str = ""


class Prober:
    """Looks at addresses, beside the rounds of polling and as politely.

    Args:
        database: Where the leases are.
        fetch: As for polling.
        parse: As for polling.
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
        """Begin to look.

        Args:
            stop: Set to end the visit early; what is asked then fails.
            patience: How long a host that is busy is waited for at most, if not for as long as
                the rules say.
        """
        longest = self.hosts.patience
        shorter = longest if patience is None else min(patience, longest)
        return Visit(self, stop=stop, patience=shorter)


class Visit:
    """A few addresses that are looked at in turn; a context manager.

    Their hosts are held from the first question to the end, beside those that a round of this
    process may hold: under `owner`. That is also the name to save under.
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

    def look(self, url: str) -> Looked:
        """Ask for a document and read it.

        Raises:
            ConflictError: Another process holds its host, or it has to be left alone.
            FetchError: There is no document.
        """
        self.hold(host_of(url))
        fetched = self._fetch(url)
        document = Document(
            url=fetched.url,
            body=fetched.body,
            content_type=fetched.content_type,
            charset=fetched.charset,
            language=fetched.language,
        )
        try:
            feed = self._result(self._prober.parse(document, {}), url)
        except ParseError as error:
            return Looked(fetched=fetched, because=error.because)
        return Looked(fetched=fetched, feed=feed)

    def hold(self, host: str) -> None:
        """Take a host, or keep it for longer; wait for it if need be.

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
        self._heed(error, host_of(url))
        raise error

    def _heed(self, error: FetchError, host: str) -> None:
        is_tired = isinstance(error, StatusError) and error.status == HTTPStatus.TOO_MANY_REQUESTS
        if is_tired and host_of(error.url) == host:
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
        looked: What came when it was tried; None if it is only advertised.
    """

    link: Link
    looked: Looked | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """What an address leads to.

    Attributes:
        asked: The address that was asked.
        url: The one that answered.
        found: What there is, in words.
        feeds: The feeds behind it, the likeliest first.
        itself: What came, if the address is a feed; then it is the only one of `feeds`.
    """

    asked: str
    url: str
    found: str
    feeds: tuple[FoundFeed, ...]
    itself: Looked | None = None

    def error(self) -> NoFeedError:
        """Return what to raise if a feed is wanted, and none of these."""
        return NoFeedError(self.url, self.found, tuple(feed.link.url for feed in self.feeds))


def discover(visit: Visit, url: str) -> Discovery:
    """Look what there is at an address, and which feeds it leads to.

    What a page advertises is believed. If it advertises nothing, links that look like feeds
    are tried, then the places where feeds usually are, and those count that can be read.

    Raises:
        ConflictError: Another process holds a host, or it has to be left alone.
        FetchError: There is no answer.
    """
    if named := discovery.find_feed_of(url):
        feeds = (FoundFeed(link=named),)
        return Discovery(asked=url, url=url, found="a page of YouTube", feeds=feeds)
    looked = visit.look(url)
    fetched = looked.fetched
    if looked.feed is not None:
        feeds = (_tried_feed(looked, Link(url=url)),)
        return Discovery(asked=url, url=fetched.url, found="a feed", feeds=feeds, itself=looked)
    # A question without conditions has no other answer with a document.
    answer = f"200 OK, {fetched.content_type or 'no content type'}, {len(fetched.body):,} bytes"
    return Discovery(
        asked=url,
        url=fetched.url,
        found=f"{looked.because} ({answer})",
        feeds=tuple(_feeds_behind(visit, looked)),
    )


def _feeds_behind(visit: Visit, looked: Looked) -> Iterator[FoundFeed]:
    fetched = looked.fetched
    page = read_page(
        fetched.body, fetched.url, charset=fetched.charset, alternates=fetched.alternates
    )
    if page.advertised:
        yield from (FoundFeed(link=link) for link in page.advertised)
    elif is_page(fetched.body, fetched.content_type):
        yield from _feeds_tried(visit, page)


def _feeds_tried(visit: Visit, page: Page) -> Iterator[FoundFeed]:
    linked = {link.url: link for link in page.linked[:MAX_LINKED]}
    usual = {link.url: link for link in page.usual if link.url not in linked}
    found: set[str] = set()
    for link in [*linked.values(), *usual.values()][:MAX_TRIES]:
        if found and link.url in usual:
            return
        try:
            looked = visit.look(link.url)
        except FetchError as error:
            if error.transient:  # in trouble, or tired of us
                return
            continue
        if looked.feed is not None and looked.fetched.url not in found:
            found.add(looked.fetched.url)
            yield _tried_feed(looked, replace(link, url=looked.fetched.moved_to or link.url))


def _tried_feed(looked: Looked, link: Link) -> FoundFeed:
    title = looked.feed.title if looked.feed else ""
    kind = looked.fetched.content_type
    return FoundFeed(link=replace(link, title=title or link.title, type=kind), looked=looked)
