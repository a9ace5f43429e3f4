"""The suppression list: addresses that nothing is sent to, as keyed hashes.

Hashes, since it outlives the erasure of a subscriber.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, Row, delete, func, select

from tidings.db.statements import upsert
from tidings.db.subscriber_tables import notice, sign_up, suppression
from tidings.model.newsletters import DeliveryState
from tidings.model.subscribers import Suppression, SuppressionReason
from tidings.subscribers.store import transactional


def add(
    connection: Connection,
    key: bytes,
    reason: SuppressionReason,
    *,
    now: datetime,
    evidence: str | None = None,
) -> bool:
    """Suppress an address; return whether that is new.

    The first reason stays, but `ERASED` gives way to any other: who was erased may sign up again,
    who bounced or complained may not.
    """
    row = upsert(connection.dialect.name, suppression).values(
        key=key, reason=reason, since=now, evidence=evidence
    )
    stricter = {name: row.excluded[name] for name in ("reason", "since", "evidence")}
    added = row.on_conflict_do_update(
        index_elements=[suppression.c.key],
        set_=stricter,
        where=(suppression.c.reason == SuppressionReason.ERASED)
        & (row.excluded.reason != SuppressionReason.ERASED),
    )
    return connection.execute(added.returning(suppression.c.key)).first() is not None


def remove(connection: Connection, key: bytes) -> bool:
    """Lift a suppression; return whether there was one."""
    return connection.execute(delete(suppression).where(suppression.c.key == key)).rowcount == 1


def forgive(connection: Connection, key: bytes) -> None:
    """Lift a suppression for the reason `ERASED`, and no other."""
    is_erased = suppression.c.reason == SuppressionReason.ERASED
    connection.execute(delete(suppression).where(suppression.c.key == key, is_erased))


def find(connection: Connection, key: bytes) -> Suppression | None:
    """Return the suppression of an address; None if there is none."""
    row = connection.execute(select(suppression).where(suppression.c.key == key)).first()
    return _to_suppression(row) if row else None


def suppressed(connection: Connection, keys: Collection[bytes]) -> set[bytes]:
    """Return those of the addresses that are suppressed."""
    found = select(suppression.c.key).where(suppression.c.key.in_(keys))
    return {bytes(key) for key in connection.scalars(found)}


def every(connection: Connection) -> list[Suppression]:
    """Return all suppressions, the latest first."""
    newest = select(suppression).order_by(suppression.c.since.desc(), suppression.c.key)
    return [_to_suppression(row) for row in connection.execute(newest)]


def withdraw(connection: Connection, address_key: str, *, now: datetime) -> None:
    """Delete the sign-ups of an address, and cancel its transactional messages."""
    connection.execute(delete(sign_up).where(sign_up.c.key == address_key))
    # Messages have the address as typed; the key is case-folded.
    is_theirs = func.lower(notice.c.address) == address_key
    cancelled = DeliveryState.CANCELLED
    transactional.OUTBOX.withdraw(connection, rule=is_theirs, state=cancelled, now=now)


def _to_suppression(row: Row[bytes, str, datetime, str | None]) -> Suppression:
    return Suppression(
        key=bytes(row.key),
        reason=SuppressionReason(row.reason),
        since=row.since,
        evidence=row.evidence,
    )
