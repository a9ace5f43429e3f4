"""The publication: the document at each address, as bytes, and a stamp to validate copies by."""

from dataclasses import replace
from functools import partial
from urllib.parse import urlencode

from tidings.db.database import Connection, Database
from tidings.errors import NotFoundError
from tidings.model.scopes import (
    Address,
    ArchiveAddress,
    CacheValidator,
    DataAddress,
    EntryAddress,
    FeedAddress,
    IssueAddress,
    ListAddress,
    PageAddress,
    Scope,
)
from tidings.publishing import directories, issue_archive
from tidings.publishing.data_documents import data_document
from tidings.publishing.directories import sitemap
from tidings.publishing.entry_pages import entry_page, list_page
from tidings.publishing.feeds import archive_of, feed_of
from tidings.publishing.formats.atom import render_atom
from tidings.publishing.formats.opml import render_opml
from tidings.publishing.formats.registry import FORMATS
from tidings.publishing.search_files import FileSearchPage
from tidings.publishing.search_page import search_page
from tidings.publishing.site_context import SiteContext, key_of, last_change
from tidings.publishing.store import pages
from tidings.publishing.views import ErrorPage, Page, render
from tidings.templating.site import Operator


class Publication:
    """Everything that is published, by address."""

    def __init__(self, database: Database, context: SiteContext) -> None:
        # A value that differs once anything may have changed.
        self.state = database.state
        self._database = database
        self._context = context
        # Once: it is part of every stamp, and nothing in it changes while the process lives.
        self._fingerprint = context.fingerprint

    def stamp(self, address: Address) -> CacheValidator:
        """Return the stamp of `address`: an indexed read or two.

        Raises:
            NotFoundError: There is nothing at that address.
        """
        with self._database.read() as connection:
            change, changed_at = last_change(connection, address)
            fingerprint = self._fingerprint + _place_in_list(connection, address)
        return CacheValidator(change=change, changed_at=changed_at, fingerprint=fingerprint)

    def body(self, address: Address, *, operator: Operator | None = None) -> bytes:
        """Render what is at `address`, all of it from one snapshot.

        Args:
            address: A page, if it is for an operator.
            operator: Who looks at it; None for the public.

        Raises:
            NotFoundError: There is nothing at that address.
        """
        context = self._context
        if operator is not None:
            # In the site, which every template has: the bar is part of the frame.
            context = replace(context, site=replace(context.site, operator=operator))
        with self._database.read() as connection:
            match address:
                case FeedAddress(form=form):
                    return FORMATS[form].render(feed_of(connection, address, context))
                case ArchiveAddress():
                    return render_atom(archive_of(connection, address, context))
                case ListAddress(name="sources.opml" | "sitemap.xml" | "issues.atom"):
                    return _list_document(connection, address, context)
                case DataAddress():
                    return data_document(connection, address, context)
                case _:
                    page = _page(connection, address, context)
        # After the connection is given back: templates take longest, and read nothing.
        return render(page, context.templates)


def _place_in_list(connection: Connection, address: Address) -> str:
    match address:
        # It says how many pages are newer, so it differs once there is another.
        case PageAddress(scope=scope, number=int()) if scope.kind != "query":
            return f"{pages.count(connection, key_of(scope)):x}"
        case _:
            return ""


def _page(
    connection: Connection,
    address: PageAddress | EntryAddress | IssueAddress | ListAddress,
    context: SiteContext,
) -> Page:
    match address:
        # Found by words, and not cut into pages that keep their number.
        case PageAddress(scope=Scope(kind="query" | "search")):
            return search_page(connection, address, context)
        case PageAddress():
            return list_page(connection, address, context)
        case EntryAddress(id=entry_id):
            return entry_page(connection, entry_id, context)
        case IssueAddress(slug=slug):
            return issue_archive.issue_page(connection, slug, site=context.site_now(connection))
        case ListAddress():
            return _directory(connection, address, context)


def _list_document(connection: Connection, address: ListAddress, context: SiteContext) -> bytes:
    match address.name:
        case "sources.opml":
            return render_opml(directories.outlines(connection), title=context.site.title)
        case "sitemap.xml":
            return sitemap(connection, context.site, number=address.number)
        case _:
            site = context.site_now(connection)
            newest = issue_archive.newest_issues(connection, site, templates=context.templates)
            return render_atom(newest)


def _directory(connection: Connection, address: ListAddress, context: SiteContext) -> Page:
    site = context.site_now(connection)
    match address:
        case ListAddress(name="404.html"):
            return ErrorPage(site=site, status=404)
        case ListAddress(name="search"):
            return FileSearchPage(site=site)
        case ListAddress(name="topics"):
            return directories.topics_page(connection, site)
        case ListAddress(name="sources"):
            href = partial(context.numbered_href, _path_of_sources(address))
            return directories.sources_page(connection, site, address, href=href)
        case ListAddress(name="issues", number=number):
            href = partial(context.page_href, "/issues")
            return issue_archive.issues_page(connection, site, number=number, href=href)
    raise NotFoundError("list", address.name)


def _path_of_sources(asked: ListAddress) -> str:
    given = {"q": asked.q, "topic": asked.topic, "health": asked.health, "order": asked.order}
    query = urlencode({name: value for name, value in given.items() if value})
    return f"/sources?{query}" if query else "/sources"
