"""Letters that come back, from the relay's refusal or report to an address that gets no more."""

import re
import sys
from email import message_from_bytes
from email.policy import default
from io import BytesIO, TextIOWrapper
from subprocess import PIPE

import pytest

from bounce_reports import VACATION, a_report
from fake_publisher import answer
from fake_relay import FakeRelay
from feed_documents import atom, recent_items

PROMISED = {"id", "at", "kind", "status", "subscriber", "newsletter", "slot", "diagnostic"}
READERS = ("ada@example.net", "bob@example.net")


@pytest.fixture
def relay():
    with FakeRelay() as relay:
        yield relay


SES = b"554 Message rejected: Email address is not verified. These failed: news@b.example\r\n"
MISCONFIGURED = {
    "the sender is not verified": {"END": [SES]},
    "the size, before anybody is named": {"MAIL": [b"552 too much mail data\r\n"]},
    "the sender, after the recipient": {"RCPT": [b"550 Sender verify failed\r\n"]},
    "everybody is unknown": {"RCPT": [b"550 5.1.1 unknown in relay recipient table\r\n"]},
}


@pytest.mark.parametrize("refusal", list(MISCONFIGURED.values()), ids=list(MISCONFIGURED))
def test_a_misconfigured_relay_ends_nobodys_subscription(tidings_on_sqlite, web, relay, refusal):
    tidings, readers = (
        tidings_on_sqlite,
        [f"r{number}@{number % 4}.example" for number in range(12)],
    )
    settings = {
        "MAIL__TRANSPORT": "smtp",
        "MAIL__FROM": "Tidings <news@tidings.example.net>",
        "SMTP__HOST": "127.0.0.1",
        "SMTP__PORT": relay.port,
        "BOUNCE__MAILDIR": tidings.folder / "mail",
    }
    for name in ("new", "cur", "tmp"):
        (tidings.folder / "mail" / name).mkdir(parents=True)
    relay.script(**{verb: answers * 100 for verb, answers in refusal.items()})
    tidings("newsletter", "add", "updates", "--title", "Latest updates")
    for address in readers:
        tidings("subscriber", "add", address, "--newsletter", "updates")
    tidings("source", "add", web.serve(answer(body=atom(*recent_items(3)))))

    tidings("issue", "send", "updates", "--yes", status=1, **settings)
    tidings("bounce", "read", **settings)

    assert tidings("bounce", "list", "--json").json == []
    assert tidings("suppression", "list", "--json").json == []
    states = {one["state"] for one in tidings("delivery", "list", "--json").json}
    assert states <= {"held", "ready"}
    assert relay.taken == []


def test_a_letter_names_an_address_by_which_its_reader_can_leave(tidings_on_sqlite, web, relay):
    tidings = tidings_on_sqlite
    settings = {
        "MAIL__TRANSPORT": "smtp",
        "MAIL__FROM": "Tidings <news@tidings.example.net>",
        "SMTP__HOST": "127.0.0.1",
        "SMTP__PORT": relay.port,
        "BOUNCE__ADDRESS": "bounces@tidings.example.net",
    }
    tidings("newsletter", "add", "updates", "--title", "Latest updates")
    tidings("subscriber", "add", READERS[0], "--newsletter", "updates")
    tidings("source", "add", web.serve(answer(body=atom(*recent_items(3)))))
    tidings("issue", "send", "updates", "--to", "me@example.net", **settings)
    tidings("issue", "send", "updates", "--yes", **settings)
    test, taken = relay.taken
    message = message_from_bytes(taken.letter, policy=default)
    ways = re.findall(r"<(.*?)>", message["List-Unsubscribe"])
    wish = (
        f"To: {ways[1].removeprefix('mailto:').partition('?')[0]}\n"
        "Subject: =?utf-8?q?unsubscribe?=\nAuto-Submitted: auto-generated\n\n"
    )

    with tidings.start("bounce", "read", "-", stdin=PIPE, **settings) as process:
        piped, _ = process.communicate(wish, timeout=60)

    assert f"<mailto:{test.sender}?subject=unsubscribe>".encode() in test.letter
    assert re.fullmatch(r"https?://\S+/unsubscribe/\S+", ways[0])
    assert ways[1] == f"mailto:{taken.sender}?subject=unsubscribe"
    assert (process.returncode, piped) == (0, "left\n")
    ended = tidings("subscriber", "list", "--state", "ended", "--json").json
    assert [one["address"] for one in ended] == [READERS[0]]


def test_addresses_that_letters_come_back_from_get_no_more(tidings_on_sqlite, web, relay):
    """One is refused by the relay, the other one is reported: in a Maildir, and over a pipe again."""
    tidings = tidings_on_sqlite
    settings = {
        "MAIL__TRANSPORT": "smtp",
        "MAIL__FROM": "Tidings <news@tidings.example.net>",
        "SMTP__HOST": "127.0.0.1",
        "SMTP__PORT": relay.port,
        "BOUNCE__ADDRESS": "bounces@tidings.example.net",
        "BOUNCE__MAILDIR": tidings.folder / "mail",
    }
    relay.script(RCPT=[b"550 5.1.1 nobody here\r\n"])
    tidings("newsletter", "add", "updates", "--title", "Latest updates")
    for address in READERS:
        tidings("subscriber", "add", address, "--newsletter", "updates")
    tidings("source", "add", web.serve(answer(body=atom(*recent_items(3)))))
    tidings("issue", "send", "updates", "--yes", **settings)
    [letter] = relay.taken
    report = a_report("undisclosed@example.net", recipient=letter.recipients[0])
    for name in ("new", "cur", "tmp"):
        (tidings.folder / "mail" / name).mkdir(parents=True)
    (tidings.folder / "mail" / "new" / "1").write_bytes(
        f"Delivered-To: {letter.sender}\n".encode() + report
    )
    (tidings.folder / "mail" / "new" / "2").write_bytes(VACATION.encode())

    read = tidings("bounce", "read", **settings)
    again = tidings("bounce", "read", "--maildir", settings["BOUNCE__MAILDIR"], **settings)
    pipe = ("bounce", "read", "-", "--to", letter.sender)
    with tidings.start(*pipe, stdin=PIPE, **settings) as process:
        piped, _ = process.communicate(report.decode(), timeout=60)

    assert read.out == "1 counted, 0 repeated, 0 unknown, 0 left, 1 ignored\n"
    assert again.out == "0 counted, 0 repeated, 0 unknown, 0 left, 0 ignored\n"
    assert (process.returncode, piped) == (0, "repeated\n")
    listed = tidings("bounce", "list", "--kind", "gone", "--json").json
    assert sorted(one["subscriber"] for one in listed) == list(READERS)
    assert all(one.keys() == PROMISED for one in listed)
    bobs = tidings("bounce", "list", "--address", READERS[1]).out
    assert [READERS[1] in line for line in bobs.splitlines()] == [True]
    subscriptions = tidings("subscriber", "list", "--json").json
    assert [one["ended_because"] for one in subscriptions] == ["bounces", "bounces"]
    suppressions = tidings("suppression", "list", "--json").json
    assert [one["reason"] for one in suppressions] == ["bounces", "bounces"]


def test_a_subscriber_is_shown_with_how_many_letters_came_back(tidings_on_sqlite, web, relay):
    tidings = tidings_on_sqlite
    settings = {
        "MAIL__TRANSPORT": "smtp",
        "MAIL__FROM": "Tidings <news@tidings.example.net>",
        "SMTP__HOST": "127.0.0.1",
        "SMTP__PORT": relay.port,
        "BOUNCE__MAILDIR": tidings.folder / "mail",
    }
    for name in ("new", "cur", "tmp"):
        (tidings.folder / "mail" / name).mkdir(parents=True)
    relay.script(RCPT=[b"550 5.2.2 mailbox full\r\n"])
    tidings("newsletter", "add", "updates", "--title", "Latest updates")
    tidings("subscriber", "add", READERS[0], "--newsletter", "updates")
    tidings("source", "add", web.serve(answer(body=atom(*recent_items(3)))))
    tidings("issue", "send", "updates", "--yes", **settings)
    tidings("bounce", "read", **settings)

    shown = tidings("subscriber", "show", READERS[0]).out.splitlines()
    [listed] = tidings("subscriber", "show", READERS[0], "--json").json

    assert len(shown) == 2
    assert re.fullmatch(r"bounces: 1 since \S+ \S+, the last on \S+ \S+", shown[1])
    assert (listed["bounce_score"], listed["suppressed"]) == (1, None)
    assert listed["bouncing_since"] == listed["bounced_at"] is not None


def test_a_mail_server_is_asked_to_come_again_while_there_is_no_database(
    tidings_on_sqlite, monkeypatch
):
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(a_report())))

    result = tidings_on_sqlite("bounce", "read", "-", DATABASE__URL="postgresql://127.0.0.1:1/none")

    assert result.status == 75
    assert result.err.startswith("tidings: ")


def test_without_a_mailbox_there_is_nothing_to_read(tidings_on_sqlite):
    result = tidings_on_sqlite("bounce", "read")

    assert result.status == 2
    assert "[bounce] maildir or imap_host" in result.err
