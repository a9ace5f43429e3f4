"""What subscribers can do by the link to their preferences: change, move, export, forget."""

import logging
from collections.abc import Callable, Collection
from datetime import datetime

from tidings.db.database import Connection, Database
from tidings.errors import NotFoundError
from tidings.model.newsletters import Ending, Subscription
from tidings.model.subscribers import (
    ConsentEvent,
    Preferences,
    PreferencesForm,
    SubscriberProfile,
    Visitor,
)
from tidings.subscribers import subscription_changes
from tidings.subscribers.erasure import erase, personal_data
from tidings.subscribers.sign_up import offered_topics, read_preferences
from tidings.subscribers.signed_links import SignedLinks
from tidings.subscribers.store import consents, subscribers
from tidings.subscribers.subscriber_access import subscriber_of_link
from tidings.subscribers.subscription_changes import Actor

logger = logging.getLogger(__name__)


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
            subscription_changes.edit(connection, old, preferences, actor=self._actor(visitor))

    def pause(self, token: str, number: int, visitor: Visitor) -> None:
        """Pause a subscription.

        Raises:
            NotFoundError: As for `save`.
        """
        with self._database.write() as connection:
            old = self._subscription(connection, token, number)
            subscription_changes.pause(connection, old, actor=self._actor(visitor))

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
            subscription_changes.resume(
                connection, old, catches_up=catches_up, actor=self._actor(visitor)
            )

    def end(self, token: str, number: int, visitor: Visitor) -> None:
        """End a subscription.

        Raises:
            NotFoundError: As for `save`.
        """
        with self._database.write() as connection:
            old = self._subscription(connection, token, number)
            subscription_changes.end(connection, old, Ending.READER, actor=self._actor(visitor))

    def undo(self, token: str, number: int, visitor: Visitor) -> None:
        """Restore a subscription that its subscriber ended, from now on.

        Raises:
            ConflictError: It ended too long ago, or for another reason.
            NotFoundError: As for `save`.
        """
        with self._database.write() as connection:
            old = self._subscription(connection, token, number)
            subscription_changes.undo(connection, old, actor=self._actor(visitor))

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
