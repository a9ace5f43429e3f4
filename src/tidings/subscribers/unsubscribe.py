"""Unsubscribing by the links in messages: looked up, ended, undone, or made less frequent."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from tidings.db.database import Connection, Database
from tidings.errors import NotFoundError
from tidings.model.newsletters import Ending, Subscription
from tidings.model.subscribers import (
    UNKNOWN_VISITOR,
    Preferences,
    PreferencesForm,
    Visitor,
)
from tidings.subscribers import subscription_changes
from tidings.subscribers.sign_up import read_preferences
from tidings.subscribers.signed_links import SignedLinks
from tidings.subscribers.store import subscriptions
from tidings.subscribers.subscription_changes import Actor

# Links that were sent before subscriptions had nonces name none, and stay valid.
FIRST_NONCE = 0


class Unsubscriber:
    """Finds and ends subscriptions by their unsubscribe links.

    A forged token is recognised without the database.

    Args:
        database: Where subscriptions are.
        links: Verifies tokens; None where there is no secret, so that no link exists.
        clock: Aware UTC.
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
        self, token: str, because: Ending = Ending.READER, *, visitor: Visitor = UNKNOWN_VISITOR
    ) -> None:
        """End the subscription that a link is for, unless that has happened before.

        A subscriber who has been removed is no error: they get nothing anyway.

        Raises:
            NotFoundError: The link is not ours.
        """
        numbers = self._read(token)
        # No error: the link is ours, RFC 8058 wants a plain 200, and the doctor tries it with a
        # link of no subscription.
        with suppress(NotFoundError), self._database.write() as connection:
            old = _get(connection, numbers)
            subscription_changes.end(connection, old, because, actor=self._actor(visitor))

    def undo(self, token: str, *, visitor: Visitor = UNKNOWN_VISITOR) -> None:
        """Restore the subscription of a link, from now on.

        Raises:
            ConflictError: It ended too long ago, or was not ended by its subscriber.
            NotFoundError: As for `find`.
        """
        numbers = self._read(token)
        with self._database.write() as connection:
            old = _get(connection, numbers)
            subscription_changes.undo(connection, old, actor=self._actor(visitor))

    def slow_down(self, token: str, frequency: str, *, visitor: Visitor = UNKNOWN_VISITOR) -> None:
        """Change the frequency instead of ending the subscription.

        Raises:
            InvalidError: There is no such frequency.
            ConflictError: The subscription has ended.
            NotFoundError: As for `find`.
        """
        numbers = self._read(token)
        with self._database.write() as connection:
            old = _get(connection, numbers)
            kept = Preferences(schedule=old.schedule, language=old.language, topics=old.topics)
            # All but the frequency stays, even what the newsletter does not offer any more.
            choice = PreferencesForm(frequency=frequency, topics=old.topics)
            preferences = read_preferences(
                choice, kept, languages=[old.language], offered=old.topics
            )
            subscription_changes.edit(connection, old, preferences, actor=self._actor(visitor))

    def _read(self, token: str) -> tuple[int, int]:
        if self._links is None:
            raise NotFoundError("link", "of that kind")
        number, *rest = self._links.unsubscribe.read(token)
        return number, rest[0] if rest else FIRST_NONCE

    def _actor(self, visitor: Visitor) -> Actor:
        network = self._links.network_hash(visitor) if self._links else None
        return Actor(now=self._clock(), by="reader", network=network)


def _get(connection: Connection, numbers: tuple[int, int]) -> Subscription:
    number, nonce = numbers
    found = subscriptions.get(connection, number)
    # SQLite may use the id of an erased subscription again: an old link must not end the new one.
    if found.nonce != nonce:
        raise NotFoundError("subscription", "by that link")
    return found
