"""Sources: added, read, edited and removed; and the access (login, proxy) of some of them."""

from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain, count
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, delete, func, insert, select

from tidings.catalog import change_log, page_sources, private_sources, text_sources, topics
from tidings.db.statements import upsert
from tidings.db.tables import entry, host, source, source_topic, topic
from tidings.errors import ConflictError, InvalidError, NotFoundError
from tidings.model import mail_lists
from tidings.model.access import Access, split_credentials
from tidings.model.entries import EntryState, Republish, TopicCredit
from tidings.model.mail_lists import is_by_mail, shown_key
from tidings.model.page_rules import PageRules
from tidings.model.sources import (
    Decision,
    Source,
    SourceHealth,
    SourceState,
    health_of,
)
from tidings.model.text import nearest
from tidings.model.urls import (
    host_of,
    is_private,
    mask,
    source_slugs,
    web_addresses,
    without_credentials,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSource:
    """A source to be added.

    Attributes:
        title: Set by the operator; None to take the feed's.
        feed_title: The feed's own, if it was parsed already.
        topics: Slugs of topics that exist.
        imported: Came from an OPML list.
        republish: How much of its entries we may show.
        page: How it is read, if it is a page without a feed.
    """

    url: str
    title: str | None = None
    feed_title: str | None = None
    site_url: str | None = None
    topics: Sequence[str] = ()
    imported: bool = False
    republish: Republish = Republish.FULL
    page: PageRules | None = None


def add(connection: Connection, new: Sequence[NewSource], *, now: datetime) -> list[int]:
    """Store sources that are due at once, and return their ids: a few statements for all.

    Raises:
        ConflictError: A source has one of the URLs; the message says which.
        NotFoundError: One of their topics does not exist.
    """
    # Logins are kept in a table of their own: addresses are shown, logged and published.
    logins = [split_credentials(one.url) for one in new]
    _refuse_duplicates(connection, [url for url, _ in logins])
    slugs = _free_slugs(connection, new)
    rows = [
        _new_row(one, url, slug=slug, now=now) | {"hides_address": _is_hidden(url, login)}
        for one, (url, login), slug in zip(new, logins, slugs, strict=True)
    ]
    ensure_hosts(connection, {row["host"] for row in rows})
    # Without RETURNING, for which SQLite would be asked row by row.
    connection.execute(insert(source), rows)
    by_url = find_by_urls(connection, [row["url"] for row in rows])
    ids = [by_url[row["url"]] for row in rows]
    topics.assign_new(connection, dict(zip(ids, (one.topics for one in new), strict=True)))
    pages = zip(ids, (one.page for one in new), strict=True)
    page_sources.put(connection, {source_id: page for source_id, page in pages if page})
    for source_id, (_, login) in zip(ids, logins, strict=True):
        if login.summary:
            private_sources.put(connection, source_id, login)
    scopes = [change_log.of_source(slug) for slug in slugs]
    change_log.touch_everything(connection, scopes, now=now)
    return ids


def _is_hidden(url: str, login: Access) -> bool:
    return is_by_mail(url) or is_private(url, has_access=bool(login.summary))


def _new_row(new: NewSource, url: str, *, slug: str, now: datetime) -> dict[str, Any]:
    return {
        "slug": slug,
        "url": url,
        "host": mail_lists.HOST if is_by_mail(url) else host_of(url),
        "given_title": new.title,
        "feed_title": new.feed_title,
        "site_url": new.site_url,
        "state": SourceState.ACTIVE,
        "imported": new.imported,
        "republish": new.republish,
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
    # Where the numbering of each name goes on: thousands of a list may have the same name.
    numbers: Counter[str] = Counter()
    slugs = []
    for one in new:
        # A slug is public, and fixed for good: no token of an address may get into it.
        shown = mask(one.url) if is_private(one.url) else one.url
        candidates = source_slugs(one.title or one.feed_title or "", shown)
        first = candidates[0]
        numbered = (f"{first}-{number}" for number in count(2 + numbers[first]))
        for slug in chain(candidates, numbered):
            if slug not in taken:
                break
            # Only what was numbered moves the number on.
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
    """Insert hosts that are not there yet, so that they can be leased."""
    # Sorted: two transactions that insert the same hosts in different orders could deadlock.
    rows = [{"name": name} for name in sorted(names)]
    connection.execute(upsert(connection.dialect.name, host).on_conflict_do_nothing(), rows)


def remove(connection: Connection, source_id: int, *, now: datetime) -> None:
    """Delete a source with its entries; the caller updates the stories that these were in.

    Raises:
        NotFoundError: There is no such source.
    """
    slug = get(connection, source_id).slug
    connection.execute(delete(source).where(source.c.id == source_id))
    change_log.forget(connection, change_log.of_source(slug))
    change_log.touch_everything(connection, now=now)


def every(connection: Connection) -> list[Source]:
    """Return all sources by id."""
    return _select(connection)


def retired(connection: Connection, *, limit: int) -> list[Source]:
    """Return sources whose publishers say that they are gone, the last ones first."""
    gone = select(source.c.id).where(source.c.state == SourceState.RETIRED)
    last_first = gone.order_by(source.c.next_poll_at.desc(), source.c.id)
    return of_ids(connection, connection.scalars(last_first.limit(limit)).all())


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceName:
    """What sources are found and ordered by.

    Attributes:
        address: Empty if it is private.
    """

    id: int
    title: str
    address: str
    health: SourceHealth


def by_title(connection: Connection, *, topic_slug: str = "") -> list[SourceName]:
    """Return the names of all sources, or of those of a topic, by title."""
    titles = (source.c.given_title, source.c.feed_title, source.c.url)
    of_health = (source.c.state, source.c.failures, source.c.last_ok_at)
    statement = select(source.c.id, *titles, *of_health, source.c.hides_address)
    if topic_slug:
        statement = statement.where(source.c.id.in_(_with_topic(topic_slug)))
    names = [
        SourceName(
            id=row.id,
            title=shown_title(row.given_title, row.feed_title, row.url),
            address="" if row.hides_address else row.url,
            health=health_of(
                SourceState(row.state),
                fails=bool(row.failures),
                has_worked=row.last_ok_at is not None,
            ),
        )
        for row in connection.execute(statement)
    ]
    # Here, for databases know the case of few alphabets. The id breaks ties: the same state of the
    # database must give the same bytes.
    return sorted(names, key=lambda name: (name.title.casefold(), name.id))


def latest_entries(connection: Connection) -> dict[int, datetime]:
    """Return `sort_at` of the newest public entry of each source that has one."""
    newest = (
        select(func.max(entry.c.sort_at))
        .where(entry.c.source_id == source.c.id, entry.c.state == EntryState.PUBLIC)
        .scalar_subquery()
    )
    found = connection.execute(select(source.c.id, newest)).all()
    return {source_id: at for source_id, at in found if at is not None}


def following_ids(
    connection: Connection, *, after: int, limit: int, topic_slug: str = ""
) -> list[int]:
    """Return the lowest ids above one, of all sources or of those of a topic."""
    statement = select(source.c.id).where(source.c.id > after)
    if topic_slug:
        statement = statement.where(source.c.id.in_(_with_topic(topic_slug)))
    return list(connection.scalars(statement.order_by(source.c.id).limit(limit)))


def count_all(connection: Connection) -> int:
    """Return how many sources there are."""
    return connection.scalar(select(func.count()).select_from(source)) or 0


def has_any(connection: Connection) -> bool:
    """Tell whether there is a source at all."""
    return connection.scalar(select(source.c.id).limit(1)) is not None


def of_ids(connection: Connection, source_ids: Sequence[int]) -> list[Source]:
    """Return these sources, in this order."""
    found = {one.id: one for one in _select(connection, source.c.id.in_(source_ids))}
    return [found[source_id] for source_id in source_ids]


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
    # All of them: for the nearest name, if none fits.
    rows = connection.execute(
        select(source.c.id, source.c.slug, source.c.url, source.c.given_title, source.c.feed_title)
    ).all()
    slugs, urls = {row.slug: row.id for row in rows}, {row.url: row.id for row in rows}
    if name in slugs:
        return int(slugs[name])
    with suppress(InvalidError):
        # `example.org/feed` is meant as https or http; both are tried.
        for url in map(without_credentials, web_addresses(name)):
            if url in urls:
                return int(urls[url])
    # By title nothing is found, since titles are not unique; but one may be what was meant.
    titles = {title: row.slug for row in rows for title in row[3:] if title}
    meant = nearest(name, [*slugs, *urls, *titles])
    raise NotFoundError("source", name, nearest=titles.get(meant or "", meant))


def find_by_slug(connection: Connection, slug: str) -> Source | None:
    """Return the source with that slug."""
    found = _select(connection, source.c.slug == slug)
    return found[0] if found else None


def noindex_slugs(connection: Connection) -> set[str]:
    """Return the slugs of the sources that search engines are asked to leave out."""
    return set(connection.scalars(select(source.c.slug).where(source.c.noindex)))


def find_by_urls(connection: Connection, wanted: Collection[str]) -> dict[str, int]:
    """Return the ids of the sources that have one of these URLs, by URL."""
    statement = select(source.c.url, source.c.id).where(source.c.url.in_(wanted))
    return {row.url: row.id for row in connection.execute(statement)}


def _with_topic(slug: str) -> Select[int]:
    return select(source_topic.c.source_id).join(topic).where(topic.c.slug == slug)


def _select(connection: Connection, *conditions: ColumnElement[bool]) -> list[Source]:
    its_entries = entry.c.source_id == source.c.id
    is_public = entry.c.state == EntryState.PUBLIC
    counted = select(func.count()).where(its_entries).scalar_subquery()
    latest = select(func.max(entry.c.sort_at)).where(its_entries, is_public).scalar_subquery()
    statement = select(source, counted.label("entries"), latest.label("latest_at"))
    rows = connection.execute(statement.where(*conditions).order_by(source.c.id)).all()
    # Of the few that are asked for; named one by one, all of them would be too many.
    wanted = [row.id for row in rows] if conditions else None
    labels = topics.of_sources(connection, wanted)
    pages = page_sources.of_sources(connection, wanted)
    texts = text_sources.of_sources(connection, wanted)
    return [
        replace(
            _to_source(row, labels.get(row.id, ())),
            page=pages.get(row.id),
            full_text=texts.get(row.id),
        )
        for row in rows
    ]


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
        deferred=row.deferred,
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
    if given or feed:
        return given or feed or ""
    if is_by_mail(url):
        return shown_key(url.removeprefix(mail_lists.SCHEME))
    return host_of(url).rpartition(":")[0]
