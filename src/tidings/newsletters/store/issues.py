"""Issues: rendered digests, stored once per content key; and the entries that may be in them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    func,
    insert,
    or_,
    select,
    update,
)

from tidings.catalog import change_log, newsletters, topics
from tidings.catalog.entries import by_ids
from tidings.db.mail_tables import issue, issue_entry
from tidings.db.statements import upsert
from tidings.db.tables import entry
from tidings.errors import NotFoundError
from tidings.model.entries import Entry, EntryState
from tidings.model.newsletters import Issue, IssueLine, Newsletter

_NEWEST_FIRST = (issue.c.created_at.desc(), issue.c.id.desc())

_LINE = (
    issue.c.id,
    issue.c.newsletter_id,
    issue.c.slug,
    issue.c.language,
    issue.c.subject,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewIssue:
    """An issue to be stored, unless there is one with its key."""

    key: bytes
    slug: str
    newsletter_id: int
    listed: bool
    language: str
    timezone: str
    from_seq: int
    to_seq: int
    since: datetime | None
    draft_id: int | None = None
    entry_ids: Sequence[int]
    subject: str
    text: str
    html: str


def save(connection: Connection, new: Sequence[NewIssue], *, now: datetime) -> None:
    """Store issues; one that is stored already can only become listed."""
    has_list_changed = False
    for one in new:
        row = {name: getattr(one, name) for name in _COLUMNS}
        statement = upsert(connection.dialect.name, issue).values(
            **row, entries=len(one.entry_ids), created_at=now
        )
        added = connection.execute(statement.on_conflict_do_nothing().returning(issue.c.id)).first()
        if added:
            entries = [
                {"issue_id": added.id, "position": position, "entry_id": entry_id}
                for position, entry_id in enumerate(one.entry_ids)
            ]
            connection.execute(insert(issue_entry), entries)
            has_list_changed |= one.listed
        elif one.listed:
            unlisted = update(issue).where(issue.c.key == one.key, ~issue.c.listed)
            has_list_changed |= connection.execute(unlisted.values(listed=True)).rowcount > 0
    if has_list_changed:
        change, _ = change_log.next_change(connection)
        change_log.touch(connection, [change_log.ISSUES], change=change, now=now)


def ids(connection: Connection, keys: Collection[bytes]) -> dict[bytes, int]:
    """Return the ids of issues by key; those that are stored."""
    rows = connection.execute(select(issue.c.key, issue.c.id).where(issue.c.key.in_(keys)))
    return {row.key: row.id for row in rows}


def get(connection: Connection, issue_id: int) -> Issue:
    """Return an issue.

    Raises:
        NotFoundError: There is none with that id.
    """
    return _one(connection, issue.c.id == issue_id, key=issue_id)


def get_by_slug(connection: Connection, slug: str) -> Issue:
    """Return an issue by its slug, listed or not.

    Raises:
        NotFoundError: There is none with that slug.
    """
    return _one(connection, issue.c.slug == slug, key=slug)


def latest(connection: Connection, *, only_listed: bool, limit: int | None) -> list[Issue]:
    """Return issues, the newest first."""
    rules = [issue.c.listed] if only_listed else []
    return _select(connection, rules, limit=limit)


def listed(connection: Connection, *, limit: int | None = None, offset: int = 0) -> list[IssueLine]:
    """Return the issues of the archive, newest first, without their content."""
    ordered = select(*_LINE).where(issue.c.listed).order_by(*_NEWEST_FIRST)
    return _lines(connection, ordered.limit(limit).offset(offset or None))


def count_listed(connection: Connection) -> int:
    """Return how many issues the archive has."""
    counted = select(func.count()).select_from(issue).where(issue.c.listed)
    return connection.execute(counted).scalar_one()


def neighbours(connection: Connection, one: Issue) -> tuple[IssueLine | None, IssueLine | None]:
    """Return the listed issues of the same newsletter just after and just before an issue."""
    series = select(*_LINE).where(issue.c.listed, issue.c.newsletter_id == one.newsletter.id)
    at, own = issue.c.created_at, one.created_at
    later = or_(at > own, and_(at == own, issue.c.id > one.id))
    earlier = or_(at < own, and_(at == own, issue.c.id < one.id))
    after = series.where(later).order_by(at, issue.c.id).limit(1)
    before = series.where(earlier).order_by(*_NEWEST_FIRST).limit(1)
    newer, older = _lines(connection, after), _lines(connection, before)
    return (newer[0] if newer else None, older[0] if older else None)


def entries_of(connection: Connection, issue_ids: Sequence[int]) -> dict[int, list[Entry]]:
    """Return the entries of issues in their order, hidden ones included, removed ones not."""
    statement = (
        select(issue_entry.c.issue_id, issue_entry.c.entry_id)
        .where(issue_entry.c.issue_id.in_(issue_ids))
        .order_by(issue_entry.c.issue_id, issue_entry.c.position)
    )
    rows = connection.execute(statement).all()
    found = {entry.id: entry for entry in by_ids(connection, [row.entry_id for row in rows])}
    entries: dict[int, list[Entry]] = {issue_id: [] for issue_id in issue_ids}
    for row in rows:
        entries[row.issue_id].append(found[row.entry_id])
    return entries


_COLUMNS = tuple(name for name in NewIssue.__dataclass_fields__ if name != "entry_ids")


def _lines(connection: Connection, statement: Select[tuple[Any, ...]]) -> list[IssueLine]:
    rows = connection.execute(statement).all()
    series = newsletters.by_id(connection) if rows else {}
    return [
        IssueLine(
            slug=row.slug,
            newsletter=series[row.newsletter_id],
            language=row.language,
            subject=row.subject,
        )
        for row in rows
    ]


def _one(connection: Connection, rule: ColumnElement[bool], *, key: object) -> Issue:
    found = _select(connection, [rule], limit=1)
    if not found:
        raise NotFoundError("issue", key)
    return found[0]


def _select(
    connection: Connection, rules: Sequence[ColumnElement[bool]], *, limit: int | None
) -> list[Issue]:
    ordered = select(issue).where(*rules).order_by(*_NEWEST_FIRST)
    rows = connection.execute(ordered.limit(limit)).all()
    series = newsletters.by_id(connection) if rows else {}
    return [_to_issue(row, series[row.newsletter_id]) for row in rows]


def _to_issue(row: Row[*tuple[Any, ...]], series: Newsletter) -> Issue:
    return Issue(
        id=row.id,
        key=row.key,
        slug=row.slug,
        newsletter=series,
        language=row.language,
        timezone=row.timezone,
        listed=row.listed,
        from_seq=row.from_seq,
        to_seq=row.to_seq,
        subject=row.subject,
        html=row.html,
        text=row.text,
        entries=row.entries,
        created_at=row.created_at,
        draft_id=row.draft_id,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An entry that may be in a digest, with the topics of its source."""

    id: int
    seq: int
    first_seen_at: datetime
    topics: tuple[str, ...]
    story_id: int | None = None


def candidates_between(connection: Connection, *, from_seq: int, to_seq: int) -> list[Candidate]:
    """Return the entries in a window that may be in a digest, in the order they became public."""
    return _candidates(connection, entry.c.seq > from_seq, entry.c.seq <= to_seq)


def candidates_by_ids(connection: Connection, entry_ids: Collection[int]) -> list[Candidate]:
    """Return those of some entries that may be in a digest, in the order they became public."""
    return _candidates(connection, entry.c.id.in_(entry_ids))


def _candidates(connection: Connection, *rules: ColumnElement[bool]) -> list[Candidate]:
    statement = (
        select(
            entry.c.id,
            entry.c.seq,
            entry.c.first_seen_at,
            entry.c.source_id,
            entry.c.story_id,
        )
        .where(*rules, entry.c.state == EntryState.PUBLIC, entry.c.digest_eligible)
        .order_by(entry.c.seq)
    )
    rows = connection.execute(statement).all()
    labels = topics.of_sources(connection) if rows else {}
    slugs = {key: tuple(topic.slug for topic in of) for key, of in labels.items()}
    return [
        Candidate(
            id=row.id,
            seq=row.seq,
            first_seen_at=row.first_seen_at,
            topics=slugs.get(row.source_id, ()),
            story_id=row.story_id,
        )
        for row in rows
    ]
