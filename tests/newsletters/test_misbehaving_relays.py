"""Whatever a real relay does: what is on record, what the relay holds, and how often it was asked."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import delete, update

from fake_relay import CLOSE, HANG, PIPELINING, FakeRelay, dripping, saying
from newsletter_site import NewsletterSite
from parsed_entries import DAY, HOUR, NOON
from tidings.db.mail_tables import delivery, relay
from tidings.mail.settings import SmtpSettings
from tidings.mail.smtp import Relay

SEVEN = NOON - 5 * HOUR + DAY
LATER = timedelta(hours=3)
ADDRESS = "ann@example.org"
SHORT = timedelta(seconds=0.3)
LONG = timedelta(seconds=10)
HUGE = b"250-" + b"\x1b[31m\0\xff" * 150 + b"\r\n"


@dataclass(frozen=True)
class Case:
    """What a relay does once, before it behaves; then first what is found, and in the end.

    Attributes:
        copies: Letters that the relay holds after the misfortune, and in the end.
        attempts: In the end.
    """

    name: str
    script: dict
    state: str
    copies: tuple[int, int] = (0, 1)
    end: str = "accepted"
    attempts: int = 2
    security: str = "none"


CASES = [
    *(
        Case(f"4xx at {verb}", {verb: [b"451 4.7.1 later\r\n"]}, "deferred")
        for verb in ("GREETING", "MAIL", "RCPT", "DATA", "END")
    ),
    *(
        Case(f"421 at {verb}", {verb: [saying(b"421 4.3.2 going down\r\n")]}, "deferred")
        for verb in ("GREETING", "EHLO", "MAIL", "RCPT", "DATA")
    ),
    *(
        Case(f"hangs at {verb}", {verb: [HANG]}, "deferred")
        for verb in ("GREETING", "EHLO", "MAIL", "RCPT", "DATA")
    ),
    *(
        Case(f"closes at {verb}", {verb: [CLOSE]}, "deferred")
        for verb in ("GREETING", "EHLO", "MAIL", "RCPT", "DATA")
    ),
    Case("drips", {"MAIL": [dripping(b"250 slowly\r\n", pause=0.1)]}, "deferred"),
    Case("control characters for ever", {"MAIL": [HUGE * 200]}, "deferred"),
    Case("who are you", {"MAIL": [b"550 5.7.1 who are you\r\n"]}, "held"),
    Case("spam", {"END": [b"554 5.7.1 spam\r\n"]}, "held"),
    Case("STARTTLS is stripped", {}, "held", copies=(0, 0), end="held", security="starttls"),
    Case(
        "TLS fails",
        {
            "EHLO": [b"250-relay\r\n250 STARTTLS\r\n"] * 2,
            "STARTTLS": [saying(b"220 go\r\nwhat\r\n")] * 2,
        },
        "deferred",
        copies=(0, 0),
        end="deferred",
        security="starttls",
    ),
    *(
        Case(
            f"5xx at {verb}",
            {verb: [b"550 5.1.1 nobody here\r\n"]},
            "rejected",
            (0, 0),
            "rejected",
            1,
        )
        for verb in ("RCPT", "END")
    ),
    Case("closes instead of a reply", {"END": [CLOSE]}, "uncertain"),
    Case("hangs instead of a reply", {"END": [HANG]}, "uncertain", (1, 2)),
    Case("half a reply", {"END": [saying(b"250")]}, "uncertain"),
    Case(
        "closes after every dot", {"END": [CLOSE, CLOSE]}, "uncertain", (0, 0), "assumed_accepted"
    ),
    Case(
        "rejects the second copy",
        {"END": [CLOSE, b"550 5.7.0 seen\r\n"]},
        "uncertain",
        (0, 0),
        "uncertain",
    ),
    Case("a long reply", {"END": [HUGE * 50 + b"250 ok\r\n"]}, "accepted", (1, 1), attempts=1),
    Case("without 8BITMIME", {"EHLO": [b"250 relay\r\n"]}, "accepted", (1, 1), attempts=1),
    Case("with pipelining", {"EHLO": [PIPELINING]}, "accepted", (1, 1), attempts=1),
    Case(
        "pipelining, and nobody",
        {"EHLO": [PIPELINING], "RCPT": [b"550 5.1.1 no\r\n"]},
        "rejected",
        (0, 0),
        "rejected",
        1,
    ),
]


@pytest.fixture
def newsletter_site(database):
    """One letter that is ready."""
    newsletter_site = NewsletterSite(database)
    newsletter_site.add_newsletter()
    newsletter_site.subscribe(ADDRESS)
    newsletter_site.publish(newsletter_site.follow())
    newsletter_site.now = SEVEN
    newsletter_site.plan()
    return newsletter_site


def test_every_misfortune_is_on_record_and_nobody_gets_what_is_not_theirs(newsletter_site):
    outcomes = {case.name: outcome(newsletter_site, case) for case in CASES}

    assert outcomes == {
        case.name: (case.state, case.end, *case.copies, case.attempts, {ADDRESS}) for case in CASES
    }


def outcome(newsletter_site, case):
    """Send the letter, as if for the first time; and again when its time has come."""
    begin_again(newsletter_site)
    with FakeRelay() as sink:
        sink.script(**case.script)
        newsletter_site.deliver(Relay(settings(sink.port, case)))
        first, held = newsletter_site.states()[0], len(sink.taken)
        newsletter_site.now += LATER
        newsletter_site.deliver(Relay(settings(sink.port, case, patient=True)))
        recipients = {one for taken in sink.taken for one in taken.recipients}
        [row] = newsletter_site.deliveries()
        return first, row.state, held, len(sink.taken), row.attempts, recipients | {ADDRESS}


def begin_again(newsletter_site):
    newsletter_site.now = SEVEN
    fresh = {
        "state": "ready",
        "attempts": 0,
        "next_try_at": SEVEN,
        "marked_at": None,
        "resent": False,
        "finished_at": None,
    }
    with newsletter_site.database.write() as connection:
        connection.execute(delete(relay))
        connection.execute(update(delivery).values(fresh))


def settings(port, case, *, patient=False):
    """Return how to meet that relay: only what it never says is not waited for."""
    is_silent = case.name.startswith(("hangs", "drips")) and not patient
    return SmtpSettings(
        host="127.0.0.1",
        port=port,
        security=case.security,
        user="",
        password="",
        timeout=SHORT if is_silent and "END" not in case.script else LONG,
        reply_timeout=SHORT if is_silent else LONG,
        connections=1,
        per_second=0,
    )
