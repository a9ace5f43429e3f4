"""The sources, as the operator adds and changes them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from tidings.domain.entries import EntryState, TopicCredit
from tidings.domain.slugs import source_slugs
from tidings.domain.sources import DueSource, Source, SourceState
from tidings.domain.urls import host_of
from tidings.errors import ConflictError, NotFoundError
from tidings.storage import publishing, topics
from tidings.storage.tables import entry, host, source


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSource:
    """A source to be added.

    Attributes:
        title: The operator's own; None to take the feed's.
        feed_title: What the document says, where it was read already.
        topics: Slugs of topics that exist.
        imported: Came from an OPML list.
    """

    url: str
    title: str | None = None
    feed_title: str | None = None
    site_url: str | None = None
    topics: Sequence[str] = ()
    imported: bool = False


def add(connection: Connection, new: Sequence[NewSource], *, now: datetime) -> list[int]:
    """Store sources that are due at once, and return their ids.

    Raises:
        ConflictError: A source has one of the URLs; the message says which.
        NotFoundError: One of their topics does not exist.
    """
    added = [_add(connection, one, now=now) for one in new]
    scopes = [publishing.of_source(slug) for _, slug in added]
    publishing.touch_everything(connection, scopes, now=now)
    return [source_id for source_id, _ in added]


def _add(connection: Connection, new: NewSource, *, now: datetime) -> tuple[int, str]:
    refuse_duplicate(connection, new.url)
    name = host_of(new.url)
    ensure_host(connection, name)
    slug = _free_slug(connection, new)
    statement = insert(source).values(
        slug=slug,
        url=new.url,
        host=name,
        given_title=new.title,
        feed_title=new.feed_title,
        site_url=new.site_url,
        state=SourceState.ACTIVE,
        imported=new.imported,
        added_at=now,
        next_poll_at=now,
        failures=0,
        problems=[],
    )
    source_id = int(connection.execute(statement.returning(source.c.id)).scalar_one())
    topics.assign(connection, source_id, new.topics)
    return source_id, slug


def refuse_duplicate(connection: Connection, url: str) -> None:
    """Raise ConflictError if a source has that URL; the message says which."""
    for existing in _select(connection, source.c.url == url):
        what = f"exists already: {existing.id} {existing.title}"
        raise ConflictError("source", url, because=what)


def urls(connection: Connection) -> set[str]:
    """Return the URLs of all sources."""
    return set(connection.scalars(select(source.c.url)))


def ensure_host(connection: Connection, name: str) -> None:
    """Make a host known, so that it can be leased."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    connection.execute(dialect.insert(host).values(name=name).on_conflict_do_nothing())


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What to change in a source; None leaves it as it is, an empty title takes the feed's."""

    title: str | None = None
    url: str | None = None
    topics: Sequence[str] | None = None


def edit(connection: Connection, source_id: int, change: Edit, *, now: datetime) -> None:
    """Change a source. With a new URL it forgets its validators and is due at once.

    Raises:
        NotFoundError: The source or a topic does not exist.
        ConflictError: Another source has the new URL.
    """
    get(connection, source_id)
    if change.title is not None:
        _set(connection, source_id, given_title=change.title or None)
    if change.url is not None:
        refuse_duplicate(connection, change.url)
        name = host_of(change.url)
        ensure_host(connection, name)
        unread = {"etag": None, "last_modified": None, "validators_url": None, "body_hash": None}
        _set(connection, source_id, url=change.url, host=name, next_poll_at=now, **unread)
    if change.topics is not None:
        topics.assign(connection, source_id, change.topics)
    publishing.touch_everything(connection, now=now)


def set_state(connection: Connection, source_id: int, state: SourceState, *, now: datetime) -> None:
    """Pause or resume a source; one that is resumed is due at once.

    Raises:
        NotFoundError: There is no such source.
    """
    get(connection, source_id)
    _set(connection, source_id, state=state)
    if state is SourceState.ACTIVE:
        _set(connection, source_id, next_poll_at=now)
    change, _ = publishing.next_change(connection)
    publishing.touch(connection, [publishing.SOURCES], change=change, now=now)


def remove(connection: Connection, source_id: int, *, now: datetime) -> None:
    """Delete a source with its entries.

    Raises:
        NotFoundError: There is no such source.
    """
    slug = get(connection, source_id).slug
    connection.execute(delete(source).where(source.c.id == source_id))
    publishing.forget(connection, publishing.of_source(slug))
    publishing.touch_everything(connection, now=now)


def every(connection: Connection) -> list[Source]:
    """Return all sources by id."""
    return _select(connection)


def get(connection: Connection, source_id: int) -> Source:
    """Return a source.

    Raises:
        NotFoundError: There is none with that id.
    """
    found = _select(connection, source.c.id == source_id)
    if not found:
        raise NotFoundError("source", source_id)
    return found[0]


def find_by_slug(connection: Connection, slug: str) -> Source | None:
    """Return the source with that slug."""
    found = _select(connection, source.c.slug == slug)
    return found[0] if found else None


def due(connection: Connection, source_ids: Collection[int]) -> list[DueSource]:
    """Return what a poll needs to know of these sources, by id; those that exist."""
    columns = [source.c[name] for name in DueSource.__dataclass_fields__]
    statement = select(*columns).where(source.c.id.in_(source_ids)).order_by(source.c.id)
    return [DueSource(**row) for row in connection.execute(statement).mappings()]


def _set(connection: Connection, source_id: int, **columns: object) -> None:
    connection.execute(update(source).where(source.c.id == source_id).values(columns))


def _select(connection: Connection, *conditions: ColumnElement[bool]) -> list[Source]:
    its_entries = entry.c.source_id == source.c.id
    is_public = entry.c.state == EntryState.PUBLIC
    counted = select(func.count()).where(its_entries).scalar_subquery()
    latest = select(func.max(entry.c.sort_at)).where(its_entries, is_public).scalar_subquery()
    statement = select(source, counted.label("entries"), latest.label("latest_at"))
    rows = connection.execute(statement.where(*conditions).order_by(source.c.id)).all()
    labels = topics.of_sources(connection) if rows else {}
    return [_to_source(row, labels.get(row.id, ())) for row in rows]


def _to_source(row: Row[*tuple[Any, ...]], labels: tuple[TopicCredit, ...]) -> Source:
    return Source(
        id=row.id,
        slug=row.slug,
        url=row.url,
        title=shown_title(row.given_title, row.feed_title, row.url),
        site_url=row.site_url,
        topics=labels,
        state=SourceState(row.state),
        added_at=row.added_at,
        next_poll_at=row.next_poll_at,
        last_polled_at=row.last_polled_at,
        last_ok_at=row.last_ok_at,
        failures=row.failures,
        last_error=row.last_error,
        problems=tuple(row.problems),
        entries=row.entries,
        latest_at=row.latest_at,
    )


def shown_title(given: str | None, feed: str | None, url: str) -> str:
    """Return the operator's title, failing that the feed's, failing that the host's name."""
    return given or feed or host_of(url).rpartition(":")[0]


def _free_slug(connection: Connection, new: NewSource) -> str:
    candidates = source_slugs(new.title or new.feed_title or "", new.url)
    numbered = [f"{candidates[0]}-{number}" for number in range(2, 1000)]
    beginning = source.c.slug.startswith(candidates[0][:3])
    taken = set(connection.scalars(select(source.c.slug).where(beginning)))
    taken |= set(connection.scalars(select(source.c.slug).where(source.c.slug.in_(candidates))))
    return next(slug for slug in [*candidates, *numbered] if slug not in taken)
