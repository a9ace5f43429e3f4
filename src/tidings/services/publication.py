"""Publishing: what stands at an address, as bytes and as a stamp that moves with them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from hashlib import sha256
from uuid import uuid5

from tidings.domain.entries import EntryState
from tidings.domain.publishing import (
    Address,
    EntryAddress,
    FeedAddress,
    FeedDocument,
    IssueAddress,
    ListAddress,
    PageAddress,
    PublishSettings,
    Scope,
    Stamp,
)
from tidings.errors import NotFoundError
from tidings.rendering.atom import render_atom
from tidings.rendering.json_feed import render_json
from tidings.rendering.opml import render_opml
from tidings.rendering.pages import (
    EntryPage,
    ListPage,
    Page,
    paginate,
    render,
)
from tidings.rendering.rss import render_rss
from tidings.rendering.site import Site
from tidings.rendering.templates import Templates
from tidings.services import archive, directories
from tidings.storage import entries, newsletters, publishing, sources, topics
from tidings.storage.database import Connection, Database
from tidings.storage.entries import Selection, Window

FORMS = {"atom": render_atom, "rss": render_rss, "json": render_json}
SCOPES_OF_LISTS = {
    "topics": publishing.ALL,
    "sources": publishing.SOURCES,
    "sources.opml": publishing.SOURCES,
    "issues": publishing.ISSUES,
}


class Publication:
    """Everything that is published, by address.

    Args:
        database: What is shown.
        settings: How.
        site: What all pages share; its topics are read with each page.
        templates: Of the pages.
        page_path: Our path of a numbered page, from 2 on, given that of the first.
    """

    def __init__(
        self,
        database: Database,
        settings: PublishSettings,
        *,
        site: Site,
        templates: Templates,
        page_path: Callable[[str, int], str],
    ) -> None:
        self._database = database
        self._settings = settings
        self._site = site
        self._templates = templates
        self._page_path = page_path
        shown = f"{settings} {site} {templates.fingerprint}"
        self._fingerprint = sha256(shown.encode()).hexdigest()[:12]

    def stamp(self, address: Address) -> Stamp:
        """Return what tells whether a copy of `address` is current: one indexed read.

        Raises:
            NotFoundError: There is nothing at that address.
        """
        with self._database.read() as connection:
            change, changed_at = _last_change(connection, address)
        return Stamp(change=change, changed_at=changed_at, fingerprint=self._fingerprint)

    def body(self, address: Address) -> bytes:
        """Render what is at `address`, all of it from one moment.

        Raises:
            NotFoundError: There is nothing at that address.
        """
        with self._database.read() as connection:
            match address:
                case FeedAddress(scope=scope, form=form):
                    return FORMS[form](self._feed(connection, scope))
                case ListAddress(name="sources.opml"):
                    listed = directories.outlines(connection)
                    return render_opml(listed, title=self._settings.title)
                case ListAddress(name="issues.atom"):
                    site = self._site_now(connection)
                    feed = archive.newest_issues(connection, site, templates=self._templates)
                    return render_atom(feed)
                case _:
                    page = self._page(connection, address)
        return render(page, self._templates)

    def _page(
        self,
        connection: Connection,
        address: PageAddress | EntryAddress | IssueAddress | ListAddress,
    ) -> Page:
        match address:
            case PageAddress():
                return self._list_page(connection, address)
            case EntryAddress():
                return self._entry_page(connection, address.id)
            case IssueAddress(slug=slug):
                return archive.issue_page(connection, slug, site=self._site_now(connection))
            case ListAddress(name="topics"):
                return directories.topics_page(connection, self._site_now(connection))
            case ListAddress(name="sources"):
                return directories.sources_page(connection, self._site_now(connection))
            case ListAddress(name="issues", number=number):
                site, href = self._site_now(connection), partial(self._page_href, "/issues")
                return archive.issues_page(connection, site, number=number, href=href)
        raise NotFoundError("list", address.name)

    def _feed(self, connection: Connection, scope: Scope) -> FeedDocument:
        heading = _heading(connection, scope, title=self._settings.title)
        window = Window(limit=self._settings.feed_size, by_seq=True, with_content=True)
        shown = entries.select_entries(connection, heading.selection, window)
        _, changed_at = publishing.get_change(connection, _key_of(scope))
        base = self._site.base_url
        return FeedDocument(
            id=uuid5(publishing.instance(connection), _key_of(scope)).urn,
            title=heading.title,
            subtitle=heading.about,
            page_url=base + scope.path,
            feed_urls={form: base + scope.feed_path(form) for form in FORMS},
            updated=max((entry.changed_at for entry in shown), default=changed_at),
            entries=tuple(shown),
            language=heading.language or self._settings.language,
        )

    def _list_page(self, connection: Connection, address: PageAddress) -> ListPage:
        scope, size = address.scope, self._settings.page_size
        heading = _heading(connection, scope, title=self._settings.title)
        is_mixed = scope.kind != "source"
        selection = replace(
            heading.selection, states=heading.page_states, folded=False if is_mixed else None
        )
        count = max(-(-entries.count(connection, selection) // size), 1)
        if address.number > count:
            raise NotFoundError("page", address.number)
        window = Window(limit=size, offset=(address.number - 1) * size)
        shown = entries.select_entries(connection, selection, window)
        return ListPage(
            site=self._site_now(connection),
            scope=scope,
            heading=heading.title,
            about=heading.about,
            site_url=heading.site_url,
            entries=tuple(shown),
            folded=entries.folded_with(connection, shown) if is_mixed else {},
            pagination=paginate(
                address.number, count=count, href=partial(self._page_href, scope.path)
            ),
        )

    def _entry_page(self, connection: Connection, entry_id: int) -> EntryPage:
        entry = entries.get(connection, entry_id)
        if entry.state not in publishing.OPEN_STATES:
            raise NotFoundError("entry", entry_id)
        return EntryPage(site=self._site_now(connection), entry=entry)

    def _site_now(self, connection: Connection) -> Site:
        return replace(
            self._site,
            topics=tuple(topics.every(connection)),
            has_newsletters=bool(newsletters.every(connection)),
        )

    def _page_href(self, path: str, number: int) -> str:
        return self._site.href(path if number == 1 else self._page_path(path, number))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heading:
    title: str
    selection: Selection
    about: str = ""
    site_url: str | None = None
    language: str | None = None
    page_states: tuple[EntryState, ...] = (EntryState.PUBLIC,)


def _heading(connection: Connection, scope: Scope, *, title: str) -> _Heading:
    """Return what a scope is called and holds.

    Raises:
        NotFoundError: There is no such topic or source.
    """
    if scope.kind == "topic":
        topic = topics.find(connection, scope.slug)
        if topic:
            return _Heading(title=topic.title, selection=Selection(topic=topic.slug))
    elif scope.kind == "source":
        source = sources.find_by_slug(connection, scope.slug)
        if source:
            return _Heading(
                title=source.title,
                selection=Selection(source=source.id),
                site_url=source.site_url,
                page_states=publishing.OPEN_STATES,
            )
    else:
        return _Heading(title=title, selection=Selection())
    raise NotFoundError(scope.kind, scope.slug)


def _last_change(connection: Connection, address: Address) -> tuple[int, datetime]:
    match address:
        case EntryAddress(id=entry_id):
            return publishing.get_entry_change(connection, entry_id)
        case IssueAddress(slug=slug):
            return publishing.get_issue_change(connection, slug)
        case ListAddress(name="issues.atom"):
            return publishing.get_issues_change(connection, limit=archive.FEED_SIZE)
        case ListAddress(name=name):
            return publishing.get_change(connection, SCOPES_OF_LISTS[name])
        case _:
            return publishing.get_change(connection, _key_of(address.scope))


def _key_of(scope: Scope) -> str:
    of = {"topic": publishing.of_topic, "source": publishing.of_source}
    return of[scope.kind](scope.slug) if scope.slug else publishing.ALL
