"""Signed links: what only we can make, for one purpose each."""

from itsdangerous import BadSignature, Signer

from tidings.errors import NotFoundError

UNSUBSCRIBE = "unsubscribe"


class Links:
    """Makes and reads the tokens in links; they do not run out.

    Args:
        secret: Whoever has it can make links.
    """

    def __init__(self, secret: bytes) -> None:
        self._unsubscribe = Signer(secret, salt=UNSUBSCRIBE)

    def unsubscribe_token(self, subscription_id: int) -> str:
        """Return the token by which a subscription is ended: ASCII, safe in a URL."""
        return self._unsubscribe.sign(str(subscription_id)).decode()

    def subscription_of(self, token: str) -> int:
        """Return whose subscription a token ends.

        Raises:
            NotFoundError: The token is not of our making.
        """
        try:
            return int(self._unsubscribe.unsign(token.encode()))
        except (BadSignature, UnicodeEncodeError, ValueError) as error:
            raise NotFoundError("link", "of that kind") from error
