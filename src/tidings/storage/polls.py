"""What polling reads and writes: in bulk, a batch of sources at a time."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CompoundSelect,
    Connection,
    Insert,
    Update,
    bindparam,
    case,
    cast,
    exists,
    func,
    insert,
    null,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from tidings.domain.compare import Changes, KnownEntry, NewEntry
from tidings.domain.documents import KEY_VERSION, ParsedEntry
from tidings.domain.entries import EntryState
from tidings.domain.polls import PollOutcome
from tidings.errors import LeaseLostError
from tidings.storage import publishing
from tidings.storage.tables import entry, host, poll_hour, source, tombstone

LAG_COLUMNS = {
    "lag_15m": timedelta(minutes=15),
    "lag_1h": timedelta(hours=1),
    "lag_6h": timedelta(hours=6),
    "lag_1d": timedelta(days=1),
}
"""How long after its claimed publication an entry was seen, at most, by column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolledSource:
    """Where a source stands after a poll, and what the poll brought.

    The fields from `first_polled_at` to `language` are columns, written as they are; `problems`,
    `feed_title`, `site_url` and `language` only where they are not None.
    """

    id: int
    first_polled_at: datetime | None
    next_poll_at: datetime
    last_polled_at: datetime
    last_ok_at: datetime | None
    failures: int
    last_error: str | None
    problems: Sequence[str] | None
    validators_url: str | None
    etag: str | None
    last_modified: str | None
    body_hash: bytes | None
    feed_title: str | None = None
    site_url: str | None = None
    language: str | None = None
    outcome: PollOutcome
    retitled: bool = False
    was_failing: bool = False
    changes: Changes = field(default_factory=Changes)


_WRITTEN = (
    "first_polled_at",
    "next_poll_at",
    "last_polled_at",
    "last_ok_at",
    "failures",
    "last_error",
    "validators_url",
    "etag",
    "last_modified",
    "body_hash",
)
_WRITTEN_IF_KNOWN = ("problems", "feed_title", "site_url", "language")
_TALLIED = ("polls", "entries", *LAG_COLUMNS, "lag_more", "lag_seconds")
_CONTENT = tuple(name for name in ParsedEntry.__dataclass_fields__ if name != "key")


def known_entries(
    connection: Connection, source_ids: Collection[int]
) -> dict[int, dict[bytes, KnownEntry]]:
    """Return by source and key what is stored, or was removed: one statement for all."""
    known: dict[int, dict[bytes, KnownEntry]] = {source_id: {} for source_id in source_ids}
    rows = connection.execute(_known_select(), {"source_ids": list(source_ids)}).all()
    for source_id, key, entry_id, raw_hash, revision in rows:
        known[source_id][key] = KnownEntry(id=entry_id, raw_hash=raw_hash, revision=revision)
    return known


@cache
def _known_select() -> CompoundSelect[int, bytes, int | None, bytes, bytes]:
    source_ids: BindParameter[int] = bindparam("source_ids", expanding=True)
    stored = select(entry.c.source_id, entry.c.key, entry.c.id, entry.c.raw_hash, entry.c.revision)
    removed = select(
        tombstone.c.source_id,
        tombstone.c.key,
        cast(null(), entry.c.id.type),
        tombstone.c.key.label("raw_hash"),
        tombstone.c.key.label("revision"),
    )
    return union_all(
        stored.where(entry.c.source_id.in_(source_ids), entry.c.key_version == KEY_VERSION),
        removed.where(
            tombstone.c.source_id.in_(source_ids), tombstone.c.key_version == KEY_VERSION
        ),
    )


def save(connection: Connection, owner: str, polled: Sequence[PolledSource]) -> None:
    """Write what a batch of polls brought, in six statements at most.

    Raises:
        LeaseLostError: A source is gone, or its host is no longer leased to `owner`;
            nothing of the batch may be kept.
    """
    _update_sources(connection, owner, polled)
    _tally(connection, polled)
    changed = [one for one in polled if _looks_different(one)]
    if not changed and not any(_health_turned(one) for one in polled):
        return
    published = sum(one.changes.published for one in changed)
    change, seq = publishing.next_change(connection, published=published)
    _touch(connection, changed, change=change, now=max(one.last_polled_at for one in polled))
    _insert_entries(connection, changed, seq=seq)
    _update_entries(connection, changed)


def _update_sources(connection: Connection, owner: str, polled: Sequence[PolledSource]) -> None:
    names = ("id", *_WRITTEN, *_WRITTEN_IF_KNOWN)
    rows = [
        {"new_owner": owner} | {f"new_{name}": getattr(one, name) for name in names}
        for one in polled
    ]
    if connection.execute(_source_update(), rows).rowcount != len(rows):
        raise LeaseLostError


@cache
def _source_update() -> Update:
    def given(name: str) -> BindParameter[Any]:
        return bindparam(f"new_{name}", type_=source.c[name].type)

    written: dict[str, ColumnElement[Any]] = {name: given(name) for name in _WRITTEN}
    kept = {name: func.coalesce(given(name), source.c[name]) for name in _WRITTEN_IF_KNOWN}
    is_ours = exists().where(
        host.c.name == source.c.host, host.c.lease_owner == bindparam("new_owner")
    )
    return update(source).where(source.c.id == given("id"), is_ours).values(written | kept)


def _tally(connection: Connection, polled: Sequence[PolledSource]) -> None:
    hour = polled[0].last_polled_at.replace(minute=0, second=0, microsecond=0)
    empty = dict.fromkeys(_TALLIED, 0)
    tallies: dict[str, Counter[str]] = defaultdict(lambda: Counter(empty))
    for one in polled:
        tally = tallies[one.outcome]
        tally["polls"] += 1
        tally["entries"] += len(one.changes.new)
        for new in one.changes.new:
            if one.first_polled_at != one.last_polled_at and new.entry.published:
                lag = max(one.last_polled_at - new.entry.published, timedelta(0))
                tally[_lag_column(lag)] += 1
                tally["lag_seconds"] += int(lag.total_seconds())
    rows = [{"hour": hour, "outcome": name, **tallies[name]} for name in sorted(tallies)]
    connection.execute(_tally_upsert(connection.dialect.name), rows)


@cache
def _tally_upsert(dialect: str) -> Insert:
    row = sqlite.insert(poll_hour) if dialect == "sqlite" else postgresql.insert(poll_hour)
    sums = {name: poll_hour.c[name] + row.excluded[name] for name in _TALLIED}
    return row.on_conflict_do_update(index_elements=["hour", "outcome"], set_=sums)


def _lag_column(lag: timedelta) -> str:
    return next((name for name, most in LAG_COLUMNS.items() if lag <= most), "lag_more")


def _looks_different(one: PolledSource) -> bool:
    changes = one.changes
    return bool(changes.new or changes.updated or changes.retouched or one.retitled)


def _health_turned(one: PolledSource) -> bool:
    return one.was_failing != bool(one.failures)


def _touch(
    connection: Connection, changed: Sequence[PolledSource], *, change: int, now: datetime
) -> None:
    scopes = [publishing.SOURCES, publishing.ALL] if changed else [publishing.SOURCES]
    with_sources = [one.id for one in changed]
    publishing.touch(connection, scopes, with_sources=with_sources, change=change, now=now)


def _insert_entries(connection: Connection, changed: Sequence[PolledSource], *, seq: int) -> None:
    found = [(one, new) for one in changed for new in one.changes.new]
    rows = []
    for one, new in sorted(found, key=lambda pair: pair[1].sort_at):
        is_public = new.state is EntryState.PUBLIC
        seq += is_public
        rows.append(_new_row(one.id, new, seq=seq if is_public else None, now=one.last_polled_at))
    if rows:
        connection.execute(_entry_insert(), rows)


@cache
def _entry_insert() -> Insert:
    wanted = bindparam("wanted_id", type_=entry.c.atom_id.type)
    is_taken = exists().where(entry.c.atom_id == wanted)
    atom_id = case((is_taken, bindparam("fallback_id", type_=wanted.type)), else_=wanted)
    given = {
        column.name: bindparam(column.name, type_=column.type)
        for column in entry.c
        if column not in {entry.c.id, entry.c.atom_id}
    }
    return insert(entry).values(given | {"atom_id": atom_id})


def _new_row(source_id: int, new: NewEntry, *, seq: int | None, now: datetime) -> dict[str, Any]:
    return {
        **_content_row(new.entry),
        "source_id": source_id,
        "key_version": KEY_VERSION,
        "key": new.entry.key,
        "seq": seq,
        "state": new.state,
        "digest_eligible": new.digest_eligible,
        "wanted_id": new.atom_id,
        "fallback_id": new.fallback_id,
        "first_seen_at": now,
        "changed_at": now,
        "sort_at": new.sort_at,
    }


def _content_row(parsed: ParsedEntry) -> dict[str, Any]:
    row = {name: getattr(parsed, name) for name in _CONTENT}
    row["image"] = asdict(parsed.image) if parsed.image else None
    row["enclosures"] = [asdict(enclosure) for enclosure in parsed.enclosures]
    return row


def _update_entries(connection: Connection, changed: Sequence[PolledSource]) -> None:
    rows = [
        {
            **_content_row(parsed),
            "in_source": one.id,
            "with_key": parsed.key,
            "seen_change_at": one.last_polled_at if is_news else None,
        }
        for one in changed
        for entries, is_news in ((one.changes.updated, True), (one.changes.retouched, False))
        for parsed in entries
    ]
    if not rows:
        return
    given = {name: bindparam(name, type_=entry.c[name].type) for name in _CONTENT}
    changed_at = func.coalesce(
        bindparam("seen_change_at", type_=entry.c.changed_at.type), entry.c.changed_at
    )
    statement = (
        update(entry)
        .where(entry.c.source_id == bindparam("in_source"), entry.c.key == bindparam("with_key"))
        .values(given | {"changed_at": changed_at})
    )
    connection.execute(statement, rows)
