"""Whatever a relay answers, and wherever a connection breaks, the outcome has one meaning."""

import time

import pytest

from fake_relay import CLOSE, HANG, PIPELINING, dripping, saying
from tidings.errors import (
    LostReplyError,
    RefusedForNowError,
    RejectedError,
    RelayUnreachableError,
    SenderFaultError,
)

LATER = RefusedForNowError
OURS = SenderFaultError
THEIRS = RejectedError


def case(verb, answer, error, *, stops=False):
    return pytest.param(verb, answer, error, stops, id=f"{verb}: {answer}")


@pytest.mark.parametrize(
    ("verb", "answer", "error", "stops"),
    [
        case("GREETING", "421 4.3.2 too many connections", LATER, stops=True),
        case("GREETING", "554 5.7.1 you are on a list", OURS, stops=True),
        case("GREETING", "521 no mail here", OURS, stops=True),
        case("MAIL", "421 4.4.2 too slow", LATER, stops=True),
        case("MAIL", "450 4.1.8 your domain does not resolve", LATER, stops=True),
        case("MAIL", "452 4.3.1 disk full", LATER, stops=True),
        case("MAIL", "530 5.7.0 authenticate first", OURS, stops=True),
        case("MAIL", "550 5.1.8 who are you", OURS, stops=True),
        case("MAIL", "553 5.7.1 not your address", OURS, stops=True),
        case("MAIL", "552 5.3.4 too big", OURS),
        case("MAIL", "552 too much mail data", OURS),
        case("MAIL", "550 no such user", OURS, stops=True),
        case("MAIL", "552 mailbox full", OURS),
        case("RCPT", "421 4.7.0 slow down", LATER, stops=True),
        case("RCPT", "450 4.7.1 greylisted", LATER),
        case("RCPT", "451 4.3.0 queue trouble", LATER, stops=True),
        case("RCPT", "452 4.2.2 mailbox full", LATER),
        case("RCPT", "552 5.2.2 mailbox full", LATER),
        case("RCPT", "550 5.1.1 nobody here", THEIRS),
        case("RCPT", "550 5.5.0 mailbox unavailable", THEIRS),
        case("RCPT", "550 nobody here", THEIRS),
        case("RCPT", "553 5.1.3 that is no address", THEIRS),
        case("RCPT", "501 5.5.4 that is no address", THEIRS),
        case("RCPT", "550 5.4.1 Recipient address rejected: Access denied.", THEIRS),
        case("RCPT", "550 5.2.1 receiving mail at a rate that prevents more", LATER),
        case("RCPT", "550 Sender verify failed", OURS),
        case("RCPT", "550 relay not permitted", OURS),
        case("RCPT", "554 blocked by our policy", OURS),
        case("RCPT", "552 message size exceeds fixed limit", OURS),
        case("RCPT", "550 Unrouteable address", THEIRS),
        case("RCPT", "503 5.5.1 MAIL first", OURS, stops=True),
        case("RCPT", "530 5.7.0 authenticate first", OURS, stops=True),
        case("RCPT", "550 5.7.1 relaying denied", OURS),
        case("RCPT", "550 #5.7.1 relaying denied", OURS),
        case("DATA", "451 4.3.0 not now", LATER, stops=True),
        case("DATA", "554 5.6.0 no", OURS),
        case("DATA", "554 no valid recipients: user unknown", THEIRS),
        case("END", "421 4.3.2 going down", LATER, stops=True),
        case("END", "451 4.7.1 try again", LATER),
        case("END", "452 4.2.2 mailbox full", LATER),
        case("END", "552 5.2.3 too big", OURS),
        case("END", "552 quota exceeded", THEIRS),
        case("END", "550 no such user here", THEIRS),
        case("END", "554 Transaction failed", OURS),
        case("END", "554 Message rejected: Email address is not verified. news@b.org", OURS),
        case("END", "550 The from address does not match a verified Sender Identity", OURS),
        case("END", "554 Message rejected: Sending paused for this account.", OURS),
        case("END", "550 5.1.1 nobody here", THEIRS),
        case("END", "554 5.7.1 this is spam", OURS),
    ],
)
def test_a_refusal_has_one_meaning(relay, attempt, verb, answer, error, stops):
    relay.script(**{verb: [f"{answer}\r\n".encode()]})

    outcome = attempt()
    after = attempt("bob@example.org")

    assert type(outcome) is error
    assert outcome.because == answer
    assert outcome.recipient == "ann@example.org"
    assert outcome.stops_relay is stops
    assert attempt.marks == (2 if verb == "END" else 1)
    assert after.code == 250
    assert [taken.recipients for taken in relay.taken] == [["bob@example.org"]]


GO_AHEAD = b"354 go ahead\r\n"
TROUBLES = {
    "closes": CLOSE,
    "hangs": HANG,
    "rubbish": b"HTTP/1.1 400 Bad Request\r\n",
    "bytes": b"\0\xff\r\n",
    "hangs within a reply": b"250-half a reply\r\n",
    "an endless reply": b"250-more\r\n" * 200,
    "an endless line": b"250 " + b"x" * 5000,
    "drips": dripping(b"250 slowly\r\n", pause=0.1),
    "closes within a reply": saying(b"250"),
    "no such code": b"199 what?\r\n",
    "answers out of turn": GO_AHEAD,
}
IN_TURN = {("EHLO", GO_AHEAD), ("DATA", GO_AHEAD)}


@pytest.mark.parametrize(
    ("verb", "trouble", "pipelining"),
    [
        pytest.param(verb, trouble, pipelining, id=f"{verb}: {name}{', pipelining' * pipelining}")
        for pipelining, verbs in [
            (False, ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "END"]),
            (True, ["MAIL", "RCPT", "DATA"]),
        ]
        for verb in verbs
        for name, trouble in TROUBLES.items()
        if (verb, trouble) not in IN_TURN
    ],
)
def test_a_broken_connection_is_safe_to_repeat_before_the_letter_and_doubtful_behind(
    relay, attempt, verb, trouble, pipelining
):
    relay.script(**{"EHLO": [PIPELINING] if pipelining else []} | {verb: [trouble]})

    began = time.monotonic()
    outcome = attempt()
    took = time.monotonic() - began

    assert type(outcome) is (LostReplyError if verb == "END" else RelayUnreachableError)
    assert attempt.marks == (verb == "END")
    assert took < 10
    assert len(outcome.because) < 200
    assert attempt("bob@example.org").code == 250
