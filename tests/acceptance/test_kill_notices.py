"""A service killed while it sends a letter that is no issue: nobody gets it twice from us."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

import killed_transactional_sender
from fake_relay import CLOSE, FakeRelay
from installation import on_sqlite
from transactional_mail import ANN, TransactionalMail

PATIENCE = 30


@pytest.fixture
def relay():
    with FakeRelay() as relay:
        yield relay


@pytest.fixture
def post(database):
    return TransactionalMail(database)


@pytest.fixture
def die(post, relay):
    """Start a service that sends what is due, and let it die at a moment."""
    url = post.database.url.render_as_string(hide_password=False)

    def start(moment):
        command = [
            sys.executable,
            killed_transactional_sender.__file__,
            url,
            moment,
            str(relay.port),
        ]
        folder = Path(killed_transactional_sender.__file__).parent
        died = subprocess.run(command, cwd=folder, check=False, timeout=PATIENCE)
        assert died.returncode == -signal.SIGKILL

    return start


def send(post, relay):
    """Be the next service."""
    post.send(killed_transactional_sender.way_to(relay.port))


@pytest.mark.parametrize(
    ("moment", "state", "letters"),
    [
        pytest.param("claimed", "accepted", 1, id="before the marker"),
        pytest.param("marked", "assumed_accepted", 0, id="before the letter"),
        pytest.param("answered", "assumed_accepted", 1, id="before the record"),
    ],
)
@on_sqlite
def test_after_a_kill_the_next_service_knows_what_to_do(post, relay, die, moment, state, letters):
    post.sign_up()
    die(moment)
    found = post.states()

    send(post, relay)

    assert found == ["sending"]
    assert post.states() == [state]
    assert len(relay.taken) == relay.payloads == letters


def test_a_connection_lost_before_the_reply_leads_to_one_copy_more(post, relay):
    post.sign_up()
    relay.script(END=[CLOSE])
    send(post, relay)
    [doubtful] = post.rows()
    send(post, relay)
    payloads = relay.payloads
    post.wait(minutes=11)

    send(post, relay)

    assert (doubtful.state, payloads, relay.payloads) == ("uncertain", 1, 2)
    assert post.states() == ["accepted"]
    [taken] = relay.taken
    assert taken.recipients == [ANN]
    assert f"Message-ID: <{doubtful.message_id}@example.org>\r\n" in taken.letter.decode()
