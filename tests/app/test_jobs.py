"""Jobs: one set of promises, kept in one process and over PostgreSQL."""

import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from threading import Event, Timer

import pytest
from sqlalchemy import text

from database_outage import taken_away
from installation import wait_until
from parsed_entries import NOON
from tidings.app import engine
from tidings.app.engine import Engine
from tidings.app.in_process import InProcess
from tidings.db import job_tickets
from tidings.db.database import Database
from tidings.model.jobs import Job, JobQueue
from tidings.model.websub import Push
from tidings.polling.store import push_subscriptions

SECONDS = 20

A = Job(name="a", queue=JobQueue.ODD)
B = Job(name="b", queue=JobQueue.ODD)


class Work:
    """Handlers that say what they do, and wait to be let go on."""

    def __init__(self):
        self.done = []
        self.running = []
        self.has_begun, self.go_on = Event(), Event()
        self.most_at_a_time = 0

    def handlers(self, *jobs):
        return {job.name: self._handler(job) for job in jobs}

    def _handler(self, job):
        def work():
            self.running.append(job.name)
            self.most_at_a_time = max(self.most_at_a_time, len(self.running))
            self.has_begun.set()
            assert self.go_on.wait(SECONDS)
            self.running.remove(job.name)
            self.done.append(job.name)
            if job.name == "fails":
                raise LookupError("a bug")

        return work

    def until(self, number):
        wait_until(lambda: len(self.done) >= number)


@pytest.fixture
def work():
    return Work()


@pytest.fixture(params=["in process", "over PostgreSQL"])
def make_jobs(request):
    """Return what makes what jobs wait in."""
    if request.param == "in process":
        yield InProcess
        return
    database = Database(request.getfixturevalue("postgres_url"))
    yield lambda handlers: Engine(database, handlers)
    database.close()


@contextmanager
def working(jobs, work, *first, threads=1):
    """Work off a queue; the first jobs are running, and the others may be deferred."""
    jobs.defer(*first)
    with jobs.working({JobQueue.ODD: threads}):
        assert work.has_begun.wait(SECONDS)
        yield
        work.go_on.set()


def test_what_waits_is_not_doubled_and_what_runs_does_not_swallow_the_next(make_jobs, work):
    jobs = make_jobs(work.handlers(A))
    with working(jobs, work, A, A, A):
        for _ in range(3):
            jobs.defer(A)
        work.go_on.set()
        work.until(2)
        time.sleep(0.3)

    assert work.done == ["a", "a"]


def test_jobs_come_by_priority_then_by_age_and_a_failure_stops_nothing(make_jobs, work):
    first, high, fails = (
        replace(A, name=name, priority=priority)
        for name, priority in (("first", 0), ("high", 9), ("fails", 5))
    )
    jobs = make_jobs(work.handlers(first, high, fails, A, B))
    with working(jobs, work, first):
        for job in (B, A, fails, high):
            jobs.defer(job)
        work.go_on.set()
        work.until(5)

    assert work.done == ["first", "high", "fails", "b", "a"]


def test_kinds_that_must_be_alone_are_and_others_go_on_beside_them(make_jobs, work):
    jobs = make_jobs(work.handlers(A, B))
    with working(jobs, work, A, threads=3):
        jobs.defer(A)
        time.sleep(0.5)
        assert work.running == ["a"]
        jobs.defer(B, replace(A, part=1))
        wait_until(lambda: len(work.running) == 3)
        work.go_on.set()
        work.until(4)

    assert sorted(work.done) == ["a", "a", "a", "b"]


def test_others_are_worked_off_at_the_same_time(make_jobs, work):
    many = replace(A, is_alone=False)
    jobs = make_jobs(work.handlers(A))
    with working(jobs, work, many, replace(many, part=1), threads=2):
        wait_until(lambda: len(work.running) == 2)


def test_at_the_end_what_runs_is_waited_for_and_nothing_more_begins(make_jobs, work):
    jobs = make_jobs(work.handlers(A, B))
    jobs.defer(A)
    with jobs.working({JobQueue.ODD: 1}):
        assert work.has_begun.wait(SECONDS)
        jobs.defer(B)
        Timer(0.5, work.go_on.set).start()

    assert work.done == ["a"]


def test_what_ends_before_it_has_begun_ends(make_jobs, work):
    began = time.monotonic()
    with make_jobs(work.handlers(A)).working({JobQueue.ODD: 1}):
        pass

    assert time.monotonic() - began < SECONDS / 2


@pytest.fixture
def postgres_database(postgres_url):
    database = Database(postgres_url)
    yield database
    database.close()


def waiting(database):
    with database.read() as connection:
        found = connection.execute(
            text("SELECT queueing_lock FROM procrastinate_jobs WHERE status = 'todo'")
        )
        return sorted(found.scalars())


def tickets(database):
    with database.read() as connection:
        return job_tickets.every(connection)


def test_what_is_rolled_back_deferred_nothing(postgres_database):
    with suppress(LookupError), postgres_database.write() as connection:
        job_tickets.defer(connection, A)
        raise LookupError

    assert waiting(postgres_database) == []


def test_who_keeps_a_push_wakes_a_worker(postgres_database):
    with postgres_database.write() as connection:
        push_subscriptions.put_push(connection, "a token", Push(), now=NOON)

    assert waiting(postgres_database) == ["pushed:0"]


def test_nobody_waits_for_who_is_just_deferring_the_same(postgres_database):
    with postgres_database.write() as first:
        job_tickets.defer(first, A)
        with postgres_database.write() as second:
            job_tickets.defer(second, A, B)
        assert waiting(postgres_database) == ["b:0"]

    assert waiting(postgres_database) == ["a:0", "b:0"]


def test_what_ends_while_the_database_is_away_holds_up_its_kind_for_a_moment_only(
    postgres_database, postgres_url, work, monkeypatch
):
    monkeypatch.setattr(engine, "SWEEP", 0.5)
    jobs = Engine(postgres_database, work.handlers(A))
    with working(jobs, work, A):
        with taken_away(postgres_url):
            work.go_on.set()
            work.until(1)
            time.sleep(4)  # longer than it is tried to note that it has ended
        jobs.defer(A)
        work.until(2)

    assert work.done == ["a", "a"]


def test_whoever_is_told_to_end_while_beginning_ends_at_once(postgres_database):
    for number in range(40):
        begun_at = time.monotonic()
        with Engine(postgres_database, {}).working(dict.fromkeys(JobQueue, 1)):
            time.sleep(number / 1000)  # connections are made, and waited for
        assert time.monotonic() - begun_at < 5


def test_what_nobody_knows_is_deleted_and_told_once(postgres_database, monkeypatch, caplog):
    monkeypatch.setattr(engine, "SWEEP", 0.2)
    caplog.set_level("WARNING")
    jobs = Engine(postgres_database, {})
    with jobs.working({JobQueue.ODD: 1}):
        for _ in range(3):
            jobs.defer(A)
            wait_until(lambda: not waiting(postgres_database))
            wait_until(lambda: not tickets(postgres_database))

    [told] = [one for one in caplog.records if one.message == "jobs of an unknown kind"]
    assert told.because.startswith("a: ")


def test_of_a_kind_that_fails_again_and_again_the_last_failure_is_kept(postgres_database):
    def fail():
        raise LookupError("a bug")

    jobs = Engine(postgres_database, {"a": fail})
    with jobs.working({JobQueue.ODD: 1}):
        for _ in range(3):
            jobs.defer(A)
            wait_until(lambda: not waiting(postgres_database))
            time.sleep(0.3)
        found = tickets(postgres_database)

    assert [(one.state, one.because) for one in found] == [("failed", "LookupError('a bug')")]


def test_while_nobody_works_no_more_wait_than_there_are_kinds(postgres_database):
    jobs = Engine(postgres_database, {})
    for _ in range(50):
        jobs.defer(A, B, replace(A, part=1))

    assert waiting(postgres_database) == ["a:0", "a:1", "b:0"]
