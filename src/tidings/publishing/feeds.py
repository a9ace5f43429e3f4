"""The entries of each of our feeds and archives (RFC 5005)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import uuid5

from tidings.catalog import change_log, entries
from tidings.catalog.entries import ListWindow
from tidings.db.database import Connection
from tidings.errors import NotFoundError
from tidings.model import scopes
from tidings.model.entries import Entry
from tidings.model.scopes import (
    EVERYTHING,
    ArchiveAddress,
    ArchiveLinks,
    FeedAddress,
    FeedDocument,
    Scope,
)
from tidings.publishing.entry_pages import ScopeDetails, scope_details
from tidings.publishing.formats.atom import ATOM
from tidings.publishing.formats.registry import FORMATS
from tidings.publishing.site_context import SiteContext, key_of
from tidings.publishing.store import archives
from tidings.templating.site import ICON_PATH

# How long an archived entry that changed is in the feed again: nobody requests an archive twice.
EDITED_FOR = timedelta(days=7)
# How many such entries at most.
MAX_EDITED = 20


def feed_of(connection: Connection, address: FeedAddress, context: SiteContext) -> FeedDocument:
    """Return the feed at `address`.

    Raises:
        NotFoundError: There is no such topic or source.
    """
    scope = address.scope
    heading = scope_details(connection, scope, title=context.site.title)
    feed = _empty(connection, scope, heading, context)
    if scope == EVERYTHING:
        feed = _latest(connection, feed, context)
    else:
        # By `seq`, not by date: an entry that comes late, with an old date, must reach feed
        # readers.
        window = ListWindow(limit=context.settings.feed_size, by_seq=True, with_content=True)
        feed = _filled(feed, entries.select_entries(connection, heading.selection, window))
    return _news(connection, feed, since=address.since)


def archive_of(
    connection: Connection, address: ArchiveAddress, context: SiteContext
) -> FeedDocument:
    """Return an archive of the feed of everything: always the same entries, as they are now.

    Entries that were hidden or removed since leave it, so it may be empty.

    Raises:
        NotFoundError: There is no such archive, or not yet.
    """
    number = address.number
    count = scopes.full_archives(change_log.last_seq(connection))
    if not 1 <= number <= count:
        raise NotFoundError("archive", number)
    heading = scope_details(connection, EVERYTHING, title=context.site.title)
    feed = _empty(connection, EVERYTHING, heading, context)
    _, changed_at = change_log.get_change(connection, change_log.SITE)
    archived = replace(
        feed,
        forms=(ATOM.at(context.site.base_url + address.path),),
        updated=changed_at,
        hubs=(),  # an archive hardly changes: nobody subscribes to it
        archive=ArchiveLinks(
            previous=_archive_url(number - 1, context) if number > 1 else None,
            following=_archive_url(number + 1, context) if number < count else None,
            current=feed.url_of(ATOM.name),
        ),
    )
    return _filled(archived, archives.between(connection, *scopes.archive_span(number)))


def _empty(
    connection: Connection, scope: Scope, heading: ScopeDetails, context: SiteContext
) -> FeedDocument:
    settings, site = context.settings, context.site
    words = context.templates.words(settings.language)
    _, changed_at = change_log.get_change(connection, key_of(scope))
    title = heading.title if scope == EVERYTHING else f"{heading.title} · {context.site.title}"
    return FeedDocument(
        # Not the address: a feed keeps its identity when the site moves (RFC 4287, 4.2.6).
        id=uuid5(change_log.instance(connection), scope.name).urn,
        title=title,
        subtitle=heading.about,
        page_url=site.base_url + scope.path,
        forms=tuple(one.at(site.base_url + scope.feed_path(one.name)) for one in FORMATS.values()),
        updated=changed_at,
        entries=(),
        language=heading.language or settings.language,
        # Queries of visitors are not compared after changes, so no hub would ever be pinged.
        hubs=() if scope.kind == "query" else site.hubs,
        icon=site.base_url + ICON_PATH,
        also_at=words("also-at") + words("colon"),
        entries_url=f"{site.base_url}/entries/",
    )


def _latest(connection: Connection, feed: FeedDocument, context: SiteContext) -> FeedDocument:
    """Return the feed of everything: entries in no archive, and archived ones that changed lately.

    "Lately" counts from the last change of anything, not from now: the same state of the
    database gives the same document, whenever it is requested.
    """
    last = change_log.last_seq(connection)
    count = scopes.archives_left_out(last, feed_size=context.settings.feed_size)
    _, oldest = scopes.archive_span(count)
    current = archives.between(connection, oldest + 1, last)
    # Edits in archives reach readers here.
    edited = archives.edited(
        connection, since=feed.updated - EDITED_FOR, up_to=oldest, limit=MAX_EDITED
    )
    links = ArchiveLinks(previous=_archive_url(count, context) if count else None)
    return replace(_filled(feed, [*current, *edited]), archive=links)


def _archive_url(number: int, context: SiteContext) -> str:
    return context.site.base_url + ArchiveAddress(number=number).path


def _filled(feed: FeedDocument, shown: Sequence[Entry]) -> FeedDocument:
    # Of the entries, not of the scope: hiding one changes the scope, and nothing that is shown is
    # newer.
    updated = max((entry.changed_at for entry in shown), default=feed.updated)
    return replace(feed, entries=tuple(shown), updated=updated)


def _news(connection: Connection, feed: FeedDocument, *, since: int) -> FeedDocument:
    """Return only the entries that changed since a visitor's copy (RFC 3229)."""
    # The name of a topic, say, stands beside every entry: then all of them are sent.
    if not since or change_log.get_change(connection, change_log.SITE)[0] > since:
        return feed
    return replace(feed, entries=tuple(one for one in feed.entries if one.change > since))
