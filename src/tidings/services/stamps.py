"""When what stands at an address last changed: one indexed read each."""

from datetime import datetime

from tidings.domain.publishing import (
    Address,
    EntryAddress,
    IssueAddress,
    ListAddress,
    Scope,
)
from tidings.services import archive
from tidings.storage import publishing
from tidings.storage.database import Connection

SCOPES_OF_LISTS = {
    "topics": publishing.ALL,
    "sources": publishing.SOURCES,
    "sources.opml": publishing.SOURCES,
    "issues": publishing.ISSUES,
}


def last_change(connection: Connection, address: Address) -> tuple[int, datetime]:
    """Return the number and the time of the last change of what `address` shows.

    Raises:
        NotFoundError: There is nothing at that address.
    """
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
            return publishing.get_change(connection, key_of(address.scope))


def key_of(scope: Scope) -> str:
    """Return what a scope is called where its changes are noted."""
    of = {"topic": publishing.of_topic, "source": publishing.of_source}
    return of[scope.kind](scope.slug) if scope.slug else publishing.ALL
