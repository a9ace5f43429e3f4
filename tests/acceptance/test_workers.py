"""`tidings worker`: several processes share the work over PostgreSQL."""

import signal
import time
from contextlib import ExitStack

import pytest

from database_outage import taken_away
from fake_publisher import answer
from feed_documents import atom, items
from installation import on_sqlite, wait_until
from tidings.app.app import utc_now
from tidings.operator.store import status
from tidings.web.metrics import exposition

PATIENCE = 60
SOURCES = 24

on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def start(tidings):
    """Start processes of the program, and end all that are left at the end."""
    with ExitStack() as ends:

        def start(*arguments, **environment):
            process = tidings.start(*arguments, **environment)
            ends.callback(process.communicate)
            ends.callback(process.kill)
            return process

        yield start


def waiting(tidings, state="waiting"):
    found = tidings("jobs", "list", "--json").json
    return sorted(one["job"] for one in found if one["state"] == state)


@on_postgresql
def test_two_workers_poll_each_source_once_and_one_of_them_may_die(tidings, web, start):
    late, *urls = [
        web.serve(answer(body=atom(*items(3), title=str(n)))) for n in range(SOURCES + 1)
    ]
    tidings.add(*urls)

    first, second = start("worker"), start("worker", "--queue", "poll", "--no-clock")
    wait_until(lambda: all(web.requests(url) for url in urls))
    wait_until(lambda: len(tidings("entry", "list", "--json", "--limit", 0).json) == 3 * SOURCES)
    polled = [len(web.requests(url)) for url in urls]
    second.kill()
    tidings.add(late)
    wait_until(lambda: web.requests(late))
    first.send_signal(signal.SIGTERM)
    _, said = first.communicate(timeout=PATIENCE)

    assert polled == [1] * SOURCES
    assert first.returncode == 0, said


@on_postgresql
def test_a_worker_outlives_the_database_and_the_loss_of_all_jobs(tidings, web, start):
    before, between, after = (
        web.serve(answer(body=atom(*items(3), title=title))) for title in "abc"
    )
    tidings.add(before)
    start("worker", POLL__TICK="1s")
    wait_until(lambda: web.requests(before))

    with taken_away(tidings.url):
        time.sleep(6)
    tidings.add(between)
    wait_until(lambda: web.requests(between))
    tidings.execute("TRUNCATE procrastinate_jobs CASCADE")
    tidings.add(after)
    wait_until(lambda: web.requests(after))

    assert [len(web.requests(url)) for url in (before, between, after)] == [1, 1, 1]


@on_postgresql
def test_a_worker_ends_when_told_to_while_the_database_is_away(tidings, web, start):
    url = web.serve(answer(body=atom(*items(3))))
    tidings.add(url)
    worker = start("worker")
    wait_until(lambda: web.requests(url))

    with taken_away(tidings.url):
        time.sleep(1)
        worker.send_signal(signal.SIGTERM)
        _, said = worker.communicate(timeout=PATIENCE)

    assert worker.returncode == 0, said


@on_postgresql
def test_a_password_may_have_a_space(tidings, web, start):
    url = web.serve(answer(body=atom(*items(3))))
    tidings.add(url)
    start("worker", DATABASE__URL=tidings.url.replace("tidings@", "tidings:open%20sesame@"))

    wait_until(lambda: web.requests(url))


@on_postgresql
def test_what_waits_is_listed_cancelled_and_bounded_while_nobody_works(tidings, start):
    clock = start("worker", "--queue", "odd")  # takes nothing else
    wait_until(lambda: {"poll:0", "plan:0", "notices:0"} <= set(waiting(tidings)))
    time.sleep(2)
    clock.send_signal(signal.SIGTERM)
    clock.communicate(timeout=PATIENCE)

    found = tidings("jobs", "list", "--json").json
    cancelled = tidings("jobs", "cancel", found[0]["id"])
    again = tidings("jobs", "cancel", found[0]["id"])

    jobs = [one["job"] for one in found]
    assert len(jobs) == len(set(jobs)) < 20
    assert cancelled.status == 0
    assert again.status != 0
    assert "no job that waits" in again.err
    assert len(tidings("jobs", "list", "--json").json) == len(found) - 1


@on_postgresql
def test_workers_are_listed_with_what_they_do(tidings, start):
    start("worker", "--queue", "poll", "--queue", "mail")

    def heard():
        return [one["heard_at"] for one in tidings("jobs", "workers", "--json").json]

    def figures():
        with tidings.opened() as app, app.database.read() as connection:
            return exposition(status.collect(connection, now=utc_now())).decode()

    wait_until(lambda: len(heard()) == 2)
    assert "tidings_workers 2.0" in figures()
    assert 'tidings_jobs{state="failed"} 0.0' in figures()


@on_postgresql
def test_who_signs_up_wakes_a_worker(tidings, start):
    tidings("newsletter", "add", "news", "--title", "News")
    start("worker", "--queue", "prompt", "--no-clock", MAIL__FOLDER="out")
    wait_until(lambda: tidings("jobs", "workers", "--json").json)

    proofless = tidings.folder / "people.csv"
    proofless.write_text("address\nann@example.org\n")
    asked = tidings("subscriber", "import", proofless, "--newsletter", "news", "--ask")
    wait_until(lambda: list((tidings.folder / "out").glob("*.eml")))

    assert asked.status == 0, asked.err


@on_sqlite
def test_on_sqlite_there_is_one_service(tidings):
    by_workers, by_list = tidings("worker"), tidings("jobs", "list")

    assert (by_workers.status, by_list.status) == (2, 2)
    assert "`tidings run`" in by_workers.err
    assert "`tidings run`" in by_list.err


@on_sqlite
@pytest.mark.parametrize("queue", ["pol", "poll=0", "poll=x", "mail=1000"])
def test_a_queue_that_there_is_not_is_refused(tidings, queue):
    refused = tidings("worker", "--queue", queue)

    assert refused.status == 2
    assert "poll" in refused.err or "64" in refused.err
