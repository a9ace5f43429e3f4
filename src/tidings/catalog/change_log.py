"""Change log: the last visible change of each scope (feed, page, list), and publish sequences.

A scope's change number is what its ETag is made of, and says whether anything has to be rendered.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    Text,
    and_,
    bindparam,
    delete,
    func,
    literal,
    or_,
    select,
    true,
    union,
    update,
)

from tidings.db.mail_tables import issue, issue_entry
from tidings.db.statements import upsert
from tidings.db.tables import (
    counter,
    entry,
    feed_state,
    page_mark,
    search,
    source,
    source_topic,
    topic,
)
from tidings.db.types import UtcDateTime
from tidings.errors import NotFoundError
from tidings.model.entries import EntryState

# The scope of everything that is public.
ALL = "all"

# The scope of the list of sources.
SOURCES = "sources"

# The scope of the list of issues.
ISSUES = "issues"

# The scope of what is shown with every entry: names of sources and topics, permissions. A page of
# single entries depends on it as well.
SITE = "site"

_STATES = select(feed_state.c.scope, feed_state.c.change, feed_state.c.changed_at)
_STATE = _STATES.where(feed_state.c.scope == bindparam("of"))  # built once: every request runs it

# The states in which an entry has a page.
OPEN_STATES = (EntryState.PUBLIC, EntryState.BACKFILL)


def of_source(slug: str) -> str:
    """Return the scope of one source."""
    return f"source:{slug}"


def of_topic(slug: str) -> str:
    """Return the scope of one topic."""
    return f"topic:{slug}"


def of_search(slug: str) -> str:
    """Return the scope of one saved search."""
    return f"search:{slug}"


def next_change(connection: Connection, *, published: int = 0) -> tuple[int, int]:
    """Take the next change number and `published` publish sequences.

    Returns:
        The change, and the sequence before the first that was taken.
    """
    # The lock on this row is the order: from here to the commit no other writer gets numbers, so
    # that whoever has higher ones becomes visible later, and no reader of a feed can miss an
    # entry. So it comes as late as possible, right before the entries that bear the numbers.
    statement = (
        update(counter)
        .values(seq=counter.c.seq + published, change=counter.c.change + 1)
        .returning(counter.c.change, counter.c.seq)
    )
    change, seq = connection.execute(statement).one()
    return change, seq - published


def touch(
    connection: Connection,
    scopes: Collection[str],
    *,
    with_sources: Collection[int] = (),
    change: int,
    now: datetime,
) -> None:
    """Note that `scopes`, and the sources `with_sources` and their topics, look different now.

    With `ALL`, saved searches do, too: any entry may be among their hits.
    """
    # One statement, since every poll with news runs it.
    stamp = (literal(change, BigInteger()), literal(now, UtcDateTime()))
    named = [select(literal(scope, Text()), *stamp) for scope in sorted(scopes)]
    the_sources = select(literal(of_source(""), Text()) + source.c.slug, *stamp).where(
        source.c.id.in_(with_sources)
    )
    their_topics = (
        select(literal(of_topic(""), Text()) + topic.c.slug, *stamp)
        .join(source_topic, source_topic.c.topic_id == topic.c.id)
        .where(source_topic.c.source_id.in_(with_sources))
    )
    searches = select(literal(of_search(""), Text()) + search.c.slug, *stamp).where(
        literal(ALL in scopes)
    )
    rows = union(*named, the_sources, their_topics, searches).subquery()
    # WHERE true: without a WHERE, SQLite reads ON of ON CONFLICT as that of a join.
    row = upsert(connection.dialect.name, feed_state).from_select(
        ["scope", "change", "changed_at"], select(rows).where(true())
    )
    connection.execute(
        row.on_conflict_do_update(
            index_elements=[feed_state.c.scope],
            set_={"change": row.excluded.change, "changed_at": row.excluded.changed_at},
        )
    )


def touch_everything(connection: Connection, new: Collection[str] = (), *, now: datetime) -> None:
    """Note that everything may look different, as after a source or topic was renamed.

    Args:
        connection: A writing one.
        new: Scopes that begin to exist with this.
        now: The time of the change.
    """
    change, _ = next_change(connection)
    # All rows, one number: whoever holds a page of before has to ask for it again.
    connection.execute(update(feed_state).values(change=change, changed_at=now))
    if new:
        rows = [{"scope": scope, "change": change, "changed_at": now} for scope in sorted(new)]
        connection.execute(
            upsert(connection.dialect.name, feed_state).on_conflict_do_nothing(), rows
        )


def forget(connection: Connection, scope: str) -> None:
    """Note that a scope has ceased to exist."""
    connection.execute(delete(feed_state).where(feed_state.c.scope == scope))
    connection.execute(delete(page_mark).where(page_mark.c.scope == scope))


class Change(NamedTuple):
    """The last change of a scope."""

    number: int
    changed_at: datetime


def changes(connection: Connection) -> dict[str, Change]:
    """Return the last change of every scope."""
    return {row.scope: Change(row.change, row.changed_at) for row in connection.execute(_STATES)}


def get_change(connection: Connection, scope: str) -> tuple[int, datetime]:
    """Return the last change of a scope, and its time.

    Raises:
        NotFoundError: There is no such scope.
    """
    row = connection.execute(_STATE, {"of": scope}).first()
    if row is None:
        kind, _, slug = scope.partition(":")
        raise NotFoundError(kind, slug or kind)
    return row.change, row.changed_at


def get_newest_change(connection: Connection) -> tuple[int, datetime]:
    """Return the last change of all."""
    return _change(connection, true(), kind_and_key=("list", ALL))


def get_entry_change(connection: Connection, entry_id: int) -> tuple[int, datetime]:
    """Return the last change of what an entry's page shows, and a time not before it.

    It shows the entry, the others of its story, and what `SITE` is the scope of.

    Raises:
        NotFoundError: There is no such entry, or it is not for everybody.
    """
    row = connection.execute(_entry_change(), {"of": entry_id}).first()
    if row is None:
        raise NotFoundError("entry", entry_id)
    # An entry of no story has no change of one.
    return max(change or 0 for change in row[:3]), max(row[3:])


# Built once, like `_STATE`.
@cache
def _entry_change() -> Select[*tuple[Any, ...]]:
    # Three numbers: the entry's own, that of the others that it names, and that of every page.
    site, member = feed_state.alias(), entry.alias()
    of_story = select(func.max(member.c.change)).where(member.c.story_id == entry.c.story_id)
    its_source = literal(of_source(""), Text()) + source.c.slug
    return (
        select(entry.c.change, of_story.scalar_subquery(), site.c.change)
        .add_columns(feed_state.c.changed_at, site.c.changed_at)
        .join(source, source.c.id == entry.c.source_id)
        .join(feed_state, feed_state.c.scope == its_source)
        .join(site, site.c.scope == SITE)
        .where(entry.c.id == bindparam("of"), entry.c.state.in_(OPEN_STATES))
    )


def get_issue_change(connection: Connection, slug: str) -> tuple[int, datetime]:
    """Return the last change of what an issue's page shows: whatever its entries' sources show.

    Raises:
        NotFoundError: There is no such issue.
    """
    wanted = select(issue.c.id).where(issue.c.slug == slug)
    shown = _list_and_entries(issue_entry.c.issue_id == wanted.scalar_subquery())
    # The list of issues is always there: whether this issue is has to be asked as well.
    return _change(connection, and_(wanted.exists(), shown), kind_and_key=("issue", slug))


def get_issues_change(connection: Connection, *, limit: int) -> tuple[int, datetime]:
    """Return the last change of the newest listed issues, with the sources of their entries."""
    newest = (
        select(issue.c.id)
        .where(issue.c.listed)
        .order_by(issue.c.created_at.desc(), issue.c.id.desc())
        .limit(limit)
    )
    shown = _list_and_entries(issue_entry.c.issue_id.in_(newest))
    return _change(connection, shown, kind_and_key=("list", ISSUES))


def last_seq(connection: Connection) -> int:
    """Return the last publish sequence: every entry that has it or a lower one is committed."""
    return int(connection.execute(select(counter.c.seq)).scalar_one())


def last_change(connection: Connection) -> int:
    """Return the number of the last change of anything that is shown."""
    return int(connection.execute(select(counter.c.change)).scalar_one())


def instance(connection: Connection) -> UUID:
    """Return the UUID of this installation, drawn when its database was made."""
    return UUID(connection.execute(select(counter.c.instance)).scalar_one())


def _list_and_entries(rule: ColumnElement[bool]) -> ColumnElement[bool]:
    """Select the scope of the list of issues, and those of the sources in some issues."""
    sources = select(entry.c.source_id).join(issue_entry, issue_entry.c.entry_id == entry.c.id)
    scopes = select(literal(of_source(""), Text()) + source.c.slug).where(
        source.c.id.in_(sources.where(rule))
    )
    return or_(feed_state.c.scope == ISSUES, feed_state.c.scope.in_(scopes))


def _change(
    connection: Connection, rule: ColumnElement[bool], *, kind_and_key: Sequence[object]
) -> tuple[int, datetime]:
    newest_first = select(feed_state).where(rule).order_by(feed_state.c.change.desc())
    row = connection.execute(newest_first.limit(1)).first()
    if row is None:
        raise NotFoundError(str(kind_and_key[0]), kind_and_key[-1])
    return row.change, row.changed_at
