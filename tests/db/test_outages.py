"""Outages, which are worth waiting for, faults, which are not, and power cuts."""

import sqlite3

import pytest
from sqlalchemy import text

from tidings.db import database as databases
from tidings.db.database import Database
from tidings.db.tables import source
from tidings.errors import DatabaseAwayError, StorageError


def test_a_file_that_another_program_has_locked_is_away(sqlite_template, tmp_path):
    path = tmp_path / "tidings.db"
    path.write_bytes(sqlite_template.read_bytes())
    database = Database(f"sqlite:///{path}")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")

    with pytest.raises(DatabaseAwayError, match="locked"), database.write(patience=0.1):
        pass

    other.close()
    database.close()


def test_a_server_that_is_not_there_is_away(tmp_path):
    database = Database(f"postgresql://nobody@/none?host={tmp_path}")

    with pytest.raises(DatabaseAwayError), database.read():
        pass


def test_a_server_that_ends_our_connections_is_away(postgres_url):
    database, other = Database(postgres_url), Database(postgres_url)

    end_others = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )

    with pytest.raises(DatabaseAwayError), database.write() as connection:  # noqa: PT012 - it ends in the middle
        with other.write() as admin:
            admin.execute(end_others)
        connection.execute(text("SELECT 1"))

    database.close()
    other.close()


def test_who_stops_in_a_transaction_does_not_hold_up_others_for_ever(postgres_url, monkeypatch):
    monkeypatch.setattr(databases, "LONGEST_PAUSE", 0.3)
    holding = text("UPDATE counter SET seq = seq")
    stopped, other = Database(postgres_url), Database(postgres_url)

    with pytest.raises(DatabaseAwayError), stopped.write() as connection:  # noqa: PT012 - it ends in the middle
        connection.execute(holding)
        with other.write() as waiting:
            waiting.execute(holding)
        connection.execute(holding)

    stopped.close()
    other.close()


@pytest.mark.parametrize("statement", ["SELECT nothing FROM nowhere", "INSERT INTO counter VALUES"])
def test_a_statement_that_would_always_fail_is_no_outage(database, statement):
    with pytest.raises(StorageError) as caught, database.write() as connection:
        connection.execute(text(statement))

    assert not isinstance(caught.value, DatabaseAwayError)


def test_a_broken_rule_is_no_outage(database):
    with pytest.raises(StorageError) as caught, database.write() as connection:
        connection.execute(source.insert().values(slug="a"))

    assert not isinstance(caught.value, DatabaseAwayError)


def test_what_is_committed_on_sqlite_is_on_the_disk(sqlite_url):
    full = 2
    database = Database(sqlite_url)

    with database.write() as connection:
        found = connection.scalar(text("PRAGMA synchronous"))

    assert found == full
    database.close()
