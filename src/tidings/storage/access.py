"""How some sources are asked: read when they are claimed, changed by the operator."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, delete, insert, select, update

from tidings.domain.access import Access
from tidings.storage.intake_tables import source_access
from tidings.storage.tables import source

_COLUMNS = tuple(Access.__dataclass_fields__)


def access_of(connection: Connection, source_ids: Collection[int]) -> Mapping[int, Access]:
    """Return what those of the sources are asked with that are not asked like all others."""
    if not source_ids:
        return {}
    statement = select(source_access).where(source_access.c.source_id.in_(source_ids))
    return {
        row["source_id"]: Access(**{name: row[name] for name in _COLUMNS})
        for row in connection.execute(statement).mappings()
    }


def put_access(connection: Connection, source_id: int, access: Access) -> None:
    """Have a source asked with `access` from now on, first for the whole document."""
    connection.execute(delete(source_access).where(source_access.c.source_id == source_id))
    if access.summary:
        columns = {name: getattr(access, name) for name in _COLUMNS}
        connection.execute(insert(source_access).values(source_id=source_id, **columns))
    unread = {"etag": None, "last_modified": None, "validators_url": None}
    connection.execute(update(source).where(source.c.id == source_id).values(unread))
