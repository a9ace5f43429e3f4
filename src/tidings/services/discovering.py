"""Finding feeds: an address is one, or leads to some."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tidings.domain.documents import Link
from tidings.errors import FetchError, NoFeedError
from tidings.parsing import discovery
from tidings.parsing.discovery import Page, is_page, read_page
from tidings.services.looking import Looked, Visit

MAX_TRIES = 10
"""Addresses that are tried where a page advertises no feed."""

MAX_LINKED = 5
"""How many of them are links of the page; the rest are where feeds usually are."""


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
