"""What is read out of mail that comes back."""

import base64
import time
from pathlib import Path

import pytest

import bounce_reports
from bounce_reports import ANN, MESSAGE_ID, a_complaint, a_report
from tidings.mail.reports import MAX_SIZE, read_incoming
from tidings.subscribers.bounce_rules import BounceKind, kind_of

MAIL = Path(__file__).parents[1] / "data" / "mail"

OURS = {"recipients": (ANN,), "message_id": MESSAGE_ID, "is_standard": True}


@pytest.mark.parametrize(
    ("raw", "status", "diagnostic"),
    [
        pytest.param(
            a_report(),
            "5.1.1",
            "550 5.1.1 <ann@example.org>: Recipient address rejected: User unknown",
            id="Postfix",
        ),
        pytest.param(
            bounce_reports.EXIM, "5.1.1", "550 5.1.1 no such mailbox", id="Exim: the reply knows"
        ),
        pytest.param(
            bounce_reports.EXCHANGE,
            "5.1.10",
            "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
            id="Exchange: parts in parts, the address shouted",
        ),
        pytest.param(
            bounce_reports.GMAIL,
            "4.2.2",
            "452-4.2.2 The recipient's inbox is out of storage space. "
            "452 4.2.2 Please direct the recipient to clear space.",
            id="Gmail: several lines",
        ),
        pytest.param(
            bounce_reports.CHINESE, "5.2.2", "550 5.2.2 收件人邮箱已满", id="Chinese, in UTF-8"
        ),
        pytest.param(
            bounce_reports.CHINESE.encode("gb18030"),
            "5.2.2",
            "550 5.2.2 收件人邮箱已满",
            id="Chinese, in GB 18030",
        ),
    ],
)
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_a_report_of_failure_is_read_whoever_wrote_it(raw, status, diagnostic, line_end):
    written = (raw if isinstance(raw, bytes) else raw.encode()).replace(b"\n", line_end)

    report = read_incoming(written).report

    assert report is not None
    assert not report.is_complaint
    assert (report.status, report.diagnostic) == (status, diagnostic)
    assert {name: getattr(report, name) for name in OURS} == OURS


@pytest.mark.parametrize(
    ("name", "status", "diagnostic", "kind"),
    [
        pytest.param(
            "ironport-supplementary-info",
            "5.1.1",
            '#5.1.1 smtp; 550 5.1.1 "Unknown User"',
            BounceKind.GONE,
            id="Cisco: only in a field of its own",
        ),
        pytest.param(
            "microsoft-access-denied",
            "5.4.1",
            "Recipient address rejected: Access denied. [x.prod.protection.outlook.com]",
            BounceKind.GONE,
            id="Microsoft: unknown",
        ),
    ],
)
def test_what_the_status_hides_is_found_where_the_server_says_it(name, status, diagnostic, kind):
    report = read_incoming((MAIL / f"{name}.eml").read_bytes()).report

    assert report is not None
    assert report.status == status
    assert diagnostic in report.diagnostic
    assert kind_of(report.status, report.diagnostic) is kind


@pytest.mark.parametrize(
    ("status", "diagnostic", "expected"),
    [
        pytest.param(
            "5.1.0", "smtp; 5.1.0 - Unknown address error 550-'5.1.1 no one'", "5.1.1", id="other"
        ),
        pytest.param("5.1.0", "smtp; 550 5.1.0 address rejected", "5.1.0", id="no more is known"),
        pytest.param("5.3.0", "smtp; 554 5.7.1 spam", "5.7.1", id="us"),
        pytest.param("5.2.2", "smtp; 550 5.1.1 no one", "5.2.2", id="what is exact stays"),
    ],
)
def test_a_status_that_says_little_gives_way(status, diagnostic, expected):
    report = read_incoming(a_report(status=status, diagnostic=diagnostic)).report

    assert report is not None
    assert report.status == expected


def test_what_a_server_said_need_not_be_called_smtp():
    report = read_incoming(a_report(status="5.0.0", diagnostic="550 5.2.1 closed")).report

    assert report is not None
    assert (report.status, report.diagnostic) == ("5.2.1", "550 5.2.1 closed")


@pytest.mark.parametrize(
    ("head", "leaves"),
    [
        ("Subject: unsubscribe", True),
        ("Subject: Unsubscribe ", True),
        ("Subject: =?utf-8?q?unsubscribe?=", True),
        ("Subject: =?UTF-8?B?VW5zdWJzY3JpYmU=?=", True),
        ("Subject:\n =?utf-8?q?unsub?=\n =?utf-8?q?scribe?=", True),
        ("Subject: unsubscribe\nAuto-Submitted: no", True),
        ("Subject: unsubscribe\nAuto-Submitted: auto-generated", True),
        ("Subject: unsubscribe\nAuto-Submitted: auto-generated (by a mail program)", True),
        ("Subject: unsubscribe\nAuto-Submitted: auto-replied", False),
        ("Subject: unsubscribe\nAuto-Submitted: Auto-Replied; owner-email=a@b.org", False),
        ("Subject: unsubscribe\nAuto-Submitted: auto-notified", False),
        ("Subject: Re: how do I unsubscribe", False),
        ("Subject: =?nonsense?q?unsubscribe?=", False),
        ("Subject: =?utf-8?b?!?=", False),
        ("Subject: =?\N{REPLACEMENT CHARACTER}?q?unsubscribe?=", False),
        ("Subject: a\nContent-Type: multipart/mixed; boundary*=a; boundary*0*=b", False),
        ("Subject: unsubscribe\nSubject: hello", False),
    ],
)
def test_who_asks_to_unsubscribe_is_understood(head, leaves):
    assert (
        read_incoming(f"{head}\nFrom: ann@example.org\n\n".encode()).asks_to_unsubscribe is leaves
    )


def test_a_letter_whose_message_id_was_rewritten_is_known_by_its_sender_and_its_links():
    raw = a_complaint(message_id="<0102@eu.relay.example>").replace(
        b"Return-Path: <bounces@example.org>",
        b"Return-Path: <0102@relay.example>\nList-Unsubscribe: <https://a.example/unsubscribe/7-9.x_Y-z>,\n"
        b" <mailto:bounces%2Bae.aaaaaaaa@example.org?subject=unsubscribe>",
    )

    report = read_incoming(raw).report

    assert report is not None
    assert "bounces+ae.aaaaaaaa@example.org" in report.senders
    assert report.tokens == ("7-9.x_Y-z",)


def test_a_report_may_be_encoded():
    status = b"Final-Recipient: rfc822; ann@example.org\nAction: failed\nStatus: 5.2.1\n"
    raw = (
        b'Content-Type: multipart/report; boundary="b"\n\n'
        b"--b\nContent-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\n"
        + base64.encodebytes(b"Reporting-MTA: dns; x\n\n" + status)
        + b"--b--\n"
    )

    report = read_incoming(raw).report

    assert report is not None
    assert (report.status, report.recipients) == ("5.2.1", (ANN,))


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed", "expanded"])
def test_a_letter_that_is_late_or_has_arrived_has_not_failed(action):
    assert read_incoming(a_report(action=action, status="4.4.1")).report is None


def test_of_several_recipients_the_one_that_failed_counts():
    raw = a_report().replace(
        b"Final-Recipient",
        b"Final-Recipient: rfc822; bob@example.org\nAction: relayed\nStatus: 2.0.0\n\nFinal-Recipient",
        1,
    )

    report = read_incoming(raw).report

    assert report is not None
    assert (report.status, report.recipients) == ("5.1.1", (ANN,))


@pytest.mark.parametrize("kind", ["abuse", "fraud", "opt-out", "Abuse"])
def test_a_complaint_is_read(kind):
    report = read_incoming(a_complaint(kind=kind, recipient=ANN)).report

    assert report is not None
    assert report.is_complaint
    assert {name: getattr(report, name) for name in OURS} == OURS
    assert report.diagnostic == f"{kind.lower()} example.org"


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure", "virus", ""])
def test_other_feedback_is_no_complaint(kind):
    assert read_incoming(a_complaint(kind=kind)).report is None


def test_a_server_that_uses_words_of_its_own_is_understood():
    report = read_incoming(bounce_reports.QMAIL.encode()).report

    assert report is not None
    assert not report.is_standard
    assert report.diagnostic == "Remote host said: 550 5.1.1 unknown user"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(bounce_reports.VACATION, id="a holiday note"),
        pytest.param(bounce_reports.CHALLENGE, id="a challenge"),
        pytest.param(bounce_reports.QUESTION, id="somebody who asks"),
        pytest.param(bounce_reports.WARNING, id="a warning"),
        pytest.param("", id="nothing"),
    ],
)
def test_other_mail_is_no_report(text):
    assert read_incoming(text.encode()).report is None


def test_whom_a_message_was_sent_to_is_read_from_every_header_that_tells():
    raw = (
        b"Delivered-To: one@example.org\nDelivered-To: two@example.org\n"
        b"X-Original-To: <three@example.org>\nEnvelope-To: four@example.org\n"
        b'To: "A, B" <five@example.org>,\n six@example.org\nCc: one@example.org\n\n'
    )

    found = read_incoming(raw).sent_to

    assert found == tuple(
        f"{name}@example.org" for name in ("one", "two", "three", "four", "five", "six")
    )


def test_copies_that_came_different_ways_are_the_same_report():
    first, second = (
        read_incoming(a_report(delivered_to=to)).report for to in (None, "b@example.org")
    )
    other = read_incoming(a_report(status="5.2.1")).report

    assert first
    assert second
    assert other
    assert first.fingerprint == second.fingerprint != other.fingerprint


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(
            b"".join(
                b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (n, n)
                for n in range(20_000)
            ),
            id="parts in parts in parts",
        ),
        pytest.param(
            b'Content-Type: multipart/mixed; boundary="b"\n\n' + b"--b\n\n" * 100_000, id="parts"
        ),
        pytest.param(
            b"Content-Type: multipart/report; boundary=b\n\n--b\n"
            b"Content-Type: message/delivery-status\n\n" + b"Status: 5\n\n" * 30_000,
            id="recipients",
        ),
        pytest.param(b"To: " + b"a@b, " * 60_000, id="addresses"),
        pytest.param(b"To: " + b"a" * 300_000, id="no address"),
        pytest.param(b"From: mailer-daemon@x\n\n" + b"5 " * 200_000, id="no reply"),
        pytest.param(b"From: mailer-daemon@x\n\n" + b"550" * 100_000, id="nearly a reply"),
        pytest.param(b"X: y\n" * 60_000, id="headers"),
        pytest.param(b"Content-Type: multipart/mixed;" + b" a=b;" * 50_000, id="parameters"),
        pytest.param(
            b"Content-Type: text/plain;" + b"".join(b" a*%d=b;" % n for n in range(25_000)),
            id="parameters in pieces",
        ),
    ],
)
def test_no_message_takes_long(raw):
    began = time.process_time()

    read_incoming(raw[: 2 * MAX_SIZE])

    assert time.process_time() - began < 2
