"""Publishing: what stands at an address, as bytes and as a stamp that moves with them."""

from dataclasses import replace
from functools import partial

from tidings.db.database import Connection, Database
from tidings.errors import NotFoundError
from tidings.model.scopes import (
    Address,
    ArchiveAddress,
    CacheValidator,
    EntryAddress,
    FeedAddress,
    IssueAddress,
    ListAddress,
    PageAddress,
    Scope,
)
from tidings.publishing import directories, issue_archive
from tidings.publishing.directories import sitemap
from tidings.publishing.entry_pages import entry_page, list_page
from tidings.publishing.feeds import archive_of, feed_of
from tidings.publishing.formats.atom import render_atom
from tidings.publishing.formats.opml import render_opml
from tidings.publishing.formats.registry import FORMATS
from tidings.publishing.search_page import search_page
from tidings.publishing.site_context import SiteContext, last_change
from tidings.publishing.views import ErrorPage, Page, render
from tidings.templating.site import Operator


class Publication:
    """Everything that is published, by address."""

    def __init__(self, database: Database, imprint: SiteContext) -> None:
        self._database = database
        self._imprint = imprint
        self._fingerprint = imprint.fingerprint

    def stamp(self, address: Address) -> CacheValidator:
        """Return what tells whether a copy of `address` is current: one indexed read.

        Raises:
            NotFoundError: There is nothing at that address.
        """
        with self._database.read() as connection:
            change, changed_at = last_change(connection, address)
        return CacheValidator(change=change, changed_at=changed_at, fingerprint=self._fingerprint)

    def body(self, address: Address, *, operator: Operator | None = None) -> bytes:
        """Render what is at `address`, all of it from one moment.

        Args:
            address: A page, if it is for an operator.
            operator: Who looks at it, if not everybody may.

        Raises:
            NotFoundError: There is nothing at that address.
        """
        imprint = self._imprint
        if operator is not None:
            imprint = replace(imprint, site=replace(imprint.site, operator=operator))
        with self._database.read() as connection:
            match address:
                case FeedAddress(form=form):
                    return FORMATS[form].render(feed_of(connection, address, imprint))
                case ArchiveAddress():
                    return render_atom(archive_of(connection, address, imprint))
                case ListAddress(name="sources.opml"):
                    listed = directories.outlines(connection)
                    return render_opml(listed, title=imprint.settings.title)
                case ListAddress(name="sitemap.xml", number=number):
                    return sitemap(connection, imprint.site, number=number)
                case ListAddress(name="issues.atom"):
                    site = imprint.site_now(connection)
                    newest = issue_archive.newest_issues(
                        connection, site, templates=imprint.templates
                    )
                    return render_atom(newest)
                case _:
                    page = _page(connection, address, imprint)
        return render(page, imprint.templates)


def _page(
    connection: Connection,
    address: PageAddress | EntryAddress | IssueAddress | ListAddress,
    imprint: SiteContext,
) -> Page:
    match address:
        case PageAddress(scope=Scope(kind="query" | "search")):
            return search_page(connection, address, imprint)
        case PageAddress():
            return list_page(connection, address, imprint)
        case EntryAddress(id=entry_id):
            return entry_page(connection, entry_id, imprint)
        case IssueAddress(slug=slug):
            return issue_archive.issue_page(connection, slug, site=imprint.site_now(connection))
        case ListAddress():
            return _directory(connection, address, imprint)


def _directory(connection: Connection, address: ListAddress, imprint: SiteContext) -> Page:
    site = imprint.site_now(connection)
    match address:
        case ListAddress(name="404.html"):
            return ErrorPage(site=site, status=404)
        case ListAddress(name="topics"):
            return directories.topics_page(connection, site)
        case ListAddress(name="sources", topic=topic):
            return directories.sources_page(connection, site, topic=topic)
        case ListAddress(name="issues", number=number):
            href = partial(imprint.page_href, "/issues")
            return issue_archive.issues_page(connection, site, number=number, href=href)
    raise NotFoundError("list", address.name)
