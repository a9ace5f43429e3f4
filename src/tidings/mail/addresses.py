"""Mail addresses: parsing strictly, and a signed bounce address for each delivery (VERP)."""

import hmac
import re
import unicodedata
from base64 import b32decode, b32encode
from collections.abc import Callable
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

from tidings.errors import ConfigError, InvalidError

_NAMED = re.compile(r'\s*"?(?P<name>[^<>"]*?)"?\s*<(?P<address>[^<>]*)>\s*')

# Full-width ASCII and the full stops of East Asian input methods.
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {
    0x3002: ".",
    0xFF61: ".",
    0xFE52: ".",
    0xFE6B: "@",
}

# Characters of no width, which come along when an address is copied. Bidi overrides are not among
# them: those are refused.
_INVISIBLE = frozenset(
    "\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202c\u2060\u2066\u2067\u2068\u2069\ufeff"
)

# Characters before the @-sign (RFC 5321).
MAX_LOCAL_PART = 64

# Base32 characters, 40 bits: a guess is right once in a million million. Longer signatures leave
# less of the 64 characters to the operator's own name.
SIGNATURE_LENGTH = 8

# Characters, with the largest id that a database holds.
MAX_SUFFIX = len("+.") + 13 + SIGNATURE_LENGTH

_SUFFIX = re.compile(r"([a-z2-7]{2,13})\.([a-z2-7]{8})")


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailAddress:
    """A mail address in ASCII.

    Attributes:
        address: The local part as typed, the domain as a lower-case A-label.
        key: Equal for addresses that count as the same: case-folded.
    """

    address: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FromAddress:
    """The From of our messages; `name` is as the operator wrote it, and may be empty."""

    name: str
    address: str


def parse_address(text: str) -> EmailAddress:
    """Parse a single address: no name, no list, no comment, no quotes, no IP address.

    What input methods and the clipboard add is removed: full-width forms, characters of no width,
    and blanks around it.

    Raises:
        InvalidError: It is not exactly one address that any relay can deliver to; its detail is
            `sign`, `name`, `letters` or `domain`, for the part that is wrong.
    """
    trimmed = _cleaned(text)
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
        # Some mail servers pass it to a program, where a hyphen begins an option; and "=?" begins
        # an encoded word in a header.
        because = "no address that letters reach begins with a hyphen or has =? in it"
        raise InvalidError("address", text, because, detail="name")
    address = f"{local}@{valid.ascii_domain.lower()}"
    return EmailAddress(address=address, key=address.casefold())


def parse_sender(text: str) -> FromAddress:
    """Read `Name <address>`, or an address alone, as it stands in the settings.

    Raises:
        InvalidError: The address is none, or there is more than one.
    """
    named = _NAMED.fullmatch(text)
    if named is None:
        return FromAddress(name="", address=parse_address(text).address)
    if not named["name"].isprintable():
        raise InvalidError("sender", text, "the name has characters that cannot be shown")
    return FromAddress(name=named["name"].strip(), address=parse_address(named["address"]).address)


def _cleaned(text: str) -> str:
    """Return an address without what input methods and the clipboard add."""
    seen = "".join(one for one in text if one not in _INVISIBLE).translate(_FULL_WIDTH)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class BounceClaim:
    """The delivery that a bounce address names; its signature is not verified yet."""

    delivery_id: int
    signature: str


class BounceAddress:
    """Makes and reads `bounces+ID.SIGNATURE@example.org`.

    Unsigned, anybody could have a subscriber suppressed by a forged bounce.

    Args:
        address: Where all of them are delivered, such as `bounces@example.org`.
        sign: A keyed hash of a text.

    Raises:
        ConfigError: It is no address, or too long to add to.
    """

    def __init__(self, address: str, sign: Callable[[str], bytes]) -> None:
        try:
            known = parse_address(address)
        except InvalidError as error:
            raise ConfigError(f"[bounce] address: {error}") from error
        self._local, _, self._domain = known.address.rpartition("@")
        self._sign = sign
        room = MAX_LOCAL_PART - MAX_SUFFIX
        if len(self._local) > room or "+" in self._local:
            raise ConfigError(
                f"[bounce] address: the name in {address!r} can have {room} characters and no "
                "plus sign: for each letter a mark is added to it"
            )

    def of(self, delivery_id: int, message_id: str) -> str:
        """Return the bounce address of a delivery."""
        signature = self._signature(delivery_id, message_id)
        return f"{self._local}+{_name(delivery_id)}.{signature}@{self._domain}"

    def read(self, address: str) -> BounceClaim | None:
        """Parse an address; None if it is no bounce address."""
        # In lower case: some servers lower the whole envelope sender, hence base32.
        local, _, domain = address.lower().rpartition("@")
        base, _, suffix = local.partition("+")
        match = _SUFFIX.fullmatch(suffix)
        if match is None or (base, domain) != (self._local.lower(), self._domain):
            return None
        name, signature = match.groups()
        number = int.from_bytes(_decoded(name), "big")
        if _name(number) != name or number >= 2**63:
            return None
        return BounceClaim(delivery_id=number, signature=signature)

    def is_ours(self, claim: BounceClaim, message_id: str) -> bool:
        """Verify the signature of an address, given the Message-ID of the delivery."""
        return hmac.compare_digest(self._signature(claim.delivery_id, message_id), claim.signature)

    def _signature(self, delivery_id: int, message_id: str) -> str:
        # The Message-ID as well: SQLite may use an id again once a subscriber is erased.
        return _lower(self._sign(f"{delivery_id} {message_id}"))[:SIGNATURE_LENGTH]


def _name(number: int) -> str:
    return _lower(number.to_bytes(max((number.bit_length() + 7) // 8, 1), "big"))


def _decoded(name: str) -> bytes:
    try:
        return b32decode(name.upper() + "=" * (-len(name) % 8))
    except ValueError:  # a length that none has
        return b""


def _lower(data: bytes) -> str:
    return b32encode(data).decode().rstrip("=").lower()
