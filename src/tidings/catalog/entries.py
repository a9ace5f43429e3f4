"""Read entries: selections in the order of pages or of feeds, single ones, with their credits."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    FromClause,
    Row,
    Select,
    and_,
    exists,
    false,
    func,
    or_,
    select,
)

from tidings.catalog import topics
from tidings.catalog.sources import shown_title
from tidings.db.statements import MAX_NAMED, chunks
from tidings.db.tables import entry, source, source_topic, topic
from tidings.db.types import Unindexed
from tidings.errors import NotFoundError
from tidings.model.entries import (
    AlsoAt,
    Entry,
    EntryState,
    Republish,
    SourceCredit,
    TopicCredit,
    permitted,
)
from tidings.model.feed import Enclosure, Image
from tidings.model.urls import without_credentials

# Columns of a source that its credit is made of, beside an entry's `source_id`.
CREDIT_COLUMNS = (
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
    source.c.hides_address,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which entries.

    Attributes:
        source: The id of a source.
        topic: The slug of a topic.
        states: Those they are in.
        folded: Whether pages of several sources only count them; None for either.
        one_per_story: Of each story only the oldest public one within the topic.
        among: Only these ids; None for all.
        before: Only with a lower publish sequence.
        after: Only with a higher publish sequence.
    """

    source: int | None = None
    topic: str | None = None
    states: Sequence[EntryState] = (EntryState.PUBLIC,)
    folded: bool | None = None
    one_per_story: bool = False
    among: Sequence[int] | None = None
    before: int | None = None
    after: int | None = None

    def rules(self) -> list[ColumnElement[bool]]:
        """Return the conditions on the `entry` table."""
        of_sources = self.of_sources()
        # With a source given, the index of states would be the wrong one to begin with.
        state = Unindexed(entry.c.state) if of_sources else entry.c.state
        rules = [state.in_(self.states), *of_sources]
        if len(self.states) == 1:  # an equality lets the index give the order
            rules = [state == self.states[0], *of_sources]
        if self.folded is not None:
            rules.append(entry.c.folded == self.folded)
        if self.among is not None:
            rules.append(entry.c.id.in_(self.among))
        if self.before is not None:
            rules.append(entry.c.seq < self.before)
        if self.after is not None:
            rules.append(entry.c.seq > self.after)
        if self.one_per_story:
            # An equality, not NOT: so the index of state and `follows` serves.
            is_lead = entry.c.follows == false()
            rules.append(
                or_(is_lead, ~_has_older(_sources_with_topic(self.topic)))
                if self.topic
                else is_lead
            )
        return rules

    def of_sources(self) -> list[ColumnElement[bool]]:
        """Return the conditions on the source alone; none if it may be any."""
        if self.source is not None:
            return [entry.c.source_id == self.source]
        if self.topic is not None:
            return [entry.c.source_id.in_(_sources_with_topic(self.topic))]
        return []


@dataclass(frozen=True, slots=True, kw_only=True)
class ListWindow:
    """Which part of a selection, in which order, newest first.

    Attributes:
        limit: None for all.
        by_seq: In the order of publication, as in feeds, instead of by `sort_at`.
        with_content: With bodies, which are most of the bytes.
        whole: Also what a source lets nobody but the operator see.
    """

    limit: int | None
    by_seq: bool = False
    with_content: bool = False
    whole: bool = False


def _sources_with_topic(slug: str) -> Select[int]:
    """Select the sources with a topic."""
    with_topic = select(source_topic.c.source_id).join(topic, topic.c.id == source_topic.c.topic_id)
    return with_topic.where(topic.c.slug == slug)


def _has_older(sources: Select[int]) -> ColumnElement[bool]:
    """Return the condition that some of these sources has an older public entry of the story."""
    older = entry.alias()
    return exists().where(
        older.c.story_id == entry.c.story_id,
        older.c.seq < entry.c.seq,
        older.c.state == EntryState.PUBLIC,
        older.c.source_id.in_(sources),
    )


def select_entries(connection: Connection, selection: Selection, window: ListWindow) -> list[Entry]:
    """Return entries, newest first."""
    order = [entry.c.seq.desc()] if window.by_seq else [entry.c.sort_at.desc(), entry.c.id.desc()]
    columns = _columns(with_content=window.with_content)
    # Ids first: sorting whole rows would move their contents about.
    chosen: Select[int] | list[int] = (
        select(entry.c.id).where(*selection.rules()).order_by(*order).limit(window.limit)
    )
    if window.by_seq and selection.topic and window.limit:
        chosen = latest_ids_by_topic(connection, selection, limit=window.limit)
    statement = (
        select(*columns, *CREDIT_COLUMNS)
        .join(source, source.c.id == entry.c.source_id)
        .where(entry.c.id.in_(chosen))
        .order_by(*order)
    )
    return _to_entries(connection, connection.execute(statement).all(), whole=window.whole)


def _columns(*, with_content: bool) -> list[Column[Any]]:
    beyond = () if with_content else (entry.c.content, entry.c.pictures)
    return [column for column in entry.c if column not in set(beyond)]


def by_ids(
    connection: Connection,
    entry_ids: Collection[int],
    *,
    with_content: bool = False,
    whole: bool = False,
) -> list[Entry]:
    """Return entries in no order; those that exist. `whole` as in `ListWindow`."""
    columns = _columns(with_content=with_content)
    statement = select(*columns, *CREDIT_COLUMNS).join(source, source.c.id == entry.c.source_id)
    rows = [
        row
        for some in chunks(entry_ids)
        for row in connection.execute(statement.where(entry.c.id.in_(some)))
    ]
    return _to_entries(connection, rows, whole=whole)


def in_order(connection: Connection, entry_ids: Sequence[int]) -> list[Entry]:
    """Return entries in the order of their ids; those that exist."""
    found = {one.id: one for one in by_ids(connection, entry_ids)}
    return [found[entry_id] for entry_id in entry_ids if entry_id in found]


def count_folded(connection: Connection, shown: Sequence[Entry]) -> dict[int, int]:
    """Return how many folded public entries came with entries of `shown`, by an entry's id.

    That is the last of those in `shown` that came together, after which the number is shown.
    """
    arrivals = {(one.source.id, one.first_seen_at): one.id for one in shown}
    statement = (
        select(entry.c.source_id, entry.c.first_seen_at, func.count())
        .where(
            entry.c.folded,
            Unindexed(entry.c.state) == EntryState.PUBLIC,
            entry.c.source_id.in_({source_id for source_id, _ in arrivals}),
            entry.c.first_seen_at.in_({at for _, at in arrivals}),
        )
        .group_by(entry.c.source_id, entry.c.first_seen_at)
    )
    counted = {(row[0], row[1]): row[2] for row in connection.execute(statement)}
    return {
        entry_id: counted[arrival] for arrival, entry_id in arrivals.items() if arrival in counted
    }


def count_by_source(
    connection: Connection, selection: Selection, since: datetime, *, most: int
) -> dict[int, int]:
    """Return how many entries of a selection each source has from `since` on.

    Empty if there are more than `most` altogether.
    """
    # Either, spelled out: so that the index serves, in which it stands before the time.
    recent = [*selection.rules(), entry.c.folded.in_([False, True]), entry.c.sort_at >= since]
    # First, since it reads nothing but that index.
    if connection.scalar(select(1).select_from(entry).where(*recent).offset(most).limit(1)):
        return {}
    counts = select(entry.c.source_id, func.count()).where(*recent).group_by(entry.c.source_id)
    return dict(connection.execute(counts).all())


def count_sources(connection: Connection, entry_ids: Sequence[int]) -> dict[int, int]:
    """Return how many of these entries each source has."""
    counts = select(entry.c.source_id, func.count()).where(entry.c.id.in_(entry_ids))
    return dict(connection.execute(counts.group_by(entry.c.source_id)).all())


def ids(connection: Connection, selection: Selection) -> list[int]:
    """Return the ids of all entries of a selection, in their order."""
    return list(
        connection.scalars(select(entry.c.id).where(*selection.rules()).order_by(entry.c.id))
    )


def get(connection: Connection, entry_id: int, *, whole: bool = False) -> Entry:
    """Return an entry in whatever state, with its content. `whole` as in `ListWindow`.

    Raises:
        NotFoundError: There is none with that id.
    """
    statement = select(entry, *CREDIT_COLUMNS).join(source, source.c.id == entry.c.source_id)
    rows = connection.execute(statement.where(entry.c.id == entry_id)).all()
    if not rows:
        raise NotFoundError("entry", entry_id)
    return _to_entries(connection, rows, whole=whole)[0]


def _to_entries(
    connection: Connection, rows: Sequence[Row[*tuple[Any, ...]]], *, whole: bool
) -> list[Entry]:
    shown = {row.source_id for row in rows}
    # Of all sources rather than with more parameters than a statement may have.
    labels = topics.of_sources(connection, shown if len(shown) < MAX_NAMED else None)
    also_at = also_at_of(connection, {row.story_id for row in rows if row.story_id})
    found = [_to_entry(row, labels, also_at.get(row.story_id, ())) for row in rows]
    # Here, where all entries pass: what a source forbids reaches no page, feed or issue.
    return found if whole else [permitted(one) for one in found]


def _to_entry(
    row: Row[*tuple[Any, ...]],
    labels: Mapping[int, tuple[TopicCredit, ...]],
    also_at: Sequence[AlsoAt],
) -> Entry:
    stored = row._asdict()  # lacks content and pictures, unless they were selected
    own: dict[str, Any] = {
        name: _DECODERS.get(name, _unchanged)(stored[name])
        for name in _ENTRY_COLUMNS
        if name in stored
    }
    return Entry(
        **own,
        source=credit_of(row),
        topics=labels.get(row.source_id, ()),
        also_at=tuple(one for one in also_at if one.id != row.id),
    )


def _unchanged(value: object) -> object:
    return value


# The fields of `Entry` that are columns of the same name: a new one needs nothing here.
_ENTRY_COLUMNS = [one.name for one in fields(Entry) if one.name in entry.c]

_DECODERS: Mapping[str, Callable[[Any], object]] = {
    "state": EntryState,
    "authors": tuple,
    "categories": tuple,
    "image": lambda image: Image(**image) if image else None,
    "pictures": lambda images: tuple(Image(**one) for one in images or ()),
    "enclosures": lambda files: tuple(Enclosure(**one) for one in files),
}


def credit_of(row: Row[*tuple[Any, ...]]) -> SourceCredit:
    """Return the credit of a source, without its address if that is private."""
    url, guid = without_credentials(row.source_url), row.feed_guid
    if row.hides_address:
        # Feeds need an id for it all the same: one that stays, and discloses nothing.
        url, guid = "", uuid5(NAMESPACE_URL, url).urn
    return SourceCredit(
        id=row.source_id,
        slug=row.source_slug,
        title=shown_title(row.given_title, row.feed_title, row.source_url),
        url=url,
        site_url=row.site_url,
        language=row.source_language,
        guid=guid,
        rights=row.rights,
        republish=Republish(row.republish),
        noindex=row.noindex,
    )


def also_at_of(
    connection: Connection, story_ids: Collection[int]
) -> Mapping[int, Sequence[AlsoAt]]:
    """Return the public members of stories by story, the oldest first."""
    members: dict[int, list[AlsoAt]] = defaultdict(list)
    statement = (
        select(entry.c.id, entry.c.story_id, entry.c.title, entry.c.url, entry.c.source_id)
        .add_columns(*CREDIT_COLUMNS)
        .join(source, source.c.id == entry.c.source_id)
        .where(entry.c.state == EntryState.PUBLIC)
        .order_by(entry.c.seq)
    )
    for some in chunks(story_ids):
        for row in connection.execute(statement.where(entry.c.story_id.in_(some))):
            other = AlsoAt(id=row.id, title=row.title, url=row.url, source=credit_of(row))
            members[row.story_id].append(other)
    return members


def latest_ids_by_topic(connection: Connection, selection: Selection, *, limit: int) -> list[int]:
    """Return the ids of `limit` public entries of a topic, the latest publish sequence first."""
    # Neither index serves: one by `seq` would be scanned through all other topics' entries, one by
    # source would sort all of the topic's. So sources first, by their latest entry.
    rules = selection.rules()
    heads = connection.scalars(_latest_seqs(selection).limit(limit)).all()
    if len(heads) == limit:
        # So many sources have an entry as late as this: no earlier one can be among the latest.
        chosen = select(entry.c.id).where(*rules, entry.c.seq >= heads[-1])
    else:
        chosen = _latest_of_each(selection, limit).where(*rules)
    return list(connection.scalars(chosen.order_by(entry.c.seq.desc()).limit(limit)))


def _latest_seqs(selection: Selection) -> Select[Any]:
    """Select the latest publish sequence of each source of a topic, the latest first."""
    latest = select(func.max(entry.c.seq)).where(*_is_public(entry, selection)).scalar_subquery()
    heads = _sources(selection).with_only_columns(latest.label("seq")).subquery()
    return select(heads.c.seq).where(heads.c.seq.is_not(None)).order_by(heads.c.seq.desc())


def _latest_of_each(selection: Selection, limit: int) -> Select[int]:
    """Select the latest entries of each source of a topic."""
    other = entry.alias()
    last = (
        select(other.c.seq)
        .where(*_is_public(other, selection))
        .order_by(other.c.seq.desc())
        .offset(limit - 1)
        .limit(1)
        .scalar_subquery()
    )
    # 0 where a source has fewer entries than `limit`: then all of them may be among the latest.
    is_late = and_(
        entry.c.source_id == source_topic.c.source_id, entry.c.seq >= func.coalesce(last, 0)
    )
    return _sources(selection).join(entry, is_late).with_only_columns(entry.c.id)


def _sources(selection: Selection) -> Select[Any]:
    labelled = select(source_topic.c.source_id).select_from(source_topic)
    labelled = labelled.join(topic, topic.c.id == source_topic.c.topic_id)
    return labelled.where(topic.c.slug == selection.topic)


def _is_public(table: FromClause, selection: Selection) -> list[ColumnElement[bool]]:
    is_of_source = table.c.source_id == source_topic.c.source_id
    rules = [is_of_source, Unindexed(table.c.state) == EntryState.PUBLIC]
    return rules if selection.before is None else [*rules, table.c.seq < selection.before]
