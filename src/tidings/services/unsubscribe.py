"""Unsubscribing: what the link in a letter leads to."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from tidings.domain.newsletters import Ending, Subscription
from tidings.domain.readers import NOBODY, Preferences, PreferencesForm, Visitor
from tidings.errors import NotFoundError
from tidings.services import changes
from tidings.services.changes import Actor
from tidings.services.links import SignedLinks
from tidings.services.wishes import read_preferences
from tidings.storage import subscriptions
from tidings.storage.database import Connection, Database

FIRST_NONCE = 0
"""Of subscriptions whose links were made before there were nonces."""


class Unsubscriber:
    """Finds and ends subscriptions by the tokens of their links.

    A token that is not of our making is told from the others without the database.

    Args:
        database: Where subscriptions are.
        links: Reads tokens; None where nothing signs links, and so nobody has one.
        clock: Tells the time.
    """

    def __init__(
        self, database: Database, *, links: SignedLinks | None, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._links = links
        self._clock = clock

    def find(self, token: str) -> Subscription:
        """Return the subscription that a link is for, ended or not; nothing changes.

        Raises:
            NotFoundError: The link is not ours, or the subscriber has been removed.
        """
        numbers = self._read(token)
        with self._database.read() as connection:
            return _get(connection, numbers)

    def end(
        self, token: str, because: Ending = Ending.READER, *, visitor: Visitor = NOBODY
    ) -> None:
        """End the subscription that a link is for, unless that has happened before.

        Who has been removed since gets nothing either: that is no error.

        Raises:
            NotFoundError: The link is not ours.
        """
        numbers = self._read(token)
        with suppress(NotFoundError), self._database.write() as connection:
            old = _get(connection, numbers)
            changes.end(connection, old, because, act=self._act(visitor))

    def undo(self, token: str, *, visitor: Visitor = NOBODY) -> None:
        """Let the subscription that a link is for go on as it was, from now on.

        Raises:
            ConflictError: It ended too long ago, or was not ended by its reader.
            NotFoundError: As for `find`.
        """
        numbers = self._read(token)
        with self._database.write() as connection:
            old = _get(connection, numbers)
            changes.undo(connection, old, act=self._act(visitor))

    def slow_down(self, token: str, frequency: str, *, visitor: Visitor = NOBODY) -> None:
        """Let letters come as often as said, instead of ending the subscription.

        Raises:
            InvalidError: There is no such frequency.
            ConflictError: The subscription has ended.
            NotFoundError: As for `find`.
        """
        numbers = self._read(token)
        with self._database.write() as connection:
            old = _get(connection, numbers)
            kept = Preferences(schedule=old.schedule, language=old.language, topics=old.topics)
            choice = PreferencesForm(frequency=frequency, topics=old.topics)
            wish = read_preferences(choice, kept, languages=[old.language], offered=old.topics)
            changes.edit(connection, old, wish, act=self._act(visitor))

    def _read(self, token: str) -> tuple[int, int]:
        if self._links is None:
            raise NotFoundError("link", "of that kind")
        number, *rest = self._links.unsubscribe.read(token)
        return number, rest[0] if rest else FIRST_NONCE

    def _act(self, visitor: Visitor) -> Actor:
        network = self._links.network_hash(visitor) if self._links else None
        return Actor(now=self._clock(), by="reader", network=network)


def _get(connection: Connection, numbers: tuple[int, int]) -> Subscription:
    number, nonce = numbers
    found = subscriptions.get(connection, number)
    if found.nonce != nonce:
        raise NotFoundError("subscription", "by that link")
    return found
