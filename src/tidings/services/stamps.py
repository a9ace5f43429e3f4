"""When what stands at an address last changed: one indexed read each."""

from datetime import datetime

from tidings.domain.publishing import (
    Address,
    ArchiveAddress,
    EntryAddress,
    IssueAddress,
    ListAddress,
    PageAddress,
    Scope,
)
from tidings.services.imprint import ISSUES_IN_FEED
from tidings.storage import feed_archives, paging, publishing
from tidings.storage.database import Connection

SCOPES_OF_LISTS = {
    "topics": publishing.ALL,
    "sources": publishing.SOURCES,
    "sources.opml": publishing.SOURCES,
    "issues": publishing.ISSUES,
    "404.html": publishing.SITE,
}


def last_change(connection: Connection, address: Address) -> tuple[int, datetime]:
    """Return the number and the time of the last change of what `address` shows.

    Raises:
        NotFoundError: There is nothing at that address.
    """
    match address:
        case ArchiveAddress(number=number):
            return feed_archives.get_change(connection, number)
        case EntryAddress(id=entry_id):
            return publishing.get_entry_change(connection, entry_id)
        case PageAddress(scope=scope, number=int(number)) if scope.kind != "query":
            return paging.get_page_change(connection, key_of(scope), number)
        case IssueAddress(slug=slug):
            return publishing.get_issue_change(connection, slug)
        case ListAddress(name=name):
            return _change_of_list(connection, name)
    return publishing.get_change(connection, key_of(address.scope))


def _change_of_list(connection: Connection, name: str) -> tuple[int, datetime]:
    if name == "sitemap.xml":
        return publishing.get_newest_change(connection)
    if name == "issues.atom":
        return publishing.get_issues_change(connection, limit=ISSUES_IN_FEED)
    return publishing.get_change(connection, SCOPES_OF_LISTS[name])


def key_of(scope: Scope) -> str:
    """Return what a scope is called where its changes are noted."""
    of = {
        "topic": publishing.of_topic,
        "source": publishing.of_source,
        "search": publishing.of_search,
    }
    return of[scope.kind](scope.slug) if scope.kind in of else publishing.ALL


def scope_of(key: str) -> Scope:
    """Return the scope whose changes are noted under `key`."""
    kind, _, slug = key.partition(":")
    return Scope(kind=kind, slug=slug)
