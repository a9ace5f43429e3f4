"""The envelope of the next letter, sent along with the one before."""

import time

import pytest

from fake_relay import CLOSE, PIPELINING, saying
from tidings.errors import LostReplyError, RejectedError, SenderFaultError
from tidings.mail.smtp import Relay

ANN, BOB, EVE = "ann@example.org", "bob@example.org", "eve@example.org"


@pytest.fixture
def pipelining(relay):
    relay.script(EHLO=[PIPELINING] * 3)
    return relay


def send(attempt, message_to, *recipients):
    """Send a letter to each, every one with the next; return what came of them."""
    messages = [message_to(recipient) for recipient in recipients]
    pairs = zip(messages, [*messages[1:], None], strict=True)
    return [attempt.send(one, following=following) for one, following in pairs]


def recipients(relay):
    return [taken.recipients for taken in relay.taken]


def test_all_arrive_over_one_connection_and_each_has_its_marker(pipelining, attempt, message_to):
    replies = send(attempt, message_to, ANN, BOB, EVE)

    assert [reply.code for reply in replies] == [250] * 3
    assert recipients(pipelining) == [[ANN], [BOB], [EVE]]
    assert (pipelining.connections, attempt.marks) == (1, 3)


def test_the_marker_of_the_next_is_set_after_the_reply_to_the_first(
    pipelining, attempt, message_to
):
    first, second = message_to(ANN), message_to(BOB)
    seen = []

    attempt.send(first, following=second)
    attempt.send(second, mark=lambda: seen.append(pipelining.payloads))

    assert pipelining.verbs()[1:] == ["MAIL", "RCPT", "DATA"] * 2
    assert seen == [1]


def test_a_relay_without_pipelining_is_asked_step_by_step(relay, attempt, message_to):
    first, second = message_to(ANN), message_to(BOB)

    attempt.send(first, following=second)
    before = relay.verbs().count("MAIL")
    attempt.send(second)

    assert before == 1
    assert recipients(relay) == [[ANN], [BOB]]


def test_something_else_may_be_sent_after_all(pipelining, attempt, message_to):
    attempt.send(message_to(ANN), following=message_to(BOB))
    reply = attempt.send(message_to(EVE))

    assert reply.code == 250
    assert recipients(pipelining) == [[ANN], [EVE]]


def test_nothing_may_follow(pipelining, settings_for, attempts_at, message_to):
    with Relay(settings_for(pipelining)).connect() as connection:
        attempts_at(connection).send(message_to(ANN), following=message_to(BOB))

    assert recipients(pipelining) == [[ANN]]
    assert "QUIT" not in pipelining.verbs()  # it would have been a line of the letter to Bob


def test_a_refused_letter_costs_the_next_nothing(pipelining, attempt, message_to):
    pipelining.script(END=[b"554 5.7.1 this is spam\r\n"])

    first, second = send(attempt, message_to, ANN, BOB)

    assert isinstance(first, SenderFaultError)
    assert second.code == 250
    assert (recipients(pipelining), pipelining.connections) == ([[BOB]], 1)


def test_a_refused_recipient_costs_the_next_nothing(pipelining, attempt, message_to):
    pipelining.script(
        RCPT=[b"250 ok\r\n", b"550 5.1.1 nobody here\r\n"],
        DATA=[b"354 go ahead\r\n", b"554 5.5.1 no valid recipients\r\n"],
    )

    _, second, third = send(attempt, message_to, ANN, BOB, EVE)

    assert isinstance(second, RejectedError)
    assert third.code == 250
    assert recipients(pipelining) == [[ANN], [EVE]]


def test_a_lost_reply_leaves_the_next_to_a_new_connection(pipelining, attempt, message_to):
    pipelining.script(END=[CLOSE])

    first, second = send(attempt, message_to, ANN, BOB)

    assert isinstance(first, LostReplyError)
    assert second.code == 250
    assert recipients(pipelining) == [[BOB]]
    assert attempt.marks == 2


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param({"MAIL": [b"250 ok\r\n", CLOSE]}, id="closed"),
        pytest.param({"END": [saying(b"250 ok\r\n421 4.7.0 that will do\r\n")]}, id="421 unasked"),
        pytest.param({"MAIL": [b"250 ok\r\n", b"421 4.7.0 that will do\r\n"]}, id="421 to MAIL"),
        pytest.param({"MAIL": [b"250 ok\r\n", b"503 5.5.0 pipelining\r\n"]}, id="out of order"),
        pytest.param(
            {"RCPT": [b"250 ok\r\n", b"503 5.5.1 bad order\r\n"]}, id="out of order later"
        ),
    ],
)
def test_who_does_not_want_the_next_so_early_gets_it_over_a_new_connection(
    pipelining, attempt, message_to, answers
):
    pipelining.script(**answers)

    replies = send(attempt, message_to, ANN, BOB, EVE)

    assert [reply.code for reply in replies] == [250] * 3
    assert recipients(pipelining)[-2:] == [[BOB], [EVE]]
    assert (pipelining.connections, attempt.marks) == (2, 3)


@pytest.mark.parametrize(
    ("answers", "goes_on"),
    [
        pytest.param([b"250 ok\r\n", b"250 ok\r\n", CLOSE], True, id="it could before"),
        pytest.param([b"250 ok\r\n", CLOSE], False, id="it never could"),
    ],
)
def test_who_only_closes_the_connection_gets_the_next_early_again(
    pipelining, attempt, message_to, answers, goes_on
):
    pipelining.script(MAIL=answers)
    replies = send(attempt, message_to, ANN, BOB, EVE)

    last, unsent = message_to(ANN), message_to(BOB)
    attempt.send(last, following=unsent)
    time.sleep(0.2)  # until the relay has read what came along
    before = pipelining.verbs().count("MAIL")
    attempt.send(unsent)

    assert [reply.code for reply in replies] == [250] * 3
    assert (pipelining.verbs().count("MAIL") == before) == goes_on


def test_at_a_limited_rate_no_connection_waits_within_a_letter(
    pipelining, settings_for, attempts_at, message_to
):
    first, second = message_to(ANN), message_to(BOB)
    with Relay(settings_for(pipelining, per_second=50)).connect() as connection:
        attempts_at(connection).send(first, following=second)
        before = pipelining.verbs().count("MAIL")
        attempts_at(connection).send(second)

    assert before == 1
    assert recipients(pipelining) == [[ANN], [BOB]]
