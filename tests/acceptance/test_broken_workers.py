"""Workers, broken in ways that happen: all is polled and sent once all the same, and they go on."""

import json
import signal
import time
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest

from doubled_jobs import doubled
from fake_publisher import answer
from fake_relay import FakeRelay
from feed_documents import an_item, atom
from installation import wait_until
from newsletter_site import NewsletterSite
from shifted_clock import ahead_by
from tidings.db.database import Database
from tidings.model.newsletters import Frequency

PATIENCE = 60
SOURCES, READERS = 16, 30

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def start(tidings):
    """Start workers, which log into files of their own, and end all that are left at the end."""
    with ExitStack() as ends:

        def start(*arguments, **environment):
            process = tidings.start("worker", *arguments, **environment)
            ends.callback(process.communicate)
            ends.callback(process.kill)
            return process

        yield start


@pytest.fixture
def relay():
    with FakeRelay() as relay:
        yield relay


@pytest.fixture
def site(tidings):
    """A newsletter with readers who want to hear of everything at once."""
    site = NewsletterSite(Database(tidings.url), now=datetime.now(UTC))
    site.add_newsletter()
    for number in range(READERS):
        site.subscribe(f"reader{number}@example.org", frequency=Frequency.INSTANT)
    yield site
    site.database.close()


def serve(web, number):
    """Have feeds that tell of something new each; return their addresses."""
    new = {"published": datetime.now(UTC)}
    return [web.serve(answer(body=atom(an_item(n, **new), title=str(n)))) for n in range(number)]


def waiting(tidings, state="waiting"):
    found = tidings("jobs", "list", "--json").json
    return [one["job"] for one in found if one["state"] == state]


def entries(tidings):
    return len(tidings("entry", "list", "--json", "--limit", 0).json)


def lines(said, message):
    return [one for one in map(json.loads, said.splitlines()) if one["message"] == message]


def errors(said):
    return [one for one in map(json.loads, said.splitlines()) if one["level"] == "error"]


def test_two_clocks_make_nobody_poll_twice(tidings, web, start):
    urls = serve(web, SOURCES)
    tidings.add(*urls)

    for _ in range(2):
        start("--queue", "poll", POLL__TICK="0.2s")
    wait_until(lambda: entries(tidings) == SOURCES)
    time.sleep(2)

    assert [len(web.requests(url)) for url in urls] == [1] * SOURCES


def test_jobs_that_wait_twice_poll_and_send_once(tidings, web, start, site, relay):
    urls = serve(web, SOURCES)
    tidings.add(*urls)
    tidings.execute("UPDATE source SET imported = false")  # whose first entries are in no letter
    by_smtp = {"MAIL__TRANSPORT": "smtp", "MAIL__FROM": "news@example.net"}

    with doubled(tidings.execute):
        for _ in range(2):
            start(POLL__TICK="1s", SMTP__PORT=relay.port, SMTP__SENDERS=2, **by_smtp)
        wait_until(lambda: entries(tidings) == SOURCES)
        tidings.execute("UPDATE subscription SET next_issue_at = now()")
        tidings.execute("DELETE FROM procrastinate_jobs WHERE status = 'todo'")
        defer(tidings, "plan")
        wait_until(lambda: len(relay.taken) >= READERS)
        time.sleep(1)

    assert [len(web.requests(url)) for url in urls] == [1] * SOURCES
    assert set(Counter(one for letter in relay.taken for one in letter.recipients).values()) == {1}


def test_a_worker_that_was_stopped_saves_nothing_twice_and_goes_on(tidings, web, start):
    slow, late, *quick = serve(web, SOURCES)
    tidings.add(slow, *quick)
    stopped = start("--queue", "poll", POLL__TICK="1s")
    wait_until(lambda: web.requests(slow))

    stopped.send_signal(signal.SIGSTOP)
    asked = sum(len(web.requests(url)) for url in (slow, *quick))
    be_gone_for_minutes(tidings)
    other = start("--queue", "poll", POLL__TICK="1s")
    wait_until(lambda: entries(tidings) == SOURCES - 1)
    other.send_signal(signal.SIGTERM)
    other.communicate(timeout=PATIENCE)
    stopped.send_signal(signal.SIGCONT)
    tidings.add(late)
    wait_until(lambda: entries(tidings) == SOURCES)
    stopped.send_signal(signal.SIGTERM)
    _, said = stopped.communicate(timeout=PATIENCE)

    assert asked
    assert stopped.returncode == 0, said
    assert errors(said) == []


def test_jobs_of_a_newer_version_are_swept_and_hold_up_nothing(tidings, web, start):
    [url] = serve(web, 1)
    worker = start("--queue", "poll")
    for _ in range(3):
        defer(tidings, "novelty", queue="poll")
        wait_until(lambda: "novelty:0" not in waiting(tidings))
    tidings.add(url)
    defer(tidings, "poll", queue="poll")
    wait_until(lambda: web.requests(url))
    wait_until(lambda: not waiting(tidings, state="failed"))
    worker.send_signal(signal.SIGTERM)
    _, said = worker.communicate(timeout=PATIENCE)

    assert worker.returncode == 0, said
    [told] = lines(said, "jobs of an unknown kind")
    assert "novelty" in told["because"]


def test_who_works_on_a_database_of_another_version_ends_and_says_so(tidings, start):
    worker = start("--queue", "poll")
    wait_until(lambda: tidings("jobs", "workers", "--json").json)

    tidings.execute("UPDATE alembic_version SET version_num = '9999'")
    _, said = worker.communicate(timeout=PATIENCE)

    assert worker.returncode == 2
    assert "made by a newer tidings than this one" in said
    assert "Traceback" not in said


def test_a_clock_that_is_not_the_databases_is_told_of(tidings, start):
    worker = start("--queue", "poll", program=ahead_by(30))
    with tidings.start("doctor", "--json", program=ahead_by(30)) as doctor:
        out, _ = doctor.communicate(timeout=PATIENCE)
    wait_until(lambda: tidings("jobs", "workers", "--json").json)
    worker.send_signal(signal.SIGTERM)
    _, said = worker.communicate(timeout=PATIENCE)

    [told] = [one for one in said.splitlines() if "clock differs from the database's" in one]
    assert '"by": "+30 s"' in told
    [clock] = [one for one in json.loads(out) if one["what"] == "clock"]
    assert (clock["level"], clock["said"][:11]) == ("warning", "30 s apart ")
    assert "NTP" in clock["advice"]


def defer(tidings, name, queue="mail"):
    tidings.execute(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock, args)"
        f" VALUES ('{queue}', '{name}', '{name}:0', '{{}}') ON CONFLICT DO NOTHING"
    )


def be_gone_for_minutes(tidings):
    """Do what minutes do with who gives no sign of life."""
    tidings.execute("UPDATE host SET lease_until = now() WHERE lease_until > now()")
    tidings.execute("DELETE FROM procrastinate_workers")
