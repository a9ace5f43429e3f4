"""Entries, as they are listed, shown and taken away."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select

from tidings.domain.documents import Enclosure, Image
from tidings.domain.entries import Entry, EntryState, Republish, SourceCredit, TopicCredit
from tidings.domain.urls import without_credentials
from tidings.errors import NotFoundError
from tidings.storage import topics
from tidings.storage.sources import shown_title
from tidings.storage.tables import entry, source, source_topic, topic

MAX_NAMED = 10_000
"""Ids that one statement can hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which entries.

    Attributes:
        source: The id of a source.
        topic: The slug of a topic.
        states: Who may see them.
        folded: Whether they are counted only, on pages of several sources; None for either.
    """

    source: int | None = None
    topic: str | None = None
    states: Sequence[EntryState] = (EntryState.PUBLIC,)
    folded: bool | None = None

    def rules(self) -> list[ColumnElement[bool]]:
        """Return the conditions on the `entry` table."""
        rules: list[ColumnElement[bool]] = [entry.c.state.in_(self.states)]
        if len(self.states) == 1:  # an equality lets the index give the order
            rules = [entry.c.state == self.states[0]]
        if self.folded is not None:
            rules.append(entry.c.folded == self.folded)
        if self.source is not None:
            rules.append(entry.c.source_id == self.source)
        if self.topic is not None:
            labelled = (
                select(source_topic.c.source_id)
                .join(topic, topic.c.id == source_topic.c.topic_id)
                .where(topic.c.slug == self.topic)
            )
            rules.append(entry.c.source_id.in_(labelled))
        return rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which part of a selection, in which order, newest first.

    Attributes:
        limit: None for all.
        by_seq: In the order of publication, as feeds have it, instead of by `sort_at`.
        with_content: Bodies as well.
    """

    limit: int | None
    offset: int = 0
    by_seq: bool = False
    with_content: bool = False


def select_entries(connection: Connection, selection: Selection, window: Window) -> list[Entry]:
    """Return entries, newest first."""
    order = [entry.c.seq.desc()] if window.by_seq else [entry.c.sort_at.desc(), entry.c.id.desc()]
    columns = [c for c in entry.c if window.with_content or c is not entry.c.content]
    # Ids first: to sort whole rows, or to pass over them, would move their contents about.
    chosen = (
        select(entry.c.id)
        .where(*selection.rules())
        .order_by(*order)
        .limit(window.limit)
        .offset(window.offset or None)
    )
    statement = (
        select(*columns, *_CREDIT)
        .join(source, source.c.id == entry.c.source_id)
        .where(entry.c.id.in_(chosen))
        .order_by(*order)
    )
    rows = connection.execute(statement).all()
    labels = topics.of_sources(connection) if rows else {}
    return [_to_entry(row, labels) for row in rows]


def by_ids(
    connection: Connection, entry_ids: Sequence[int], *, with_content: bool = False
) -> list[Entry]:
    """Return entries in no order; those that exist."""
    columns = [c for c in entry.c if with_content or c is not entry.c.content]
    statement = select(*columns, *_CREDIT).join(source, source.c.id == entry.c.source_id)
    rows = [
        row
        for start in range(0, len(entry_ids), MAX_NAMED)
        for row in connection.execute(
            statement.where(entry.c.id.in_(entry_ids[start : start + MAX_NAMED]))
        )
    ]
    labels = topics.of_sources(connection) if rows else {}
    return [_to_entry(row, labels) for row in rows]


def count(connection: Connection, selection: Selection) -> int:
    """Return how many entries there are."""
    statement = select(func.count()).select_from(entry).where(*selection.rules())
    return connection.execute(statement).scalar_one()


def folded_with(connection: Connection, shown: Sequence[Entry]) -> dict[int, int]:
    """Return how many public entries are folded that came with some of `shown`.

    The number stands behind the last of those that came together, and is found by its id.
    """
    arrivals = {(one.source.id, one.first_seen_at): one.id for one in shown}
    statement = (
        select(entry.c.source_id, entry.c.first_seen_at, func.count())
        .where(
            entry.c.folded,
            entry.c.state == EntryState.PUBLIC,
            entry.c.source_id.in_({source_id for source_id, _ in arrivals}),
            entry.c.first_seen_at.in_({at for _, at in arrivals}),
        )
        .group_by(entry.c.source_id, entry.c.first_seen_at)
    )
    counted = {(row[0], row[1]): row[2] for row in connection.execute(statement)}
    return {
        entry_id: counted[arrival] for arrival, entry_id in arrivals.items() if arrival in counted
    }


def ids(connection: Connection, selection: Selection) -> list[int]:
    """Return the ids of all entries of a selection, in their order."""
    return list(
        connection.scalars(select(entry.c.id).where(*selection.rules()).order_by(entry.c.id))
    )


def get(connection: Connection, entry_id: int) -> Entry:
    """Return an entry in whatever state, with its content.

    Raises:
        NotFoundError: There is none with that id.
    """
    statement = select(entry, *_CREDIT).join(source, source.c.id == entry.c.source_id)
    row = connection.execute(statement.where(entry.c.id == entry_id)).first()
    if row is None:
        raise NotFoundError("entry", entry_id)
    return _to_entry(row, topics.of_sources(connection))


_CREDIT = (
    source.c.slug.label("source_slug"),
    source.c.url.label("source_url"),
    source.c.given_title,
    source.c.feed_title,
    source.c.site_url,
    source.c.language.label("source_language"),
    source.c.feed_guid,
    source.c.rights,
    source.c.republish,
    source.c.noindex,
)


def _to_entry(row: Row[*tuple[Any, ...]], labels: Mapping[int, tuple[TopicCredit, ...]]) -> Entry:
    return Entry(
        id=row.id,
        seq=row.seq,
        source=SourceCredit(
            id=row.source_id,
            slug=row.source_slug,
            title=shown_title(row.given_title, row.feed_title, row.source_url),
            url=without_credentials(row.source_url),
            site_url=row.site_url,
            language=row.source_language,
            guid=row.feed_guid,
            rights=row.rights,
            republish=Republish(row.republish),
            noindex=row.noindex,
        ),
        topics=labels.get(row.source_id, ()),
        atom_id=row.atom_id,
        guid=row.guid,
        title=row.title,
        url=row.url,
        authors=tuple(row.authors),
        categories=tuple(row.categories),
        published=row.published,
        updated=row.updated,
        first_seen_at=row.first_seen_at,
        changed_at=row.changed_at,
        sort_at=row.sort_at,
        state=EntryState(row.state),
        excerpt=row.excerpt,
        language=row.language,
        image=Image(**row.image) if row.image else None,
        enclosures=tuple(Enclosure(**one) for one in row.enclosures),
        content=getattr(row, "content", None),
        change=row.change,
        pinned_at=row.pinned_at,
        story_id=row.story_id,
        follows=row.follows,
    )
