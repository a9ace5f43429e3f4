"""Sources as operators look after them on the pages: follow, import, watch, access, filters."""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from urllib.parse import urlsplit

from tidings.catalog import private_sources, source_edits, sources, topics
from tidings.catalog.source_edits import SourceEdit
from tidings.catalog.sources import NewSource
from tidings.db.database import Database
from tidings.errors import InvalidError, NotFoundError, ParseError, one_line
from tidings.filters import filtering
from tidings.filters import store as filters
from tidings.filters.filtering import try_filter
from tidings.filters.rules import Filter, FilterTrial, Rule
from tidings.model.entries import Republish, TopicCredit
from tidings.model.feed import MAX_ENTRIES
from tidings.model.operators import HeldSource
from tidings.model.page_rules import PageRules
from tidings.model.scopes import FeedOutline
from tidings.model.sources import Source, SourceHealth, SourceState
from tidings.model.urls import web_address, without_credentials
from tidings.operator.explain import explain_source
from tidings.operator.moderation import parse_republish
from tidings.operator.store import moderation
from tidings.parsing.article import MISSING, is_installed
from tidings.parsing.opml import SourceList
from tidings.parsing.page_tree import checked_rules
from tidings.parsing.source_lists import read_source_list
from tidings.polling.discover import Prober
from tidings.polling.follow import (
    FeedPreview,
    PagePreview,
    SourceAdder,
    preview_feeds,
    preview_page,
)
from tidings.polling.source_list import ImportSummary, import_sources
from tidings.publishing.directories import matching

# Sources on a page of the list.
PAGE_SIZE = 50

# Of each kind that needs attention; the list has all.
NAMED = 6


class Probing(Protocol):
    """What asks publishers right now."""

    def prober(self) -> Prober:
        """Return what fetches addresses to find feeds."""

    def source_adder(self) -> SourceAdder:
        """Return what adds sources."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowForm:
    """A submitted form to follow a feed, a page without one, or a list: unchecked text.

    Attributes:
        url: Empty for a list that comes by mail.
        title: Empty for the feed's own.
        topics: Titles or slugs; those that are new are made.
        public: `all`, or empty for as many entries as the settings say.
        selectors: By name, of a page without a feed; None for a feed.
    """

    url: str = ""
    title: str = ""
    topics: tuple[str, ...] = ()
    public: str = ""
    republish: str = Republish.FULL
    selectors: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPreview:
    """What importing a list of sources would do.

    Attributes:
        new: Those that would be followed.
        known: Those that are followed already.
        problems: Lines that cannot be read, and why.
    """

    new: tuple[FeedOutline, ...]
    known: tuple[FeedOutline, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceListing:
    """A page of the list of sources, those that fail first.

    Attributes:
        healths: How many sources do how, among those with the words.
        held: Numbers of held entries, by slug.
        pages: How many there are.
    """

    sources: tuple[Source, ...]
    healths: Counter[SourceHealth]
    held: dict[str, int]
    pages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceAttention:
    """Sources that an operator has to look at: the first of each kind.

    Attributes:
        failing: The number of all that fail.
        first_failing: Those that have failed longest.
        held: With held entries.
        retired: Whose publishers say that they are gone.
        followed: Whether any source is.
    """

    failing: int
    first_failing: tuple[Source, ...]
    held: tuple[HeldSource, ...]
    retired: tuple[Source, ...]
    followed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedPoll:
    """A source, and what was decided about it.

    Attributes:
        lines: The explanation, in English.
        waits: It is due: the next round polls it.
        access: How it is fetched, without secrets; empty if like all others.
        needs: What has to be installed before full texts can be read; empty if nothing.
    """

    source: Source
    lines: tuple[str, ...]
    waits: bool
    access: str
    needs: str


class SourceDesk:
    """Sources, from the first look at an address on; thread-safe.

    Args:
        database: Where they are.
        clock: Aware UTC.
        probing: Starts what asks publishers, for as long as its context lasts.
    """

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        probing: Callable[[], AbstractContextManager[Probing]],
    ) -> None:
        self._database = database
        self._clock = clock
        self._probing = probing

    def find(self, address: str) -> list[FeedPreview]:
        """Return the feeds that an address is, or leads to, the likeliest first.

        Raises:
            InvalidError: The address is not valid.
            ConflictError: Another process holds its host.
            FetchError: There is no response.
            NoFeedError: There is no feed.
        """
        with self._probing() as asking:
            return preview_feeds(asking.prober(), address)

    def try_page(self, address: str, selectors: Mapping[str, str]) -> PagePreview:
        """Return what selectors find on a page without a feed.

        Raises:
            InvalidError: The address or a selector is not valid.
            ConflictError: Another process holds its host.
            FetchError: There is no response.
        """
        rules = checked_rules(PageRules.of(selectors))
        with self._probing() as asking:
            return preview_page(asking.prober(), address, rules)

    def follow(self, form: FollowForm) -> Source:
        """Follow a feed, or a page without one; its first entries are there at once.

        Raises:
            InvalidError: The address, a selector or a choice is not valid.
            ConflictError: It is followed already, or another process holds its host.
            FetchError: There is no response.
            NoFeedError: It is no feed.
            ParseError: The selectors find nothing on the page.
        """
        new = new_source(form)
        with self._probing() as asking:
            adder = asking.source_adder()
            public = MAX_ENTRIES if form.public == "all" else None
            if new.page:
                return adder.add_page(new, public=public).source
            return adder.add(new, choose=lambda _: None, public=public).source

    def take_feed(self, slug: str, url: str) -> None:
        """Have a source polled at another address from now on.

        Raises:
            NotFoundError: There is no such source.
            InvalidError: The address is not valid.
            ConflictError: Another source has it.
        """
        found, now = self.get(slug), self._clock()
        with self._database.write() as connection:
            source_edits.edit(connection, found.id, SourceEdit(url=web_address(url)), now=now)
            if found.state is not SourceState.ACTIVE:
                source_edits.set_state(connection, found.id, SourceState.ACTIVE, now=now)

    def address_to_search(self, slug: str) -> str:
        """Return where another feed of a source may be found.

        Raises:
            NotFoundError: There is no such source.
        """
        found = self.get(slug)
        # What answers with a page may well name its feeds there; a private address is not shown.
        if found.failing_with == "html" and not found.hides_address:
            return found.url
        parts = urlsplit(found.url)
        return found.site_url or f"{parts.scheme}://{parts.netloc}/"

    def preview_import(self, body: bytes) -> ImportPreview:
        """Return what importing an OPML document would do.

        Raises:
            InvalidError: It is no OPML.
        """
        listed = _read_list(body)
        with self._database.read() as connection:
            followed = sources.urls(connection)
        known = [one for one in listed.outlines if without_credentials(one.url) in followed]
        new = [one for one in listed.outlines if without_credentials(one.url) not in followed]
        return ImportPreview(new=tuple(new), known=tuple(known), problems=listed.problems)

    def import_list(self, body: bytes) -> ImportSummary:
        """Follow every source of an OPML document; nothing is fetched now.

        Raises:
            InvalidError: It is no OPML.
        """
        return import_sources(self._database, _read_list(body).outlines, clock=self._clock)

    def listing(self, *, q: str, health: str, number: int) -> SourceListing:
        """Return a page of the sources with some words, of a health if it is not empty.

        Raises:
            NotFoundError: There is no such page.
        """
        with self._database.read() as connection:
            named = matching(sources.by_title(connection), q)
            listed = [one for one in named if health in {"", one.health}]
            listed.sort(key=lambda one: one.health is not SourceHealth.FAILING)
            pages = max(-(-len(listed) // PAGE_SIZE), 1)  # rounded up
            if number > pages:
                raise NotFoundError("page", number)
            shown = [one.id for one in listed[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]]
            return SourceListing(
                sources=tuple(sources.of_ids(connection, shown)),
                healths=Counter(one.health for one in named),
                held={one.slug: one.entries for one in moderation.held_sources(connection)},
                pages=pages,
            )

    def attention(self) -> SourceAttention:
        """Return what has to be looked at."""
        with self._database.read() as connection:
            failing = moderation.longest_failing(connection, limit=NAMED)
            return SourceAttention(
                failing=moderation.count_failing(connection),
                first_failing=tuple(sources.of_ids(connection, failing)),
                held=moderation.held_sources(connection)[:NAMED],
                retired=tuple(sources.retired(connection, limit=NAMED)),
                followed=sources.has_any(connection),
            )

    def get(self, slug: str) -> Source:
        """Return a source.

        Raises:
            NotFoundError: There is no such source.
        """
        with self._database.read() as connection:
            found = sources.find_by_slug(connection, slug)
        if found is None:
            raise NotFoundError("source", slug)
        return found

    def topics(self) -> tuple[TopicCredit, ...]:
        """Return all topics that a source can be given."""
        with self._database.read() as connection:
            return tuple(topics.every(connection))

    def watch(self, slug: str) -> WatchedPoll:
        """Return a source, and why it is as it is.

        Raises:
            NotFoundError: There is no such source.
        """
        found = self.get(slug)
        with self._database.read() as connection:
            own = private_sources.of_sources(connection, [found.id]).get(found.id)
            lines = explain_source(connection, found.id)
        is_due = found.state is SourceState.ACTIVE and found.next_poll_at <= self._clock()
        return WatchedPoll(
            source=found,
            lines=tuple(lines),
            waits=is_due,
            access=own.summary if own else "",
            needs="" if is_installed() else MISSING,
        )

    def try_filters(self, source_id: int, new: Rule | None) -> FilterTrial:
        """Return what the filters of a source, and a new one, would do to its last entries.

        Raises:
            InvalidError: The new rule is not valid.
        """
        with self._database.read() as connection:
            return try_filter(connection, source_id, None, new=new)

    def add_filter(self, source_id: int, rule: Rule) -> None:
        """Add a filter for new entries of a source.

        Raises:
            InvalidError: It is not valid.
        """
        new = Filter(source_id=source_id, rule=rule)
        with self._database.write() as connection:
            filtering.add(connection, new, now=self._clock())

    def remove_filter(self, source_id: int, filter_id: int) -> None:
        """Remove a filter of a source; what it has hidden stays hidden.

        Raises:
            NotFoundError: The source has no such filter.
        """
        with self._database.write() as connection:
            own = filters.select_filters(connection, source_id, None)
            if filter_id not in {one.id for one in own}:
                raise NotFoundError("filter", filter_id)
            filters.remove(connection, filter_id)


def new_source(form: FollowForm) -> NewSource:
    """Return the source that a form asks for.

    Raises:
        InvalidError: A choice or a selector is not valid.
    """
    return NewSource(
        url=form.url,
        title=one_line(form.title) or None,
        topics=[title for one in form.topics if (title := one_line(one))],
        republish=parse_republish(form.republish),
        page=None if form.selectors is None else checked_rules(PageRules.of(form.selectors)),
    )


def _read_list(body: bytes) -> SourceList:
    try:
        return read_source_list(body)
    except ParseError as error:
        raise InvalidError("list", "OPML", error.because) from error
