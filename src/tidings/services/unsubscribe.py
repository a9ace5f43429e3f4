"""Unsubscribing: what the link in a letter leads to."""

import logging
from collections.abc import Callable
from datetime import datetime

from tidings.domain.newsletters import Subscription
from tidings.errors import NotFoundError
from tidings.services.links import Links
from tidings.storage import subscriptions
from tidings.storage.database import Database

logger = logging.getLogger(__name__)


class Unsubscribing:
    """Finds and ends subscriptions by the tokens of their links.

    A token that is not of our making is told from the others without the database.

    Args:
        database: Where subscriptions are.
        links: Reads tokens; None where nothing signs links, and so nobody has one.
        clock: Tells the time.
    """

    def __init__(
        self, database: Database, *, links: Links | None, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._links = links
        self._clock = clock

    def find(self, token: str) -> Subscription:
        """Return the subscription that a link is for, ended or not; nothing changes.

        Raises:
            NotFoundError: The link is not ours, or the subscriber has been removed.
        """
        subscription_id = self._read(token)
        with self._database.read() as connection:
            return subscriptions.get(connection, subscription_id)

    def end(self, token: str) -> None:
        """End the subscription that a link is for, unless that has happened before.

        Raises:
            NotFoundError: The link is not ours.
        """
        subscription_id = self._read(token)
        with self._database.write() as connection:
            has_ended = subscriptions.end(connection, subscription_id, now=self._clock())
        if has_ended:
            logger.info("subscription ended", extra={"subscription": subscription_id})

    def _read(self, token: str) -> int:
        if self._links is None:
            raise NotFoundError("link", "of that kind")
        return self._links.subscription_of(token)
