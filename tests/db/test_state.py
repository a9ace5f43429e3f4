"""The value by which a process tells, without reading, whether something was committed."""

import sqlite3
import time

from sqlalchemy import text

from installation import on_sqlite
from tidings.db.database import OVERLOOKED_SECONDS, Database

CHANGE = text("UPDATE counter SET change = change + 1")


def change(database):
    with database.write() as connection:
        connection.execute(CHANGE)


def test_a_commit_of_our_own_is_seen_at_once(database):
    before = database.state()

    change(database)

    assert database.state() != before


def test_a_commit_of_another_process_is_seen_within_a_second(database, database_url):
    other = Database(database_url)
    before = database.state()

    change(other)

    time.sleep(0 if database.is_sqlite else OVERLOOKED_SECONDS)
    assert database.state() != before
    other.close()


@on_sqlite
def test_as_long_as_nothing_is_committed_it_stays(database):
    before = database.state()

    with database.read() as connection:
        connection.execute(text("SELECT change FROM counter")).one()

    assert database.state() == before


def test_while_it_cannot_be_told_it_differs_each_time(sqlite_template, tmp_path):
    path = tmp_path / "tidings.db"
    path.write_bytes(sqlite_template.read_bytes())
    database = Database(f"sqlite:///{path}")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA journal_mode=DELETE")
    other.execute("BEGIN EXCLUSIVE")

    assert database.state() != database.state()

    other.close()
    database.close()
