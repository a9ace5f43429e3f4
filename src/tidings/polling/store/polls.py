"""What polling reads and writes: a handful of statements for a batch of sources."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CompoundSelect,
    Connection,
    Insert,
    Row,
    Select,
    Update,
    and_,
    bindparam,
    case,
    cast,
    exists,
    false,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    true,
    union_all,
    update,
)

from tidings.catalog import change_log, page_sources, sources
from tidings.db import given_rows
from tidings.db.given_rows import given, is_among
from tidings.db.intake_tables import alias, reading
from tidings.db.statements import upsert
from tidings.db.tables import entry, host, poll_hour, source, tombstone
from tidings.errors import LeaseLostError
from tidings.model.entries import EntryState
from tidings.model.feed import KEY_VERSION, MAX_ENTRIES, REMOVED, Image, ParsedEntry, terms_of
from tidings.model.service_status import LAGS
from tidings.model.sources import SourceState, with_decisions
from tidings.model.urls import host_of
from tidings.polling.compare import MAX_UPDATES, EntryEdit, KnownEntry
from tidings.polling.guid_changes import StoredEntry
from tidings.polling.new_entries import NewEntry
from tidings.polling.polled_source import FEED_METADATA, ROUTINE, PolledSource
from tidings.polling.store import full_texts, kept_documents, push_subscriptions, visibility
from tidings.search.store import index
from tidings.stories.matching import StoryCandidate
from tidings.stories.store import stories

# Histogram of how long after its claimed publication an entry was seen: upper bound by column.
LAG_COLUMNS = dict(zip(("lag_15m", "lag_1h", "lag_6h", "lag_1d"), LAGS, strict=True))

_TALLIED = ("polls", "entries", *LAG_COLUMNS, "lag_more", "lag_seconds", "disagreements")

_NOT_STORED = {"key", "first_revision", "revision_before", "terms"}

_CONTENT = tuple(name for name in ParsedEntry.__dataclass_fields__ if name not in _NOT_STORED)

# What a new entry has none of yet.
_NEVER_NEW = {"updates", "retouched_at", "pinned_at", "story_id", "follows"}

_COLUMNS = tuple(
    name for name in PolledSource.__dataclass_fields__ if name in source.c and name != "id"
)

_WRITTEN_IF_KNOWN = (*FEED_METADATA, "problems", "notice", "history")


def known_entries(
    connection: Connection, source_ids: Collection[int]
) -> dict[int, dict[bytes, KnownEntry]]:
    """Return by source and key what is stored or was removed: one statement for all sources."""
    known: dict[int, dict[bytes, KnownEntry]] = {source_id: {} for source_id in source_ids}
    rows = connection.execute(_known_select(), {"source_ids": list(source_ids)}).all()
    for source_id, key, *values in rows:
        known[source_id][key] = KnownEntry(*values)
    return known


@cache
def _known_select() -> CompoundSelect[*tuple[Any, ...]]:
    source_ids: BindParameter[int] = bindparam("source_ids", expanding=True)
    touched_at = case(
        (entry.c.updates < MAX_UPDATES, null()),
        (entry.c.retouched_at > entry.c.changed_at, entry.c.retouched_at),
        else_=entry.c.changed_at,
    ).label("touched_at")
    content = (entry.c.id, entry.c.raw_hash, entry.c.revision)
    says_nothing = and_(entry.c.title == "", entry.c.excerpt == "", entry.c.url.is_(None))
    was_empty = and_(says_nothing, entry.c.state == EntryState.HIDDEN).label("was_empty")
    more = (touched_at, was_empty)
    stored = select(entry.c.source_id, entry.c.key, *content, false().label("is_alias"), *more)
    renamed = select(alias.c.source_id, alias.c.key, *content, true().label("is_alias"), *more)
    removed = select(
        tombstone.c.source_id,
        tombstone.c.key,
        cast(null(), entry.c.id.type),
        literal(REMOVED, entry.c.raw_hash.type).label("raw_hash"),
        tombstone.c.key.label("revision"),
        false().label("is_alias"),
        cast(null(), entry.c.changed_at.type),
        false(),
    )
    return union_all(
        stored.where(entry.c.source_id.in_(source_ids)),
        renamed.join(entry, entry.c.id == alias.c.entry_id).where(
            alias.c.source_id.in_(source_ids)
        ),
        removed.where(tombstone.c.source_id.in_(source_ids)),
    )


def memos(connection: Connection, source_ids: Collection[int]) -> dict[int, bytes]:
    """Return by source the memo of its last reading; of those that have one."""
    found = select(reading).where(reading.c.source_id.in_(source_ids))
    return {row.source_id: row.memo for row in connection.execute(found)}


def put_memos(connection: Connection, by_source: Mapping[int, bytes]) -> None:
    """Store the memos of readings, in place of the last ones."""
    rows = [{"source_id": source_id, "memo": memo} for source_id, memo in by_source.items()]
    given_rows.execute(connection, _memo_upsert(connection.dialect.name), rows)


@cache
def _memo_upsert(dialect: str) -> Insert:
    rows = given(dialect, {column.name: column.type for column in reading.c})
    # WHERE true: without a WHERE, SQLite reads ON of ON CONFLICT as that of a join.
    row = upsert(dialect, reading).from_select(list(reading.c), select(rows).where(true()))
    return row.on_conflict_do_update(index_elements=["source_id"], set_={"memo": row.excluded.memo})


def save(connection: Connection, owner: str | None, polled: Sequence[PolledSource]) -> None:
    """Write what a batch of polls brought, in fourteen statements at most.

    Changes of WebSub subscriptions, moves, stories, watched pages and notes of full texts are rare
    and come on top.

    Args:
        connection: One that writes.
        owner: The lease owner that must hold the hosts; None for pushes, which need no host.
        polled: The batch.

    Raises:
        LeaseLostError: A source is gone, was saved by another meanwhile, or its host is no
            longer leased to `owner`; nothing of the batch may be kept.
    """
    update_sources(connection, owner, polled)
    kept_documents.keep(connection, [one.document for one in polled if one.document])
    put_memos(connection, {one.id: one.memo for one in polled if one.memo})
    texts = {one.id: one.text_note for one in polled if one.text_note}
    full_texts.note(connection, texts, now=polled[0].last_polled_at)
    page_sources.put_seen(connection, {one.id: one.seen for one in polled if one.seen})
    notes = {one.id: one.hub_note for one in polled if one.hub_note}
    push_subscriptions.note(connection, notes, now=polled[0].last_polled_at)
    _count_polls(connection, polled)
    changed = _with_full_texts(connection, [one for one in polled if _looks_different(one)])
    health_changed = [one.id for one in polled if _health_changed(one)]
    if not changed and not health_changed:
        return
    published = sum(one.changes.published for one in changed)
    # As late as possible: it locks out every other writer of entries until the commit, so that
    # `seq` is the order of commits and no feed reader can miss a number.
    change, seq = change_log.next_change(connection, published=published)
    now = max(one.last_polled_at for one in polled)
    _touch(connection, changed, health_changed, change=change, now=now)
    arrived = _numbered(changed, seq=seq)
    insert_entries(connection, arrived, change=change)
    _update_entries(connection, changed, change=change)
    edits = [edit for one in changed for edit in one.changes.edits]
    insert_aliases(connection, [edit for edit in edits if edit.is_renamed])
    index.renew(connection, [(edit.entry_id, terms_of(edit.entry).words) for edit in edits])
    edited = [edit.entry_id for edit in edits]
    stories.refresh(connection, edited, change=change, now=now)
    stories.join(connection, _story_candidates(arrived), change=change, now=now)
    filled = [edit.entry_id for edit in edits if edit.is_filled]
    if filled:
        visibility.show_filled(connection, filled, now=now)


def _with_full_texts(connection: Connection, changed: Sequence[PolledSource]) -> list[PolledSource]:
    """Return polls whose edits keep the full texts that are stored: a feed has less of these."""
    edited = [edit.entry_id for one in changed for edit in one.changes.edits]
    if not edited:
        return list(changed)
    columns = (entry.c.id, entry.c.content, entry.c.image, entry.c.pictures)
    its_own = is_among(connection.dialect.name, entry.c.id, "edited")
    rows = connection.execute(
        select(*columns).where(its_own, entry.c.full_text), {"edited": edited}
    )
    kept = {row.id: row for row in rows}
    return [_keeping(one, kept) if kept else one for one in changed]


def _keeping(one: PolledSource, kept: Mapping[int, Row[*tuple[Any, ...]]]) -> PolledSource:
    edits = tuple(
        replace(edit, entry=_with_stored_text(edit.entry, kept[edit.entry_id]))
        if edit.entry_id in kept
        else edit
        for edit in one.changes.edits
    )
    return replace(one, changes=replace(one.changes, edits=edits))


def _with_stored_text(parsed: ParsedEntry, row: Row[*tuple[Any, ...]]) -> ParsedEntry:
    pictures = tuple(Image(**one) for one in row.pictures or ())
    image = parsed.image or (Image(**row.image) if row.image else None)
    return replace(parsed, content=row.content, pictures=pictures, image=image, terms=None)


def _count_polls(connection: Connection, polled: Sequence[PolledSource]) -> None:
    hour = polled[0].last_polled_at.replace(minute=0, second=0, microsecond=0)
    empty = dict.fromkeys(_TALLIED, 0)
    tallies: dict[str, Counter[str]] = defaultdict(lambda: Counter(empty))
    for one in polled:
        tally = tallies[one.outcome]
        tally["polls"] += 1
        tally["disagreements"] += bool(one.disagreement)
        tally["entries"] += len(one.changes.new) + one.deferred
        for new in one.changes.new:
            # What a first poll finds may be years old, and says nothing of our lag.
            if one.first_polled_at != one.last_polled_at and new.entry.published:
                lag = max(one.last_polled_at - new.entry.published, timedelta(0))
                tally[_lag_column(lag)] += 1
                tally["lag_seconds"] += int(lag.total_seconds())
    rows = [{"hour": hour, "outcome": name, **tallies[name]} for name in sorted(tallies)]
    connection.execute(_tally_upsert(connection.dialect.name), rows)


@cache
def _tally_upsert(dialect: str) -> Insert:
    row = upsert(dialect, poll_hour)
    sums = {name: poll_hour.c[name] + row.excluded[name] for name in _TALLIED}
    return row.on_conflict_do_update(index_elements=["hour", "outcome"], set_=sums)


def _lag_column(lag: timedelta) -> str:
    return next((name for name, most in LAG_COLUMNS.items() if lag <= most), "lag_more")


def _looks_different(one: PolledSource) -> bool:
    changes = one.changes
    return bool(changes.new or changes.edits or one.metadata_changed)


def _health_changed(one: PolledSource) -> bool:
    return one.was_failing != bool(one.failures)


def _touch(
    connection: Connection,
    changed: Sequence[PolledSource],
    health_changed: Sequence[int],
    *,
    change: int,
    now: datetime,
) -> None:
    scopes = [change_log.SOURCES, change_log.ALL] if changed else [change_log.SOURCES]
    if health_changed:  # shown on the source's own page, not on those of its topics
        slugs = connection.scalars(select(source.c.slug).where(source.c.id.in_(health_changed)))
        scopes += map(change_log.of_source, slugs)
    if any(one.metadata_changed and one.first_polled_at != one.last_polled_at for one in changed):
        scopes.append(change_log.SITE)
    with_sources = [one.id for one in changed]
    change_log.touch(connection, scopes, with_sources=with_sources, change=change, now=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A new entry of a source; `seq` is its publish sequence, if it is public."""

    source_id: int
    seen_at: datetime
    new: NewEntry
    seq: int | None = None


def _numbered(changed: Sequence[PolledSource], *, seq: int) -> list[Arrival]:
    """Return the new entries, oldest first, with the publish sequence of those that are public."""
    found = [(one, new) for one in changed for new in one.changes.new]
    arrived = []
    for one, new in sorted(found, key=lambda pair: pair[1].sort_at):
        is_public = new.state is EntryState.PUBLIC
        seq += is_public
        number = seq if is_public else None
        arrived.append(Arrival(source_id=one.id, seen_at=one.last_polled_at, new=new, seq=number))
    return arrived


def insert_entries(connection: Connection, arrived: Sequence[Arrival], *, change: int) -> None:
    """Store new entries, and index them."""
    taken = _taken(connection, arrived)
    rows = []
    for one in arrived:
        # Two sources may use the same guid; in our feeds ids have to be unique.
        wanted = one.new.atom_id
        atom_id = one.new.fallback_id if wanted in taken else wanted
        taken.add(atom_id)
        rows.append(_new_row(one) | {"atom_id": atom_id, "change": change})
    given_rows.execute(connection, _entry_insert(connection.dialect.name), rows)
    words = [(one.source_id, one.new.entry.key, terms_of(one.new.entry).words) for one in arrived]
    index.add(connection, words)


def _story_candidates(arrived: Sequence[Arrival]) -> list[StoryCandidate]:
    return [
        StoryCandidate(
            seq=one.seq,
            source_id=one.source_id,
            seen_at=one.seen_at,
            sketch=terms_of(one.new.entry).sketch,
        )
        for one in arrived
        if one.seq
    ]


def _taken(connection: Connection, arrived: Sequence[Arrival]) -> set[str]:
    """Return which of the wanted ids stored entries have."""
    # Until the commit: whoever stores entries has taken a change number, as we have.
    wanted = [one.new.atom_id for one in arrived]
    statement = _taken_select(connection.dialect.name)
    return set(connection.scalars(statement, {"wanted": wanted})) if wanted else set()


@cache
def _taken_select(dialect: str) -> Select[str]:
    return select(entry.c.atom_id).where(is_among(dialect, entry.c.atom_id, "wanted"))


@cache
def _entry_insert(dialect: str) -> Insert:
    columns = [column for column in entry.c if column.name not in {"id", *_NEVER_NEW}]
    rows = given(dialect, {column.name: column.type for column in columns})
    return insert(entry).from_select(columns, select(rows))


def _new_row(arrival: Arrival) -> dict[str, Any]:
    new, now = arrival.new, arrival.seen_at
    return {
        **_content_row(new.entry),
        "source_id": arrival.source_id,
        "key_version": KEY_VERSION,
        "key": new.entry.key,
        "seq": arrival.seq,
        "state": new.state,
        "digest_eligible": new.digest_eligible,
        "first_seen_at": now,
        "changed_at": now,
        "sort_at": new.sort_at,
        "folded": new.folded,
        "full_text": new.has_full_text,
        "history": with_decisions((), new.history, now=now) or None,
    }


def _content_row(parsed: ParsedEntry) -> dict[str, Any]:
    row = {name: getattr(parsed, name) for name in _CONTENT}
    row["image"] = asdict(parsed.image) if parsed.image else None
    row["pictures"] = [asdict(picture) for picture in parsed.pictures] or None
    row["enclosures"] = [asdict(enclosure) for enclosure in parsed.enclosures]
    return row


def _update_entries(
    connection: Connection, changed: Sequence[PolledSource], *, change: int
) -> None:
    rows = [
        {
            **_content_row(edit.entry),
            "of_entry": edit.entry_id,
            "seen_change_at": one.last_polled_at if edit.is_news else None,
            "unseen_change_at": None if edit.is_news else one.last_polled_at,
            "more_updates": int(edit.is_news),
            "new_change": change,
        }
        for one in changed
        for edit in one.changes.edits
    ]
    if rows:
        connection.execute(_entry_update(), rows)


@cache
def _entry_update() -> Update:
    written = {name: bindparam(name, type_=entry.c[name].type) for name in _CONTENT}
    seen = bindparam("seen_change_at", type_=entry.c.changed_at.type)
    unseen = bindparam("unseen_change_at", type_=entry.c.changed_at.type)
    # Only a visible change moves `changed_at`, which feeds show; others are kept for `is_noisy`.
    clocks = {
        "changed_at": func.coalesce(seen, entry.c.changed_at),
        "retouched_at": func.coalesce(unseen, entry.c.retouched_at),
        "change": bindparam("new_change", type_=entry.c.change.type),
        "updates": entry.c.updates + bindparam("more_updates", type_=entry.c.updates.type),
    }
    return update(entry).where(entry.c.id == bindparam("of_entry")).values(written | clocks)


def update_sources(
    connection: Connection, owner: str | None, polled: Sequence[PolledSource]
) -> None:
    """Write the new state of sources: two statements at most, and two for each that moves.

    Args:
        connection: One that writes.
        owner: The lease owner that must hold their hosts; None for pushes, which need no host.
        polled: The sources.

    Raises:
        LeaseLostError: A source is gone, was saved by another meanwhile, or its host is no
            longer leased to `owner`.
    """
    # Most polls find nothing new: what they do not change is not written.
    routine = [one for one in polled if one.is_routine]
    others = [one for one in polled if not one.is_routine]
    for columns, some in ((ROUTINE, routine), (_COLUMNS, others)):
        names = {f"new_{name}": name for name in ("id", "polled_before", *columns)}
        rows = [
            {"new_owner": owner} | {given: getattr(one, name) for given, name in names.items()}
            for one in some
        ]
        if rows and connection.execute(_update(columns), rows).rowcount != len(rows):
            raise LeaseLostError
    for one in others:
        if one.new_url:
            _move(connection, one.id, one.new_url)


@cache
def _update(columns: Sequence[str]) -> Update:
    def given(name: str) -> BindParameter[Any]:
        return bindparam(f"new_{name}", type_=source.c[name].type)

    written: dict[str, ColumnElement[Any]] = {name: given(name) for name in columns}
    for name in written.keys() & _WRITTEN_IF_KNOWN:
        written[name] = func.coalesce(given(name), source.c[name])
    if "state" in written:
        # All that a poll may do is retire a source: an operator may have paused it meanwhile.
        retires = given("state") == SourceState.RETIRED
        written["state"] = case((retires, given("state")), else_=source.c.state)
    if "notice" in written:
        written["notice"] = func.nullif(written["notice"], "")
    owner = bindparam("new_owner", type_=host.c.lease_owner.type)
    is_ours = or_(
        owner.is_(None), exists().where(host.c.name == source.c.host, host.c.lease_owner == owner)
    )
    # Optimistic lock: only one poll, or push, can follow the poll that both began from.
    before = bindparam("new_polled_before", type_=source.c.last_polled_at.type)
    is_as_known = source.c.last_polled_at.is_not_distinct_from(before)
    return update(source).where(source.c.id == given("id"), is_ours, is_as_known).values(written)


def _move(connection: Connection, source_id: int, url: str) -> None:
    name = host_of(url)
    sources.ensure_hosts(connection, [name])
    moved = update(source).where(source.c.id == source_id).values(url=url, host=name)
    connection.execute(moved)


def rename_candidates(
    connection: Connection, unknown: Mapping[int, Sequence[ParsedEntry]]
) -> dict[int, list[StoredEntry]]:
    """Return by source which of its latest entries may have come back as an unknown one.

    One statement, that looks at as many entries of a source as a document can hold.
    """
    found: dict[int, list[StoredEntry]] = {source_id: [] for source_id in unknown}
    entries = [one for of_one in unknown.values() for one in of_one]
    # A renamed entry has kept its title or its time.
    kept = {
        "titles": list({one.title for one in entries}),
        "times": list({one.published for one in entries if one.published}),
    }
    is_long = len(entries) > MAX_ENTRIES  # too many for the parameters of a statement
    statement = _rename_candidates_select(all_of_them=is_long)
    values = {"source_ids": list(unknown)} | ({} if is_long else kept)
    rows = connection.execute(statement, values)
    for source_id, entry_id, url, title, published, revision in rows:
        found[source_id].append(
            StoredEntry(id=entry_id, url=url, title=title, published=published, revision=revision)
        )
    return found


def insert_aliases(connection: Connection, renamed: Sequence[EntryEdit]) -> None:
    """Store the keys that entries came back under as aliases."""
    if renamed:
        rows = [{"of_entry": edit.entry_id, "new_key": edit.entry.key} for edit in renamed]
        connection.execute(_alias_insert(), rows)


@cache
def _rename_candidates_select(
    *, all_of_them: bool
) -> Select[int, int, str | None, str, datetime | None, bytes]:
    source_ids: BindParameter[int] = bindparam("source_ids", expanding=True)
    # Ranked in the index alone: to rank rows would mean to read them.
    order = (entry.c.sort_at.desc(), entry.c.id.desc())
    rank = func.row_number().over(partition_by=entry.c.source_id, order_by=order)
    ranked = select(entry.c.id, rank.label("rank")).where(entry.c.source_id.in_(source_ids))
    latest = ranked.subquery()
    columns = (entry.c.id, entry.c.url, entry.c.title, entry.c.published, entry.c.revision)
    statement = select(entry.c.source_id, *columns).where(
        entry.c.id.in_(select(latest.c.id).where(latest.c.rank <= MAX_ENTRIES))
    )
    if all_of_them:
        return statement
    titles = bindparam("titles", expanding=True, type_=entry.c.title.type)
    times = bindparam("times", expanding=True, type_=entry.c.published.type)
    return statement.where(or_(entry.c.title.in_(titles), entry.c.published.in_(times)))


@cache
def _alias_insert() -> Insert:
    # From a select: an entry that was removed meanwhile gets no alias.
    new_key: BindParameter[bytes] = bindparam("new_key", type_=alias.c.key.type)
    found = select(entry.c.source_id, literal(KEY_VERSION), new_key, entry.c.id).where(
        entry.c.id == bindparam("of_entry", type_=entry.c.id.type)
    )
    return insert(alias).from_select(["source_id", "key_version", "key", "entry_id"], found)
