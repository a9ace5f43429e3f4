"""The doctor on letters: an issue of each newsletter, as it would reach somebody."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from html.parser import HTMLParser

from tidings.delivery.dkim import Signer
from tidings.domain.findings import Finding, ok, problem, warning
from tidings.domain.newsletters import PREFERENCES_URL, UNSUBSCRIBE_URL, Issue
from tidings.services.composing import Composer
from tidings.services.editions import sample as sample_issue
from tidings.services.issue_messages import IssueMessages
from tidings.storage import newsletters
from tidings.storage.database import Connection

MAX_HTML = 102_000
"""Bytes; of longer ones some mail programs hide the end, and with it the way to leave."""

REQUIRED = (
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "List-Id",
    "List-Archive",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Feedback-ID",
    "Auto-Submitted",
)

SIGNED = ("from", "list-unsubscribe", "list-unsubscribe-post")

_LINE_WITH_LINK = re.compile(r"^\s*(https?://\S+)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A letter, as it goes to the relay, and what it was made from."""

    issue: Issue
    letter: bytes


def samples(
    issues: Iterable[Issue], messages: IssueMessages, signer: Signer | None, *, now: datetime
) -> Iterator[Sample]:
    """Write issues as letters, signed if there is a signer.

    Raises:
        ValueError: Something of one cannot stand in a letter.
    """
    for issue in issues:
        letter = messages.sample(issue, messages.sender, now=now).content
        yield Sample(issue=issue, letter=signer.signed(letter) if signer else letter)


def sample_issues(connection: Connection, composer: Composer, *, at: datetime) -> list[Issue]:
    """Return an issue of each newsletter: its next one, or what it last told of."""
    editions = [
        newsletters.edition_of(connection, one.slug) for one in newsletters.every(connection)
    ]
    found = [sample_issue(composer, connection, one, at=at) for one in editions]
    return [issue for issue in found if issue]


def examine_letters(samples: Iterable[Sample], *, way_out: str) -> Iterator[Finding]:
    """Look at letters.

    Args:
        samples: One of each newsletter.
        way_out: The link by which whoever they are written to leaves.
    """
    is_any = False
    for sample in samples:
        is_any = True
        what = f"letter of {sample.issue.newsletter.slug}"
        found = [*_of_issue(what, sample.issue), *_of_head(what, sample.letter, way_out=way_out)]
        yield from found
        if not found:
            size = f"{len(sample.letter) // 1000} kB"
            yield ok(what, f"{size}, all headers, both parts tell of the same")
    if not is_any:
        advice = "add a newsletter and sources, poll, and come back"
        yield warning("letters", "there is no issue to look at", advice)


def _of_issue(what: str, issue: Issue) -> Iterator[Finding]:
    size = len(issue.html.encode())
    if size > MAX_HTML:
        said = f"{size // 1000} kB of HTML: some mail programs hide the end"
        yield problem(what, said, "make your template shorter")
    for name, part in (("HTML", issue.html), ("text", issue.text)):
        if UNSUBSCRIBE_URL not in part:
            yield problem(what, f"no way to leave in the {name}", "add it to your template")
        if PREFERENCES_URL not in part:
            yield warning(what, f"no link to the preferences in the {name}", "add it there as well")
    if _links_in_html(issue.html) != _links_in_text(issue.text):
        said = "the text does not lead to the same pages in the same order as the HTML"
        yield warning(what, said, "change both templates alike")
    if not issue.newsletter.postal_address:
        advice = f"tidings newsletter edit {issue.newsletter.slug} --postal-address TEXT"
        yield warning(what, "no postal address; many countries ask for one", advice)


def _of_head(what: str, letter: bytes, *, way_out: str) -> Iterator[Finding]:
    """Look at the head as it goes over the wire."""
    head = letter.partition(b"\r\n\r\n")[0].decode("ascii")
    fields = dict(field.split(": ", 1) for field in re.split(r"\r\n(?![ \t])", head))
    if missing := [name for name in REQUIRED if name not in fields]:
        yield problem(what, f"without {', '.join(missing)}", "report this: it is a bug")
    lists = [value for name, value in fields.items() if name.startswith("List-")]
    if any("=?" in value or "\r\n" in value for value in lists):
        yield problem(what, "a List- header is folded or encoded", "report this: it is a bug")
    if f"<{way_out}>" not in fields.get("List-Unsubscribe", ""):
        yield problem(what, "List-Unsubscribe leads elsewhere", "report this: it is a bug")
    if signature := fields.get("DKIM-Signature"):
        covered = re.sub(r"\s", "", re.split(r"\bh=", signature)[1].split(";")[0]).split(":")
        if not set(SIGNED) <= set(covered):
            yield problem(what, "its signature leaves headers out", "report this: it is a bug")


def _links_in_html(html: str) -> list[str]:
    parser = _Links()
    parser.feed(html)
    return _once(parser.found)


def _links_in_text(text: str) -> list[str]:
    return _once(_LINE_WITH_LINK.findall(text))


def _once(links: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(links))


class _Links(HTMLParser):
    """Collects where a page leads."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]
