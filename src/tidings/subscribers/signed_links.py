"""Signed links, each for one purpose, and keyed hashes."""

import hmac
from dataclasses import dataclass

from itsdangerous import BadSignature, Signer

from tidings.errors import NotFoundError
from tidings.model.subscribers import Visitor, network_of

# Characters; a longer token is not ours, and is not verified.
MAX_TOKEN = 120

# What mail programs take for part of a link in a sentence or in brackets.
TRAILING = ".) "


@dataclass(frozen=True, slots=True)
class TokenSigner:
    """Signs and verifies the tokens of one purpose: ASCII, safe in a URL, without a time."""

    signer: Signer

    def sign(self, *numbers: int) -> str:
        """Return a token for `numbers`."""
        return self.signer.sign("-".join(map(str, numbers))).decode()

    def read(self, token: str) -> tuple[int, ...]:
        """Return the numbers in a token; `TRAILING` characters are ignored.

        Raises:
            NotFoundError: The signature is wrong, or for another purpose.
        """
        if len(token) > MAX_TOKEN:
            raise NotFoundError("link", "of that kind")
        given = token.rstrip(TRAILING)
        try:
            numbers = tuple(map(int, self.signer.unsign(given.encode()).split(b"-")))
        except (BadSignature, UnicodeEncodeError, ValueError) as error:
            raise NotFoundError("link", "of that kind") from error
        # Base64 decodes several spellings, with padding or other last bits: only ours is valid, so
        # that a token has one form in caches and logs.
        if self.sign(*numbers) != given:
            raise NotFoundError("link", "of that kind")
        return numbers


class SignedLinks:
    """The links in messages and forms; a token of one purpose is invalid for another.

    Times are in seconds since 1970.

    Attributes:
        confirm: The id of a sign-up, and when it was requested.
        preferences: The id of a subscriber, and the version of their tokens.
        unsubscribe: The id of a subscription, and its nonce. It never expires: a link in a message
            of years ago must still work.
        address: The id of a change of address, and when it was requested.
        rendered: When a form was rendered.
    """

    def __init__(self, secret: bytes) -> None:
        """Whoever has `secret` can make links."""
        self._secret = secret
        self.confirm = TokenSigner(Signer(secret, salt="confirm"))
        self.preferences = TokenSigner(Signer(secret, salt="preferences"))
        self.unsubscribe = TokenSigner(Signer(secret, salt="unsubscribe"))
        self.address = TokenSigner(Signer(secret, salt="address"))
        self.rendered = TokenSigner(Signer(secret, salt="rendered"))

    def keyed_hash(self, purpose: str, text: str) -> bytes:
        """Return a keyed hash of 32 bytes, a different one for each purpose."""
        return hmac.digest(self._secret, f"{purpose}\0{text}".encode(), "sha256")

    def suppression_hash(self, key: str) -> bytes:
        """Return the hash of a normalised address in the suppression list."""
        return self.keyed_hash("suppression", key)

    def bounce_hash(self, text: str) -> bytes:
        """Return the hash that signs a bounce address."""
        return self.keyed_hash("bounce", text)

    def network_hash(self, visitor: Visitor) -> str | None:
        """Return the hash of a visitor's network; None if it is unknown."""
        if not visitor.network:
            return None
        # The network, not the address: enough for limits and for the consent record, and less to
        # keep.
        return self.keyed_hash("network", network_of(visitor.network)).hex()
