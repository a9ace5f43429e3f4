"""A witness beside the database: how far sending has come, where no backup takes it back.

With everything that is sent the database takes a number, which only grows, and then puts it
into a file. A database whose number is smaller than that in the file is an older one, put back.
"""

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, select, update

from tidings.db.backups import fsync_folder
from tidings.db.database import Database
from tidings.db.tables import counter
from tidings.errors import StorageError

# Characters that every testimony has.
_WIDTH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class HighWaterMark:
    """What the file says.

    Attributes:
        change: The number that the database had taken.
        at: When.
    """

    change: int
    at: datetime


def find_mark(database: Database) -> HighWaterMark | None:
    """Return what was last testified beside an SQLite database; None if nothing was.

    Raises:
        StorageError: The file cannot be read.
    """
    path = _path(database)
    if path is None or not path.exists():
        return None
    try:
        change, _, at = path.read_text(encoding="ascii").strip().partition(" ")
        return HighWaterMark(change=int(change), at=datetime.fromisoformat(at))
    except (OSError, ValueError) as error:
        raise StorageError(str(path), str(error)) from error


def raise_mark(database: Database, testimony: HighWaterMark) -> None:
    """Write beside an SQLite database how far sending has come; elsewhere nothing.

    It is on the disk when this returns, and after the number itself, which was committed
    before: a power cut leaves no database that looks older than its witness.

    Raises:
        StorageError: The file cannot be written.
    """
    path = _path(database)
    if path is None:
        return
    line = f"{testimony.change} {testimony.at.isoformat()}".ljust(_WIDTH)
    try:
        is_new = not path.exists()
        file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(file, line.encode(), 0)  # in one go, and over all that was there
            os.fsync(file)
        finally:
            os.close(file)
        if is_new:
            fsync_folder(path.parent)
    except OSError as error:
        raise StorageError(str(path), str(error)) from error


def is_restored(connection: Connection, testimony: HighWaterMark) -> bool:
    """Tell whether the database is an older one than that which testified."""
    return int(connection.execute(select(counter.c.change)).scalar_one()) < testimony.change


def catch_up(connection: Connection, testimony: HighWaterMark) -> None:
    """Let the database go on counting from where it was when it testified."""
    connection.execute(update(counter).values(change=testimony.change))


def _path(database: Database) -> Path | None:
    if not database.is_sqlite:
        return None
    return database.path.with_name(f"{database.path.name}.sent")
