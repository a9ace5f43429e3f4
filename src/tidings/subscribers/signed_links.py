"""Signed links: what only we can make, for one purpose each, and keyed hashes."""

import hmac
from dataclasses import dataclass

from itsdangerous import BadSignature, Signer

from tidings.errors import NotFoundError
from tidings.model.subscribers import Visitor, network_of

# Characters; what is longer is not of our making, and is not looked at.
MAX_TOKEN = 120

# What mail programs take for part of a link that stands in a sentence or in brackets.
BEHIND = ".) "


@dataclass(frozen=True, slots=True)
class TokenSigner:
    """Makes and reads the tokens of one purpose: ASCII, safe in a URL, for ever the same."""

    signer: Signer

    def sign(self, *numbers: int) -> str:
        """Return the token that stands for `numbers`."""
        return self.signer.sign("-".join(map(str, numbers))).decode()

    def read(self, token: str) -> tuple[int, ...]:
        """Return the numbers that a token stands for, whatever of `BEHIND` stands behind it.

        Raises:
            NotFoundError: The token is not of our making, or for another purpose.
        """
        if len(token) > MAX_TOKEN:
            raise NotFoundError("link", "of that kind")
        given = token.rstrip(BEHIND)
        try:
            numbers = tuple(map(int, self.signer.unsign(given.encode()).split(b"-")))
        except (BadSignature, UnicodeEncodeError, ValueError) as error:
            raise NotFoundError("link", "of that kind") from error
        # Base64 is read in more ways than it is written: with line breaks, or its padding.
        if self.sign(*numbers) != given:
            raise NotFoundError("link", "of that kind")
        return numbers


class SignedLinks:
    """The links in letters and forms; a token of one purpose is worth nothing for another.

    Attributes:
        confirm: The id of a sign-up, and when its letter was asked for, in seconds.
        preferences: The id of a subscriber, and the version of their tokens.
        unsubscribe: The id of a subscription, and its nonce; it never runs out.
        address: The id of a change of address, and when it was asked for, in seconds.
        rendered: When a form was shown, in seconds.
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
        """Return what stands for `text` where it must not be read: 32 bytes, one per purpose."""
        return hmac.digest(self._secret, f"{purpose}\0{text}".encode(), "sha256")

    def suppression_hash(self, key: str) -> bytes:
        """Return what stands for an address, by its key, among those that get nothing."""
        return self.keyed_hash("suppression", key)

    def bounce_hash(self, text: str) -> bytes:
        """Return what the signature in an address for bounces is made from."""
        return self.keyed_hash("bounce", text)

    def network_hash(self, visitor: Visitor) -> str | None:
        """Return what stands for the network that a visitor came from; None if it is unknown."""
        if not visitor.network:
            return None
        return self.keyed_hash("network", network_of(visitor.network)).hex()
