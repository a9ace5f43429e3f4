"""Where bounces go: an address for each delivery, signed, so that nobody can make one up."""

import hmac
import re
from base64 import b32decode, b32encode
from collections.abc import Callable
from dataclasses import dataclass

from tidings.delivery.addresses import parse_address
from tidings.errors import ConfigError, InvalidError

MAX_LOCAL_PART = 64
"""Characters before the @-sign (RFC 5321)."""

SIGNATURE = 8
"""Characters; a guess is right once in a million million."""

MAX_SUFFIX = len("+.") + 13 + SIGNATURE
"""Characters, with the largest id that a database holds."""

_SUFFIX = re.compile(r"([a-z2-7]{2,13})\.([a-z2-7]{8})")


@dataclass(frozen=True, slots=True, kw_only=True)
class BounceClaim:
    """The delivery that an address says it is for; nobody has compared the signature yet."""

    delivery_id: int
    signature: str


class BounceAddress:
    """Makes and reads `bounces+ID.SIGNATURE@example.org`, in small letters as some servers do.

    The Message-ID is signed as well: an id may be used again once a subscriber is erased.

    Args:
        address: Where all of them are delivered, such as `bounces@example.org`.
        sign: Gives what only we can make of a text.

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
        """Return where the bounces of a delivery go."""
        signature = self._signature(delivery_id, message_id)
        return f"{self._local}+{_name(delivery_id)}.{signature}@{self._domain}"

    def read(self, address: str) -> BounceClaim | None:
        """Return what an address claims; None if it is none of this kind."""
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
        """Say whether we made the address for the delivery with that Message-ID."""
        return hmac.compare_digest(self._signature(claim.delivery_id, message_id), claim.signature)

    def _signature(self, delivery_id: int, message_id: str) -> str:
        return _lower(self._sign(f"{delivery_id} {message_id}"))[:SIGNATURE]


def _name(number: int) -> str:
    return _lower(number.to_bytes(max((number.bit_length() + 7) // 8, 1), "big"))


def _decoded(name: str) -> bytes:
    try:
        return b32decode(name.upper() + "=" * (-len(name) % 8))
    except ValueError:  # a length that none has
        return b""


def _lower(data: bytes) -> str:
    return b32encode(data).decode().rstrip("=").lower()
