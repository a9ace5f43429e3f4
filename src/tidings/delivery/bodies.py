"""What letters of all kinds are made of: values that may stand in a head, two parts, a last look."""

import re
from collections.abc import Sequence
from email import message_from_bytes

from tidings.delivery.encodings import EncodedText

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+"
_DOMAIN = r"[A-Za-z0-9.-]+"
ADDRESS = re.compile(f"(?=.{{3,254}}$){_ATOM}@{_DOMAIN}")
MESSAGE_ID = re.compile(f"(?=.{{3,250}}$)<{_ATOM}@{_DOMAIN}>")
URL = re.compile(r"(?=.{1,900}$)https?://[A-Za-z0-9._~:/?#\[\]@!$()*+,;=%-]+")
LIST_ID = re.compile(f"(?=.{{1,255}}$){_DOMAIN}")
FEEDBACK_ID = re.compile(r"[A-Za-z0-9._:-]{1,200}")

MAX_LINE = 998
"""Bytes before a line break (RFC 5322)."""

_BARE_BREAK = re.compile(rb"\r(?!\n)|(?<!\r)\n")


def checked_value(pattern: re.Pattern[str], value: str) -> str:
    """Return `value` if it is as `pattern` says, and so adds nothing to a head.

    Raises:
        ValueError: It is not.
    """
    if pattern.fullmatch(value) is None:
        raise ValueError(f"cannot stand in the head of a letter: {value!r}")
    return value


def part_head(boundary: str, subtype: str, body: EncodedText) -> bytes:
    """Return the lines before a part of a letter."""
    return (
        f"--{boundary}\r\n"
        f"Content-Type: text/{subtype}; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: {body.encoding}\r\n"
        "\r\n"
    ).encode()


def verify_message(letter: bytes, *, names: Sequence[str], parts: Sequence[str], what: str) -> None:
    """Read a letter as a mail program does, and compare.

    Args:
        letter: As it would go out.
        names: The headers that it has to have, in this order, and no others.
        parts: What its parts have to say.
        what: Which letter it is.

    Raises:
        ValueError: It says something else, or no relay would accept it.
    """
    message = message_from_bytes(letter)
    if message.keys() != list(names) or message.defects:
        raise ValueError(f"{what} has other headers: {message.keys()}")
    if max(map(len, letter.split(b"\r\n"))) > MAX_LINE or _BARE_BREAK.search(letter):
        raise ValueError(f"{what} has lines that no relay accepts")
    said = [part.get_payload(decode=True) for part in message.walk() if not part.is_multipart()]
    if said != [_as_read(part) for part in parts]:
        raise ValueError(f"{what} does not say what it should")


def _as_read(text: str) -> bytes:
    return re.sub(r"\r\n|\r|\n", "\r\n", text).encode(errors="replace")
