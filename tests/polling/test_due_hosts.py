"""Writers that change sources of one host at the same time, on PostgreSQL: when the host is due."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest
from sqlalchemy import select, text, update

from parsed_entries import DAY, HOUR, NOON
from tidings.db.database import Database
from tidings.db.tables import host, source


@pytest.fixture
def database(postgres_url):
    with closing(Database(postgres_url)) as opened:
        yield opened


def test_a_host_is_due_with_what_another_writer_made_due_meanwhile(database, follow):
    first, second = follow("https://a.example/1"), follow("https://a.example/2")
    schedule_alone(database, first, NOON + DAY)
    schedule_alone(database, second, NOON + DAY)

    with database.write() as connection:
        schedule(connection, first, NOON)
        connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))  # as its commit begins with
        with beside(schedule_alone, database, second, NOON + HOUR):
            wait_for_a_waiting_writer(connection)
            connection.commit()

    assert due_at(database) == NOON


def test_writers_of_two_sources_of_a_host_do_not_lock_each_other_out(database, follow):
    first, second = follow("https://a.example/1"), follow("https://a.example/2")

    with database.write() as connection:
        schedule(connection, first, NOON + DAY)
        with beside(schedule_alone, database, second, NOON + HOUR):
            wait_for_a_waiting_writer(connection)
            schedule(connection, second, NOON + DAY)
            connection.commit()

    assert due_at(database) in {NOON + HOUR, NOON + DAY}


def schedule(connection, source_id, at):
    its = update(source).where(source.c.id == source_id)
    connection.execute(its.values(next_poll_at=at))


def schedule_alone(database, source_id, at):
    with database.write() as connection:
        schedule(connection, source_id, at)


@contextmanager
def beside(action, *arguments):
    with ThreadPoolExecutor() as threads:
        done = threads.submit(action, *arguments)
        yield
        done.result(10)


def wait_for_a_waiting_writer(connection):
    waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    until = time.monotonic() + 1
    while not connection.scalar(waiting) and time.monotonic() < until:
        connection.execute(text("SELECT pg_stat_clear_snapshot()"))
        time.sleep(0.01)


def due_at(database):
    with database.read() as connection:
        return connection.scalar(select(host.c.due_at))
