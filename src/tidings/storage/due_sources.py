"""What polls read of their sources."""

from sqlalchemy import ColumnElement, Connection, exists, select

from tidings.domain.sources import DueSource, SourceState
from tidings.storage import access, websub
from tidings.storage.intake_tables import source_access
from tidings.storage.intake_tables import websub as websub_table
from tidings.storage.tables import source

_HAS_HUB = exists().where(websub_table.c.source_id == source.c.id)
_HAS_ACCESS = exists().where(source_access.c.source_id == source.c.id)
_ASKED = {"hub": _HAS_HUB, "access": _HAS_ACCESS}
_COLUMNS = [
    _ASKED[name].label(name) if name in _ASKED else source.c[name]
    for name in DueSource.__dataclass_fields__
]


def due_sources(connection: Connection, *conditions: ColumnElement[bool]) -> list[DueSource]:
    """Return the sources that meet all `conditions`, the longest due first."""
    in_turn = (source.c.next_poll_at, source.c.id)
    statement = select(*_COLUMNS).where(*conditions).order_by(*in_turn)
    rows = connection.execute(statement).mappings().all()
    own = access.access_of(connection, [row["id"] for row in rows if row["access"]])
    hubs = websub.of_sources(connection, [row["id"] for row in rows if row["hub"]])
    return [
        DueSource(
            **{
                **row,
                "state": SourceState(row["state"]),
                "access": own.get(row["id"]),
                "hub": hubs.get(row["id"]),
            }
        )
        for row in rows
    ]
