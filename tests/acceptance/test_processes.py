"""`tidings run` is two processes: whatever ends one of them, the service goes on or ends whole."""

import json
import os
import signal
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import update

from fake_publisher import answer, dripping
from fake_relay import HANG, FakeRelay
from feed_documents import atom, items, recent_items
from installation import on_sqlite, wait_until
from tidings.db.mail_tables import subscription

PATIENCE = 30
SOON = 10
"""Seconds within which a service has ended, as supervisors wait for it."""

HOUR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)

pytestmark = on_sqlite


@pytest.fixture
def service(tidings):
    """Start the service in a group of its own, as a terminal does."""

    @contextmanager
    def started(**settings):
        usual = {"LOG__FORMAT": "json", "POLL__TICK": "0.2s", "WEB__PORT": 0}
        log = tidings.folder / "log"
        with (
            log.open("w") as stderr,
            tidings.start("run", stderr=stderr, **usual | settings) as process,
        ):
            try:
                yield Service(process, log)
            finally:
                for pid in [process.pid, *descendants(process.pid)]:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)

    return started


@pytest.fixture
def relay():
    with FakeRelay() as relay:
        yield relay


class Service:
    def __init__(self, process, log):
        self.process = process
        self.log = log

    @property
    def worker(self):
        """The process that polls and mails; None while there is none."""
        found = [pid for pid in children(self.process.pid) if b"spawn_main" in command_of(pid)]
        return found[0] if found else None

    def said(self, message):
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [line for line in lines if line["message"] == message]


def command_of(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def children(pid):
    """Return the processes whose parent this is."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if int(parent) == pid and state != "Z":
                found.append(int(stat.parent.name))
    return found


def descendants(pid):
    return [below for child in children(pid) for below in [child, *descendants(child)]]


def are_gone(pids):
    return not any(command_of(pid) for pid in pids)


def by_smtp(relay):
    return {
        "MAIL__TRANSPORT": "smtp",
        "MAIL__FROM": "news@tidings.example.net",
        "SMTP__HOST": "127.0.0.1",
        "SMTP__PORT": relay.port,
    }


def with_news_for_a_reader(tidings, url):
    """Have entries that a reader of a newsletter has not had."""
    tidings("newsletter", "add", "updates", "--title", "Latest updates")
    tidings("subscriber", "add", "ada@example.net", "--newsletter", "updates")
    tidings("source", "add", url)
    tidings("subscriber", "edit", "ada@example.net", "--newsletter", "updates", "--hour", HOUR.hour)


def make_an_issue_due(tidings):
    with tidings.opened() as app, app.database.write() as connection:
        connection.execute(update(subscription).values(next_issue_at=HOUR))


def test_when_what_polls_and_mails_is_killed_it_is_started_again(service, tidings, web, relay):
    with_news_for_a_reader(tidings, web.serve(answer(body=atom(*recent_items(3)))))
    before, after = (web.serve(answer(body=atom(*items(3)))) for _ in range(2))

    with service(**by_smtp(relay)) as running:
        tidings.add(before)
        wait_until(lambda: web.requests(before) and descendants(running.worker))
        killed = running.worker
        others = descendants(killed)
        os.kill(killed, signal.SIGKILL)
        make_an_issue_due(tidings)
        tidings.add(after)
        wait_until(lambda: web.requests(after) and relay.taken)
        wait_until(lambda: are_gone(others))
        again = running.worker

    assert again not in {None, killed}
    [said] = running.said("child ended")
    assert (said["level"], said["because"]) == ("warning", "killed by signal 9")


def test_a_setting_that_only_mailing_needs_ends_the_service(tidings):
    done = tidings.call("run", WEB__PORT=0, MAIL__TRANSPORT="smtp")

    assert done.status == 2
    *_, said = done.err.splitlines()
    assert said.startswith("tidings: [mail] from: tidings@example.org is nobody's")
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    "which",
    [
        pytest.param(lambda pids: [(pids[0], signal.SIGTERM)], id="a supervisor's SIGTERM"),
        pytest.param(lambda pids: [(one, signal.SIGINT) for one in pids], id="Ctrl-C"),
        pytest.param(lambda pids: [(one, signal.SIGTERM) for one in pids[:3]], id="SIGTERM to all"),
    ],
)
def test_told_to_end_the_service_ends_whole_and_in_order(service, web, tidings, which):
    slow = web.serve(dripping(answer(Content_Length=10_000), b"x"))
    tidings.add(slow)

    with service() as running:
        wait_until(lambda: web.requests(slow))
        everybody = [running.process.pid, *descendants(running.process.pid)]
        for pid, signum in which(everybody):
            os.kill(pid, signum)
        status = running.process.wait(SOON)
        wait_until(lambda: are_gone(everybody))

    assert status == 0
    assert "Traceback" not in running.log.read_text()
    assert running.said("child ended") == []
    [source] = tidings("source", "list", "--json").json
    assert (source["last_polled_at"], source["failures"]) == (None, 0)


def test_a_second_ctrl_c_ends_all_at_once(service, tidings, web, relay):
    with_news_for_a_reader(tidings, web.serve(answer(body=atom(*recent_items(3)))))
    make_an_issue_due(tidings)
    relay.script(END=[HANG])

    with service(**by_smtp(relay)) as running:
        wait_until(lambda: relay.payloads)
        everybody = [running.process.pid, *descendants(running.process.pid)]
        for pid in everybody:
            os.kill(pid, signal.SIGINT)
        time.sleep(2)
        waited = running.process.poll() is None
        asked_at = time.monotonic()
        for pid in everybody:
            os.kill(pid, signal.SIGINT)
        status = running.process.wait(SOON)
        wait_until(lambda: are_gone(everybody))
        took = time.monotonic() - asked_at

    assert waited
    assert status == -signal.SIGINT
    assert took < 3
    assert "Traceback" not in running.log.read_text()


def test_when_the_service_is_killed_what_polls_and_mails_ends_in_order(service, tidings, web):
    slow = web.serve(dripping(answer(Content_Length=10_000), b"x"))
    tidings.add(slow)

    with service() as running:
        wait_until(lambda: web.requests(slow))
        everybody = [running.process.pid, *descendants(running.process.pid)]
        running.process.kill()
        killed_at = time.monotonic()
        wait_until(lambda: are_gone(everybody))
        took = time.monotonic() - killed_at

    assert took < SOON
    assert "Traceback" not in running.log.read_text()
    # Its leases are free at once: it did not just die.
    assert tidings.polled(1, FETCH__TOTAL_TIMEOUT="1s")[slow]["outcome"] == "failed"
