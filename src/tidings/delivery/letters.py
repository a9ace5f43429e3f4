"""Letters: an issue is encoded once, and addressed many times."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import sha256
from urllib.parse import quote

from tidings.delivery.addresses import Sender
from tidings.delivery.bodies import (
    ADDRESS,
    FEEDBACK_ID,
    LIST_ID,
    MESSAGE_ID,
    URL,
    checked_value,
    part_head,
    verify_message,
)
from tidings.delivery.encodings import encoded
from tidings.delivery.headers import address_header, list_header, text_header
from tidings.domain.newsletters import PREFERENCES_URL, UNSUBSCRIBE_URL, Issue

_GAPS = (UNSUBSCRIBE_URL, PREFERENCES_URL)
"""In the order of `Recipient.links`."""

_OWN_HEADERS = [
    "To",
    "Date",
    "Message-ID",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Feedback-ID",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "MIME-Version",
    "Content-Type",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListHeaders:
    """What stands at the head of every letter of a newsletter.

    Attributes:
        list_id: Names the newsletter to mail clients, such as `weekly.news.example.org`; it
            must never change, not even when the host does (RFC 2919).
        list_title: For people.
        archive_url: Where past issues are; None if nowhere.
    """

    sender: Sender
    reply_to: str | None
    list_id: str
    list_title: str
    archive_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """What differs from one letter of an issue to the next.

    Attributes:
        message_id: With its angle brackets.
        unsubscribe_url: Where a POST ends the subscription; nothing that HTML would escape.
        preferences_url: Where they change what they get; likewise.
        feedback_id: By which large mailbox providers count complaints.
        unsubscribe_address: Where a letter with the subject `unsubscribe` does the same as that
            POST; None if nobody reads it.
    """

    address: str
    message_id: str
    date: datetime
    unsubscribe_url: str
    preferences_url: str
    feedback_id: str
    unsubscribe_address: str | None = None

    @property
    def links(self) -> tuple[str, str]:
        """What goes into the gaps of an issue, in their order."""
        return self.unsubscribe_url, self.preferences_url


_SOMEBODY = Recipient(
    address="somebody@example.org",
    message_id="<letter@example.org>",
    date=datetime(2000, 1, 1, tzinfo=UTC),
    unsubscribe_url="https://example.org/unsubscribe",
    preferences_url="https://example.org/preferences",
    feedback_id="issue",
)


class PreparedIssue:
    """An issue in the form of bytes, with gaps for what belongs to one recipient."""

    def __init__(self, *, head: str, boundary: str, text: str, html: str) -> None:
        self._head = head
        self._boundary = boundary
        self._text, self._html = encoded(text, _GAPS), encoded(html, _GAPS)
        self._before_text = part_head(boundary, "plain", self._text)
        self._before_html = b"\r\n" + part_head(boundary, "html", self._html)
        self._end = f"\r\n--{boundary}--\r\n".encode()

    def letter(self, recipient: Recipient) -> bytes:
        """Return the letter to one recipient, ready to be sent.

        Raises:
            ValueError: What is said of the recipient cannot stand in a head.
        """
        links = [checked_value(URL, link).encode() for link in recipient.links]
        return b"".join(
            (
                self._whole_head(recipient).encode("ascii"),
                self._before_text,
                self._text.filled(links),
                self._before_html,
                self._html.filled(links),
                self._end,
            )
        )

    def _whole_head(self, recipient: Recipient) -> str:
        to = checked_value(ADDRESS, recipient.address)
        message_id = checked_value(MESSAGE_ID, recipient.message_id)
        ways_out = [f"<{recipient.unsubscribe_url}>"]
        if recipient.unsubscribe_address is not None:
            address = quote(checked_value(ADDRESS, recipient.unsubscribe_address), safe="@+")
            ways_out.append(f"<mailto:{address}?subject=unsubscribe>")
        return (
            f"{self._head}"
            f"To: {to}\r\n"
            f"Date: {format_datetime(recipient.date)}\r\n"
            f"Message-ID: {message_id}\r\n"
            f"List-Unsubscribe: {', '.join(ways_out)}\r\n"
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
            f"Feedback-ID: {checked_value(FEEDBACK_ID, recipient.feedback_id)}\r\n"
            "Auto-Submitted: auto-generated\r\n"
            "X-Auto-Response-Suppress: OOF, AutoReply\r\n"
            "MIME-Version: 1.0\r\n"
            f'Content-Type: multipart/alternative; boundary="{self._boundary}"\r\n'
            "\r\n"
        )


def prepare_issue(issue: Issue, letterhead: ListHeaders) -> PreparedIssue:
    """Encode an issue, and make sure that a letter of it says what it should and no more.

    Raises:
        ValueError: It does not; most likely something of the letterhead cannot stand in a head.
    """
    # Neither encoding ever writes "=_", so no part can hold the boundary, whatever it says.
    boundary = f"=_{sha256(issue.key + issue.slug.encode()).hexdigest()[:32]}"
    list_id = checked_value(LIST_ID, letterhead.list_id)
    lines = [
        address_header("From", letterhead.sender),
        text_header("Subject", issue.subject),
        list_header("List-Id", letterhead.list_title, list_id),
    ]
    if letterhead.archive_url is not None:
        lines.append(f"List-Archive: <{checked_value(URL, letterhead.archive_url)}>")
    checked_value(ADDRESS, letterhead.sender.address)
    if letterhead.reply_to is not None:
        lines.append(f"Reply-To: {checked_value(ADDRESS, letterhead.reply_to)}")
    prepared = PreparedIssue(
        head="\r\n".join([*lines, ""]), boundary=boundary, text=issue.text, html=issue.html
    )
    _inspect(prepared, issue, lines)
    return prepared


def _inspect(prepared: PreparedIssue, issue: Issue, lines: Sequence[str]) -> None:
    """Read a letter as a mail program does, and compare."""
    names = [line.partition(":")[0] for line in lines]
    filled = [issue.text, issue.html]
    for mark, link in zip(_GAPS, _SOMEBODY.links, strict=True):
        filled = [part.replace(mark, link) for part in filled]
    verify_message(
        prepared.letter(_SOMEBODY),
        names=[*names, *_OWN_HEADERS],
        parts=filled,
        what=f"a letter of issue {issue.slug}",
    )
