"""Database: an SQLite file or a PostgreSQL database, with `read` and `write` transactions."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionLeftError

from tidings.db.write_turns import WriteTurns
from tidings.errors import ConfigError, DatabaseAwayError, StorageError

# An open transaction, for modules that pass it on and must not know SQLAlchemy.
Connection = sqlalchemy.Connection

# Rebuilds the full-text index, and reports numbers of entries as they are done.
RebuildIndex = Callable[[Connection, Callable[[int], None]], None]

# How long a writer waits for another one before it gives up.
BUSY_SECONDS = 15

# Seconds between two of many transactions in a row, in which others of this process get their turn:
# its threads do not queue.
WRITE_PAUSE = 0.01

# How long commits of other processes may be overlooked on PostgreSQL, which would have to be asked
# over the network.
OVERLOOKED_SECONDS = 0.5

# Seconds after which PostgreSQL ends who does nothing in a transaction: a machine that is stopped, or
# cut off, just there would hold up all others, who wait for the rows that it has written.
LONGEST_PAUSE = 60.0

_READ_ONLY = "tidings_read_only"
_PATIENCE = "tidings_patience"

_AWAY_ON_SQLITE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
}
# Beginnings of SQLSTATEs: connection lost, read-only, deadlock or serialization failure, out of
# resources, lock not available, shutdown.
_AWAY_ON_POSTGRESQL = ("08", "25006", "40", "53", "55P03", "57")


class Database:
    """An SQLite file or a PostgreSQL database, by its URL.

    `sqlite:///var/tidings.db` is relative to the working directory, `sqlite:////var/…` is
    absolute; a PostgreSQL URL may leave the driver out.

    Attributes:
        overlooked_seconds: How long `state` may overlook a commit of another process.
    """

    def __init__(self, url: str) -> None:
        """Raises `ConfigError` if the URL is of neither kind; connects to nothing."""
        self.url = _parse(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._engine = _sqlite(self.url) if self.is_sqlite else _postgresql(self.url)
        self.overlooked_seconds = 0.0 if self.is_sqlite else OVERLOOKED_SECONDS
        self._turns = WriteTurns(self.path)
        self._last_commit = object()
        self._observer: sqlite3.Connection | None = None

    @property
    def name(self) -> str:
        """The URL as it may be shown: without a password."""
        return self.url.render_as_string(hide_password=True)

    @property
    def path(self) -> Path:
        """The file of an SQLite database."""
        return Path(self.url.database or "")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a read-only snapshot: all that is read in it is of one moment.

        Raises:
            StorageError: The database failed; `DatabaseAwayError` if it may work later.
        """
        with self._translated(), self._engine.connect() as connection:
            yield connection.execution_options(**self._read_options())

    @contextmanager
    def write(self, *, patience: float = BUSY_SECONDS) -> Iterator[Connection]:
        """Open a transaction, committed at the end, rolled back by an exception.

        On SQLite it waits for the one writer there may be. Keep it short, and never wait
        for the network in it.

        Args:
            patience: Seconds to wait for that writer.

        Raises:
            StorageError: The database failed; `DatabaseAwayError` if it may work later.
        """
        with self._translated(), self._turn(patience), self._engine.connect() as connection:
            patient = connection.execution_options(**{_PATIENCE: patience})
            with patient.begin():
                yield patient
            self._last_commit = object()

    def state(self) -> object:
        """Return a value that differs once anything was committed, without waiting for anything.

        On SQLite that is exact. On PostgreSQL commits of this process count at once, those of
        others after `overlooked_seconds` at most, and without any the value differs as often.
        """
        if not self.is_sqlite:
            return self._last_commit, time.monotonic() // self.overlooked_seconds
        try:
            if self._observer is None:
                self._observer = _observer(self.path)
            # Counts what other connections have committed, of whatever process; this one never
            # does. Read to its end, or it would hold a snapshot.
            return self._observer.execute("PRAGMA data_version").fetchall()
        except sqlite3.Error:
            # Then whoever asks has to read, and learns what is wrong.
            return object()

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()
        self._turns.close()
        if self._observer is not None:
            self._observer.close()
            self._observer = None

    def _read_options(self) -> dict[str, Any]:
        if self.is_sqlite:
            return {_READ_ONLY: True}
        return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}

    @contextmanager
    def _turn(self, patience: float) -> Iterator[None]:
        if not self.is_sqlite:
            yield
            return
        with ExitStack() as turn:
            try:
                turn.enter_context(self._turns.taken(patience))
            except TimeoutError as error:
                raise DatabaseAwayError(self.name, "database is locked") from error
            except OSError as error:
                raise DatabaseAwayError(self.name, error.strerror or str(error)) from error
            yield

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            because = str(error.orig).strip() or type(error.orig).__name__
            kind = DatabaseAwayError if _is_away(error) else StorageError
            raise kind(self.name, because) from error
        except NoConnectionLeftError as error:
            raise DatabaseAwayError(self.name, "every connection is busy") from error


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigError(
            "[database] url: not a database URL (sqlite:///var/tidings.db, postgresql://user@host/name)"
        ) from error
    match parsed.get_backend_name():
        case "sqlite":
            return parsed
        case "postgresql" | "postgres":
            return parsed.set(drivername="postgresql+psycopg")
        case other:
            raise ConfigError(
                f"[database] url: {other} is not supported, sqlite and postgresql are"
            )


def _sqlite(url: URL) -> Engine:
    if not url.database or url.database == ":memory:":
        raise ConfigError("[database] url: name a file, as in sqlite:///var/tidings.db")
    folder = Path(url.database).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"[database] url: cannot make the folder {folder}: {error.strerror}"
        ) from error
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _observer(path: Path) -> sqlite3.Connection:
    # Never waiting: requests are held up meanwhile. Of no thread: the event loop may change.
    return sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun by _begin_sqlite, not by the driver
    # FULL: a commit outlasts a power cut. If a send marker did not, a message would go out twice.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get(_READ_ONLY):
        connection.exec_driver_sql("BEGIN")
        return
    # Set each time: pooled connections are used with different patience.
    patience = options.get(_PATIENCE, BUSY_SECONDS)
    driven: Any = connection.connection.driver_connection
    driven.execute(f"PRAGMA busy_timeout={int(patience * 1000)}")
    # IMMEDIATE: a transaction that reads first and writes later fails at once if another has
    # written meanwhile (SQLITE_BUSY_SNAPSHOT), whatever the timeout.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _is_away(error: DBAPIError) -> bool:
    """Tell an outage from a statement that fails however often it is tried."""
    if error.connection_invalidated:
        return True
    if not isinstance(error, OperationalError):
        return False
    if isinstance(error.orig, sqlite3.Error):
        return error.orig.sqlite_errorcode & 0xFF in _AWAY_ON_SQLITE
    state = getattr(error.orig, "sqlstate", None)
    return state is None or state.startswith(_AWAY_ON_POSTGRESQL)


def _postgresql(url: URL) -> Engine:
    try:
        engine = create_engine(
            url, pool_pre_ping=True, connect_args={"connect_timeout": BUSY_SECONDS}
        )
    except (ImportError, NoSuchModuleError) as error:
        raise ConfigError(
            "[database] url: PostgreSQL needs the extra: pip install 'tidings[postgres]'"
        ) from error
    event.listen(engine, "connect", _prepare_postgresql)
    return engine


def _prepare_postgresql(connection: Any, _record: object) -> None:
    milliseconds = int(LONGEST_PAUSE * 1000)
    connection.execute(f"SET idle_in_transaction_session_timeout = {milliseconds}")
    connection.commit()
