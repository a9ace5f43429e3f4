"""The entries of a topic that became public last, however many there are and however old."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Select, and_, func, select

from tidings.domain.entries import EntryState
from tidings.storage.hints import Unindexed
from tidings.storage.tables import entry, source_topic, topic


def latest_ids_by_topic(
    connection: Connection, slug: str, rules: Sequence[ColumnElement[bool]], *, limit: int
) -> list[int]:
    """Return the ids of so many entries of a topic, the latest publish sequence first.

    Args:
        connection: A reading one.
        slug: Of the topic.
        rules: What else must hold of an entry.
        limit: How many.
    """
    heads = connection.scalars(_heads(slug).limit(limit)).all()
    if len(heads) == limit:
        # So many sources have something as late as this: nothing earlier can be among the latest.
        chosen = select(entry.c.id).where(*rules, entry.c.seq >= heads[-1])
    else:
        chosen = _latest_of_each(slug, limit).where(*rules)
    return list(connection.scalars(chosen.order_by(entry.c.seq.desc()).limit(limit)))


def _heads(slug: str) -> Select[Any]:
    """Select the latest publish sequence of each source of a topic, the latest first."""
    latest = select(func.max(entry.c.seq)).where(*_is_public(entry)).scalar_subquery()
    heads = _sources(slug).with_only_columns(latest.label("seq")).subquery()
    return select(heads.c.seq).where(heads.c.seq.is_not(None)).order_by(heads.c.seq.desc())


def _latest_of_each(slug: str, limit: int) -> Select[int]:
    """Select the latest entries of each source of a topic."""
    other = entry.alias()
    last = (
        select(other.c.seq)
        .where(*_is_public(other))
        .order_by(other.c.seq.desc())
        .offset(limit - 1)
        .limit(1)
        .scalar_subquery()
    )
    is_late = and_(
        entry.c.source_id == source_topic.c.source_id, entry.c.seq >= func.coalesce(last, 0)
    )
    return _sources(slug).join(entry, is_late).with_only_columns(entry.c.id)


def _sources(slug: str) -> Select[Any]:
    labelled = select(source_topic.c.source_id).select_from(source_topic)
    return labelled.join(topic, topic.c.id == source_topic.c.topic_id).where(topic.c.slug == slug)


def _is_public(table: FromClause) -> tuple[ColumnElement[bool], ...]:
    is_of_source = table.c.source_id == source_topic.c.source_id
    return is_of_source, Unindexed(table.c.state) == EntryState.PUBLIC
