"""Topics: the operator's labels on sources."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, delete, exists, func, insert, select, update

from tidings.catalog import change_log
from tidings.db.tables import entry, feed_state, page_mark, source_topic, topic
from tidings.db.types import Unindexed
from tidings.errors import ConflictError, NotFoundError, one_line
from tidings.model.entries import EntryState, TopicCredit
from tidings.model.text import nearest
from tidings.model.urls import checked_slug, checked_title, other_topic_slug, topic_slug


def add(connection: Connection, slug: str, *, title: str, now: datetime) -> TopicCredit:
    """Store a new topic.

    Raises:
        ConflictError: There is one with that slug.
        InvalidError: `slug` cannot stand in an address, or its title not on a line.
    """
    if find(connection, checked_slug(slug)):
        raise ConflictError("topic", slug)
    title = checked_title(title)
    connection.execute(insert(topic).values(slug=slug, title=title))
    change_log.touch_everything(connection, [change_log.of_topic(slug)], now=now)
    return TopicCredit(slug=slug, title=title)


def ensure(connection: Connection, names: Iterable[str], *, now: datetime) -> dict[str, str]:
    """Return the slug of each topic, given by slug or title; missing ones are added."""
    titles = {name: one_line(name).strip() for name in names}
    slugs = _slugs_of(connection, titles)
    taken = set(connection.scalars(select(topic.c.slug)))
    rows = []
    for name, title in titles.items():
        if name not in slugs:
            slugs[name] = topic_slug(title)
            # Two titles may come to the same slug: the second gets a hash of its title.
            if slugs[name] in taken:
                slugs[name] = other_topic_slug(title)
            if slugs[name] not in taken:
                rows.append({"slug": slugs[name], "title": title or slugs[name]})
                taken.add(slugs[name])
    if rows:
        connection.execute(insert(topic), rows)
        scopes = [change_log.of_topic(row["slug"]) for row in rows]
        change_log.touch_everything(connection, scopes, now=now)
    return slugs


def _slugs_of(connection: Connection, titles: Mapping[str, str]) -> dict[str, str]:
    """Return the slugs of the topics that exist, by name; case does not count."""
    by_name: dict[str, str] = {}
    for slug, title in connection.execute(select(topic.c.slug, topic.c.title)):
        by_name[title.casefold()] = slug
    # After the titles: a slug is unique, a title may be that of another topic's slug.
    by_name |= {slug: slug for slug in by_name.values()}
    found = {name: by_name.get(title.casefold()) for name, title in titles.items()}
    return {name: slug for name, slug in found.items() if slug}


def remove(connection: Connection, slug: str, *, now: datetime) -> None:
    """Remove a topic; its sources stay.

    Raises:
        NotFoundError: There is no such topic.
    """
    slug = slug_of(connection, slug)
    connection.execute(delete(topic).where(topic.c.slug == slug))
    change_log.forget(connection, change_log.of_topic(slug))
    change_log.touch_everything(connection, now=now)


def find(connection: Connection, slug: str) -> TopicCredit | None:
    """Return a topic by its slug."""
    row = connection.execute(select(topic).where(topic.c.slug == slug)).first()
    return TopicCredit(slug=row.slug, title=row.title) if row else None


def every(connection: Connection) -> list[TopicCredit]:
    """Return all topics by title."""
    return list(every_by_age(connection).values())


def every_by_age(connection: Connection) -> dict[int, TopicCredit]:
    """Return all topics by title, under numbers that ascend in the order in which they were made."""
    rows = connection.execute(select(topic).order_by(topic.c.title, topic.c.id))
    return {row.id: TopicCredit(slug=row.slug, title=row.title) for row in rows}


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicCounts:
    """A topic with its numbers; `latest_at` is `sort_at` of its newest public entry."""

    slug: str
    title: str
    sources: int
    entries: int
    latest_at: datetime | None


def with_counts(connection: Connection) -> list[TopicCounts]:
    """Return all topics by title, with their numbers of sources and public entries."""
    its_entries = and_(
        entry.c.source_id == source_topic.c.source_id, entry.c.state == EntryState.PUBLIC
    )
    statement = (
        select(
            topic.c.slug,
            topic.c.title,
            # distinct, since each source is there once for each of its entries.
            func.count(source_topic.c.source_id.distinct()).label("sources"),
            func.count(entry.c.id).label("entries"),
            func.max(entry.c.sort_at).label("latest_at"),
        )
        .select_from(topic)
        .outerjoin(source_topic, source_topic.c.topic_id == topic.c.id)
        .outerjoin(entry, its_entries)
        .group_by(topic.c.id, topic.c.slug, topic.c.title)
        .order_by(topic.c.title, topic.c.id)
    )
    return [TopicCounts(**row) for row in connection.execute(statement).mappings()]


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicSummary:
    """A topic in a list; `latest_at` is `sort_at` of its newest public entry."""

    slug: str
    title: str
    sources: int
    latest_at: datetime | None


def summaries(connection: Connection) -> list[TopicSummary]:
    """Return all topics by title, without counting entries: too slow for every visitor."""
    # By source, so that each look-up is one step in the index of source and `sort_at`.
    newest = (
        select(entry.c.sort_at)
        .where(
            entry.c.source_id == source_topic.c.source_id,
            Unindexed(entry.c.state) == EntryState.PUBLIC,
        )
        .order_by(entry.c.sort_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    statement = (
        select(
            topic.c.slug,
            topic.c.title,
            func.count(source_topic.c.source_id).label("sources"),
            func.max(newest).label("latest_at"),
        )
        .outerjoin(source_topic, source_topic.c.topic_id == topic.c.id)
        .group_by(topic.c.id, topic.c.slug, topic.c.title)
        .order_by(topic.c.title, topic.c.id)
    )
    return [TopicSummary(**row) for row in connection.execute(statement).mappings()]


def ids_of(connection: Connection, names: Iterable[str]) -> dict[str, int]:
    """Return the ids of topics by slug; each is given by its slug or its title.

    Raises:
        NotFoundError: One of them does not exist; the error says which one may be meant.
    """
    wanted = list(dict.fromkeys(names))
    if not wanted:
        return {}
    slugs = _slugs_of(connection, {name: name for name in wanted})
    known = {row.slug: row.id for row in connection.execute(select(topic.c.slug, topic.c.id))}
    for name in wanted:
        if name not in slugs:
            advice = f"`tidings topic add {topic_slug(name)}` adds it"
            raise NotFoundError("topic", name, nearest=nearest(name, known), advice=advice)
    return {slugs[name]: known[slugs[name]] for name in wanted}


def slug_of(connection: Connection, name: str) -> str:
    """Return the slug of the topic that has that slug or title.

    Raises:
        NotFoundError: None has; the error says which one may be meant.
    """
    found = _slugs_of(connection, {name: name})
    if not found:
        known = connection.scalars(select(topic.c.slug))
        raise NotFoundError("topic", name, nearest=nearest(name, known))
    return found[name]


def assign(connection: Connection, source_id: int, slugs: Iterable[str]) -> None:
    """Give a source exactly these topics.

    Raises:
        NotFoundError: One of them does not exist.
    """
    ids = ids_of(connection, slugs)
    # Before the rows are replaced: it compares with the former topics.
    _discard_pages(connection, source_id, slugs=ids)
    connection.execute(delete(source_topic).where(source_topic.c.source_id == source_id))
    if ids:
        links = [{"source_id": source_id, "topic_id": topic_id} for topic_id in ids.values()]
        connection.execute(insert(source_topic), links)


def assign_new(connection: Connection, slugs: Mapping[int, Sequence[str]]) -> None:
    """Give sources their topics that have neither topics nor entries yet.

    Raises:
        NotFoundError: One of them does not exist.
    """
    wanted = {slug for of_one in slugs.values() for slug in of_one}
    rows = connection.execute(select(topic.c.slug, topic.c.id).where(topic.c.slug.in_(wanted)))
    ids = {row.slug: row.id for row in rows}
    # Sorted: the same list names the same topic first each time.
    for slug in sorted(wanted - ids.keys()):
        raise NotFoundError("topic", slug)
    links = [
        {"source_id": source_id, "topic_id": ids[slug]}
        for source_id, of_one in slugs.items()
        for slug in dict.fromkeys(of_one)
    ]
    if links:
        connection.execute(insert(source_topic), links)


def _discard_pages(connection: Connection, source_id: int, *, slugs: Collection[str]) -> None:
    """Discard the page boundaries of topics that a source joins or leaves with its entries."""
    former = (
        select(topic.c.slug)
        .join(source_topic, source_topic.c.topic_id == topic.c.id)
        .where(source_topic.c.source_id == source_id)
    )
    moved = set(connection.scalars(former)) ^ set(slugs)
    scopes = [change_log.of_topic(slug) for slug in moved]
    has_entries = exists().where(entry.c.source_id == source_id)
    # A source without entries moves nothing: adding a list of sources must not repaginate all.
    lists = update(feed_state).where(feed_state.c.scope.in_(scopes), has_entries)
    connection.execute(lists.values(is_paged=False))
    connection.execute(delete(page_mark).where(page_mark.c.scope.in_(scopes), has_entries))


def of_sources(
    connection: Connection, source_ids: Collection[int] | None = None
) -> dict[int, tuple[TopicCredit, ...]]:
    """Return the topics of sources, by title; of all sources if none are named.

    Sources without a topic are not in it.
    """
    statement = (
        select(source_topic.c.source_id, topic.c.slug, topic.c.title)
        .join(topic, topic.c.id == source_topic.c.topic_id)
        .order_by(topic.c.title, topic.c.id)
    )
    if source_ids is not None:
        statement = statement.where(source_topic.c.source_id.in_(source_ids))
    labels: dict[int, tuple[TopicCredit, ...]] = {}
    for source_id, slug, title in connection.execute(statement):
        labels[source_id] = (*labels.get(source_id, ()), TopicCredit(slug=slug, title=title))
    return labels
