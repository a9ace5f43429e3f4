"""Messages of newsletters and mailing lists that come by mail, as entries are made of them."""

import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.utils import getaddresses
from urllib.parse import unquote

from tidings.errors import one_line
from tidings.mail.mime import MAX_HEADER, decoded_header, parts_of, split_head

# Bytes of a message that are read: letters with pictures within them are large.
MAX_LETTER = 2_000_000

# Bytes of its text that are kept, and characters of a name.
MAX_TEXT, MAX_NAME = 1_000_000, 200

MAX_LINKS = 10

# Characters of a mail address (RFC 5321).
MAX_ADDRESS = 320

# `Auto-Submitted` of what no list sends (RFC 3834); lists send `auto-generated`.
_REPLIES = ("auto-replied", "auto-notified")

_LIST_ID = re.compile(r"<\s*([a-z0-9][a-z0-9._-]{0,200})\s*>\s*$", re.IGNORECASE)
_IN_BRACKETS = re.compile(r"<\s*([^<>\s]{1,500})\s*>")
_DELIVERED_TO = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To")
_TEXTS = ("text/html", "text/plain")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListMessage:
    """A message of a list.

    Attributes:
        key: What its list is known by: the List-Id (RFC 2919), failing that the sender's address.
        name: Of the list, or the sender; may be empty.
        message_id: Without brackets; empty if it has none.
        author: The sender's name; may be empty.
        date: As written.
        archived_at: Where the list keeps it (RFC 5064); empty if nowhere.
        leaving: Addresses to leave the list at, as written.
        sent_to: Addresses of ours that it came to, as far as it tells.
        language: As written.
        text: What it says, in base64, in the encoding that `charset` names.
    """

    key: str
    name: str
    message_id: str
    subject: str
    author: str
    date: str
    archived_at: str
    leaving: tuple[str, ...]
    sent_to: tuple[str, ...]
    language: str
    is_html: bool
    charset: str
    text: str


def read_list_message(raw: bytes) -> ListMessage | None:
    """Parse a message; None if it is none of a list, or says nothing. Never raises."""
    head, body = split_head(raw[:MAX_LETTER])
    senders = _addresses(head, "From")
    key, name = _list_of(head, senders)
    found = _text(head, body)
    if not key or found is None or _is_reply(head):
        return None
    part, text = found
    author, _ = next(iter(senders), ("", ""))
    return ListMessage(
        key=key,
        name=name[:MAX_NAME],
        message_id=next(_bracketed(head, "Message-ID"), ""),
        subject=decoded_header(head.get("Subject", "")),
        author=author[:MAX_NAME],
        date=one_line(str(head.get("Date", "")))[:MAX_NAME],
        archived_at=next(_bracketed(head, "Archived-At"), ""),
        leaving=tuple(_bracketed(head, "List-Unsubscribe"))[:MAX_LINKS],
        sent_to=_our_addresses(head),
        language=one_line(str(part.get("Content-Language") or head.get("Content-Language", ""))),
        is_html=part.get_content_type() == "text/html",
        charset=_charset(part),
        text=b64encode(text[:MAX_TEXT]).decode(),
    )


def _list_of(head: Message, senders: list[tuple[str, str]]) -> tuple[str, str]:
    """Return the key and the name of a message's list."""
    written = decoded_header(head.get("List-Id", ""))
    if found := _LIST_ID.search(written):
        return found[1].lower(), written[: found.start()].strip(' "')
    name, address = next(iter(senders), ("", ""))
    return (address, name) if address else ("", "")


def _text(head: Message, body: bytes) -> tuple[Message, bytes] | None:
    """Return the part that a mail program would show: HTML rather than plain text."""
    shown = [
        one for one in parts_of(head, body) if one[0].get_content_disposition() != "attachment"
    ]
    for kind in _TEXTS:
        for part, text in shown:
            if part.get_content_type() == kind and text.strip():
                return part, text
    return None


def _our_addresses(head: Message) -> tuple[str, ...]:
    # Both: where mail is forwarded, it is delivered to another address than the one that subscribed.
    ours = [address for _, address in _addresses(head, *_DELIVERED_TO)]
    recipients = [address for _, address in _addresses(head, "To", "Cc")]
    # A letter is for its recipient, a message of a discussion for the list itself.
    of_list = unquote(str(head.get("List-Post", ""))[:MAX_HEADER]).lower()
    senders = {address for _, address in _addresses(head, "From", "Reply-To")}
    ours += [one for one in recipients if one not in of_list and one not in senders]
    return tuple(dict.fromkeys(ours))[:MAX_LINKS]


def _is_reply(head: Message) -> bool:
    return str(head.get("Auto-Submitted", "")).strip().lower().startswith(_REPLIES)


def _charset(part: Message) -> str:
    try:
        return part.get_content_charset("")
    # Of a parameter that is encoded in an unknown charset, or whose parts cannot be put in order.
    except (LookupError, TypeError, ValueError):
        return ""


def _addresses(head: Message, *names: str) -> list[tuple[str, str]]:
    """Return names and addresses, these in lower case."""
    written = [str(value)[:MAX_HEADER] for name in names for value in head.get_all(name, [])]
    try:
        found = getaddresses(written)
    except RecursionError:  # comments within comments
        return []
    return [
        (decoded_header(name), one.lower())
        for name, one in found
        # Without a host it is an ordinary word, of which texts are full.
        if "@" in one and one.isprintable() and len(one) <= MAX_ADDRESS
    ]


def _bracketed(head: Message, name: str) -> Iterator[str]:
    yield from _IN_BRACKETS.findall(str(head.get(name, ""))[:MAX_HEADER])
