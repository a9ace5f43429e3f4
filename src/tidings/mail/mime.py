"""Messages split into their parts (RFC 2045 and 2046), however hostile they are.

Not by the standard library, which recurses as deep as a message is nested.
"""

import re
from base64 import b64decode
from collections.abc import Iterator
from contextlib import suppress
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesHeaderParser
from itertools import islice
from quopri import decodestring

MAX_PARTS, MAX_DEPTH = 20, 3

# Characters of one header that are read, and bytes of all.
MAX_HEADER, MAX_HEAD = 20_000, 65_536

# What decoders let through, and no database takes: lone surrogates and control characters.
_NO_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

_HEAD_END = re.compile(rb"(?:\A|\r?\n)\r?\n")


def split_head(raw: bytes) -> tuple[Message, bytes]:
    """Return the headers of a message or a part, and its body."""
    match = _HEAD_END.search(raw)
    head, body = (raw[: match.start()], raw[match.end() :]) if match else (raw, b"")
    return BytesHeaderParser().parsebytes(head[:MAX_HEAD]), body


def parts_of(head: Message, body: bytes) -> list[tuple[Message, bytes]]:
    """Return the parts that hold no others, each as its headers and its decoded bytes."""
    return list(islice(_parts(head, body, depth=0), MAX_PARTS))


def decoded_header(value: object) -> str:
    """Return a header as text (RFC 2047), in one line; as written if it cannot be decoded."""
    written = str(value)[:MAX_HEADER]
    try:
        said = str(make_header(decode_header(written)))
    except (MessageError, LookupError, ValueError):
        said = written
    return " ".join(_NO_TEXT.sub(" ", said).split())


def _parts(head: Message, body: bytes, *, depth: int) -> Iterator[tuple[Message, bytes]]:
    boundary = _boundary(head)
    if head.get_content_maintype() != "multipart":
        yield head, _payload(head, body)
    elif boundary and depth < MAX_DEPTH:
        between = rb"(?m)^--" + re.escape(boundary) + rb"(?:--)?[ \t]*(?:\r?\n|\Z)"
        for part in re.split(between, body, maxsplit=MAX_PARTS)[1:]:
            yield from _parts(*split_head(part), depth=depth + 1)


def _boundary(head: Message) -> bytes | None:
    try:
        return str(head.get_boundary() or "").encode("ascii", "surrogateescape")
    # An unknown charset (RFC 2231), parts that cannot be put in order, or characters that none has.
    except (TypeError, ValueError):
        return None


def _payload(head: Message, body: bytes) -> bytes:
    match str(head["Content-Transfer-Encoding"]).strip().lower():
        case "base64":
            with suppress(ValueError):
                return b64decode(body)
        case "quoted-printable":
            return decodestring(body)
    return body
