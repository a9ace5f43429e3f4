"""The SQL of stories: find them for new entries, join, update leads, delete old keys."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    Select,
    Table,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    select,
    union_all,
    update,
)

from tidings.catalog import change_log
from tidings.db import given_rows
from tidings.db.database import Database
from tidings.db.given_rows import given, is_among
from tidings.db.statements import chunks
from tidings.db.tables import apart, entry, likeness, sketch, story, story_key
from tidings.model.entries import EntryState
from tidings.model.minhash import MAX_HTML, Sketch, sketch_of
from tidings.stories.matching import (
    MATCH_WINDOW,
    Match,
    Member,
    StoryCandidate,
    StoryUpdate,
    find_candidates,
    find_matches,
    group_matches,
)

# Entries that may share a key; one that more have is boilerplate, and would cost comparisons.
MAX_PER_KEY = 24

# Entries whose keys are deleted at a time.
KEY_CHUNK = 1000


def join(
    connection: Connection, new: Sequence[StoryCandidate], *, change: int, now: datetime
) -> None:
    """Find the stories of entries that have just become public: three statements, if in none.

    The caller has taken `change`, which keeps every other writer out meanwhile.
    """
    if not new:
        return
    known = _seqs_by_key(connection, {key for one in new for key in one.sketch.keys})
    _insert_keys(connection, new, known)
    sketches = [{"seq": one.seq, "packed": one.sketch.packed()} for one in new]
    given_rows.execute(connection, _insert(connection.dialect.name, sketch), sketches)
    candidates = find_candidates(new, known)
    loaded = {one.seq: one for one in new}
    absent = {seq for seqs in candidates.values() for seq in seqs} - loaded.keys()
    for some in chunks(absent):
        loaded |= {one.seq: one for one in read(connection, entry.c.seq.in_(some))}
    matches = [
        match
        for one in new
        for match in find_matches(
            # Keys outlive an entry that was removed.
            one,
            [loaded[seq] for seq in candidates[one.seq] if seq in loaded],
        )
    ]
    if matches:
        _join(connection, matches, change=change, now=now)


def refresh(
    connection: Connection, entry_ids: Collection[int], *, change: int, now: datetime
) -> None:
    """Mark the stories of changed entries as changed: two statements, if they are in none.

    Other members of their stories name them ("Also at"), so their pages change as well; and
    another one may lead.
    """
    if not entry_ids:
        return
    edited = select(entry.c.seq).where(entry.c.id.in_(entry_ids), entry.c.seq.is_not(None))
    connection.execute(delete(sketch).where(sketch.c.seq.in_(edited)))
    story_ids = of_entries(connection, entry.c.id.in_(entry_ids))
    if story_ids:
        update_leads(connection, story_ids, change=change, now=now)


def read(connection: Connection, rule: ColumnElement[bool]) -> list[StoryCandidate]:
    """Return entries that are or were public, with sketches of their present content."""
    # Not the whole content, which may be a megabyte; and none where it was read before.
    opening = func.substr(entry.c.content, 1, MAX_HTML)
    unread = case((sketch.c.packed.is_(None), opening)).label("opening")
    columns = (entry.c.seq, entry.c.source_id, entry.c.story_id, entry.c.first_seen_at)
    seen = (entry.c.title, entry.c.url, entry.c.excerpt, unread, sketch.c.packed)
    statement = select(*columns, *seen).outerjoin(sketch, sketch.c.seq == entry.c.seq)
    rows = connection.execute(statement.where(entry.c.seq.is_not(None), rule))
    return [
        StoryCandidate(
            seq=row.seq,
            source_id=row.source_id,
            story_id=row.story_id,
            seen_at=row.first_seen_at,
            sketch=Sketch.unpacked(row.packed)
            if row.packed
            else sketch_of(row.title, row.url, row.opening or row.excerpt),
        )
        for row in rows
    ]


def write(
    connection: Connection, joined: Sequence[StoryUpdate], *, change: int, now: datetime
) -> list[int]:
    """Store stories as they are from now on, and return their ids."""
    founded = sum(not one.story_ids for one in joined)
    fresh = iter(_insert_stories(connection, founded, now=now))
    # Of several stories that become one, the first keeps its number.
    ids = [one.story_ids[0] if one.story_ids else next(fresh) for one in joined]
    moved = [
        {"of_seq": member.seq, "new_story": story_id}
        for one, story_id in zip(joined, ids, strict=True)
        for member in one.members
        if member.story_id != story_id
    ]
    if moved:
        by_seq = update(entry).where(entry.c.seq == bindparam("of_seq"))
        connection.execute(by_seq.values(story_id=bindparam("new_story")), moved)
    reasons = [_reason(match, now=now) for one in joined for match in one.matches]
    if reasons:
        connection.execute(insert(likeness), reasons)
    absorbed = [story_id for one in joined for story_id in one.story_ids[1:]]
    # After all their members have moved.
    if absorbed:
        connection.execute(delete(story).where(story.c.id.in_(absorbed)))
    update_leads(connection, ids, change=change, now=now)
    return ids


def update_leads(
    connection: Connection, story_ids: Collection[int], *, change: int, now: datetime
) -> None:
    """Let the oldest public member of each story lead, and mark all members as changed.

    Members are not folded: what several sources report is shown.
    """
    older = entry.alias()
    has_older = exists().where(
        older.c.story_id == entry.c.story_id,
        older.c.seq < entry.c.seq,
        # A hidden one does not lead, and leads again when it is shown.
        older.c.state == EntryState.PUBLIC,
    )
    are_theirs = entry.c.story_id.in_(story_ids)
    changed = {"follows": has_older, "folded": False, "change": change}
    connection.execute(update(entry).where(are_theirs).values(changed))
    of_sources = connection.scalars(select(entry.c.source_id).where(are_theirs).distinct())
    change_log.touch(
        connection, [change_log.ALL], with_sources=sorted(of_sources), change=change, now=now
    )


def of_entries(connection: Connection, rule: ColumnElement[bool]) -> list[int]:
    """Return the ids of the stories that some entries are in."""
    story_ids = select(entry.c.story_id).where(rule, entry.c.story_id.is_not(None)).distinct()
    return list(connection.scalars(story_ids.order_by(entry.c.story_id)))


def of_source(connection: Connection, source_id: int) -> list[int]:
    """Return the ids of the stories that entries of a source are in."""
    return of_entries(connection, entry.c.source_id == source_id)


def members(connection: Connection, story_ids: Collection[int]) -> list[Member]:
    """Return all members of stories, the oldest first."""
    columns = (entry.c.seq, entry.c.source_id, entry.c.story_id)
    rows = connection.execute(
        select(*columns).where(entry.c.story_id.in_(story_ids)).order_by(entry.c.seq)
    )
    return [Member(seq=seq, source_id=source, story_id=story_id) for seq, source, story_id in rows]


def detach(connection: Connection, story_ids: Collection[int], *, now: datetime) -> None:
    """Update stories of which members are gone; with less than two they end."""
    if not story_ids:
        return
    change, _ = change_log.next_change(connection)
    update_leads(connection, story_ids, change=change, now=now)
    several = (
        select(entry.c.story_id)
        .where(entry.c.story_id.in_(story_ids))
        .group_by(entry.c.story_id)
        .having(func.count() > 1)
    )
    # A single entry tells no story: it stands for itself again.
    ended = set(story_ids) - set(connection.scalars(several))
    connection.execute(update(entry).where(entry.c.story_id.in_(ended)).values(story_id=None))
    connection.execute(delete(story).where(story.c.id.in_(ended)))


def delete_old_keys(
    connection: Connection, *, now: datetime, memory: timedelta = MATCH_WINDOW
) -> int:
    """Delete the keys and sketches of some entries older than `memory`; return of how many.

    At most `KEY_CHUNK`, so that other writers have to wait for a moment only.
    """
    # From the oldest key on, or all entries ever deleted before would be read again each time.
    kept = union_all(*(select(func.min(table.c.seq).label("seq")) for table in (story_key, sketch)))
    oldest = select(func.min(kept.subquery().c.seq)).scalar_subquery()
    first = select(entry.c.seq).where(entry.c.seq >= oldest).order_by(entry.c.seq).limit(KEY_CHUNK)
    is_old = entry.c.first_seen_at < now - memory
    seqs = list(connection.scalars(select(entry.c.seq).where(entry.c.seq.in_(first), is_old)))
    for table in (story_key, sketch):
        connection.execute(delete(table).where(table.c.seq <= max(seqs, default=0)))
    return len(seqs)


def _seqs_by_key(connection: Connection, keys: Collection[int]) -> dict[int, list[int]]:
    known: dict[int, list[int]] = defaultdict(list)
    statement = _key_select(connection.dialect.name)
    for key, seq in connection.execute(statement, {"keys": list(keys)}):
        known[key].append(seq)
    return known


@cache
def _key_select(dialect: str) -> Select[int, int]:
    columns = (story_key.c.key, story_key.c.seq)
    return select(*columns).where(is_among(dialect, story_key.c.key, "keys"))


def _insert_keys(
    connection: Connection, new: Sequence[StoryCandidate], known: Mapping[int, Sequence[int]]
) -> None:
    # Entries of one batch crowd a key as well.
    crowds = Counter({key: len(seqs) for key, seqs in known.items()})
    rows = []
    for one in new:
        for key in one.sketch.keys:
            if crowds[key] < MAX_PER_KEY:
                crowds[key] += 1
                rows.append({"key": key, "seq": one.seq})
    given_rows.execute(connection, _insert(connection.dialect.name, story_key), rows)


@cache
def _insert(dialect: str, table: Table) -> Insert:
    rows = given(dialect, {column.name: column.type for column in table.c})
    return insert(table).from_select(list(table.c), select(rows))


def _join(connection: Connection, matches: Sequence[Match], *, change: int, now: datetime) -> None:
    known = {match.other.story_id for match in matches if match.other.story_id}
    stories = members(connection, known) if known else []
    seqs = {member.seq for match in matches for member in (match.one, match.other)}
    seqs |= {member.seq for member in stories}
    joined = group_matches(matches, stories, _separated_pairs(connection, seqs))
    if joined:
        write(connection, joined, change=change, now=now)


def _separated_pairs(connection: Connection, seqs: Collection[int]) -> set[frozenset[int]]:
    """Return the pairs among entries that are never one story."""
    return {
        frozenset(row)
        for some in chunks(seqs)
        for row in connection.execute(
            select(apart.c.seq, apart.c.mate_seq).where(apart.c.seq.in_(some))
        )
    }


def _insert_stories(connection: Connection, number: int, *, now: datetime) -> list[int]:
    if not number:
        return []
    rows = [{"made_at": now} for _ in range(number)]
    return list(connection.scalars(insert(story).returning(story.c.id), rows))


def _reason(match: Match, *, now: datetime) -> dict[str, object]:
    return {
        "seq": match.one.seq,
        "mate_seq": match.other.seq,
        "because": match.similarity.because,
        "score": match.similarity.score,
        "joined_at": now,
    }


def delete_all_old_keys(database: Database, *, now: datetime) -> None:
    """Delete the keys of all entries that are too old to be matched, some at a time."""
    forgotten = KEY_CHUNK
    while forgotten:
        with database.write() as connection:
            forgotten = delete_old_keys(connection, now=now)
