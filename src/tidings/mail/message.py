"""Messages as bytes: issues, encoded once and addressed many times, and transactional messages.

Header values are checked against patterns before they are written, and every kind of message is
parsed again and compared before it is sent: nothing a publisher or subscriber wrote adds a header.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.utils import format_datetime
from hashlib import sha256
from urllib.parse import quote

from tidings.mail.addresses import FromAddress
from tidings.mail.encoding import EncodedText, address_header, encoded, list_header, text_header
from tidings.model.newsletters import PREFERENCES_URL, UNSUBSCRIBE_URL, Issue

# Replaced by each recipient's own links; in the order of `Recipient.links`.
_PLACEHOLDERS = (UNSUBSCRIBE_URL, PREFERENCES_URL)

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

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+"

_DOMAIN = r"[A-Za-z0-9.-]+"

ADDRESS = re.compile(f"(?=.{{3,254}}$){_ATOM}@{_DOMAIN}")

MESSAGE_ID = re.compile(f"(?=.{{3,250}}$)<{_ATOM}@{_DOMAIN}>")

URL = re.compile(r"(?=.{1,900}$)https?://[A-Za-z0-9._~:/?#\[\]@!$()*+,;=%-]+")

LIST_ID = re.compile(f"(?=.{{1,255}}$){_DOMAIN}")

FEEDBACK_ID = re.compile(r"[A-Za-z0-9._:-]{1,200}")

# Bytes before a line break (RFC 5322).
MAX_LINE = 998

_BARE_BREAK = re.compile(rb"\r(?!\n)|(?<!\r)\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListHeaders:
    """Headers of all messages of a newsletter.

    Attributes:
        list_id: Identifies the newsletter to mail programs, such as `weekly.news.example.org`; it
            must never change, not even when the host does (RFC 2919).
        list_title: For people.
        archive_url: Where past issues are; None if nowhere.
    """

    sender: FromAddress
    reply_to: str | None
    list_id: str
    list_title: str
    archive_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """What differs between the messages of an issue.

    Attributes:
        message_id: With its angle brackets.
        unsubscribe_url: Where a POST ends the subscription; without characters that HTML escapes.
        preferences_url: Likewise.
        feedback_id: By which Gmail groups complaints.
        unsubscribe_address: Where a message with the subject `unsubscribe` ends the subscription;
            None if bounces are not read.
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
        """The values of `_PLACEHOLDERS`, in their order."""
        return self.unsubscribe_url, self.preferences_url


_SAMPLE_RECIPIENT = Recipient(
    address="somebody@example.org",
    message_id="<letter@example.org>",
    date=datetime(2000, 1, 1, tzinfo=UTC),
    unsubscribe_url="https://example.org/unsubscribe",
    preferences_url="https://example.org/preferences",
    feedback_id="issue",
)


class PreparedIssue:
    """An encoded issue with placeholders for each recipient's links.

    Addressing it takes a fraction of what encoding takes: issues go to a hundred thousand people.
    """

    def __init__(self, *, head: str, boundary: str, text: str, html: str) -> None:
        self._head = head
        self._boundary = boundary
        self._text, self._html = encoded(text, _PLACEHOLDERS), encoded(html, _PLACEHOLDERS)
        self._before_text = part_head(boundary, "plain", self._text)
        self._before_html = b"\r\n" + part_head(boundary, "html", self._html)
        self._end = f"\r\n--{boundary}--\r\n".encode()

    def message_to(self, recipient: Recipient) -> bytes:
        """Return the message to one recipient, ready to be sent.

        Raises:
            ValueError: A value of the recipient cannot stand in a header.
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
        unsubscribe_links = [f"<{recipient.unsubscribe_url}>"]
        if recipient.unsubscribe_address is not None:
            address = quote(checked_value(ADDRESS, recipient.unsubscribe_address), safe="@+")
            # Second: one-click (RFC 8058) needs https; Apple Mail and older programs send mail.
            unsubscribe_links.append(f"<mailto:{address}?subject=unsubscribe>")
        # Written here, not with `EmailMessage`, which folds a long List-Unsubscribe into encoded
        # words: Gmail then shows no button. `Auto-Submitted` (RFC 3834) and Exchange's own header
        # keep holiday notes away.
        return (
            f"{self._head}"
            f"To: {to}\r\n"
            f"Date: {format_datetime(recipient.date)}\r\n"
            f"Message-ID: {message_id}\r\n"
            f"List-Unsubscribe: {', '.join(unsubscribe_links)}\r\n"
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
            f"Feedback-ID: {checked_value(FEEDBACK_ID, recipient.feedback_id)}\r\n"
            "Auto-Submitted: auto-generated\r\n"
            "X-Auto-Response-Suppress: OOF, AutoReply\r\n"
            "MIME-Version: 1.0\r\n"
            f'Content-Type: multipart/alternative; boundary="{self._boundary}"\r\n'
            "\r\n"
        )


def prepare_issue(issue: Issue, list_headers: ListHeaders) -> PreparedIssue:
    """Encode an issue, and verify a sample message of it.

    Raises:
        ValueError: It cannot be sent; most likely a value of `list_headers` is no header value.
    """
    # Neither encoding ever writes "=_", so no part can hold the boundary, whatever it says.
    boundary = f"=_{sha256(issue.key + issue.slug.encode()).hexdigest()[:32]}"
    list_id = checked_value(LIST_ID, list_headers.list_id)
    lines = [
        address_header("From", list_headers.sender),
        text_header("Subject", issue.subject),
        list_header("List-Id", list_headers.list_title, list_id),
    ]
    if list_headers.archive_url is not None:
        lines.append(f"List-Archive: <{checked_value(URL, list_headers.archive_url)}>")
    checked_value(ADDRESS, list_headers.sender.address)
    if list_headers.reply_to is not None:
        lines.append(f"Reply-To: {checked_value(ADDRESS, list_headers.reply_to)}")
    prepared = PreparedIssue(
        head="\r\n".join([*lines, ""]), boundary=boundary, text=issue.text, html=issue.html
    )
    _verify(prepared, issue, lines)
    return prepared


def _verify(prepared: PreparedIssue, issue: Issue, lines: Sequence[str]) -> None:
    """Verify the message to a sample recipient."""
    names = [line.partition(":")[0] for line in lines]
    filled = [issue.text, issue.html]
    for mark, link in zip(_PLACEHOLDERS, _SAMPLE_RECIPIENT.links, strict=True):
        filled = [part.replace(mark, link) for part in filled]
    verify_message(
        prepared.message_to(_SAMPLE_RECIPIENT),
        names=[*names, *_OWN_HEADERS],
        parts=filled,
        what=f"a letter of issue {issue.slug}",
    )


def checked_value(pattern: re.Pattern[str], value: str) -> str:
    """Return `value` if it matches `pattern`: then it cannot break out of its header.

    Raises:
        ValueError: It does not.
    """
    if pattern.fullmatch(value) is None:
        raise ValueError(f"cannot stand in the head of a letter: {value!r}")
    return value


def part_head(boundary: str, subtype: str, body: EncodedText) -> bytes:
    """Return the boundary and the headers of a text part."""
    return (
        f"--{boundary}\r\n"
        f"Content-Type: text/{subtype}; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: {body.encoding}\r\n"
        "\r\n"
    ).encode()


def verify_message(
    content: bytes, *, names: Sequence[str], parts: Sequence[str], what: str
) -> None:
    """Parse a message as a mail program does, and compare it with what it should be.

    Args:
        content: The whole message.
        names: The headers that it has to have, in this order, and no others.
        parts: The texts of its parts.
        what: Names the message in errors.

    Raises:
        ValueError: It differs, or has lines that no relay accepts.
    """
    message = message_from_bytes(content)
    if message.keys() != list(names) or message.defects:
        raise ValueError(f"{what} has other headers: {message.keys()}")
    if max(map(len, content.split(b"\r\n"))) > MAX_LINE or _BARE_BREAK.search(content):
        raise ValueError(f"{what} has lines that no relay accepts")
    said = [part.get_payload(decode=True) for part in message.walk() if not part.is_multipart()]
    if said != [_as_read(part) for part in parts]:
        raise ValueError(f"{what} does not say what it should")


def _as_read(text: str) -> bytes:
    return re.sub(r"\r\n|\r|\n", "\r\n", text).encode(errors="replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionalMessage:
    """A message to one person, such as a confirmation.

    Attributes:
        message_id: With its angle brackets.
        is_of_list: Whether it gets a List-Id: a confirmation is sent before anybody is on the
            list, and a note to the operator belongs to none.
        unsubscribe_url: Where a POST ends the subscription; None if there is none to end.
    """

    address: str
    message_id: str
    date: datetime
    subject: str
    text: str
    html: str
    is_of_list: bool = False
    unsubscribe_url: str | None = None


def build_transactional(message: TransactionalMessage, list_headers: ListHeaders) -> bytes:
    """Return a message as it goes out; the same arguments give the same bytes.

    Raises:
        ValueError: A value of it cannot stand in a header.
    """
    lines = [*_head(message, list_headers), *_automation_lines(message)]
    # Neither encoding ever writes "=_", so no part can hold the boundary, whatever it says.
    boundary = f"=_{sha256(message.message_id.encode()).hexdigest()[:32]}"
    lines.append(f'Content-Type: multipart/alternative; boundary="{boundary}"')
    text, html = encoded(message.text, ()), encoded(message.html, ())
    content = b"".join(
        (
            "\r\n".join([*lines, "", ""]).encode("ascii"),
            part_head(boundary, "plain", text),
            text.filled(()),
            b"\r\n",
            part_head(boundary, "html", html),
            html.filled(()),
            f"\r\n--{boundary}--\r\n".encode(),
        )
    )
    names = [line.partition(":")[0] for line in lines]
    what = f"notice {message.message_id}"
    verify_message(content, names=names, parts=(message.text, message.html), what=what)
    return content


def _head(message: TransactionalMessage, list_headers: ListHeaders) -> list[str]:
    checked_value(ADDRESS, list_headers.sender.address)
    lines = [
        address_header("From", list_headers.sender),
        text_header("Subject", message.subject),
        f"To: {checked_value(ADDRESS, message.address)}",
        f"Date: {format_datetime(message.date)}",
        f"Message-ID: {checked_value(MESSAGE_ID, message.message_id)}",
    ]
    if list_headers.reply_to is not None:
        lines.append(f"Reply-To: {checked_value(ADDRESS, list_headers.reply_to)}")
    if message.is_of_list:
        list_id = checked_value(LIST_ID, list_headers.list_id)
        lines.append(list_header("List-Id", list_headers.list_title, list_id))
    return lines


def _automation_lines(message: TransactionalMessage) -> list[str]:
    lines = []
    if message.unsubscribe_url is not None:
        lines.append(f"List-Unsubscribe: <{checked_value(URL, message.unsubscribe_url)}>")
        lines.append("List-Unsubscribe-Post: List-Unsubscribe=One-Click")
    return [
        *lines,
        "Auto-Submitted: auto-generated",
        "X-Auto-Response-Suppress: OOF, AutoReply",
        "MIME-Version: 1.0",
    ]
