"""Schema version: check it, and run the migrations (Alembic), after a backup."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from tidings.db import backups
from tidings.db.database import Database, RebuildIndex
from tidings.errors import ConfigError

# How long `try_to_write` waits for another writer: longer than any of ours takes.
PROBE_SECONDS = 2

MIGRATIONS = Path(__file__).with_name("migrations")


@cache
def known_versions() -> Sequence[str]:
    """Return all schema versions up to that which this program works with, in their order."""
    # By the files' names, not by Alembic: it takes a quarter of a second to import, which every
    # command would pay for.
    return sorted(path.name.partition("_")[0] for path in MIGRATIONS.glob("versions/*.py"))


def latest_version() -> str:
    """Return the schema version that this program works with."""
    return known_versions()[-1]


def version(connection: Connection) -> str | None:
    """Return the schema version of the database; None if it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    # No row: Alembic has made its table, and nothing else yet.
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaChange:
    """What was done to the schema before the database could be used.

    Attributes:
        event: In words, for the log.
        at: The file's absolute path, or the database's URL without its password.
        schema: The version it has now.
        backup: The copy that was made before; None if there was nothing to copy.
    """

    event: str
    at: str
    schema: str
    backup: str | None = None


def prepare(database: Database, *, rebuild_index: RebuildIndex) -> SchemaChange | None:
    """Make sure that the schema is up to date; return what was done, None if it was.

    SQLite is upgraded here, after a backup beside the file. PostgreSQL is only checked: there
    several services may run, and `upgrade` is the operator's decision.

    Args:
        database: The one to be used.
        rebuild_index: Fills the full-text index, if the schema is from before it existed.

    Raises:
        ConfigError: The schema is of another version and must not, or may not yet, be changed.
        StorageError: The database cannot be reached.
    """
    if not database.is_sqlite:
        check(database)
        return None
    with database.read() as connection:
        current = version(connection)
    return None if current == latest_version() else _upgraded(database, rebuild_index)


def check(database: Database) -> None:
    """Check that the schema is the one that this program works with.

    Raises:
        ConfigError: It is another one.
        StorageError: The database cannot be reached.
    """
    with database.read() as connection:
        current = version(connection)
    if current == latest_version():
        return
    _refuse_newer(current)
    state = f"has schema {current}" if current else "is empty"
    raise ConfigError(f"database {database.name} {state}: run `tidings db upgrade` first")


def try_to_write(database: Database) -> None:
    """Check that the database can be written to.

    Raises:
        StorageError: It cannot; the disk is full, say.
    """
    # A row that no other statement touches, and that stays as it is.
    with database.write(patience=PROBE_SECONDS) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = version_num"))


def upgrade(database: Database, *, rebuild_index: RebuildIndex) -> str:
    """Bring the schema up to date and return its version; an SQLite file is backed up first.

    Raises:
        ConfigError: The database was made by a newer version of tidings.
        StorageError: The database cannot be reached, or a statement failed; nothing is changed.
    """
    return _upgraded(database, rebuild_index).schema


def _upgraded(database: Database, rebuild_index: RebuildIndex) -> SchemaChange:
    from alembic import command
    from alembic.config import Config

    with database.read() as connection:
        current = version(connection)
    _refuse_newer(current)
    copy = _back_up(database, current) if current != latest_version() else None
    with database.write() as connection:
        if version(connection) is None and inspect(connection).get_table_names():
            raise ConfigError(f"database {database.name} holds tables that are not tidings' own")
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        config.attributes["rebuild_index"] = rebuild_index  # 0007 makes words of all entries
        command.upgrade(config, "head")
    return SchemaChange(
        # Who starts it in the wrong folder gets a new database, and sees so in the log.
        event="database upgraded" if current else "new database made",
        at=str(database.path.absolute()) if database.is_sqlite else database.name,
        schema=latest_version(),
        backup=copy,
    )


def _back_up(database: Database, current: str | None) -> str | None:
    """Back up an SQLite file that has a schema; return where the copy is."""
    if not current or not database.is_sqlite:
        return None
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    copy = database.path.absolute().with_suffix(f".{current}-{stamp}.bak")
    backups.backup(database, copy)
    return str(copy)


def _refuse_newer(current: str | None) -> None:
    if current and current not in known_versions():
        raise ConfigError(
            f"the database has schema {current}, made by a newer tidings than this one"
            f" (which knows up to {latest_version()}): upgrade the program"
        )
