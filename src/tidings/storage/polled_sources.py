"""Where sources stand after their polls: written all at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Update,
    bindparam,
    exists,
    func,
    or_,
    update,
)

from tidings.domain.compare import Changes
from tidings.domain.polls import PollOutcome
from tidings.domain.sources import SourceState
from tidings.domain.urls import host_of
from tidings.domain.websub import HubNote
from tidings.errors import LeaseLostError
from tidings.storage import sources
from tidings.storage.documents import KeptDocument
from tidings.storage.tables import host, source


@dataclass(frozen=True, slots=True, kw_only=True)
class PolledSource:
    """Where a source stands after a poll, and what the poll brought.

    The fields from `state` to `history` are columns, written as they are; those with a default
    only where they are not None.

    Attributes:
        notice: What the operator should know; empty to take back what was said.
        document: What came, to be kept for reading it again; None if nothing was read.
        adopts: The address it is followed at from now on, which no other source has.
        hub_note: What follows between its hub and us.
        polled_before: The poll before this one, as it was known when this one began.
    """

    id: int
    state: SourceState
    first_polled_at: datetime | None
    next_poll_at: datetime
    next_poll_because: str
    last_polled_at: datetime
    last_ok_at: datetime | None
    read_at: datetime | None
    silent_polls: int
    failures: int
    last_error: str | None
    failing_with: str | None
    gone_at: datetime | None
    moved_to: str | None
    moved_since: datetime | None
    moved_times: int
    former_url: str | None
    looked_at: datetime | None
    validators_url: str | None
    etag: str | None
    last_modified: str | None
    body_hash: bytes | None
    ttl: timedelta | None
    skip_hours: Sequence[int]
    skip_days: Sequence[int]
    learned_entries: float
    learned_seconds: float
    problems: Sequence[str] | None = None
    notice: str | None = None
    feed_title: str | None = None
    site_url: str | None = None
    language: str | None = None
    feed_guid: str | None = None
    rights: str | None = None
    hides_address: bool = False
    history: Sequence[tuple[str, str]] | None = None
    document: KeptDocument | None = None
    adopts: str | None = None
    hub_note: HubNote | None = None
    polled_before: datetime | None
    outcome: PollOutcome
    retitled: bool = False
    was_failing: bool = False
    changes: Changes = field(default_factory=Changes)


SAID = ("feed_title", "site_url", "language", "feed_guid", "rights")
"""What documents say of the source itself."""

_COLUMNS = [name for name in PolledSource.__dataclass_fields__ if name in source.c and name != "id"]
_WRITTEN_IF_KNOWN = (*SAID, "problems", "notice", "history")
_WRITTEN = [name for name in _COLUMNS if name not in _WRITTEN_IF_KNOWN]


def update_all(connection: Connection, owner: str | None, polled: Sequence[PolledSource]) -> None:
    """Write where sources stand: one statement, and two for each that moves.

    Args:
        connection: One that writes.
        owner: Who must hold their hosts; None for what came without asking them.
        polled: The sources.

    Raises:
        LeaseLostError: A source is gone, was saved by another meanwhile, or its host is no
            longer leased to `owner`.
    """
    names = ("id", "polled_before", *_COLUMNS)
    rows = [
        {"new_owner": owner} | {f"new_{name}": getattr(one, name) for name in names}
        for one in polled
    ]
    if connection.execute(_update(), rows).rowcount != len(rows):
        raise LeaseLostError
    for one in polled:
        if one.adopts:
            _move(connection, one.id, one.adopts)


@cache
def _update() -> Update:
    def given(name: str) -> BindParameter[Any]:
        return bindparam(f"new_{name}", type_=source.c[name].type)

    written: dict[str, ColumnElement[Any]] = {name: given(name) for name in _WRITTEN}
    for name in _WRITTEN_IF_KNOWN:
        written[name] = func.coalesce(given(name), source.c[name])
    written["notice"] = func.nullif(written["notice"], "")
    owner = bindparam("new_owner", type_=host.c.lease_owner.type)
    is_ours = or_(
        owner.is_(None), exists().where(host.c.name == source.c.host, host.c.lease_owner == owner)
    )
    before = bindparam("new_polled_before", type_=source.c.last_polled_at.type)
    is_as_known = source.c.last_polled_at.is_not_distinct_from(before)
    return update(source).where(source.c.id == given("id"), is_ours, is_as_known).values(written)


def _move(connection: Connection, source_id: int, url: str) -> None:
    name = host_of(url)
    sources.ensure_hosts(connection, [name])
    moved = update(source).where(source.c.id == source_id).values(url=url, host=name)
    connection.execute(moved)
