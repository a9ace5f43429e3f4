"""Restoring: what may have been sent before the database was put back to an earlier state."""

import logging
from collections.abc import Sequence
from datetime import datetime

from tidings.catalog import change_log
from tidings.db.database import Database
from tidings.newsletters.store import deliveries, high_water_mark, plans
from tidings.newsletters.store.deliveries import ClaimedDelivery
from tidings.newsletters.store.high_water_mark import HighWaterMark

logger = logging.getLogger(__name__)

BECAUSE = "may have been sent: the database was restored since; `tidings delivery resend` sends it"


def claim_guarded(
    database: Database, owner: str, *, limit: int, now: datetime
) -> Sequence[ClaimedDelivery]:
    """Take deliveries to send, before witnesses: a backup made until now is an older state."""
    with database.write() as connection:
        claimed = deliveries.claim(connection, owner, limit=limit, now=now)
        if not database.is_sqlite:
            return claimed
        change, _ = change_log.next_change(connection)
    high_water_mark.raise_mark(database, HighWaterMark(change=change, at=now))
    return claimed


def hold_restored(database: Database, *, now: datetime) -> None:
    """Hold what an older database, put back, takes for unsent; nothing if it is not older.

    What is planned is held for the operator to release. Whose slot came in the time that is
    lost has had it: they go on with what becomes public from here.
    """
    testimony = high_water_mark.find_mark(database)
    if testimony is None:
        return
    with database.read() as connection:
        if not high_water_mark.is_restored(connection, testimony):
            return
    with database.write() as connection:
        held = deliveries.hold_unfinished(connection, because=BECAUSE, now=now)
        skipped = plans.skip_missed_slots(connection, until=testimony.at, now=now)
        high_water_mark.catch_up(connection, testimony)
    logger.warning("database restored", extra={"held": held, "subscriptions": skipped})
