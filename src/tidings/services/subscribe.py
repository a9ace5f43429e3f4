"""Following a source: look at it once, keep what was found, poll it from then on."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from queue import SimpleQueue

from tidings.domain.documents import Link, ParsedFeed
from tidings.domain.publishing import FeedOutline
from tidings.domain.sources import Source
from tidings.domain.urls import host_of
from tidings.errors import ConflictError, FetchError, InvalidError, NoFeedError, ParseError
from tidings.fetching.outcomes import Fetched, Outcome, Request
from tidings.parsing.discovery import advertised_feeds
from tidings.parsing.document import Document
from tidings.services.poll import PollTools
from tidings.services.settling import Reading, settle_read
from tidings.storage import leases, polls, sources, topics
from tidings.storage.database import Database
from tidings.storage.sources import NewSource


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


def add_source(tools: PollTools, new: NewSource, *, first: bool) -> Added:
    """Fetch a source once, and follow it with what was found.

    Args:
        tools: As for polling.
        new: The source; its URL may lack the scheme, its topics need not exist.
        first: If the URL is a page, follow the first feed that the page advertises.

    Raises:
        InvalidError: The URL is none.
        ConflictError: It is followed already, or another process holds its host.
        FetchError: There is no answer.
        NoFeedError: The answer is no feed; the error names the feeds that it advertises.
    """
    new = replace(new, url=web_address(new.url))
    with tools.database.read() as connection:
        sources.refuse_duplicate(connection, new.url)
    with _leased(tools, host_of(new.url)):
        fetched = _fetch(tools, new.url)
        try:
            feed = _parse(tools, fetched)
        except ParseError as error:
            offered = advertised_feeds(fetched.body, fetched.url)
            if not (first and offered):
                raise _no_feed(error, fetched, offered) from error
        else:
            return _keep(tools, new, fetched, feed)
    return add_source(tools, replace(new, url=offered[0].url), first=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What came of a list: sources by how many, and what could not be used."""

    added: int
    known: int


def import_sources(
    database: Database, outlines: Sequence[FeedOutline], *, clock: Callable[[], datetime]
) -> Imported:
    """Follow every source of a list that is not followed yet; their topics are made."""
    with database.write() as connection:
        now = clock()
        known = sources.urls(connection)
        fresh = [outline for outline in outlines if outline.url not in known]
        titles = dict.fromkeys(title for outline in fresh for title in outline.topics)
        slugs = topics.ensure(connection, titles, now=now)
        new = [
            NewSource(
                url=outline.url,
                title=outline.title or None,
                site_url=outline.site_url,
                topics=[slugs[title] for title in outline.topics],
                imported=True,
            )
            for outline in fresh
        ]
        if new:
            sources.add(connection, new, now=now)
    return Imported(added=len(new), known=len(outlines) - len(new))


def web_address(text: str) -> str:
    """Return `text` as the address of a document, with `https` where it names no scheme.

    Raises:
        InvalidError: It is no http(s) address.
    """
    url = text.strip().partition("#")[0]
    if "://" not in url:
        url = f"https://{url}"
    try:
        host_of(url)
    except ValueError as error:
        raise InvalidError("address", text, "expected one like https://example.org/feed") from error
    if any(c.isspace() or not c.isprintable() or c == "\\" for c in url):
        raise InvalidError("address", text, "it holds blanks, controls or a backslash")
    return url


@contextmanager
def _leased(tools: PollTools, host: str) -> Iterator[None]:
    give_up_at = time.monotonic() + tools.hosts.patience.total_seconds()
    while not _claim(tools, host):
        if time.monotonic() > give_up_at:
            with tools.database.read() as connection:
                because = leases.find_obstacle(connection, host) or "is busy"
            raise ConflictError("host", host, because=f"is not free: {because}")
        time.sleep(0.2)
    try:
        yield
    finally:
        with tools.database.write() as connection:
            leases.release(connection, tools.owner, {host: tools.hosts.pause_of(host)})


def _claim(tools: PollTools, host: str) -> bool:
    with tools.database.write() as connection:
        return leases.claim_one(connection, tools.owner, host)


def _fetch(tools: PollTools, url: str) -> Fetched:
    inbox: SimpleQueue[Outcome] = SimpleQueue()
    tools.fetch([Request(source_id=0, url=url)], lambda _, outcome: inbox.put(outcome))
    outcome = inbox.get()
    if isinstance(outcome, FetchError):
        raise outcome
    if not isinstance(outcome, Fetched):
        raise FetchError(url, "the server says it has not changed, but we never saw it")
    return outcome


def _parse(tools: PollTools, fetched: Fetched) -> ParsedFeed:
    document = Document(
        url=fetched.url,
        body=fetched.body,
        content_type=fetched.content_type,
        charset=fetched.charset,
    )
    return tools.parse(document, {}).result()


def _keep(tools: PollTools, new: NewSource, fetched: Fetched, feed: ParsedFeed) -> Added:
    reading = Reading(fetched=fetched, feed=feed, known={})
    with tools.database.write() as connection:
        now = tools.clock()
        slugs = topics.ensure(connection, new.topics, now=now)
        new = replace(
            new, topics=[*slugs.values()], feed_title=feed.title or None, site_url=feed.site_url
        )
        [source_id] = sources.add(connection, [new], now=now)
        [due] = sources.due(connection, [source_id])
        polled = settle_read(due, reading, now=now, rules=tools.rules)
        polls.save(connection, tools.owner, [polled])
        source = sources.get(connection, source_id)
    return Added(
        source=source,
        found=len(feed.entries),
        public=polled.changes.published,
        problems=feed.problems,
    )


def _no_feed(error: ParseError, fetched: Fetched, offered: Sequence[Link]) -> NoFeedError:
    size = f"{len(fetched.body):,} bytes"
    # A question without conditions has no other answer with a document.
    answer = f"200 OK, {fetched.content_type or 'no content type'}, {size}"
    found = f"{error.because} ({answer})"
    return NoFeedError(fetched.url, found, tuple(link.url for link in offered))
