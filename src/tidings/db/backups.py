"""Backup, restore and check a database, and copy it from SQLite to PostgreSQL or back."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, Integer, func, insert, select, text

from tidings.db.all_tables import all_tables
from tidings.db.database import Database, RebuildIndex
from tidings.db.durable_files import fsync_folder
from tidings.errors import ConflictError, ImportFileError, StorageError

# Tables that the schema itself puts rows into.
SEEDED = {"counter", "feed_state"}

# Rows in memory while a table is copied.
CHUNK = 500


def backup(database: Database, target: Path) -> None:
    """Write a whole, consistent copy of an SQLite database to `target`, while others write.

    Raises:
        ConflictError: `target` exists.
        StorageError: The copy failed; `target` is not there then.
    """
    if target.exists():
        raise ConflictError("file", target)
    # Under another name until it is complete and on the disk: a crash leaves no half backup.
    unfinished = target.with_name(f"{target.name}.part")
    unfinished.unlink(missing_ok=True)
    with _sqlite_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(database.path)) as connection:
            connection.execute("VACUUM INTO ?", (str(unfinished),))
        _sync(unfinished)
        unfinished.rename(target)
        fsync_folder(target.parent)


def restore(database: Database, backup_file: Path) -> None:
    """Put `backup_file` in the place of an SQLite database, which is kept beside it.

    Raises:
        ImportFileError: `backup_file` is not a sound tidings database.
        ConflictError: Some process has the database open for writing.
    """
    problems = _problems_of(backup_file)
    if problems:
        raise ImportFileError(backup_file, problems[0])
    current = database.path
    database.close()
    with _sqlite_errors(current):
        if current.exists():
            _empty_wal(current)
        unfinished = current.with_name(f"{current.name}.part")
        shutil.copyfile(backup_file, unfinished)
        _sync(unfinished)
        if current.exists():
            current.replace(current.with_name(f"{current.name}.before-restore"))
        # A log of the old file would be replayed into the new one.
        for suffix in ("-wal", "-shm"):
            current.with_name(current.name + suffix).unlink(missing_ok=True)
        unfinished.rename(current)
        fsync_folder(current.parent)


def check(
    database: Database, *, index_problems: Callable[[Connection], Sequence[str]]
) -> list[str]:
    """Return what is wrong with the database and its full-text index; empty if nothing is."""
    problems = _problems_of(database.path) if database.is_sqlite else []
    with database.read() as connection:
        problems += _broken_invariants(connection)
        problems += index_problems(connection)
    return problems


def copy(
    origin: Database,
    target: Database,
    *,
    rebuild_index: RebuildIndex,
    advance: Callable[[str, int], None],
) -> None:
    """Copy everything into `target`, which has our schema and no rows; ids and `seq` stay.

    Args:
        origin: One snapshot of it is read.
        target: Of either kind; it stays empty if anything fails.
        rebuild_index: Rebuilds the full-text index, which the two kinds store differently.
        advance: Called with a table's name and a number of rows, as they are written.

    Raises:
        ConflictError: `target` is not empty.
        StorageError: One of the two failed.
    """
    with target.write() as writing:
        for table in all_tables():
            if table.name not in SEEDED and writing.scalar(select(func.count()).select_from(table)):
                raise ConflictError("database", target.name, because=f"is not empty: {table.name}")
        # Ended before the index is built: a server ends who reads nothing more for a minute.
        with origin.read() as reading:
            for table in all_tables():
                if table.name in SEEDED:
                    writing.execute(table.delete())
                for rows in reading.execute(select(table)).mappings().partitions(CHUNK):
                    writing.execute(insert(table), [dict(row) for row in rows])
                    advance(table.name, len(rows))
        if not target.is_sqlite:
            _set_sequences(writing)
        rebuild_index(writing, partial(advance, "entry_words"))


def _set_sequences(connection: Connection) -> None:
    # Rows were inserted with their ids, which PostgreSQL's sequences know nothing of.
    for table in all_tables():
        ids = [c for c in table.primary_key if c.name == "id" and table.name != "counter"]
        if ids:
            last = connection.scalar(select(func.max(ids[0], type_=Integer))) or 0
            sequence = func.pg_get_serial_sequence(table.name, "id")
            connection.execute(select(func.setval(sequence, last + 1, False)))


def _broken_invariants(connection: Connection) -> list[str]:
    rules = {
        "public entries without a publish sequence": (
            "SELECT count(*) FROM entry WHERE state = 'public' AND seq IS NULL"
        ),
        "entries with a publish sequence beyond the counter": (
            "SELECT count(*) FROM entry WHERE seq > (SELECT seq FROM counter)"
        ),
        "entries that are removed and stored at once": (
            "SELECT count(*) FROM entry JOIN tombstone USING (source_id, key_version, key)"
        ),
    }
    counts = {what: connection.scalar(text(rule)) for what, rule in rules.items()}
    return [f"{count} {what}" for what, count in counts.items() if count]


def _problems_of(path: Path) -> list[str]:
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            answers = [row[0] for row in connection.execute("PRAGMA integrity_check")]
            orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
            connection.execute("SELECT seq FROM counter").fetchone()
    except sqlite3.Error as error:
        return [f"not a sound tidings database: {error}"]
    problems = [answer for answer in answers if answer != "ok"]
    return problems + [
        f"{table} row {row} points at nothing in {to}" for table, row, to, _ in orphans
    ]


def _empty_wal(path: Path) -> None:
    with closing(sqlite3.connect(path, timeout=1, isolation_level=None)) as connection:
        try:
            # Fails while any other process has the file open for writing.
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("COMMIT")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.OperationalError as error:
            raise ConflictError(
                "database", path, because="is in use: stop tidings first"
            ) from error


@contextmanager
def _sqlite_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StorageError(str(path), str(error)) from error


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
