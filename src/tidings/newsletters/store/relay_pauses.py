"""Pauses of relays and recipient domains."""

from datetime import datetime

from sqlalchemy import Connection, select

from tidings.db.mail_tables import relay
from tidings.db.statements import upsert

# Prefix of recipient domains, which share a table with relays.
DOMAIN = "domain:"


def pause_relay(connection: Connection, name: str, *, until: datetime, reason: str) -> None:
    """Send nothing through a relay until a time."""
    row = upsert(connection.dialect.name, relay).values(
        name=name, paused_until=until, reason=reason
    )
    later = {"paused_until": row.excluded.paused_until, "reason": row.excluded.reason}
    connection.execute(row.on_conflict_do_update(index_elements=[relay.c.name], set_=later))


def find_relay_pause(
    connection: Connection, name: str, *, now: datetime
) -> tuple[datetime, str] | None:
    """Return until when a relay is paused, and why; None if it is not."""
    row = connection.execute(
        select(relay).where(relay.c.name == name, relay.c.paused_until > now)
    ).first()
    return (row.paused_until, row.reason) if row else None


def pause_domain(connection: Connection, domain: str, *, until: datetime, reason: str) -> None:
    """Send nothing to the addresses of a domain until a time."""
    pause_relay(connection, f"{DOMAIN}{domain}", until=until, reason=reason)


def paused_domains(connection: Connection, *, now: datetime) -> dict[str, datetime]:
    """Return the domains that are paused, and until when."""
    paused = select(relay).where(relay.c.name.startswith(DOMAIN), relay.c.paused_until > now)
    rows = connection.execute(paused)
    return {row.name.removeprefix(DOMAIN): row.paused_until for row in rows}
