"""Relays that refuse us, and until when they are left alone."""

from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from tidings.storage.mail_tables import relay


def pause(connection: Connection, name: str, *, until: datetime, reason: str) -> None:
    """Send nothing through a relay until a time."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    row = dialect.insert(relay).values(name=name, paused_until=until, reason=reason)
    later = {"paused_until": row.excluded.paused_until, "reason": row.excluded.reason}
    connection.execute(row.on_conflict_do_update(index_elements=[relay.c.name], set_=later))


def find_pause(connection: Connection, name: str, *, now: datetime) -> tuple[datetime, str] | None:
    """Return until when a relay is paused, and why; None if it is not."""
    row = connection.execute(
        select(relay).where(relay.c.name == name, relay.c.paused_until > now)
    ).first()
    return (row.paused_until, row.reason) if row else None
