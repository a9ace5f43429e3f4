"""Mail addresses: exactly one, or refused with a reason."""

import re
import unicodedata
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

from tidings.errors import InvalidError

_NAMED = re.compile(r'\s*"?(?P<name>[^<>"]*?)"?\s*<(?P<address>[^<>]*)>\s*')

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {
    0x3002: ".",
    0xFF61: ".",
    0xFE52: ".",
    0xFE6B: "@",
}
"""As East Asian input methods write what is ASCII, with their full stops."""

_UNSEEN = frozenset(
    "\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202c\u2060\u2066\u2067\u2068\u2069\ufeff"
)
"""Of no width: what comes along when an address is copied. Not what turns text around."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailAddress:
    """Where mail can be delivered, in ASCII.

    Attributes:
        address: The local part as typed, the domain as a lower-case A-label.
        key: Equal for addresses that are to be taken for one.
    """

    address: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who our letters are from; `name` may be empty, and is as the operator wrote it."""

    name: str
    address: str


def parse_address(text: str) -> EmailAddress:
    """Read an address: no name, no list, no comment, no quotes, no IP address.

    What input methods and the clipboard add is taken off: full-width characters, those that
    have no width, and blanks round it.

    Raises:
        InvalidError: It is not exactly one address that any relay can deliver to; its detail is
            `sign`, `name`, `letters` or `domain`, for the part that is wrong.
    """
    trimmed = _mended(text)
    local, sign, domain = trimmed.rpartition("@")
    try:
        valid = validate_email(trimmed, check_deliverability=False, strict=True)
    except EmailNotValidError as error:
        detail = _part_at_fault(local, domain) if sign else "sign"
        raise InvalidError("address", text, _sentence(error), detail=detail) from error
    if not local.isascii():
        because = "only ASCII letters can stand before the @-sign: not every mail server takes more"
        raise InvalidError("address", text, because, detail="letters")
    if local.startswith("-") or "=?" in local:
        # The one is an option to some mail servers, the other reads as encoded in a header.
        because = "no address that letters reach begins with a hyphen or has =? in it"
        raise InvalidError("address", text, because, detail="name")
    address = f"{local}@{valid.ascii_domain.lower()}"
    return EmailAddress(address=address, key=address.casefold())


def parse_sender(text: str) -> Sender:
    """Read `Name <address>`, or an address alone, as it stands in the settings.

    Raises:
        InvalidError: The address is none, or there is more than one.
    """
    named = _NAMED.fullmatch(text)
    if named is None:
        return Sender(name="", address=parse_address(text).address)
    if not named["name"].isprintable():
        raise InvalidError("sender", text, "the name has characters that cannot be shown")
    return Sender(name=named["name"].strip(), address=parse_address(named["address"]).address)


def _mended(text: str) -> str:
    """Return an address as it was meant, in the characters that addresses are made of."""
    seen = "".join(one for one in text if one not in _UNSEEN).translate(_FULL_WIDTH)
    begin, end = 0, len(seen)
    while begin < end and unicodedata.category(seen[begin]) == "Zs":
        begin += 1
    while begin < end and unicodedata.category(seen[end - 1]) == "Zs":
        end -= 1
    return unicodedata.normalize("NFC", seen[begin:end])


def _part_at_fault(local: str, domain: str) -> str:
    if "@" in local:
        return "sign"
    try:
        validate_email(f"somebody@{domain}", check_deliverability=False, strict=True)
    except EmailNotValidError:
        return "domain"
    return "name"


def _sentence(error: EmailNotValidError) -> str:
    said = str(error).rstrip(".").replace(". It ", ": it ")
    return said[:1].lower() + said[1:]
