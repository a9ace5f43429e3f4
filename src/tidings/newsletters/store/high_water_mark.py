"""High-water mark beside the SQLite file: detects a restored backup before anything is sent twice.

Every claim takes a new change number in the database, and then writes it into a file. A database
whose number is smaller than that of the file was restored from a backup.
"""

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, select, update

from tidings.db.database import Database
from tidings.db.durable_files import fsync_folder
from tidings.db.tables import counter
from tidings.errors import StorageError

# Characters; of fixed length, so that one write replaces the whole line.
_WIDTH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class HighWaterMark:
    """The content of the file.

    Attributes:
        change: The change number of the database.
        at: When it was written, aware UTC.
    """

    change: int
    at: datetime


def find_mark(database: Database) -> HighWaterMark | None:
    """Return the mark beside an SQLite database; None if there is none.

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


def raise_mark(database: Database, mark: HighWaterMark) -> None:
    """Write the mark beside an SQLite database, synced to disk; on PostgreSQL do nothing.

    Call it after the commit of the number: with the file first, a power cut would leave a
    database that looks restored.

    Raises:
        StorageError: The file cannot be written.
    """
    path = _path(database)
    if path is None:
        return
    line = f"{mark.change} {mark.at.isoformat()}".ljust(_WIDTH)
    try:
        # No temporary file and rename: this runs at every claim, and one overwrite is one sync.
        is_new = not path.exists()
        file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(file, line.encode(), 0)
            os.fsync(file)
        finally:
            os.close(file)
        if is_new:
            fsync_folder(path.parent)  # the name of a new file is in the folder, not in the file
    except OSError as error:
        raise StorageError(str(path), str(error)) from error


def is_restored(connection: Connection, mark: HighWaterMark) -> bool:
    """Tell whether the database is older than its mark."""
    return int(connection.execute(select(counter.c.change)).scalar_one()) < mark.change


def catch_up(connection: Connection, mark: HighWaterMark) -> None:
    """Let the database count on from its mark: it is not taken for restored again."""
    connection.execute(update(counter).values(change=mark.change))


def _path(database: Database) -> Path | None:
    if not database.is_sqlite:
        return None
    return database.path.with_name(f"{database.path.name}.sent")
