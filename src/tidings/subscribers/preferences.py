"""What subscribers can do by the links in their messages: change preferences, and unsubscribe."""

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
from tidings.subscribers.erasure import erase, personal_data
from tidings.subscribers.sign_up import offered_topics, read_preferences
from tidings.subscribers.signed_links import SignedLinks
from tidings.subscribers.store import consents, subscribers, subscriptions
from tidings.subscribers.subscriber_access import subscriber_of_link

logger = logging.getLogger(__name__)

# Links that were sent before subscriptions had nonces name none, and stay valid.
FIRST_NONCE = 0


class SubscriberPreferences:
    """Shows and changes a subscriber's subscriptions; every method is idempotent.

    Links are revoked by a change of address, by `sign_out` and by `forget`.

    Args:
        database: Where subscriptions are.
        links: Verifies the tokens of links.
        clock: Aware UTC.
        languages: Those that messages are available in.
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
        """Return the subscriber of a link.

        Raises:
            NotFoundError: The link is not ours (`link`), or is revoked (`subscriber`).
        """
        with self._database.read() as connection:
            return subscriber_of_link(connection, self._links, token)

    def topics(self, subscription: Subscription) -> tuple[str, ...]:
        """Return the slugs of the topics that a subscription can be narrowed to."""
        with self._database.read() as connection:
            return offered_topics(connection, subscription.newsletter)

    def save(self, token: str, number: int, choice: PreferencesForm, visitor: Visitor) -> None:
        """Change a subscription; empty fields stay as they are, topics excepted.

        Raises:
            InvalidError: A value is not among the choices.
            ConflictError: The subscription has ended.
            NotFoundError: As for `read`, or it is not theirs.
        """
        with self._database.write() as connection:
            old = self._subscription(connection, token, number)
            kept = Preferences(schedule=old.schedule, language=old.language, topics=old.topics)
            languages = self._languages
            offered = offered_topics(connection, old.newsletter)
            preferences = read_preferences(choice, kept, languages=languages, offered=offered)
            consent_log.edit(connection, old, preferences, actor=self._actor(visitor))

    def pause(self, token: str, number: int, visitor: Visitor) -> None:
        """Pause a subscription.

        Raises:
            NotFoundError: As for `save`.
        """
        with self._database.write() as connection:
            old = self._subscription(connection, token, number)
            consent_log.pause(connection, old, actor=self._actor(visitor))

    def resume(self, token: str, number: int, visitor: Visitor, *, catches_up: bool) -> None:
        """Resume a subscription.

        Args:
            token: Of the link.
            number: The id of the subscription.
            visitor: For the consent record.
            catches_up: Whether the next issue has what was missed.

        Raises:
            NotFoundError: As for `save`.
        """
        with self._database.write() as connection:
            old = self._subscription(connection, token, number)
            consent_log.resume(connection, old, catches_up=catches_up, actor=self._actor(visitor))

    def end(self, token: str, number: int, visitor: Visitor) -> None:
        """End a subscription.

        Raises:
            NotFoundError: As for `save`.
        """
        with self._database.write() as connection:
            old = self._subscription(connection, token, number)
            consent_log.end(connection, old, Ending.READER, actor=self._actor(visitor))

    def undo(self, token: str, number: int, visitor: Visitor) -> None:
        """Restore a subscription that its subscriber ended, from now on.

        Raises:
            ConflictError: It ended too long ago, or for another reason.
            NotFoundError: As for `save`.
        """
        with self._database.write() as connection:
            old = self._subscription(connection, token, number)
            consent_log.undo(connection, old, actor=self._actor(visitor))

    def sign_out(self, token: str, visitor: Visitor) -> None:
        """Revoke all links to these preferences, this one too.

        Raises:
            NotFoundError: As for `read`.
        """
        with self._database.write() as connection:
            profile = subscriber_of_link(connection, self._links, token)
            subscribers.sign_out(connection, profile.id)
            line = self._actor(visitor).line(ConsentEvent.SIGNED_OUT, None)
            consents.add(connection, profile.id, line)

    def forget(self, token: str) -> None:
        """Erase a subscriber, but for a keyed hash of their address.

        Raises:
            NotFoundError: As for `read`.
        """
        with self._database.write() as connection:
            profile = subscriber_of_link(connection, self._links, token)
            erase(connection, self._links, profile, now=self._clock())
        logger.info("subscriber erased")

    def export(self, token: str) -> dict[str, object]:
        """Return all data of a subscriber, ready for JSON.

        Raises:
            NotFoundError: As for `read`.
        """
        with self._database.read() as connection:
            return personal_data(connection, subscriber_of_link(connection, self._links, token))

    def _subscription(self, connection: Connection, token: str, number: int) -> Subscription:
        # Among their own only: the number comes from a form, which anybody can change.
        for one in subscriber_of_link(connection, self._links, token).subscriptions:
            if one.id == number:
                return one
        raise NotFoundError("subscription", number)

    def _actor(self, visitor: Visitor) -> Actor:
        return Actor(now=self._clock(), by="reader", network=self._links.network_hash(visitor))


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
            consent_log.end(connection, old, because, actor=self._actor(visitor))

    def undo(self, token: str, *, visitor: Visitor = UNKNOWN_VISITOR) -> None:
        """Restore the subscription of a link, from now on.

        Raises:
            ConflictError: It ended too long ago, or was not ended by its subscriber.
            NotFoundError: As for `find`.
        """
        numbers = self._read(token)
        with self._database.write() as connection:
            old = _get(connection, numbers)
            consent_log.undo(connection, old, actor=self._actor(visitor))

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
            consent_log.edit(connection, old, preferences, actor=self._actor(visitor))

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
