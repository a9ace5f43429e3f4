"""Mail addresses: exactly one, or refused with a reason."""

import re
import unicodedata
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

from tidings.errors import InvalidError

_NAMED = re.compile(r'\s*"?(?P<name>[^<>"]*?)"?\s*<(?P<address>[^<>]*)>\s*')


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
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


def mailbox(text: str) -> Mailbox:
    """Read an address: no name, no list, no comment, no quotes, no IP address.

    Raises:
        InvalidError: It is not exactly one address that any relay can deliver to.
    """
    trimmed = unicodedata.normalize("NFC", text.strip(" "))
    try:
        valid = validate_email(trimmed, check_deliverability=False, strict=True)
    except EmailNotValidError as error:
        raise InvalidError("address", text, _sentence(error)) from error
    local, _, _ = trimmed.rpartition("@")
    if not local.isascii():
        because = "only ASCII letters can stand before the @-sign: not every mail server takes more"
        raise InvalidError("address", text, because)
    address = f"{local}@{valid.ascii_domain.lower()}"
    return Mailbox(address=address, key=address.casefold())


def sender(text: str) -> Sender:
    """Read `Name <address>`, or an address alone, as it stands in the settings.

    Raises:
        InvalidError: The address is none, or there is more than one.
    """
    named = _NAMED.fullmatch(text)
    if named is None:
        return Sender(name="", address=mailbox(text).address)
    if not named["name"].isprintable():
        raise InvalidError("sender", text, "the name has characters that cannot be shown")
    return Sender(name=named["name"].strip(), address=mailbox(named["address"]).address)


def _sentence(error: EmailNotValidError) -> str:
    said = str(error).rstrip(".").replace(". It ", ": it ")
    return said[:1].lower() + said[1:]
