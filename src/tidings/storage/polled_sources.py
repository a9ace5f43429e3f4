"""Where sources stand after their polls: written all at once."""

from collections.abc import Sequence
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

from tidings.domain.polled import SAID, PolledSource
from tidings.domain.urls import host_of
from tidings.errors import LeaseLostError
from tidings.storage import sources
from tidings.storage.tables import host, source

_COLUMNS = [name for name in PolledSource.__dataclass_fields__ if name in source.c and name != "id"]
_WRITTEN_IF_KNOWN = (*SAID, "problems", "notice", "history")
_WRITTEN = [name for name in _COLUMNS if name not in _WRITTEN_IF_KNOWN]


def update_sources(
    connection: Connection, owner: str | None, polled: Sequence[PolledSource]
) -> None:
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
