"""A database that is away for a while."""

import sqlite3
from contextlib import closing, contextmanager

from sqlalchemy import create_engine, make_url, text

from tidings.errors import DatabaseAwayError


class Outage:
    """Wraps a database; while `left` is above zero, so many attempts to write fail."""

    def __init__(self, database):
        self._database = database
        self.left = 0

    def __getattr__(self, name):
        return getattr(self._database, name)

    @contextmanager
    def write(self, **options):
        if self.left:
            self.left -= 1
            raise DatabaseAwayError("test", "database is locked")
        with self._database.write(**options) as connection:
            yield connection


@contextmanager
def taken_away(url):
    """Let nobody write to an SQLite database, or reach one on PostgreSQL."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as file:
            file.execute("BEGIN EXCLUSIVE")
            yield
        return
    address = make_url(url).set(drivername="postgresql+psycopg")
    server = create_engine(address.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with server.connect() as admin:
        admin.execute(text(f"ALTER DATABASE {address.database} ALLOW_CONNECTIONS false"))
        ended = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")
        admin.execute(ended, {"name": address.database})
        try:
            yield
        finally:
            admin.execute(text(f"ALTER DATABASE {address.database} ALLOW_CONNECTIONS true"))
    server.dispose()
