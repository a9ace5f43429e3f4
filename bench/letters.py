"""Benchmark: building messages, and delivering them to a folder and to a relay on loopback."""

import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from itertools import count
from pathlib import Path

from measure import table
from relay import sink
from tidings.mail.folder import Folder
from tidings.mail.message import PreparedIssue, Recipient, prepare_issue
from tidings.mail.smtp import Relay
from tidings.mail.transport import Connect, Envelope, OutgoingMessage
from tidings.model.newsletters import PREFERENCES_URL, UNSUBSCRIBE_URL, Issue

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from dkim_keys import signer_of
from sample_issues import issue_of, list_headers_of

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECONDS = 1.0
"""Duration of each measurement."""

ENGLISH = '<p style="margin:0 0 16px">Tides turn — twice a day, and nobody asks them to.</p>\n'
CHINESE = '<p style="margin:0">潮水每天涨落两次、从来没有人要求它这样做、它也不问是谁在看。</p>\n'


def main() -> None:
    rows: list[tuple[object, ...]] = []
    signers = [signer_of("rsa"), signer_of("ed25519")]
    for language, line in (("English", ENGLISH), ("Chinese", CHINESE)):
        for kilobytes in (10, 50, 100):
            issue = an_issue(line, kilobytes)
            prepared, took = timed(lambda issue=issue: prepare_issue(issue, list_headers_of()))
            size = len(prepared.message_to(recipient(0)))
            rows.append(
                (
                    f"{language}, {kilobytes} kB",
                    f"{size / 1000:.0f}",
                    f"{took * 1000:.1f}",
                    f"{per_second(lambda n, p=prepared: p.message_to(recipient(n))):,.0f}",
                    *(
                        f"{per_second(lambda n, p=prepared, s=s: s.signed(p.message_to(recipient(n)))):,.0f}"
                        for s in signers
                    ),
                    f"{per_second(lambda n, i=issue: by_standard_library(i, n)):,.0f}",
                )
            )
    head = ("letters", "kB on the wire", "ms to prepare", "spliced/s", "and signed/s: RSA")
    head = (*head, "Ed25519", "EmailMessage/s")
    table("letters built", head, rows)

    prepared = prepare_issue(an_issue(ENGLISH, 50), list_headers_of())
    with sink() as relay, tempfile.TemporaryDirectory(prefix="tidings-bench-") as folder:
        ways = {"folder": Folder(Path(folder)).connect, "smtp": Relay(relay.settings()).connect}
        rows = [
            (name, *(f"{handed_over(connect, prepared, threads):,.0f}" for threads in (1, 4)))
            for name, connect in ways.items()
        ]
    table("letters of 50 kB handed over per second", ("transport", "1 line", "4 lines"), rows)


def an_issue(line: str, kilobytes: int) -> Issue:
    """Return an issue with HTML of this length, and a text part of a quarter of it."""
    html = line * (kilobytes * 1000 // len(line.encode()))
    links = f'<a href="{PREFERENCES_URL}">Change</a> · <a href="{UNSUBSCRIBE_URL}">Leave</a>\n'
    text = f"{html[: len(html) // 4]}{PREFERENCES_URL}\nLeave:\n{UNSUBSCRIBE_URL}\n"
    return issue_of(html=html + links, text=text, subject="潮汐周报 twelve new entries")


def recipient(number: int) -> Recipient:
    """Return one of many recipients."""
    return Recipient(
        address=f"reader{number}@example.org",
        message_id=f"<abcdefghijklmnopqr{number:08}.d@example.org>",
        date=NOON,
        unsubscribe_url=f"https://news.example.org/u/AAAABBBBCCCCDD{number:08}",
        preferences_url=f"https://news.example.org/p/AAAABBBBCCCCDD{number:08}",
        feedback_id="7:weekly:tidings",
    )


def by_standard_library(issue: Issue, number: int) -> bytes:
    """Build a message from scratch with the standard library, as most programs do."""
    to = recipient(number)
    message = EmailMessage(policy=SMTP.clone(max_line_length=998))
    message["From"], message["To"] = "The Weekly <news@example.org>", to.address
    message["Subject"], message["Date"] = issue.subject, to.date
    message["Message-ID"] = to.message_id
    message["List-Unsubscribe"] = f"<{to.unsubscribe_url}>"
    text, html = (
        part.replace(UNSUBSCRIBE_URL, to.unsubscribe_url).replace(
            PREFERENCES_URL, to.preferences_url
        )
        for part in (issue.text, issue.html)
    )
    message.set_content(text)
    message.add_alternative(html, subtype="html")
    return message.as_bytes()


def handed_over(connect: Connect, prepared: PreparedIssue, threads: int) -> float:
    """Return messages per second, built and delivered by so many threads."""
    numbers, until = count(), time.perf_counter() + SECONDS

    def work() -> int:
        done = 0
        with connect() as send:
            while time.perf_counter() < until:
                to = recipient(next(numbers))
                envelope = Envelope(sender="news@example.org", recipient=to.address)
                content = prepared.message_to(to)
                send(OutgoingMessage(envelope=envelope, content=content), lambda: None)
                done += 1
        return done

    began = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        done = sum(future.result() for future in [pool.submit(work) for _ in range(threads)])
    return done / (time.perf_counter() - began)


def per_second(build: Callable[[int], bytes]) -> float:
    """Return how many messages are built in a second."""
    began, done = time.perf_counter(), 0
    while (took := time.perf_counter() - began) < SECONDS:
        build(done)
        done += 1
    return done / took


def timed(work: Callable[[], PreparedIssue]) -> tuple[PreparedIssue, float]:
    """Return a result, and the seconds it took."""
    began = time.perf_counter()
    result = work()
    return result, time.perf_counter() - began


if __name__ == "__main__":
    main()
