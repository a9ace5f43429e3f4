"""Letters to a relay that works, and the order in which things happen."""

import time

import pytest

from fake_relay import CLOSE, PIPELINING, Taken, saying
from tidings.errors import RefusedForNowError, RelayUnreachableError
from tidings.mail.smtp import Relay
from tidings.mail.transport import Envelope, Reply


@pytest.mark.parametrize("greeting", [pytest.param(PIPELINING, id="pipelining"), None])
def test_a_letter_arrives_byte_for_byte(relay, attempt, letter, greeting):
    if greeting:
        relay.script(EHLO=[greeting])

    reply = attempt()

    assert reply == Reply(code=250, text="2.0.0 queued as 4711")
    assert relay.taken == [
        Taken(sender="bounces@example.org", recipients=["ann@example.org"], letter=letter)
    ]
    assert f"MAIL FROM:<bounces@example.org> SIZE={len(letter)}" in relay.commands


def test_a_dot_that_begins_a_letter_arrives(relay, attempt):
    attempt(letter=b".\r\nall of it\r\n")

    assert [taken.letter for taken in relay.taken] == [b".\r\nall of it\r\n"]


def test_many_letters_share_a_connection(relay, attempt):
    for number in range(5):
        attempt(f"reader{number}@example.org")

    assert relay.connections == 1
    assert [taken.recipients for taken in relay.taken] == [
        [f"reader{number}@example.org"] for number in range(5)
    ]


def test_the_marker_is_set_once_between_go_ahead_and_the_letter(relay, attempt):
    seen = []

    attempt(mark=lambda: seen.append((relay.verbs()[-1], relay.payloads)))

    assert seen == [("DATA", 0)]


def test_what_the_marker_raises_stops_the_letter(relay, attempt):
    def fail():
        raise LookupError("the delivery is somebody else's")

    with pytest.raises(LookupError):
        attempt(mark=fail)
    reply = attempt("bob@example.org")

    assert reply.code == 250
    assert [taken.recipients for taken in relay.taken] == [["bob@example.org"]]


def test_a_relay_that_knows_only_helo_is_fine(relay, attempt):
    relay.script(EHLO=[b"502 what?\r\n"])

    attempt()

    assert relay.taken
    assert not any("SIZE" in command for command in relay.commands)


def test_a_long_reply_is_kept_on_one_short_line(relay, attempt):
    lines = b"".join(b"250-\x1b[31m%d \xff%s\r\n" % (n, b"x" * 100) for n in range(20))
    relay.script(END=[lines + b"250 done\r\n"])

    reply = attempt()

    assert reply.code == 250
    assert len(reply.text) == 500
    assert reply.text.isprintable()


@pytest.mark.parametrize("good_bye", [b"", b"421 4.4.2 idle for too long\r\n"])
def test_the_connection_is_made_again_after_the_relay_ended_it(relay, attempt, good_bye):
    relay.script(END=[saying(b"250 ok\r\n" + good_bye)])

    first = attempt()
    while not relay.closed:
        time.sleep(0.01)
    second = attempt("bob@example.org")

    assert (first.code, second.code) == (250, 250)
    assert relay.connections == 2


def test_a_connection_that_breaks_between_two_letters_costs_neither(relay, attempt):
    relay.script(MAIL=[b"250 ok\r\n", CLOSE])

    first = attempt()
    second = attempt("bob@example.org")

    assert (first.code, second.code) == (250, 250)
    assert relay.connections == 2
    assert attempt.marks == 2


@pytest.mark.parametrize("greeting", [pytest.param(PIPELINING, id="pipelining"), None])
def test_a_relay_that_has_had_enough_messages_gets_the_next_over_a_new_connection(
    relay, attempt, greeting
):
    relay.script(EHLO=[greeting] * 2 if greeting else [])
    relay.script(MAIL=[b"250 ok\r\n", b"421 4.7.0 that will do\r\n"])

    replies = [attempt(), attempt("bob@example.org")]

    assert [reply.code for reply in replies] == [250, 250]
    assert relay.connections == 2


def test_a_relay_that_is_closing_at_once_is_believed(relay, attempt):
    relay.script(MAIL=[b"421 4.3.2 going down\r\n"])

    assert isinstance(attempt(), RefusedForNowError)


def test_a_refused_recipient_leaves_the_connection_to_the_next(relay, attempt):
    relay.script(RCPT=[b"550 5.1.1 nobody here\r\n"])

    attempt("nobody@example.org")
    attempt("bob@example.org")

    assert relay.connections == 1
    assert "RSET" in relay.verbs()
    assert [taken.recipients for taken in relay.taken] == [["bob@example.org"]]


def test_a_refused_recipient_leaves_a_pipeline_to_the_next(relay, attempt):
    relay.script(
        EHLO=[PIPELINING],
        RCPT=[b"550 5.1.1 nobody here\r\n"],
        DATA=[b"554 5.5.1 no valid recipients\r\n"],
    )

    error = attempt("nobody@example.org")
    attempt("bob@example.org")

    assert error.because == "550 5.1.1 nobody here"
    assert relay.connections == 1
    assert [taken.recipients for taken in relay.taken] == [["bob@example.org"]]


def test_a_relay_that_waits_for_a_letter_to_nobody_gets_none(relay, attempt):
    relay.script(EHLO=[PIPELINING], RCPT=[b"550 5.1.1 nobody here\r\n"])

    error = attempt("nobody@example.org")
    attempt("bob@example.org")

    assert error.because == "550 5.1.1 nobody here"
    assert relay.connections == 2
    assert relay.payloads == 1


def test_a_relay_that_says_good_bye_in_a_pipeline_is_heard(relay, attempt):
    relay.script(EHLO=[PIPELINING], MAIL=[saying(b"421 4.3.2 going down\r\n")])

    error = attempt()

    assert isinstance(error, RefusedForNowError)
    assert error.because == "421 4.3.2 going down"
    assert error.stops_relay


def test_a_relay_with_several_addresses_in_an_envelope_cannot_be_made():
    with pytest.raises(ValueError, match="not an address"):
        Envelope(sender="news@example.org", recipient="a@example.org>\r\nRCPT TO:<b@example.org")


def test_a_port_where_nobody_listens_is_unreachable(relay, settings_for, attempts_at):
    settings = settings_for(relay)
    relay.script(GREETING=[CLOSE])

    with Relay(settings).connect() as send:
        attempt = attempts_at(send)
        closed = attempt()
    relay._run(relay._close())
    with Relay(settings).connect() as send:
        refused = attempts_at(send)()

    assert isinstance(closed, RelayUnreachableError)
    assert isinstance(refused, RelayUnreachableError)
    assert refused.because == "Connection refused"
    assert refused.stops_relay
