"""A service killed between a plan and a mailbox: nobody is mailed twice, every doubt is listed."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import killed_issue_sender
from fake_relay import CLOSE, HANG, FakeRelay
from installation import on_sqlite
from newsletter_site import NewsletterSite
from parsed_entries import DAY
from tidings.db.mail_tables import delivery
from tidings.newsletters.retries import RESEND_DELAY

PATIENCE = 30
SEVEN = killed_issue_sender.SEVEN


@pytest.fixture
def relay():
    with FakeRelay() as relay:
        yield relay


@pytest.fixture
def newsletter_site(database):
    """One reader, and one entry for them."""
    newsletter_site = NewsletterSite(database)
    newsletter_site.add_newsletter()
    newsletter_site.subscribe()
    newsletter_site.publish(newsletter_site.follow())
    newsletter_site.now = SEVEN
    return newsletter_site


@pytest.fixture
def service(newsletter_site, relay):
    """Start a process that plans and sends, until it is done or dies at a moment."""
    url = newsletter_site.database.url.render_as_string(hide_password=False)
    processes = []

    def start(moment):
        command = [sys.executable, killed_issue_sender.__file__, url, moment, str(relay.port)]
        processes.append(subprocess.Popen(command, cwd=Path(killed_issue_sender.__file__).parent))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("moment", "left", "states", "letters"),
    [
        pytest.param("composing", [], ["accepted"], 1, id="before the plan is written"),
        pytest.param("planned", ["ready"], ["accepted"], 1, id="before the claim"),
        pytest.param("claimed", ["sending"], ["accepted"], 1, id="before the marker"),
        pytest.param("marked", ["sending"], ["assumed_accepted"], 0, id="before the letter"),
        pytest.param("answered", ["sending"], ["assumed_accepted"], 1, id="before the record"),
    ],
)
@on_sqlite
def test_after_a_kill_the_next_service_knows_what_to_do(
    newsletter_site, relay, service, moment, left, states, letters
):
    died = service(moment).wait(PATIENCE)
    found = newsletter_site.states()
    newsletter_site.publish(1)  # the slot is closed: this is for the next one
    survived = service("never").wait(PATIENCE)

    assert (died, survived) == (-signal.SIGKILL, 0)
    assert found == left
    assert newsletter_site.states() == states
    assert len(relay.taken) == relay.payloads == letters
    assert [newsletter_site.told(row.issue_id) for row in newsletter_site.deliveries()] == [[1]]


def test_killed_while_the_relay_thinks_the_letter_is_not_sent_again(
    newsletter_site, relay, service
):
    relay.script(END=[HANG])
    process = service("never")
    wait_until(lambda: relay.payloads == 1, process)

    process.kill()
    process.wait()
    service("never").wait(PATIENCE)

    assert newsletter_site.states() == ["assumed_accepted"]
    assert relay.payloads == 1


def test_a_connection_lost_at_that_place_leads_to_one_copy_more_the_same_to_the_byte(
    newsletter_site, relay, service
):
    relay.script(END=[CLOSE])
    seen = relay.payloads
    service("never").wait(PATIENCE)
    doubtful = newsletter_site.deliveries()
    with newsletter_site.database.write() as connection:
        connection.execute(delivery.update().values(next_try_at=SEVEN))

    service("never").wait(PATIENCE)

    assert [(row.state, row.next_try_at) for row in doubtful] == [
        ("uncertain", SEVEN + RESEND_DELAY)
    ]
    assert newsletter_site.states() == ["accepted"]
    assert (seen, relay.payloads) == (0, 2)
    [letter] = [taken.letter.decode() for taken in relay.taken]
    assert f"Message-ID: {doubtful[0].message_id}\r\n" in letter


def test_until_its_lease_runs_out_nobody_touches_what_a_service_holds_that_may_live(
    newsletter_site, relay, service
):
    service("marked").wait(PATIENCE)
    with newsletter_site.database.write() as connection:
        connection.execute(delivery.update().values(lease_owner="another machine"))
    service("never").wait(PATIENCE)
    untouched = newsletter_site.states()
    newsletter_site.let_leases_run_out()

    service("never").wait(PATIENCE)

    assert untouched == ["sending"]
    assert newsletter_site.states() == ["assumed_accepted"]
    assert relay.payloads == 0


def test_the_next_slot_tells_what_is_newer_and_nothing_that_may_have_arrived(
    newsletter_site, relay, service
):
    service("answered").wait(PATIENCE)
    newsletter_site.let_leases_run_out()
    later = newsletter_site.publish(1)
    newsletter_site.now += DAY
    newsletter_site.plan()

    rows = newsletter_site.deliveries()
    assert [newsletter_site.told(row.issue_id) for row in rows] == [[1], later]
    assert len(relay.taken) == 1


def wait_until(condition, process):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
