"""The context that everything published shares, and when each address last changed."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from tidings.catalog import change_log, newsletters, topics
from tidings.db.database import Connection
from tidings.model.scopes import (
    Address,
    ArchiveAddress,
    DataAddress,
    EntryAddress,
    IssueAddress,
    ListAddress,
    PageAddress,
    PublishSettings,
    Scope,
)
from tidings.publishing.store import archives, pages
from tidings.templating.engine import Templates
from tidings.templating.site import Site

# Issues in the feed of issues: each one has many entries.
ISSUES_IN_FEED = 20

SCOPES_OF_LISTS = {
    "topics": change_log.ALL,
    "sources": change_log.SOURCES,
    "sources.opml": change_log.SOURCES,
    "issues": change_log.ISSUES,
    "404.html": change_log.SITE,
    "search": change_log.SITE,
}

# Of topics in the style sheet.
COLOURS = 8

KINDS = ("all", "topic", "source", "search")


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteContext:
    """The context of everything that is published.

    Attributes:
        settings: How it is published.
        site: What all pages share; its topics are read with each page.
        templates: Of the pages.
        page_path: Gives the path of a numbered page, by that of the scope's newest.
        is_live: Whether pages are asked for one by one, and not written as files.
    """

    settings: PublishSettings
    site: Site
    templates: Templates
    page_path: Callable[[str, int], str]
    is_live: bool = True

    @property
    def fingerprint(self) -> str:
        """Changes with our version, the templates and the settings."""
        shown = f"{self.settings} {self.site} {self.templates.fingerprint}"
        # Part of every ETag, so it is kept short.
        return sha256(shown.encode()).hexdigest()[:12]

    def site_now(self, connection: Connection) -> Site:
        """Return the site with its current topics."""
        # Not from the start: topics are added while the service runs.
        by_age = topics.every_by_age(connection)
        return replace(
            self.site,
            topics=tuple(by_age.values()),
            # By age, so that a new topic takes no colour from another.
            colours={
                by_age[number].slug: place % COLOURS + 1
                for place, number in enumerate(sorted(by_age))
            },
            has_newsletters=bool(newsletters.every(connection)),
        )

    def page_href(self, path: str, number: int | None) -> str:
        """Return the link to a page of a list; the newest has no number."""
        return self.site.href(path if number is None else self.page_path(path, number))

    def numbered_href(self, path: str, number: int) -> str:
        """Return the link to a page of a list that is numbered from its front."""
        if "?" in path:
            return self.site.href(f"{path}&page={number}" if number > 1 else path)
        return self.page_href(path, number if number > 1 else None)


def last_change(connection: Connection, address: Address) -> tuple[int, datetime]:
    """Return the number and the time of the last change of `address`.

    Raises:
        NotFoundError: There is nothing at that address.
    """
    match address:
        case ArchiveAddress(number=number):
            return archives.get_change(connection, number)
        case EntryAddress(id=number) | DataAddress(name="entry", key=number):
            return change_log.get_entry_change(connection, int(number))
        # Pages of a query are not cut: each changes with everything.
        case PageAddress(scope=scope, number=int(number)) if scope.kind != "query":
            return pages.get_page_change(connection, key_of(scope), number)
        case IssueAddress(slug=slug):
            return change_log.get_issue_change(connection, slug)
        case ListAddress(name=name):
            return _change_of_list(connection, name)
    key = _key_of_data(address) if isinstance(address, DataAddress) else key_of(address.scope)
    return change_log.get_change(connection, key)


def _change_of_list(connection: Connection, name: str) -> tuple[int, datetime]:
    # It lists pages of all scopes, so the newest change of any counts.
    if name == "sitemap.xml":
        return change_log.get_newest_change(connection)
    # It shows entries, which change without the list of issues.
    if name == "issues.atom":
        return change_log.get_issues_change(connection, limit=ISSUES_IN_FEED)
    return change_log.get_change(connection, SCOPES_OF_LISTS[name])


def _key_of_data(address: DataAddress) -> str:
    match address.name, dict(address.asked):
        case "entries", {"source": slug}:
            return change_log.of_source(str(slug))
        case "entries", {"topic": slug}:
            return change_log.of_topic(str(slug))
        case "sources" | "source", _:
            return change_log.SOURCES
        case _:
            return change_log.ALL


def key_of(scope: Scope) -> str:
    """Return the key of a scope in the change log."""
    of = {
        "topic": change_log.of_topic,
        "source": change_log.of_source,
        "search": change_log.of_search,
    }
    return of[scope.kind](scope.slug) if scope.kind in of else change_log.ALL


def scope_of(key: str) -> Scope:
    """Return the scope of a key in the change log."""
    kind, _, slug = key.partition(":")
    return Scope(kind=kind, slug=slug)


def every_scope(connection: Connection) -> list[Scope]:
    """Return all scopes, that of everything first, the others in no particular order."""
    found = [scope_of(key) for key in change_log.changes(connection)]
    scopes = [scope for scope in found if scope.kind in KINDS]
    return sorted(scopes, key=lambda scope: (KINDS.index(scope.kind), scope.slug))
