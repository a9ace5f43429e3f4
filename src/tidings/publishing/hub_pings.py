"""Pinging hubs when, and only when, the bytes of a feed of ours have changed (W3C WebSub).

Two steps, each of which any process may do at any time. Feeds of changed scopes are rendered and
compared with their fingerprints; pings are stored together with the new ones, for each hub.
Stored pings are sent, outside of any transaction, until the hub accepts.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Event

from tidings.catalog import change_log
from tidings.db.database import Database
from tidings.errors import FetchError, NotFoundError
from tidings.fetching.outcomes import FormPost
from tidings.fetching.post import Post, PostOutcome, refusal_reason, send
from tidings.model.scopes import Address, FeedAddress, ListAddress
from tidings.model.urls import host_of
from tidings.publishing.formats.registry import FORMATS
from tidings.publishing.ping_rules import (
    HubPing,
    announce,
    attempt,
    changed_bodies,
    fingerprints,
    settle,
)
from tidings.publishing.publication import Publication
from tidings.publishing.site_context import last_change, scope_of
from tidings.publishing.store import pings
from tidings.publishing.store.pings import ComparedFeeds

logger = logging.getLogger(__name__)

# Scopes that are compared in a round before pings are sent.
AT_ONCE = 100

# How long comparing may take: after a change of everything, rendering must not slow down visitors.
LOOK = timedelta(seconds=2)


class HubPinger:
    """Pings hubs about feeds that have changed.

    Args:
        database: Changes, fingerprints and pings.
        publication: Renders feeds.
        hubs: Their addresses.
        base_url: What precedes the paths of our feeds.
        post: Sends a form, and reports from any thread.
        clock: Aware UTC.
    """

    def __init__(  # noqa: PLR0913 - an engine takes what it needs
        self,
        database: Database,
        *,
        publication: Publication,
        hubs: Sequence[str],
        base_url: str,
        post: Post,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._publication = publication
        self._hubs = hubs
        self._base_url = base_url
        self._post = post
        self._clock = clock

    def announce_changes(self, *, stop: Event) -> None:
        """Find feeds that have changed, and send due pings.

        Pings are sent one after the other: a feed that waits is sent once for all changes. A hub
        that cannot be reached gets no more pings in this round.
        """
        until = self._clock() + LOOK
        changed = self._changed()
        for seen in changed:
            self._look(seen)
            if stop.is_set() or self._clock() > until:
                break
        # A hub fetches the feed at once, and another process may answer it: with the feed of before,
        # nobody would hear of the change.
        if changed:
            stop.wait(self._database.overlooked_seconds)
        # By host: each attempt at one that does not answer would take its whole timeout.
        down: dict[str, FetchError] = {}
        while not stop.is_set() and (ping := self._take_next()):
            host = host_of(ping.hub)
            # Counted as failed without asking again, so that its next attempt is later.
            answer = down.get(host) or send(self._post, _form(ping), stop=stop)
            # Stopped: the ping was stored as attempted and is sent after the next start.
            if answer is None:
                return
            if isinstance(answer, FetchError):
                down[host] = answer
            self._note(ping, answer)

    def _changed(self) -> list[ComparedFeeds]:
        """Return the scopes whose feeds are to be compared now.

        Entries of issues may change without the list of issues, so their feed is compared as well.
        """
        issues = ListAddress(name="issues.atom")
        with self._database.read() as connection:
            found = pings.changed_scopes(connection, limit=AT_ONCE)
            seen = pings.issues(connection)
            change, _ = last_change(connection, issues)
        if seen.is_behind(change):
            found.append(replace(seen, change=change))
        return found

    def _look(self, seen: ComparedFeeds) -> None:
        """Compare a scope's feeds with their fingerprints; they may be newer than `seen`."""
        # Bytes, not change numbers: most changes of a source do not change all of its feeds, and
        # hubs fetch a feed for every ping.
        feeds = feeds_of(seen.scope)
        try:
            bodies = [self._publication.body(address) for address in feeds.values()]
        except NotFoundError:
            bodies = []  # removed meanwhile: nothing is left to compare
        now, body_hash = self._clock(), fingerprints(bodies)
        paths = list(feeds)
        changed = [paths[index] for index in changed_bodies(seen.body_hash, body_hash)]
        with self._database.write() as connection:
            # Together with the pings: a crash loses both, and the feeds are compared again.
            if not pings.store_fingerprints(connection, seen, body_hash=body_hash):
                return
            for path in changed:
                for hub in self._hubs:
                    url = self._base_url + path
                    known = pings.find(connection, hub, url) or HubPing(
                        hub=hub, feed_url=url, change=seen.change
                    )
                    pings.put(connection, announce(known, change=seen.change, now=now))

    def _take_next(self) -> HubPing | None:
        """Return a due ping, stored as attempted: if we crash, it counts as unanswered."""
        now = self._clock()
        with self._database.read() as connection:
            # Looked up without a lock first: nearly always nothing is due.
            if pings.find_due(connection, now=now) is None:
                return None
        with self._database.write() as connection:
            # Again, locked: another process may have taken it meanwhile.
            due = pings.find_due(connection, now=now, to_change=True)
            if due is None:
                return None
            taken = attempt(due, now=now)
            pings.put(connection, taken)
        return taken

    def _note(self, told: HubPing, answer: PostOutcome) -> None:
        error = refusal_reason(answer)
        with self._database.write() as connection:
            # Read again: the feed may have changed once more while the hub answered.
            known = pings.find(connection, told.hub, told.feed_url)
            if known is None:
                return  # the hub was taken out of the settings meanwhile
            settled = settle(known, error, told=told.change, now=self._clock())
            pings.put(connection, settled)
        what = {"hub": told.hub, "feed": told.feed_url}
        if error:
            logger.warning("hub not told", extra={**what, "error": error})
        else:
            logger.info("hub told", extra=what)


def forget_others(database: Database, hubs: Sequence[str], *, base_url: str) -> None:
    """Delete pings of hubs that are not configured any more, and of feeds that are gone."""
    with database.write() as connection:
        if not hubs:
            pings.keep_only(connection, hubs=(), feed_urls=())
            # Else hubs set up later would be told of all changes since the last comparison.
            pings.forget_fingerprints(connection)
            return
        urls = {base_url + path for key in pings.scopes(connection) for path in feeds_of(key)}
        pings.keep_only(connection, hubs=hubs, feed_urls=urls)


def feeds_of(key: str) -> Mapping[str, Address]:
    """Return the feeds of a scope, by path."""
    if key == change_log.ISSUES:
        return {"/issues.atom": ListAddress(name="issues.atom")}
    scope = scope_of(key)
    if not scope.slug and key != change_log.ALL:
        return {}  # lists of sources and topics have no feeds
    return {scope.feed_path(form): FeedAddress(scope=scope, form=form) for form in FORMATS}


def _form(ping: HubPing) -> FormPost:
    """Return the form of a ping; some hubs read `hub.url`, some `hub.topic`."""
    fields = {"hub.mode": "publish", "hub.url": ping.feed_url, "hub.topic": ping.feed_url}
    return FormPost(url=ping.hub, fields=fields)
