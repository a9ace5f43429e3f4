"""Mail that comes back to us: reports of failure (RFC 3464) and of complaint (RFC 5965).

A few headers and the small parts of a report are all that is read of it. The parts are cut
apart here and not by the library, which descends as deep as a hostile message wants it to.
"""

import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesHeaderParser
from hashlib import sha256
from itertools import islice
from quopri import decodestring
from typing import TypedDict
from urllib.parse import unquote

from tidings.errors import one_line
from tidings.model.refusals import find_exact_status, find_status

# Bytes that are read; behind them stands at most the end of the letter that came back.
MAX_SIZE = 262_144

MAX_PARTS, MAX_DEPTH = 20, 3
MAX_ADDRESSES = 50
MAX_HEADER = 20_000
MAX_HEAD = 65_536
MAX_DIAGNOSTIC = 300

# The kinds of feedback that mean: send no more. Another one is `not-spam`.
COMPLAINTS = frozenset({"abuse", "fraud", "opt-out", "opt-out-list"})

# What machines write of themselves in answer to letters (RFC 3834, RFC 5436). Mail programs that
# leave a list for their reader say `auto-generated`.
ANSWERS = frozenset({"auto-replied", "auto-notified"})

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
_HEAD_END = re.compile(rb"(?:\A|\r?\n)\r?\n")
_BLANK_LINE = re.compile(r"\r?\n[ \t]*\r?\n")
_REFUSAL = re.compile(
    r"^.{0,200}?(?:\b5[0-5]\d[ -]|(?<![\d.])5\.\d{1,3}\.\d{1,3}\b).*", re.MULTILINE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """That a letter failed for good, or was complained about.

    Attributes:
        is_standard: It is in the form of one of the standards, and not guessed from its words.
        recipients: Whom it names, in small letters; it may name nobody.
        message_id: Of the letter, as it stands in what came back of it.
        senders: Addresses that the letter went out from, or that its reader can leave by, as far
            as they stand in what came back: some relays rewrite the Message-ID.
        tokens: Of the links by which its reader can leave, likewise.
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
    """A message as far as it concerns us.

    Attributes:
        sent_to: The addresses that it says it was sent to.
        report: None for mail of any other kind: holiday notes, questions, delays.
        asks_to_leave: Its subject is the one by which mail programs unsubscribe, and no machine
            wrote it as an answer.
    """

    sent_to: tuple[str, ...]
    report: Report | None
    asks_to_leave: bool


def read_incoming(raw: bytes) -> Incoming:
    """Read a message; whatever its bytes are, this returns."""
    message = _Message(raw[:MAX_SIZE])
    named = " ".join(message.values(*_SENT_TO))
    sent_to = dict.fromkeys(_ADDRESS.findall(named[:MAX_HEADER]))
    report = _complaint(message) or _failure(message) or _guessed(message)
    return Incoming(
        sent_to=tuple(sent_to)[:MAX_ADDRESSES],
        report=report,
        asks_to_leave=report is None and _asks_to_leave(message),
    )


class _Message:
    """A message cut apart: its head, and the kind and text of its parts."""

    def __init__(self, raw: bytes) -> None:
        self._head, body = _cut(raw)
        self._parts = list(islice(_parts(self._head, body, depth=0), MAX_PARTS))
        self.fingerprint = sha256(body).digest()

    def values(self, *names: str) -> list[str]:
        return [str(value) for name in names for value in self._head.get_all(name, [])]

    def texts(self, *kinds: str) -> Iterator[str]:
        return (text for kind, text in self._parts if kind in kinds)

    def returned(self) -> "_Returned":
        """Return by what the letter can be known that came back."""
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


def _asks_to_leave(message: _Message) -> bool:
    by_machine = {value.strip().lower() for value in message.values("Auto-Submitted")}
    by_machine = {re.split(r"[;\s(]", value, maxsplit=1)[0] for value in by_machine}
    subjects = [_decoded(value) for value in message.values("Subject")]
    return subjects == ["unsubscribe"] and not by_machine & ANSWERS


def _decoded(subject: str) -> str:
    """Return a subject as people read it, in small letters."""
    try:
        said = str(make_header(decode_header(subject[:MAX_HEADER])))
    except (HeaderParseError, LookupError, ValueError):
        said = subject
    return " ".join(said.lower().split()).strip("\"'.!<> ")


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
    """Return what is known of a letter, with the sender that a report names beside it."""
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
    """Return what a mail server says in words of its own."""
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
    """Return what a server said without the kind of server in front, as in `smtp; 550 no`."""
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
    """Return the fields of a block by name in small letters; of two the first one counts."""
    found: dict[str, str] = {}
    for name, value in _FIELD.findall(block):
        found.setdefault(name.lower(), value)
    return found


def _parts(head: Message, body: bytes, *, depth: int) -> Iterator[tuple[str, str]]:
    kind = head.get_content_type()
    boundary = _boundary(head)
    if head.get_content_maintype() != "multipart":
        yield kind, _text(head, body)
    elif boundary and depth < MAX_DEPTH:
        between = rb"(?m)^--" + re.escape(boundary) + rb"(?:--)?[ \t]*(?:\r?\n|\Z)"
        for part in re.split(between, body, maxsplit=MAX_PARTS)[1:]:
            yield from _parts(*_cut(part), depth=depth + 1)


def _cut(raw: bytes) -> tuple[Message, bytes]:
    match = _HEAD_END.search(raw)
    head, body = (raw[: match.start()], raw[match.end() :]) if match else (raw, b"")
    return BytesHeaderParser().parsebytes(head[:MAX_HEAD]), body


def _boundary(head: Message) -> bytes | None:
    try:
        return str(head.get_boundary() or "").encode("ascii", "surrogateescape")
    except ValueError:  # of a charset that is none, or with letters that no boundary has
        return None


def _text(head: Message, body: bytes) -> str:
    match str(head["Content-Transfer-Encoding"]).strip().lower():
        case "base64":
            with suppress(ValueError):
                body = b64decode(body)
        case "quoted-printable":
            body = decodestring(body)
    for charset in ("utf-8", "gb18030"):
        with suppress(UnicodeDecodeError):
            return body.decode(charset)
    return body.decode("latin-1")
