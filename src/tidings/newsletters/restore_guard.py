"""Guard against sending twice after the database was restored from a backup."""

import logging
from collections.abc import Sequence
from datetime import datetime

from tidings.catalog import change_log
from tidings.db.database import Database
from tidings.newsletters.store import deliveries, high_water_mark, plans
from tidings.newsletters.store.deliveries import ClaimedDelivery
from tidings.newsletters.store.high_water_mark import HighWaterMark

logger = logging.getLogger(__name__)

HELD_AS_RESTORED = (
    "may have been sent: the database was restored since; `tidings delivery resend` sends it"
)


def claim_guarded(
    database: Database, owner: str, *, limit: int, now: datetime, without: tuple[str, ...]
) -> Sequence[ClaimedDelivery]:
    """Lease deliveries, and raise the high-water mark: any backup made before is known as older."""
    with database.write() as connection:
        claimed = deliveries.claim(connection, owner, limit=limit, now=now, without=without)
        if not database.is_sqlite:
            return claimed
        change, _ = change_log.next_change(connection)
    # After the commit and before anything is sent: see `raise_mark`.
    high_water_mark.raise_mark(database, HighWaterMark(change=change, at=now))
    return claimed


def hold_restored(database: Database, *, now: datetime) -> None:
    """Hold what a restored database takes for unsent; do nothing if it was not restored.

    Planned deliveries are held for the operator to release. Subscriptions whose slot fell due in
    the lost time have had it: their watermarks are moved to the newest entry.
    """
    mark = high_water_mark.find_mark(database)
    if mark is None:
        return
    with database.read() as connection:
        if not high_water_mark.is_restored(connection, mark):
            return
    with database.write() as connection:
        held = deliveries.hold_unfinished(connection, because=HELD_AS_RESTORED, now=now)
        skipped = plans.skip_missed_slots(connection, until=mark.at, now=now)
        high_water_mark.catch_up(connection, mark)
    logger.warning("database restored", extra={"held": held, "subscriptions": skipped})
