"""The SQL of filters."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, insert, select

from tidings.catalog import newsletters, sources
from tidings.db.intake_tables import entry_filter
from tidings.db.mail_tables import newsletter
from tidings.db.tables import entry, source_topic, topic
from tidings.errors import NotFoundError
from tidings.filters.rules import Action, Field, Filter, Kind, Rule
from tidings.model.entries import EntryState
from tidings.model.newsletters import Newsletter


def add(connection: Connection, new: Filter, *, now: datetime) -> int:
    """Store a filter of the source or newsletter that it names; return its id.

    Raises:
        NotFoundError: There is no such source or newsletter.
    """
    owner: dict[str, int]
    if new.newsletter is not None:
        owner = {"newsletter_id": newsletters.get(connection, new.newsletter).id}
    else:
        owner = {"source_id": sources.get(connection, new.source_id or 0).id}
    statement = insert(entry_filter).values(
        **owner,
        action=new.rule.action,
        field=new.rule.field,
        kind=new.rule.kind,
        pattern=new.rule.pattern,
        added_at=now,
    )
    return int(connection.execute(statement.returning(entry_filter.c.id)).scalar_one())


def remove(connection: Connection, filter_id: int) -> None:
    """Delete a filter.

    Raises:
        NotFoundError: There is none with that id.
    """
    gone = delete(entry_filter).where(entry_filter.c.id == filter_id)
    if not connection.execute(gone).rowcount:
        raise NotFoundError("filter", filter_id)


def select_filters(
    connection: Connection, source_id: int | None, newsletter_slug: str | None
) -> list[Filter]:
    """Return filters, the oldest first: of a source, of a newsletter, or all.

    Raises:
        NotFoundError: There is no such source or newsletter.
    """
    rules: list[ColumnElement[bool]] = []
    if source_id is not None:
        # Looked up, though the id is known: a source that does not exist is an error, not an empty
        # list.
        rules.append(entry_filter.c.source_id == sources.get(connection, source_id).id)
    if newsletter_slug is not None:
        series = newsletters.get(connection, newsletter_slug)
        rules.append(entry_filter.c.newsletter_id == series.id)
    return _select(connection, *rules)


def of_sources(connection: Connection, source_ids: Collection[int]) -> dict[int, list[Filter]]:
    """Return the filters of these sources, the oldest first, by source; of those that have any."""
    found: dict[int, list[Filter]] = {}
    for one in _select(connection, entry_filter.c.source_id.in_(source_ids)):
        found.setdefault(one.source_id or 0, []).append(one)
    return found


def of_newsletter(connection: Connection, newsletter_id: int) -> list[Filter]:
    """Return the filters of a newsletter, the oldest first."""
    return _select(connection, entry_filter.c.newsletter_id == newsletter_id)


def latest_candidates(connection: Connection, series: Newsletter, *, limit: int) -> list[int]:
    """Return the ids of a newsletter's latest candidates for a digest, newest first."""
    statement = select(entry.c.id).where(
        entry.c.state == EntryState.PUBLIC, entry.c.digest_eligible
    )
    if series.topics:
        labelled = (
            select(source_topic.c.source_id)
            .join(topic, topic.c.id == source_topic.c.topic_id)
            .where(topic.c.slug.in_(series.topics))
        )
        statement = statement.where(entry.c.source_id.in_(labelled))
    return list(connection.scalars(statement.order_by(entry.c.seq.desc()).limit(limit)))


def _select(connection: Connection, *rules: ColumnElement[bool]) -> list[Filter]:
    # Outer: filters of sources have no newsletter.
    joined = entry_filter.outerjoin(newsletter, newsletter.c.id == entry_filter.c.newsletter_id)
    statement = select(entry_filter, newsletter.c.slug).select_from(joined).where(*rules)
    return [
        Filter(
            id=row.id,
            source_id=row.source_id,
            newsletter=row.slug,
            rule=Rule(
                action=Action(row.action),
                field=Field(row.field),
                kind=Kind(row.kind),
                pattern=row.pattern,
            ),
        )
        for row in connection.execute(statement.order_by(entry_filter.c.id))
    ]
