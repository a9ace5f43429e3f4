"""The files of the static site: which there are, and the stamp of each."""

from collections.abc import Iterator
from typing import NamedTuple

from tidings.domain import archives
from tidings.domain.publishing import (
    Address,
    ArchiveAddress,
    EntryAddress,
    FeedAddress,
    IssueAddress,
    ListAddress,
    PageAddress,
)
from tidings.rendering.formats import FORMATS
from tidings.services import archive
from tidings.services.imprint import SiteContext
from tidings.services.scopes import every_scope
from tidings.services.sitemaps import count_of_parts
from tidings.services.stamps import key_of, last_change, scope_of
from tidings.storage import issues, newsletters, paging, publishing
from tidings.storage.database import Connection


class SiteFile(NamedTuple):
    """A file of the site.

    Attributes:
        path: Below the folder.
        change: The last change of what it shows.
        address: Where the same stands on the web.
    """

    path: str
    change: int
    address: Address


def page_path(path: str, number: int) -> str:
    """Return the path of a numbered page where a query cannot name it; `path` is the newest's."""
    return f"{path.rstrip('/')}/page/{number}/"


def files(connection: Connection, imprint: SiteContext) -> Iterator[SiteFile]:
    """Yield all files: what is linked to before what links to it, as far as that goes."""
    yield from _entries(connection)
    yield from _numbered_pages(connection)
    yield from _issues(connection)
    yield from _archives(connection)
    yield from _scopes(connection)
    for name in ("topics", "sources"):
        yield _file(connection, f"{name}/index.html", ListAddress(name=name))
    for name in ("sources.opml", "404.html", "sitemap.xml"):
        yield _file(connection, name, ListAddress(name=name))
    for number in range(1, count_of_parts(connection, imprint.site) + 1):
        address = ListAddress(name="sitemap.xml", number=number)
        yield _file(connection, f"sitemap/{number}.xml", address)


def _entries(connection: Connection) -> Iterator[SiteFile]:
    site = publishing.changes(connection)[publishing.SITE].number
    for entry_id, change in paging.export_entry_changes(connection):
        path = f"entries/{entry_id}/index.html"
        yield SiteFile(path, max(change, site), EntryAddress(id=entry_id))


def _numbered_pages(connection: Connection) -> Iterator[SiteFile]:
    site = publishing.changes(connection)[publishing.SITE].number
    for key, number, change in paging.export_page_changes(connection):
        scope = scope_of(key)
        path = _index_of(page_path(scope.path, number))
        yield SiteFile(path, max(change, site), PageAddress(scope=scope, number=number))


def _scopes(connection: Connection) -> Iterator[SiteFile]:
    changes = publishing.changes(connection)
    for scope in every_scope(connection):
        change = changes[key_of(scope)].number
        for form in FORMATS:
            path = scope.feed_path(form).lstrip("/")
            yield SiteFile(path, change, FeedAddress(scope=scope, form=form))
        yield SiteFile(_index_of(scope.path), change, PageAddress(scope=scope))


def _archives(connection: Connection) -> Iterator[SiteFile]:
    for number in range(1, archives.full_archives(publishing.last_seq(connection)) + 1):
        address = ArchiveAddress(number=number)
        yield _file(connection, address.path.lstrip("/"), address)


def _issues(connection: Connection) -> Iterator[SiteFile]:
    if not newsletters.every(connection):
        return
    for line in issues.listed(connection):
        path = f"issues/{line.slug}/index.html"
        yield _file(connection, path, IssueAddress(slug=line.slug))
    for number in range(1, archive.count_of_pages(connection)):
        path = _index_of(page_path("/issues", number))
        yield _file(connection, path, ListAddress(name="issues", number=number))
    yield _file(connection, "issues/index.html", ListAddress(name="issues"))
    yield _file(connection, "issues.atom", ListAddress(name="issues.atom"))


def _file(connection: Connection, path: str, address: Address) -> SiteFile:
    change, _ = last_change(connection, address)
    return SiteFile(path, change, address)


def _index_of(path: str) -> str:
    return f"{path.strip('/')}/index.html".lstrip("/")
