"""Parsing bounces (RFC 3464), complaints (RFC 5965) and requests to unsubscribe by mail.

Only a few headers and the small parts of a report are read.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import TypedDict
from urllib.parse import unquote

from tidings.errors import one_line
from tidings.mail.mime import MAX_HEADER, decoded_header, parts_of, split_head
from tidings.model.refusals import find_exact_status, find_status

# Bytes that are read; a report comes first, what is beyond is the end of the returned message.
MAX_SIZE = 262_144

MAX_ADDRESSES = 50
MAX_DIAGNOSTIC = 300

# The feedback types that mean "send no more"; `not-spam` for one does not.
COMPLAINTS = frozenset({"abuse", "fraud", "opt-out", "opt-out-list"})

# `Auto-Submitted` of automatic replies (RFC 3834, RFC 5436). Not `auto-generated`: mail programs
# that unsubscribe for their user say that.
AUTOMATIC_REPLIES = frozenset({"auto-replied", "auto-notified"})

DAEMONS = frozenset({"mailer-daemon", "postmaster", "mail-daemon"})

_RETURNED = frozenset(
    {
        "message/rfc822",
        "message/rfc822-headers",
        "message/global",
        "message/global-headers",
        "text/rfc822-headers",
    }
)
_SENT_TO = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To", "Cc")
_ADDRESS = re.compile(r"""[^\s<>,;:"()\[\]@]{1,64}@[^\s<>,;:"()\[\]@]{1,255}""")
_TOKEN = re.compile(r"/unsubscribe/([A-Za-z0-9._=-]{1,200})")
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,250}>")
_FIELD = re.compile(r"^([A-Za-z-]{1,40}):[ \t]*(.*(?:\r?\n[ \t]+.*)*)", re.MULTILINE)
_FOLD = re.compile(r"\s+")
_TYPE = re.compile(r"[A-Za-z0-9-]{1,40}[ \t]*;")
_SAYS_WHOSE = ("return-path", "list-unsubscribe")
_BLANK_LINE = re.compile(r"\r?\n[ \t]*\r?\n")
_REFUSAL = re.compile(
    r"^.{0,200}?(?:\b5[0-5]\d[ -]|(?<![\d.])5\.\d{1,3}\.\d{1,3}\b).*", re.MULTILINE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report that a message failed for good, or was complained about.

    Attributes:
        is_standard: It has the form of a standard, and is not guessed from its text.
        recipients: The addresses that it names, in lower case; may be empty.
        message_id: Of the returned message.
        senders: Bounce addresses in the returned message: its envelope sender, and its mailto
            link. Some relays rewrite the Message-ID, but not these.
        tokens: Of the unsubscribe links in the returned message.
        fingerprint: The same for every copy of this report.
    """

    is_complaint: bool
    is_standard: bool
    status: str | None
    diagnostic: str
    recipients: tuple[str, ...]
    message_id: str | None
    senders: tuple[str, ...]
    tokens: tuple[str, ...]
    fingerprint: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A message in the bounce mailbox.

    Attributes:
        sent_to: The addresses in the headers that name recipients.
        report: None for any other mail: holiday notes, questions, delays.
        asks_to_unsubscribe: Its subject is `unsubscribe`, and it is no automatic reply.
    """

    sent_to: tuple[str, ...]
    report: Report | None
    asks_to_unsubscribe: bool


def read_incoming(raw: bytes) -> Incoming:
    """Parse a message; never raises, whatever the bytes are."""
    message = _Message(raw[:MAX_SIZE])
    named = " ".join(message.values(*_SENT_TO))
    sent_to = dict.fromkeys(_ADDRESS.findall(named[:MAX_HEADER]))
    report = _complaint(message) or _failure(message) or _guessed(message)
    return Incoming(
        sent_to=tuple(sent_to)[:MAX_ADDRESSES],
        report=report,
        asks_to_unsubscribe=report is None and _asks_to_unsubscribe(message),
    )


class _Message:
    """A message split into its headers, and the types and texts of its parts."""

    def __init__(self, raw: bytes) -> None:
        self._head, body = split_head(raw)
        parts = parts_of(self._head, body)
        self._parts = [(head.get_content_type(), _text(payload)) for head, payload in parts]
        self.fingerprint = sha256(body).digest()

    def values(self, *names: str) -> list[str]:
        return [str(value) for name in names for value in self._head.get_all(name, [])]

    def texts(self, *kinds: str) -> Iterator[str]:
        return (text for kind, text in self._parts if kind in kinds)

    def returned(self) -> "_Returned":
        """Return what identifies the message that was returned."""
        heads = (_BLANK_LINE.split(text, 1)[0] for text in self.texts(*_RETURNED))
        head = next(filter(None, map(_fields, heads)), {})
        said = " ".join(head.get(name, "") for name in _SAYS_WHOSE)[:MAX_HEADER]
        said = _FOLD.sub(" ", unquote(said, errors="replace")).replace("?", " ")
        message_id = _MESSAGE_ID.search(head.get("message-id", ""))
        return _Returned(
            message_id=message_id[0] if message_id else None,
            senders=_addresses(said),
            tokens=tuple(dict.fromkeys(_TOKEN.findall(said)))[:MAX_ADDRESSES],
        )


class _Returned(TypedDict):
    message_id: str | None
    senders: tuple[str, ...]
    tokens: tuple[str, ...]


def _asks_to_unsubscribe(message: _Message) -> bool:
    by_machine = {value.strip().lower() for value in message.values("Auto-Submitted")}
    by_machine = {re.split(r"[;\s(]", value, maxsplit=1)[0] for value in by_machine}
    subjects = [_decoded(value) for value in message.values("Subject")]
    return subjects == ["unsubscribe"] and not by_machine & AUTOMATIC_REPLIES


def _decoded(subject: str) -> str:
    """Return a subject decoded, in lower case, without quotes and punctuation around it."""
    return decoded_header(subject).lower().strip("\"'.!<> ")


def _complaint(message: _Message) -> Report | None:
    for text in message.texts("message/feedback-report"):
        fields = _fields(text)
        kind = fields.get("feedback-type", "").strip().lower()
        if kind not in COMPLAINTS:
            return None
        by = fields.get("reported-domain") or fields.get("user-agent", "")
        return Report(
            is_complaint=True,
            is_standard=True,
            status=None,
            diagnostic=_diagnostic(f"{kind} {by}"),
            recipients=_addresses(fields.get("original-rcpt-to", "")),
            fingerprint=message.fingerprint,
            **_with_sender(message.returned(), fields.get("original-mail-from", "")),
        )
    return None


def _with_sender(returned: _Returned, named: str) -> _Returned:
    """Add the sender that a report itself names."""
    return {**returned, "senders": (*_addresses(named[:MAX_HEADER]), *returned["senders"])}


def _failure(message: _Message) -> Report | None:
    statuses = message.texts("message/delivery-status", "message/global-delivery-status")
    blocks = (_fields(block) for text in statuses for block in _BLANK_LINE.split(text))
    failed = next((fields for fields in blocks if _has_failed(fields)), None)
    if failed is None:
        return None
    named = failed.get("original-recipient", ""), failed.get("final-recipient", "")
    said = failed.get("diagnostic-code") or failed.get("x-supplementary-info", "")
    diagnostic = _diagnostic(_without_type(said))  # Cisco's servers give the second one only
    status = find_status(failed.get("status", ""))
    if status is None or status.endswith(".0"):  # the server behind it may know more
        known = f"{diagnostic} {failed.get('x-supplementary-info', '')}"
        status = find_exact_status(known) or status or find_status(diagnostic)
    return Report(
        is_complaint=False,
        is_standard=True,
        status=status,
        diagnostic=diagnostic,
        recipients=_addresses(" ".join(named)),
        fingerprint=message.fingerprint,
        **message.returned(),
    )


def _guessed(message: _Message) -> Report | None:
    """Guess a report from the text of a mail server that follows no standard, such as qmail."""
    if any(message.texts("message/delivery-status", "message/global-delivery-status")):
        return None
    senders = _ADDRESS.findall(" ".join(message.values("From"))[:MAX_HEADER])
    is_daemon = any(one.partition("@")[0].lower() in DAEMONS for one in senders)
    named = _addresses(" ".join(message.values("X-Failed-Recipients"))[:MAX_HEADER])
    refusal = next(filter(None, map(_REFUSAL.search, message.texts("text/plain"))), None)
    if not named and not (is_daemon and refusal):
        return None
    diagnostic = refusal[0] if refusal else ""
    return Report(
        is_complaint=False,
        is_standard=False,
        status=find_status(diagnostic),
        diagnostic=_diagnostic(diagnostic),
        recipients=named,
        fingerprint=message.fingerprint,
        **message.returned(),
    )


def _without_type(said: str) -> str:
    """Return a diagnostic without its type, as in `smtp; 550 no`."""
    match = _TYPE.match(said.strip())
    return said.strip()[match.end() :] if match else said


def _has_failed(fields: Mapping[str, str]) -> bool:
    action = fields.get("action", "").strip().lower()
    return action.startswith("failed") or (not action and fields.get("status", "").startswith("5"))


def _addresses(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(str.lower, _ADDRESS.findall(text))))[:MAX_ADDRESSES]


def _diagnostic(text: str) -> str:
    return one_line(text)[:MAX_DIAGNOSTIC]


def _fields(block: str) -> dict[str, str]:
    """Return the fields of a block by lower-case name; of duplicates the first."""
    found: dict[str, str] = {}
    for name, value in _FIELD.findall(block):
        found.setdefault(name.lower(), value)
    return found


def _text(body: bytes) -> str:
    # Not by the declared charset, which bounces get wrong; Chinese servers write GB 18030.
    for charset in ("utf-8", "gb18030"):
        with suppress(UnicodeDecodeError):
            return body.decode(charset)
    return body.decode("latin-1")
