"""Tokens of operators, and their browser sessions."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe

from tidings.db.database import Database
from tidings.errors import ConflictError, NotFoundError
from tidings.model.operators import OperatorToken, Role, Session
from tidings.model.subscribers import Visitor
from tidings.operator.store import sessions
from tidings.operator.store.sessions import NewToken
from tidings.subscribers.signed_links import SignedLinks
from tidings.subscribers.store import rate_limits

logger = logging.getLogger(__name__)

# Random bytes of a token: far beyond guessing, so a plain hash is enough, without salt or
# stretching.
BYTES = 32

HOUR = timedelta(hours=1)
# Attempts an hour from one network; beyond that a right token is refused too, or guessing would
# pay.
TRIES = 20


def new_secret() -> str:
    """Return 43 random characters: 256 bits."""
    return token_urlsafe(BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A new token, with its text, which is shown once."""

    text: str
    token: OperatorToken


def issue(
    database: Database, *, label: str, role: Role, lifetime: timedelta, now: datetime
) -> Issued:
    """Make a token."""
    text = new_secret()
    new = NewToken(hash=_hash(text), label=label, role=role, expires_at=now + lifetime)
    with database.write() as connection:
        token = sessions.add(connection, new, now=now)
    return Issued(text=text, token=token)


class Sessions:
    """Signs operators in and out."""

    def __init__(
        self, database: Database, *, links: SignedLinks, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._links = links
        self._clock = clock

    def sign_in(self, text: str, visitor: Visitor) -> Session:
        """Begin a session, always a new one (no session fixation).

        Raises:
            NotFoundError: The token is wrong, revoked or expired.
            ConflictError: There were too many attempts; nothing was looked up.
        """
        now = self._clock()
        self._count_try(self._quota(visitor), now)
        secret = new_secret()
        with self._database.write() as connection:
            # Looked up by hash: the time that takes tells nothing of the token.
            token = sessions.find(connection, _hash(text), now=now)
            if token is not None:
                sessions.begin_session(connection, _hash(secret), token.id, now=now)
        if token is None:
            logger.warning("operator not signed in", extra={"because": "no such token"})
            raise NotFoundError("operator token", "like that")
        logger.info("operator signed in", extra={"token": token.id})
        return self._session(secret, token)

    def of_token(self, text: str, visitor: Visitor) -> Session:
        """Return the session of a single request that bears a token; nothing of it is stored.

        Raises:
            NotFoundError: The token is wrong, revoked or expired.
            ConflictError: There were too many attempts; nothing was looked up.
        """
        now, quota = self._clock(), self._quota(visitor)
        with self._database.read() as connection:
            tries = rate_limits.used(connection, quota, window=HOUR, now=now)
            token = sessions.find(connection, _hash(text), now=now) if tries < TRIES else None
        if token is not None:
            return self._session(text, token)
        # Only what is wrong counts: programs come with a right one as often as they like.
        self._count_try(quota, now)
        logger.warning("operator not let in", extra={"because": "no such token"})
        raise NotFoundError("operator token", "like that")

    def find(self, secret: str) -> Session | None:
        """Return the session with a secret, unless it or its token has ended."""
        with self._database.read() as connection:
            token = sessions.find_session(connection, _hash(secret), now=self._clock())
        return self._session(secret, token) if token else None

    def sign_out(self, session: Session) -> None:
        """End a session."""
        with self._database.write() as connection:
            sessions.end_session(connection, _hash(session.secret))
        logger.info("operator signed out", extra={"token": session.token.id})

    def note_act(self, session: Session, act: str, what: str) -> None:
        """Record an operator's action, and to what it was done."""
        with self._database.write() as connection:
            sessions.record(connection, session.token, act, what, now=self._clock())
        numbers = {"token": session.token.id, "act": act, "what": what}
        logger.info("operator acted", extra=numbers)

    def _quota(self, visitor: Visitor) -> bytes:
        network = self._links.network_hash(visitor) or ""
        return self._links.keyed_hash("quota of operator", network)

    def _count_try(self, quota: bytes, now: datetime) -> None:
        # In a transaction of its own: an attempt counts whatever follows.
        with self._database.write() as connection:
            tries = rate_limits.take(connection, quota, window=HOUR, now=now)
        if tries > TRIES:
            logger.warning("operator not signed in", extra={"because": "too many tries"})
            raise ConflictError("sign-in", "from there", because="was tried too often")

    def _session(self, secret: str, token: OperatorToken) -> Session:
        # Derived from the session: nothing to store, and it ends with it.
        csrf_token = self._links.keyed_hash("operator form", secret).hex()
        return Session(secret=secret, token=token, csrf_token=csrf_token)


def _hash(text: str) -> bytes:
    # A form may hold what UTF-8 cannot: that is a wrong token, not an error.
    return sha256(text.encode(errors="replace")).digest()
