"""What a relay must offer before it gets a password or a letter."""

import logging

import pytest

from fake_relay import FakeRelay, credentials
from tidings.errors import RefusedForNowError, RelayUnreachableError, SenderFaultError
from tidings.mail.smtp import Relay

WITH_AUTH = b"250-relay.example.org\r\n250-AUTH PLAIN\r\n250 SIZE 1000\r\n"
WITH_CRAM = b"250-relay.example.org\r\n250 AUTH CRAM-MD5\r\n"
WITH_STARTTLS = b"250-relay.example.org\r\n250 STARTTLS\r\n"


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_letter_and_a_password_go_over_an_encrypted_connection(
    settings_for, attempts_at, server_tls, trusted, security
):
    with FakeRelay(tls=server_tls, implicit_tls=security == "tls") as relay:
        greetings = {"starttls": [WITH_STARTTLS, WITH_AUTH], "tls": [WITH_AUTH]}
        relay.script(EHLO=greetings[security])
        settings = settings_for(relay, security=security, user="ann", password="s3cret word")

        with Relay(settings).connect() as send:
            replies = [attempts_at(send)() for _ in range(3)]

    assert [reply.code for reply in replies] == [250, 250, 250]
    assert relay.connections == 1
    auth = next(command for command in relay.commands if command.startswith("AUTH"))
    assert credentials(auth) == ["ann", "s3cret word"]


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_that_nobody_vouches_for_is_not_accepted(
    settings_for, attempts_at, server_tls, security
):
    with FakeRelay(tls=server_tls, implicit_tls=security == "tls") as relay:
        relay.script(EHLO=[WITH_STARTTLS])

        with Relay(settings_for(relay, security=security)).connect() as send:
            outcome = attempts_at(send)()

    assert isinstance(outcome, RelayUnreachableError)
    assert "certificate verify failed" in outcome.because
    assert "MAIL" not in relay.verbs()


def test_a_relay_without_starttls_gets_nothing_in_clear(relay, settings_for, attempts_at):
    relay.script(EHLO=[WITH_AUTH])
    settings = settings_for(relay, security="starttls", user="ann", password="s3cret")

    with Relay(settings).connect() as send:
        outcome = attempts_at(send)()

    assert isinstance(outcome, SenderFaultError)
    assert outcome.because == "STARTTLS extension not supported by server"
    assert outcome.stops_relay
    assert relay.verbs() == ["EHLO"]


@pytest.mark.parametrize(
    ("ehlo", "answers", "error"),
    [
        pytest.param(WITH_AUTH, [b"535 5.7.8 wrong\r\n"], SenderFaultError, id="wrong password"),
        pytest.param(WITH_AUTH, [b"530 5.7.0 TLS first\r\n"], SenderFaultError, id="TLS first"),
        pytest.param(WITH_AUTH, [b"454 4.7.0 later\r\n"], RefusedForNowError, id="not now"),
        pytest.param(WITH_CRAM, [b"334 A\r\n"], RelayUnreachableError, id="rubbish"),
        pytest.param(b"250 AUTH KERBEROS_V9\r\n", [], SenderFaultError, id="no AUTH at all"),
        pytest.param(
            b"250-relay.example.org\r\n250 AUTH KERBEROS_V9\r\n", [], SenderFaultError, id="exotic"
        ),
    ],
)
def test_a_relay_that_does_not_let_us_in_is_nobody_elses_fault(
    relay, settings_for, attempts_at, caplog, ehlo, answers, error
):
    caplog.set_level(logging.DEBUG)
    relay.script(EHLO=[ehlo], AUTH=answers)

    with Relay(settings_for(relay, user="ann", password="s3cret")).connect() as send:
        outcome = attempts_at(send)()

    assert type(outcome) is error
    assert outcome.stops_relay
    assert "s3cret" not in f"{outcome} {caplog.text}"
