"""Rate limits: counters by keyed hash, in fixed windows."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, case, delete, select

from tidings.db.statements import upsert
from tidings.db.subscriber_tables import quota


def take(connection: Connection, key: bytes, *, window: timedelta, now: datetime) -> int:
    """Count one more, and return the number in its window, which begins with the first.

    One statement, so that two requests at a time are counted as two.
    """
    is_over = quota.c.since <= now - window
    counted = (
        upsert(connection.dialect.name, quota)
        .values(key=key, since=now, used=1)
        .on_conflict_do_update(
            index_elements=[quota.c.key],
            set_={
                "used": case((is_over, 1), else_=quota.c.used + 1),
                "since": case((is_over, now), else_=quota.c.since),
            },
        )
        .returning(quota.c.used)
    )
    return int(connection.execute(counted).scalar_one())


def used(connection: Connection, key: bytes, *, window: timedelta, now: datetime) -> int:
    """Return the number in a window, without counting one more."""
    counted = select(quota.c.used).where(quota.c.key == key, quota.c.since > now - window)
    return connection.scalar(counted) or 0


def forget(connection: Connection, *, before: datetime) -> int:
    """Delete windows that began before a time; return how many."""
    return connection.execute(delete(quota).where(quota.c.since < before)).rowcount
