"""The access (login, headers, proxy) of some sources; never shown or exported."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, delete, insert, select, update

from tidings.db.intake_tables import source_access
from tidings.db.tables import source
from tidings.model.access import Access

# Of the last response; of no use for what is asked for in another way.
VALIDATORS = ("etag", "last_modified", "validators_url")

_COLUMNS = tuple(Access.__dataclass_fields__)


def of_sources(connection: Connection, source_ids: Collection[int]) -> Mapping[int, Access]:
    """Return the access of those of the sources that have any."""
    if not source_ids:
        return {}
    statement = select(source_access).where(source_access.c.source_id.in_(source_ids))
    return {
        row["source_id"]: Access(**{name: row[name] for name in _COLUMNS})
        for row in connection.execute(statement).mappings()
    }


def put(connection: Connection, source_id: int, access: Access) -> None:
    """Replace the access of a source, and drop its validators.

    Another login may get another document under the same ETag.
    """
    # Not an update: what the new one does not name must not stay of the old.
    connection.execute(delete(source_access).where(source_access.c.source_id == source_id))
    if access.summary:
        columns = {name: getattr(access, name) for name in _COLUMNS}
        connection.execute(insert(source_access).values(source_id=source_id, **columns))
    unread = dict.fromkeys(VALIDATORS)
    connection.execute(update(source).where(source.c.id == source_id).values(unread))
