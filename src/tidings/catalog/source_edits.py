"""Changes of sources: by the operator, and of their state."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, select, update

from tidings.catalog import change_log, page_sources, private_sources, sources, text_sources, topics
from tidings.db.tables import source
from tidings.errors import ConflictError
from tidings.model.access import Access, split_credentials
from tidings.model.entries import Republish
from tidings.model.full_text import TextMode
from tidings.model.mail_lists import is_by_mail
from tidings.model.page_rules import PageRules
from tidings.model.sources import (
    SourceState,
    with_decision,
)
from tidings.model.urls import (
    host_of,
    is_private,
)

EDITED = "at once: the operator changed something"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEdit:
    """What to change in a source; None leaves it as it is.

    Attributes:
        title: Empty to take the feed's.
        interval: The pause between two polls; zero to learn it from what they find.
        access: Login, headers and so on; an empty one to remove them.
        republish: How much of its entries we may show.
        noindex: Whether search engines are asked to leave its pages out.
        hides_address: Whether its address is shown to nobody; a new login, or an address that
            looks private, hides it, too.
        page: How it is read, if it is a page without a feed.
        full_text: Of which new entries the articles are fetched; empty for none.
    """

    title: str | None = None
    url: str | None = None
    topics: Sequence[str] | None = None
    interval: timedelta | None = None
    access: Access | None = None
    republish: Republish | None = None
    noindex: bool | None = None
    hides_address: bool | None = None
    page: PageRules | None = None
    full_text: TextMode | Literal[""] | None = None

    @property
    def changed(self) -> tuple[str, ...]:
        """The names of what it changes."""
        return tuple(one.name for one in fields(self) if getattr(self, one.name) is not None)


def edit(connection: Connection, source_id: int, change: SourceEdit, *, now: datetime) -> None:
    """Change a source. With a new URL it loses its validators and is due at once.

    Raises:
        NotFoundError: The source or a topic does not exist.
        ConflictError: Another source has the new URL; or it comes by mail.
    """
    found = sources.get(connection, source_id)
    if is_by_mail(found.url) and (change.url or change.full_text or change.hides_address is False):
        because = "comes by mail: it has no address to change or to show, and no pages"
        raise ConflictError("source", found.slug, because=because)
    if change.url is not None:
        url, login = split_credentials(change.url)
        _relocate(connection, source_id, url, now=now)
        # The operator chose the address: there is no redirect to revert any more.
        _set(connection, source_id, former_url=None)
        if login.summary:
            private_sources.put(connection, source_id, login)
    _put_beside(connection, source_id, change)
    # In this order: what the operator says of an address outranks the guess.
    if columns := _privacy(connection, source_id, change) | _columns(change):
        _set(connection, source_id, **columns)
    if {"access", "interval", "page"}.intersection(change.changed):
        _poll_at_once(connection, source_id, because=EDITED, now=now)
    if change.changed:
        words = f"changed by the operator: {', '.join(change.changed)}"
        _add_to_history(connection, source_id, words, now=now)
    change_log.touch_everything(connection, now=now)


def _put_beside(connection: Connection, source_id: int, change: SourceEdit) -> None:
    """Write what an edit changes in other tables than the source's own."""
    if change.access is not None:
        private_sources.put(connection, source_id, change.access)
    if change.page is not None:
        page_sources.put(connection, {source_id: change.page})
        # Read in another way, the same document is another one.
        unread: dict[str, object] = dict.fromkeys((*private_sources.VALIDATORS, "body_hash"))
        _set(connection, source_id, **unread)
    if change.full_text is not None:
        text_sources.put(connection, source_id, change.full_text or None)
    if change.topics is not None:
        topics.assign(connection, source_id, change.topics)


def set_state(connection: Connection, source_id: int, state: SourceState, *, now: datetime) -> None:
    """Pause or resume a source; one that is resumed is due at once.

    Raises:
        NotFoundError: There is no such source.
    """
    slug = sources.get(connection, source_id).slug
    _set(connection, source_id, state=state)
    if state is SourceState.ACTIVE:
        # With the first 410 still noted, the next one would retire it again.
        _set(connection, source_id, gone_at=None)
        _poll_at_once(connection, source_id, because=EDITED, now=now)
    words = "resumed" if state is SourceState.ACTIVE else state.value
    _add_to_history(connection, source_id, f"{words} by the operator", now=now)
    change, _ = change_log.next_change(connection)
    # Not everything: the state is shown in these two places only.
    scopes = [change_log.SOURCES, change_log.of_source(slug)]
    change_log.touch(connection, scopes, change=change, now=now)


def make_due(connection: Connection, source_id: int, *, now: datetime) -> None:
    """Make a source due now; it is polled as soon as its host is free.

    Raises:
        NotFoundError: There is no such source.
        ConflictError: It is not polled at all: it is paused or retired.
    """
    found = sources.get(connection, source_id)
    if found.state is not SourceState.ACTIVE:
        raise ConflictError("source", source_id, because=f"is {found.state}: resume it")
    _poll_at_once(connection, source_id, because="at once: the operator asked", now=now)
    _add_to_history(connection, source_id, "due at once: the operator asked", now=now)


def revert_redirect(connection: Connection, source_id: int, *, now: datetime) -> str:
    """Give a source back the address it had before it was redirected, for good; return that.

    Raises:
        NotFoundError: There is no such source.
        ConflictError: It did not move, or another source has that address now.
    """
    moved = sources.get(connection, source_id)
    if moved.former_url is None:
        raise ConflictError("source", source_id, because="did not move by itself")
    _relocate(connection, source_id, moved.former_url, now=now)
    # Else the same redirects would move it again a week later.
    _set(connection, source_id, former_url=None, keeps_url=True)
    _add_to_history(connection, source_id, f"back to {moved.former_url}, to stay", now=now)
    change_log.touch_everything(connection, now=now)
    return moved.former_url


def _privacy(connection: Connection, source_id: int, change: SourceEdit) -> dict[str, object]:
    """Return the columns to write if a change of address or access makes an address private."""
    # Never the other way: only the operator's word shows an address that was hidden.
    if change.url is None and change.access is None:
        return {}
    own = private_sources.of_sources(connection, [source_id]).get(source_id)
    is_login = own is not None and bool(own.user or own.headers or own.cookies)
    # Read again: the edit may just have changed it.
    url = sources.get(connection, source_id).url
    return {"hides_address": True} if is_private(url, has_access=is_login) else {}


def _relocate(connection: Connection, source_id: int, url: str, *, now: datetime) -> None:
    """Give a source another address, and reset what belongs to the former one."""
    sources.refuse_duplicate(connection, url)
    name = host_of(url)
    sources.ensure_hosts(connection, [name])
    # Validators and redirects of one server say nothing of another.
    unknown = (*private_sources.VALIDATORS, "body_hash", "moved_to", "moved_since")
    # Nor does that it was gone, or what was said of it.
    untold = ("gone_at", "looked_at", "notice", "feed_guid")
    forgotten: dict[str, object] = dict.fromkeys((*unknown, *untold))
    _set(connection, source_id, url=url, host=name, moved_times=0, **forgotten)
    page_sources.forget_seen(connection, source_id)
    _poll_at_once(connection, source_id, because=EDITED, now=now)


def _columns(change: SourceEdit) -> dict[str, object]:
    """Return the columns of the source's own row that an edit changes."""
    columns: dict[str, object] = {}
    if change.title is not None:
        columns["given_title"] = change.title or None
    if change.interval is not None:
        columns["given_interval"] = change.interval or None
    if change.republish is not None:
        columns["republish"] = change.republish
    if change.noindex is not None:
        columns["noindex"] = change.noindex
    if change.hides_address is not None:
        columns["hides_address"] = change.hides_address
    return columns


def _poll_at_once(connection: Connection, source_id: int, *, because: str, now: datetime) -> None:
    _set(connection, source_id, next_poll_at=now, next_poll_because=because)


def _add_to_history(connection: Connection, source_id: int, words: str, *, now: datetime) -> None:
    # Locked: a poll may be adding to the history as well.
    by_id = select(source.c.history).where(source.c.id == source_id)
    history = connection.execute(by_id.with_for_update()).scalar_one()
    _set(connection, source_id, history=with_decision(history, words, now=now))


def _set(connection: Connection, source_id: int, **columns: object) -> None:
    connection.execute(update(source).where(source.c.id == source_id).values(columns))
