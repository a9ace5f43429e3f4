"""What readers do with what they subscribe to, by the link to their preferences.

Unsubscribing: what the link in a letter leads to.
"""

import logging
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import datetime

from tidings.db.database import Connection, Database
from tidings.errors import NotFoundError
from tidings.model.newsletters import Ending, Subscription
from tidings.model.subscribers import (
    UNKNOWN_VISITOR,
    ConsentEvent,
    Preferences,
    PreferencesForm,
    SubscriberProfile,
    Visitor,
)
from tidings.subscribers import consent_log
from tidings.subscribers.consent_log import Actor
from tidings.subscribers.erasure import erase, known_of
from tidings.subscribers.sign_up import offered_topics, read_preferences
from tidings.subscribers.signed_links import SignedLinks
from tidings.subscribers.store import consents, subscribers, subscriptions
from tidings.subscribers.subscriber_access import reader_by

logger = logging.getLogger(__name__)

# Of subscriptions whose links were made before there were nonces.
FIRST_NONCE = 0


class SubscriberPreferences:
    """Shows and changes what somebody subscribes to.

    A link is worth nothing any more once its owner has changed their address, made all links
    worthless, or been forgotten. Everything can be done twice with the effect of once.

    Args:
        database: Where subscriptions are.
        links: Reads the tokens of links.
        clock: Tells the time.
        languages: In which letters are written.
    """

    def __init__(
        self,
        database: Database,
        *,
        links: SignedLinks,
        clock: Callable[[], datetime],
        languages: Collection[str],
    ) -> None:
        self._database = database
        self._links = links
        self._clock = clock
        self._languages = languages

    def read(self, token: str) -> SubscriberProfile:
        """Return whose link it is; nothing changes.

        Raises:
            NotFoundError: The link is not ours (`link`), or worth nothing any more (`subscriber`).
        """
        with self._database.read() as connection:
            return reader_by(connection, self._links, token)

    def topics(self, subscription: Subscription) -> tuple[str, ...]:
        """Return the slugs of the topics that a subscription can be narrowed to."""
        with self._database.read() as connection:
            return offered_topics(connection, subscription.newsletter)

    def save(self, token: str, number: int, choice: PreferencesForm, visitor: Visitor) -> None:
        """Change the subscription with an id; what is left empty stays, but for the topics.

        Raises:
            InvalidError: A value is none of those that there are.
            ConflictError: The subscription has ended.
            NotFoundError: As for `read`, or it is not theirs.
        """
        with self._database.write() as connection:
            old = self._subscription(connection, token, number)
            kept = Preferences(schedule=old.schedule, language=old.language, topics=old.topics)
            languages = self._languages
            offered = offered_topics(connection, old.newsletter)
            wish = read_preferences(choice, kept, languages=languages, offered=offered)
            consent_log.edit(connection, old, wish, act=self._act(visitor))

    def pause(self, token: str, number: int, visitor: Visitor) -> None:
        """Stop the letters of a subscription until it is resumed.

        Raises:
            NotFoundError: As for `save`.
        """
        with self._database.write() as connection:
            old = self._subscription(connection, token, number)
            consent_log.pause(connection, old, act=self._act(visitor))

    def resume(self, token: str, number: int, visitor: Visitor, *, catches_up: bool) -> None:
        """Let the letters of a subscription come again.

        Args:
            token: Of the link.
            number: The id of the subscription.
            visitor: Who asks.
            catches_up: Whether the next letter tells of what was missed.

        Raises:
            NotFoundError: As for `save`.
        """
        with self._database.write() as connection:
            old = self._subscription(connection, token, number)
            consent_log.resume(connection, old, catches_up=catches_up, act=self._act(visitor))

    def end(self, token: str, number: int, visitor: Visitor) -> None:
        """End a subscription.

        Raises:
            NotFoundError: As for `save`.
        """
        with self._database.write() as connection:
            old = self._subscription(connection, token, number)
            consent_log.end(connection, old, Ending.READER, act=self._act(visitor))

    def undo(self, token: str, number: int, visitor: Visitor) -> None:
        """Let a subscription that its reader ended go on as it was, from now on.

        Raises:
            ConflictError: It ended too long ago, or for another reason.
            NotFoundError: As for `save`.
        """
        with self._database.write() as connection:
            old = self._subscription(connection, token, number)
            consent_log.undo(connection, old, act=self._act(visitor))

    def sign_out(self, token: str, visitor: Visitor) -> None:
        """Make all links to these preferences worthless, this one too.

        Raises:
            NotFoundError: As for `read`.
        """
        with self._database.write() as connection:
            reader = reader_by(connection, self._links, token)
            subscribers.sign_out(connection, reader.id)
            line = self._act(visitor).line(ConsentEvent.SIGNED_OUT, None)
            consents.add(connection, reader.id, line)

    def forget(self, token: str) -> None:
        """Delete all that is known of a reader, but a keyed hash of their address.

        Raises:
            NotFoundError: As for `read`.
        """
        with self._database.write() as connection:
            reader = reader_by(connection, self._links, token)
            erase(connection, self._links, reader, now=self._clock())
        logger.info("subscriber erased")

    def export(self, token: str) -> dict[str, object]:
        """Return all that is known of a reader, ready for JSON.

        Raises:
            NotFoundError: As for `read`.
        """
        with self._database.read() as connection:
            return known_of(connection, reader_by(connection, self._links, token))

    def _subscription(self, connection: Connection, token: str, number: int) -> Subscription:
        for one in reader_by(connection, self._links, token).subscriptions:
            if one.id == number:
                return one
        raise NotFoundError("subscription", number)

    def _act(self, visitor: Visitor) -> Actor:
        return Actor(now=self._clock(), by="reader", network=self._links.network_hash(visitor))


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
        self, token: str, because: Ending = Ending.READER, *, visitor: Visitor = UNKNOWN_VISITOR
    ) -> None:
        """End the subscription that a link is for, unless that has happened before.

        Who has been removed since gets nothing either: that is no error.

        Raises:
            NotFoundError: The link is not ours.
        """
        numbers = self._read(token)
        with suppress(NotFoundError), self._database.write() as connection:
            old = _get(connection, numbers)
            consent_log.end(connection, old, because, act=self._act(visitor))

    def undo(self, token: str, *, visitor: Visitor = UNKNOWN_VISITOR) -> None:
        """Let the subscription that a link is for go on as it was, from now on.

        Raises:
            ConflictError: It ended too long ago, or was not ended by its reader.
            NotFoundError: As for `find`.
        """
        numbers = self._read(token)
        with self._database.write() as connection:
            old = _get(connection, numbers)
            consent_log.undo(connection, old, act=self._act(visitor))

    def slow_down(self, token: str, frequency: str, *, visitor: Visitor = UNKNOWN_VISITOR) -> None:
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
            consent_log.edit(connection, old, wish, act=self._act(visitor))

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
