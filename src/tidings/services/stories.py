"""Keeping what stories are found by small."""

from datetime import datetime

from tidings.db.database import Database
from tidings.storage import stories


def forget_old(database: Database, *, now: datetime) -> None:
    """Forget what entries are found by that are too old to be joined, some at a time."""
    forgotten = stories.FORGOTTEN
    while forgotten:
        with database.write() as connection:
            forgotten = stories.forget(connection, now=now)
