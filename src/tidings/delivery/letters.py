"""Letters: an issue is encoded once, and addressed many times."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.utils import format_datetime
from hashlib import sha256

from tidings.delivery.addresses import Sender
from tidings.delivery.encodings import EncodedText, encoded
from tidings.delivery.headers import address_header, list_header, text_header
from tidings.domain.newsletters import UNSUBSCRIBE_URL, Issue

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+"
_DOMAIN = r"[A-Za-z0-9.-]+"
_ADDRESS = re.compile(f"(?=.{{3,254}}$){_ATOM}@{_DOMAIN}")
_MESSAGE_ID = re.compile(f"(?=.{{3,250}}$)<{_ATOM}@{_DOMAIN}>")
_URL = re.compile(r"(?=.{1,900}$)https?://[A-Za-z0-9._~:/?#\[\]@!$()*+,;=%-]+")
_LIST_ID = re.compile(f"(?=.{{1,255}}$){_DOMAIN}")
_FEEDBACK_ID = re.compile(r"[A-Za-z0-9._:-]{1,200}")

MAX_LINE = 998
"""Bytes before a line break (RFC 5322)."""

_BARE_BREAK = re.compile(rb"\r(?!\n)|(?<!\r)\n")
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
class Letterhead:
    """What stands at the head of every letter of a newsletter.

    Attributes:
        list_id: Names the newsletter to mail clients, such as `weekly.news.example.org`; it
            must never change, not even when the host does (RFC 2919).
        list_title: For people.
    """

    sender: Sender
    reply_to: str | None
    list_id: str
    list_title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """What differs from one letter of an issue to the next.

    Attributes:
        message_id: With its angle brackets.
        unsubscribe_url: Where a POST ends the subscription; nothing that HTML would escape.
        feedback_id: By which large mailbox providers count complaints.
    """

    address: str
    message_id: str
    date: datetime
    unsubscribe_url: str
    feedback_id: str


_SOMEBODY = Recipient(
    address="somebody@example.org",
    message_id="<letter@example.org>",
    date=datetime(2000, 1, 1, tzinfo=UTC),
    unsubscribe_url="https://example.org/unsubscribe",
    feedback_id="issue",
)


class PreparedIssue:
    """An issue in the form of bytes, with gaps for what belongs to one recipient."""

    def __init__(self, *, head: str, boundary: str, text: str, html: str) -> None:
        self._head = head
        self._boundary = boundary
        self._text, self._html = encoded(text, UNSUBSCRIBE_URL), encoded(html, UNSUBSCRIBE_URL)
        self._before_text = _part_head(boundary, "plain", self._text)
        self._before_html = b"\r\n" + _part_head(boundary, "html", self._html)
        self._end = f"\r\n--{boundary}--\r\n".encode()

    def letter(self, recipient: Recipient) -> bytes:
        """Return the letter to one recipient, ready to be sent.

        Raises:
            ValueError: What is said of the recipient cannot stand in a head.
        """
        url = recipient.unsubscribe_url.encode()
        return b"".join(
            (
                self._whole_head(recipient).encode("ascii"),
                self._before_text,
                self._text.filled(url),
                self._before_html,
                self._html.filled(url),
                self._end,
            )
        )

    def _whole_head(self, recipient: Recipient) -> str:
        to = _checked(_ADDRESS, recipient.address)
        message_id = _checked(_MESSAGE_ID, recipient.message_id)
        url = _checked(_URL, recipient.unsubscribe_url)
        return (
            f"{self._head}"
            f"To: {to}\r\n"
            f"Date: {format_datetime(recipient.date)}\r\n"
            f"Message-ID: {message_id}\r\n"
            f"List-Unsubscribe: <{url}>\r\n"
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
            f"Feedback-ID: {_checked(_FEEDBACK_ID, recipient.feedback_id)}\r\n"
            "Auto-Submitted: auto-generated\r\n"
            "X-Auto-Response-Suppress: OOF, AutoReply\r\n"
            "MIME-Version: 1.0\r\n"
            f'Content-Type: multipart/alternative; boundary="{self._boundary}"\r\n'
            "\r\n"
        )


def prepare(issue: Issue, letterhead: Letterhead) -> PreparedIssue:
    """Encode an issue, and make sure that a letter of it says what it should and no more.

    Raises:
        ValueError: It does not; most likely something of the letterhead cannot stand in a head.
    """
    # Neither encoding ever writes "=_", so no part can hold the boundary, whatever it says.
    boundary = f"=_{sha256(issue.key + issue.slug.encode()).hexdigest()[:32]}"
    list_id = _checked(_LIST_ID, letterhead.list_id)
    lines = [
        address_header("From", letterhead.sender),
        text_header("Subject", issue.subject),
        list_header("List-Id", letterhead.list_title, list_id),
    ]
    _checked(_ADDRESS, letterhead.sender.address)
    if letterhead.reply_to is not None:
        lines.append(f"Reply-To: {_checked(_ADDRESS, letterhead.reply_to)}")
    prepared = PreparedIssue(
        head="\r\n".join([*lines, ""]), boundary=boundary, text=issue.text, html=issue.html
    )
    _inspect(prepared, issue, lines)
    return prepared


def _inspect(prepared: PreparedIssue, issue: Issue, lines: Sequence[str]) -> None:
    """Read a letter as a mail program does, and compare."""
    letter = prepared.letter(_SOMEBODY)
    message = message_from_bytes(letter)
    names = [line.partition(":")[0] for line in lines]
    if message.keys() != [*names, *_OWN_HEADERS] or message.defects:
        raise ValueError(f"a letter of issue {issue.slug} has other headers: {message.keys()}")
    if max(map(len, letter.split(b"\r\n"))) > MAX_LINE or _BARE_BREAK.search(letter):
        raise ValueError(f"a letter of issue {issue.slug} has lines that no relay accepts")
    parts = [part.get_payload(decode=True) for part in message.walk() if not part.is_multipart()]
    if parts != [_as_read(issue.text), _as_read(issue.html)]:
        raise ValueError(f"a letter of issue {issue.slug} does not say what the issue says")


def _as_read(text: str) -> bytes:
    filled = text.replace(UNSUBSCRIBE_URL, _SOMEBODY.unsubscribe_url)
    return re.sub(r"\r\n|\r|\n", "\r\n", filled).encode(errors="replace")


def _part_head(boundary: str, subtype: str, body: EncodedText) -> bytes:
    return (
        f"--{boundary}\r\n"
        f"Content-Type: text/{subtype}; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: {body.encoding}\r\n"
        "\r\n"
    ).encode()


def _checked(pattern: re.Pattern[str], value: str) -> str:
    if pattern.fullmatch(value) is None:
        raise ValueError(f"cannot stand in the head of a letter: {value!r}")
    return value
