"""The sources, as the operator adds, sees and removes them."""

from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, count
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select

from tidings.domain.access import taken_apart
from tidings.domain.entries import EntryState, Republish, TopicCredit
from tidings.domain.markup import nearest
from tidings.domain.sources import Decision, Source, SourceState
from tidings.domain.urls import (
    host_of,
    is_private,
    masked,
    source_slugs,
    web_addresses,
    without_credentials,
)
from tidings.errors import ConflictError, InvalidError, NotFoundError
from tidings.storage import access, publishing, topics
from tidings.storage.tables import entry, host, source
from tidings.storage.upserts import upsert


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
    """Store sources that are due at once, and return their ids: a few statements for all.

    Raises:
        ConflictError: A source has one of the URLs; the message says which.
        NotFoundError: One of their topics does not exist.
    """
    logins = [taken_apart(one.url) for one in new]
    _refuse_duplicates(connection, [url for url, _ in logins])
    slugs = _free_slugs(connection, new)
    rows = [
        _new_row(one, url, slug=slug, now=now)
        | {"hides_address": is_private(url, has_access=bool(login.summary))}
        for one, (url, login), slug in zip(new, logins, slugs, strict=True)
    ]
    ensure_hosts(connection, {row["host"] for row in rows})
    statement = insert(source).returning(source.c.id, sort_by_parameter_order=True)
    ids = list(connection.scalars(statement, rows))
    topics.assign_new(connection, dict(zip(ids, (one.topics for one in new), strict=True)))
    for source_id, (_, login) in zip(ids, logins, strict=True):
        if login.summary:
            access.put_access(connection, source_id, login)
    scopes = [publishing.of_source(slug) for slug in slugs]
    publishing.touch_everything(connection, scopes, now=now)
    return ids


def _new_row(new: NewSource, url: str, *, slug: str, now: datetime) -> dict[str, Any]:
    return {
        "slug": slug,
        "url": url,
        "host": host_of(url),
        "given_title": new.title,
        "feed_title": new.feed_title,
        "site_url": new.site_url,
        "state": SourceState.ACTIVE,
        "imported": new.imported,
        "added_at": now,
        "next_poll_at": now,
        "failures": 0,
        "problems": [],
    }


def _refuse_duplicates(connection: Connection, wanted: Sequence[str]) -> None:
    for url in find_by_urls(connection, wanted):
        refuse_duplicate(connection, url)
    for url, times in Counter(wanted).items():
        if times > 1:
            raise ConflictError("source", url, because="is named twice")


def _free_slugs(connection: Connection, new: Sequence[NewSource]) -> list[str]:
    """Return a slug for each that no other source has."""
    taken = set(connection.scalars(select(source.c.slug)))
    numbers: Counter[str] = Counter()  # of sources of one name there may be thousands
    slugs = []
    for one in new:
        shown = masked(one.url) if is_private(one.url) else one.url
        candidates = source_slugs(one.title or one.feed_title or "", shown)
        first = candidates[0]
        numbered = (f"{first}-{number}" for number in count(2 + numbers[first]))
        for slug in chain(candidates, numbered):
            if slug not in taken:
                break
            numbers[first] += slug not in candidates
        taken.add(slug)
        slugs.append(slug)
    return slugs


def refuse_duplicate(connection: Connection, url: str) -> None:
    """Raise ConflictError if a source has that URL; the message says which."""
    url = without_credentials(url)
    for source_id in connection.scalars(select(source.c.id).where(source.c.url == url)).all():
        existing = get(connection, source_id)
        what = f"exists already: {existing.id} {existing.title}"
        raise ConflictError("source", existing.shown_url, because=what)


def urls(connection: Connection) -> set[str]:
    """Return the URLs of all sources."""
    return set(connection.scalars(select(source.c.url)))


def ensure_hosts(connection: Connection, names: Collection[str]) -> None:
    """Make hosts known, so that they can be leased."""
    rows = [{"name": name} for name in sorted(names)]
    connection.execute(upsert(connection.dialect.name, host).on_conflict_do_nothing(), rows)


def remove(connection: Connection, source_id: int, *, now: datetime) -> None:
    """Delete a source with its entries; stories that they are in are the caller's to settle.

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


def id_of(connection: Connection, name: str) -> int:
    """Return the id of the source that has that slug or URL.

    Raises:
        NotFoundError: None has; the error names the one that may be meant.
    """
    rows = connection.execute(
        select(source.c.id, source.c.slug, source.c.url, source.c.given_title, source.c.feed_title)
    ).all()
    slugs, urls = {row.slug: row.id for row in rows}, {row.url: row.id for row in rows}
    if name in slugs:
        return int(slugs[name])
    with suppress(InvalidError):
        for url in map(without_credentials, web_addresses(name)):
            if url in urls:
                return int(urls[url])
    titles = {title: row.slug for row in rows for title in row[3:] if title}
    meant = nearest(name, [*slugs, *urls, *titles])
    raise NotFoundError("source", name, nearest=titles.get(meant or "", meant))


def find_by_slug(connection: Connection, slug: str) -> Source | None:
    """Return the source with that slug."""
    found = _select(connection, source.c.slug == slug)
    return found[0] if found else None


def unindexed(connection: Connection) -> set[str]:
    """Return the slugs of the sources that search engines are asked to leave out."""
    return set(connection.scalars(select(source.c.slug).where(source.c.noindex)))


def find_by_urls(connection: Connection, wanted: Collection[str]) -> dict[str, int]:
    """Return the ids of the sources that have one of these URLs, by URL."""
    statement = select(source.c.url, source.c.id).where(source.c.url.in_(wanted))
    return {row.url: row.id for row in connection.execute(statement)}


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
        next_poll_because=row.next_poll_because,
        failing_with=row.failing_with,
        given_interval=row.given_interval,
        former_url=row.former_url,
        notice=row.notice,
        given_title=row.given_title,
        republish=Republish(row.republish),
        noindex=row.noindex,
        hides_address=row.hides_address,
        language=row.language,
        rights=row.rights,
        history=tuple(
            Decision(at=datetime.fromisoformat(at), text=words) for at, words in row.history
        ),
    )


def shown_title(given: str | None, feed: str | None, url: str) -> str:
    """Return the operator's title, failing that the feed's, failing that the host's name."""
    return given or feed or host_of(url).rpartition(":")[0]
