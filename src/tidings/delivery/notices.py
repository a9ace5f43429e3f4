"""Letters that are no issue: one recipient, one letter."""

from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from hashlib import sha256

from tidings.delivery.bodies import (
    ADDRESS,
    LIST_ID,
    MESSAGE_ID,
    URL,
    checked_value,
    part_head,
    verify_message,
)
from tidings.delivery.encodings import encoded
from tidings.delivery.headers import address_header, list_header, text_header
from tidings.delivery.letters import ListHeaders


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionalMessage:
    """A letter to one person.

    Attributes:
        message_id: With its angle brackets.
        is_of_list: Whether it belongs to the newsletter of its letterhead; one that asks for
            a subscription does not yet, and one to the operator never does.
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


def build_transactional(notice: TransactionalMessage, letterhead: ListHeaders) -> bytes:
    """Return a notice as it goes out; the same arguments give the same bytes.

    Raises:
        ValueError: Something of it cannot stand in a letter.
    """
    lines = [*_head(notice, letterhead), *_machine_lines(notice)]
    # Neither encoding ever writes "=_", so no part can hold the boundary, whatever it says.
    boundary = f"=_{sha256(notice.message_id.encode()).hexdigest()[:32]}"
    lines.append(f'Content-Type: multipart/alternative; boundary="{boundary}"')
    text, html = encoded(notice.text, ()), encoded(notice.html, ())
    letter = b"".join(
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
    what = f"notice {notice.message_id}"
    verify_message(letter, names=names, parts=(notice.text, notice.html), what=what)
    return letter


def _head(notice: TransactionalMessage, letterhead: ListHeaders) -> list[str]:
    checked_value(ADDRESS, letterhead.sender.address)
    lines = [
        address_header("From", letterhead.sender),
        text_header("Subject", notice.subject),
        f"To: {checked_value(ADDRESS, notice.address)}",
        f"Date: {format_datetime(notice.date)}",
        f"Message-ID: {checked_value(MESSAGE_ID, notice.message_id)}",
    ]
    if letterhead.reply_to is not None:
        lines.append(f"Reply-To: {checked_value(ADDRESS, letterhead.reply_to)}")
    if notice.is_of_list:
        list_id = checked_value(LIST_ID, letterhead.list_id)
        lines.append(list_header("List-Id", letterhead.list_title, list_id))
    return lines


def _machine_lines(notice: TransactionalMessage) -> list[str]:
    lines = []
    if notice.unsubscribe_url is not None:
        lines.append(f"List-Unsubscribe: <{checked_value(URL, notice.unsubscribe_url)}>")
        lines.append("List-Unsubscribe-Post: List-Unsubscribe=One-Click")
    return [
        *lines,
        "Auto-Submitted: auto-generated",
        "X-Auto-Response-Suppress: OOF, AutoReply",
        "MIME-Version: 1.0",
    ]
