"""What the operator changes in a source."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from tidings.domain.access import Access, taken_apart
from tidings.domain.entries import Republish
from tidings.domain.sources import SourceState, with_decision
from tidings.domain.urls import host_of, is_private
from tidings.errors import ConflictError
from tidings.storage import access, publishing, sources, topics
from tidings.storage.tables import source

CHANGED = "at once: the operator changed something"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEdit:
    """What to change in a source; None leaves it as it is.

    Attributes:
        title: Empty to take the feed's.
        interval: The pause between two polls; zero to learn it from what they find.
        access: What to ask it with; an empty one to ask it like all others.
        republish: How much of its entries it lets us show.
        noindex: Whether search engines are asked to leave its pages out.
        hides_address: Whether its address is shown to nobody; a new login or address that looks
            private hides it, too.
    """

    title: str | None = None
    url: str | None = None
    topics: Sequence[str] | None = None
    interval: timedelta | None = None
    access: Access | None = None
    republish: Republish | None = None
    noindex: bool | None = None
    hides_address: bool | None = None

    @property
    def changed(self) -> tuple[str, ...]:
        """The names of what it changes."""
        return tuple(one.name for one in fields(self) if getattr(self, one.name) is not None)


def edit(connection: Connection, source_id: int, change: SourceEdit, *, now: datetime) -> None:
    """Change a source. With a new URL it forgets its validators and is due at once.

    Raises:
        NotFoundError: The source or a topic does not exist.
        ConflictError: Another source has the new URL.
    """
    sources.get(connection, source_id)
    if change.url is not None:
        url, login = taken_apart(change.url)
        _relocate(connection, source_id, url, now=now)
        _set(connection, source_id, former_url=None)
        if login.summary:
            access.put_access(connection, source_id, login)
    if change.access is not None:
        access.put_access(connection, source_id, change.access)
    if change.topics is not None:
        topics.assign(connection, source_id, change.topics)
    if columns := _privacy(connection, source_id, change) | _columns(change):
        _set(connection, source_id, **columns)
    if change.access is not None or change.interval is not None:
        _poll_at_once(connection, source_id, because=CHANGED, now=now)
    if change.changed:
        words = f"changed by the operator: {', '.join(change.changed)}"
        _note(connection, source_id, words, now=now)
    publishing.touch_everything(connection, now=now)


def set_state(connection: Connection, source_id: int, state: SourceState, *, now: datetime) -> None:
    """Pause or resume a source; one that is resumed is due at once.

    Raises:
        NotFoundError: There is no such source.
    """
    slug = sources.get(connection, source_id).slug
    _set(connection, source_id, state=state)
    if state is SourceState.ACTIVE:
        _set(connection, source_id, gone_at=None)
        _poll_at_once(connection, source_id, because=CHANGED, now=now)
    words = "resumed" if state is SourceState.ACTIVE else state.value
    _note(connection, source_id, f"{words} by the operator", now=now)
    change, _ = publishing.next_change(connection)
    scopes = [publishing.SOURCES, publishing.of_source(slug)]
    publishing.touch(connection, scopes, change=change, now=now)


def make_due(connection: Connection, source_id: int, *, now: datetime) -> None:
    """Let a source be polled as soon as somebody looks what is due, and its host may be asked.

    Raises:
        NotFoundError: There is no such source.
        ConflictError: It is not polled at all: it is paused or retired.
    """
    found = sources.get(connection, source_id)
    if found.state is not SourceState.ACTIVE:
        raise ConflictError("source", source_id, because=f"is {found.state}: resume it")
    _poll_at_once(connection, source_id, because="at once: the operator asked", now=now)
    _note(connection, source_id, "due at once: the operator asked", now=now)


def revert_redirect(connection: Connection, source_id: int, *, now: datetime) -> str:
    """Take a source back to where it was before it moved, to stay; return that address.

    Raises:
        NotFoundError: There is no such source.
        ConflictError: It did not move, or another source has that address now.
    """
    moved = sources.get(connection, source_id)
    if moved.former_url is None:
        raise ConflictError("source", source_id, because="did not move by itself")
    _relocate(connection, source_id, moved.former_url, now=now)
    _set(connection, source_id, former_url=None, keeps_url=True)
    _note(connection, source_id, f"back to {moved.former_url}, to stay", now=now)
    publishing.touch_everything(connection, now=now)
    return moved.former_url


def _privacy(connection: Connection, source_id: int, change: SourceEdit) -> dict[str, object]:
    """Return what is to be written if a change of address or access makes an address private."""
    if change.url is None and change.access is None:
        return {}
    own = access.access_of(connection, [source_id]).get(source_id)
    is_login = own is not None and bool(own.user or own.headers or own.cookies)
    url = sources.get(connection, source_id).url
    return {"hides_address": True} if is_private(url, has_access=is_login) else {}


def _relocate(connection: Connection, source_id: int, url: str, *, now: datetime) -> None:
    """Give a source another address; what was known of the former one is forgotten."""
    sources.refuse_duplicate(connection, url)
    name = host_of(url)
    sources.ensure_hosts(connection, [name])
    unknown = ("etag", "last_modified", "validators_url", "body_hash", "moved_to", "moved_since")
    untold = ("gone_at", "looked_at", "notice", "feed_guid")
    forgotten: dict[str, object] = dict.fromkeys((*unknown, *untold))
    _set(connection, source_id, url=url, host=name, moved_times=0, **forgotten)
    _poll_at_once(connection, source_id, because=CHANGED, now=now)


def _columns(change: SourceEdit) -> dict[str, object]:
    """Return what an edit says about the row of the source itself."""
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


def _note(connection: Connection, source_id: int, words: str, *, now: datetime) -> None:
    by_id = select(source.c.history).where(source.c.id == source_id)
    history = connection.execute(by_id.with_for_update()).scalar_one()
    _set(connection, source_id, history=with_decision(history, words, now=now))


def _set(connection: Connection, source_id: int, **columns: object) -> None:
    connection.execute(update(source).where(source.c.id == source_id).values(columns))
