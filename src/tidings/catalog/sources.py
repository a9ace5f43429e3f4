"""Sources: added, read, edited and removed; and the access (login, proxy) of some of them."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from itertools import chain, count
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, Select, delete, func, insert, select, update

from tidings.catalog import change_log, page_sources, text_sources, topics
from tidings.db.intake_tables import source_access
from tidings.db.statements import upsert
from tidings.db.tables import entry, host, source, source_topic, topic
from tidings.errors import ConflictError, InvalidError, NotFoundError
from tidings.model import mail_lists
from tidings.model.access import Access, split_credentials
from tidings.model.entries import EntryState, Republish, TopicCredit
from tidings.model.full_text import TextMode
from tidings.model.mail_lists import is_by_mail
from tidings.model.page_rules import PageRules
from tidings.model.sources import (
    Decision,
    Source,
    SourceHealth,
    SourceState,
    health_of,
    with_decision,
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

EDITED = "at once: the operator changed something"

_VALIDATORS = ("etag", "last_modified", "validators_url")

_COLUMNS = tuple(Access.__dataclass_fields__)


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
            put_access(connection, source_id, login)
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
    return (
        url.removeprefix(mail_lists.SCHEME) if is_by_mail(url) else host_of(url).rpartition(":")[0]
    )


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
        ConflictError: Another source has the new URL.
    """
    get(connection, source_id)
    if change.url is not None:
        url, login = split_credentials(change.url)
        _relocate(connection, source_id, url, now=now)
        # The operator chose the address: there is no redirect to revert any more.
        _set(connection, source_id, former_url=None)
        if login.summary:
            put_access(connection, source_id, login)
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
        put_access(connection, source_id, change.access)
    if change.page is not None:
        page_sources.put(connection, {source_id: change.page})
        # Read in another way, the same document is another one.
        unread: dict[str, object] = dict.fromkeys((*_VALIDATORS, "body_hash"))
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
    slug = get(connection, source_id).slug
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
    found = get(connection, source_id)
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
    moved = get(connection, source_id)
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
    own = access_of(connection, [source_id]).get(source_id)
    is_login = own is not None and bool(own.user or own.headers or own.cookies)
    # Read again: the edit may just have changed it.
    url = get(connection, source_id).url
    return {"hides_address": True} if is_private(url, has_access=is_login) else {}


def _relocate(connection: Connection, source_id: int, url: str, *, now: datetime) -> None:
    """Give a source another address, and reset what belongs to the former one."""
    refuse_duplicate(connection, url)
    name = host_of(url)
    ensure_hosts(connection, [name])
    # Validators and redirects of one server say nothing of another.
    unknown = (*_VALIDATORS, "body_hash", "moved_to", "moved_since")
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


def access_of(connection: Connection, source_ids: Collection[int]) -> Mapping[int, Access]:
    """Return the access of those of the sources that have any."""
    if not source_ids:
        return {}
    statement = select(source_access).where(source_access.c.source_id.in_(source_ids))
    return {
        row["source_id"]: Access(**{name: row[name] for name in _COLUMNS})
        for row in connection.execute(statement).mappings()
    }


def put_access(connection: Connection, source_id: int, access: Access) -> None:
    """Replace the access of a source, and drop its validators.

    Another login may get another document under the same ETag.
    """
    # Not an update: what the new one does not name must not stay of the old.
    connection.execute(delete(source_access).where(source_access.c.source_id == source_id))
    if access.summary:
        columns = {name: getattr(access, name) for name in _COLUMNS}
        connection.execute(insert(source_access).values(source_id=source_id, **columns))
    _set(connection, source_id, **dict.fromkeys(_VALIDATORS))
