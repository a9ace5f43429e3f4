"""Writers of one SQLite file: nobody waits for a turn that never comes."""

import time
from contextlib import contextmanager
from threading import Event, Thread

import pytest
from sqlalchemy import text

from tidings.db.database import Database
from tidings.errors import DatabaseAwayError

HELD = 0.02
"""Seconds that a transaction of the busy writer takes."""


@contextmanager
def writing_all_the_time(url):
    """Write again and again, as another process would: with a database of its own."""
    database, stop, begun = Database(url), Event(), Event()

    def work():
        while not stop.is_set():
            with database.write() as connection:
                connection.execute(text("UPDATE counter SET seq = seq"))
                begun.set()
                time.sleep(HELD)

    writer = Thread(target=work)
    writer.start()
    try:
        assert begun.wait(10)
        yield
    finally:
        stop.set()
        writer.join()
        database.close()


def test_who_writes_seldom_has_a_turn_soon_beside_who_writes_all_the_time(sqlite_database_url):
    database, waits = Database(sqlite_database_url), []

    with writing_all_the_time(sqlite_database_url):
        for _ in range(20):
            asked_at = time.monotonic()
            with database.write() as connection:
                connection.execute(text("UPDATE counter SET seq = seq"))
            waits.append(time.monotonic() - asked_at)
            time.sleep(HELD / 4)

    database.close()
    assert sorted(waits)[10] < 5 * HELD
    assert max(waits) < 50 * HELD  # on a busy machine; it was seconds, again and again


def test_a_thread_that_waits_for_another_has_no_more_patience_than_it_says(sqlite_database_url):
    database, refused = Database(sqlite_database_url), []

    def write():
        try:
            with database.write(patience=0.1):
                pass
        except DatabaseAwayError as error:
            refused.append(str(error))

    with database.write():
        other = Thread(target=write)
        other.start()
        other.join(5)

    database.close()
    assert refused == [f"database {database.name}: database is locked"]


def test_a_folder_that_nobody_may_write_to_is_an_outage(sqlite_database_url, tmp_path):
    (tmp_path / "tidings.db-next").mkdir()
    database = Database(sqlite_database_url)

    with pytest.raises(DatabaseAwayError, match="directory"), database.write():
        pass

    database.close()
