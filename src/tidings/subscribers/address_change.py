"""Changing an address: requested in the preferences, confirmed at the new address."""

import logging
from collections.abc import Callable
from datetime import datetime

from tidings.db.database import Connection, Database
from tidings.errors import InvalidError, NotFoundError
from tidings.mail.addresses import EmailAddress
from tidings.model.subscribers import (
    CONFIRMATION_PAUSE,
    AddressChange,
    ConsentEvent,
    MessageKind,
    SubscriberProfile,
    Visitor,
    abuse_key,
)
from tidings.subscribers.signed_links import SignedLinks
from tidings.subscribers.store import (
    consents,
    rate_limits,
    subscribers,
    suppressions,
    transactional,
)
from tidings.subscribers.store.transactional import NewMessage
from tidings.subscribers.subscriber_access import is_barred, read_address, subscriber_of_link
from tidings.subscribers.subscription_changes import Actor

logger = logging.getLogger(__name__)

# New addresses that one subscriber can have written to in a day, each once: else the form would be
# a way to send mail to strangers.
MAX_CONFIRMATIONS_A_DAY = 3


class AddressChanges:
    """Changes the addresses of subscribers."""

    def __init__(
        self, database: Database, *, links: SignedLinks, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._links = links
        self._clock = clock

    def ask(self, token: str, text: str) -> None:
        """Send a confirmation to a new address, or silently nothing.

        Nothing is sent to the address of another subscriber or a suppressed one, or beyond the
        limits. The page shows the same in every case, so that it does not tell who subscribes.

        Args:
            token: Of a link to preferences.
            text: The new address.

        Raises:
            InvalidError: It is not valid, or theirs already.
            NotFoundError: The link is not ours, or is revoked.
        """
        address = read_address(text)
        now = self._clock()
        with self._database.write() as connection:
            profile = subscriber_of_link(connection, self._links, token)
            if address.key == profile.key:
                raise InvalidError("address", text, "letters go there already")
            if self._is_over(connection, profile, address):
                return
            # A new request replaces the earlier one even if no message follows: an old link must
            # not move them to an address that they no longer want.
            both = address.address, address.key
            number = subscribers.ask_change(connection, profile.id, both, now=now)
            if self._can_have(connection, address.key):
                message = _message(MessageKind.ADDRESS, profile, address.address, number)
                transactional.add(connection, message, now=now)

    def look(self, token: str) -> AddressChange:
        """Return the change that a link confirms; nothing is changed.

        Raises:
            NotFoundError: The link is not ours (`link`), has expired, or was replaced by a
                newer request (`change of address`).
        """
        number, asked_at = self._links.address.read(token)
        with self._database.read() as connection:
            return self._check(subscribers.find_change(connection, number), asked_at)

    def confirm(self, token: str, visitor: Visitor) -> SubscriberProfile:
        """Change the address, and notify the old one; a second time does nothing.

        Raises:
            NotFoundError: As for `look`, or somebody else has the address by now.
        """
        number, asked_at = self._links.address.read(token)
        now = self._clock()
        with self._database.write() as connection:
            change = self._check(subscribers.lock_change(connection, number), asked_at)
            before = subscribers.get(connection, change.subscriber_id)
            # The button was pressed twice, or the link opened again later.
            if before.key == change.key:
                return before
            # Checked again: somebody may have signed up with the address since the request.
            if not self._can_have(connection, change.key):
                raise _outdated()
            # The unique key decides: of two who move to one address at the same moment, one does.
            if not subscribers.move(connection, change):
                raise _outdated()
            # Its owner has just agreed: that the address was erased once no longer stands in the
            # way.
            suppressions.forgive(connection, self._links.suppression_hash(change.key))
            actor = Actor(now=now, by="reader", network=self._links.network_hash(visitor))
            addresses = {"from": before.address, "to": change.address}
            # The old address as well: an erasure later has to find what was sent to it.
            line = actor.line(ConsentEvent.ADDRESS_CHANGED, None, **addresses)
            consents.add(connection, before.id, line)
            # In case it was not they who did it, but somebody with a message that they forwarded.
            transactional.add(
                connection, _message(MessageKind.MOVED, before, before.address), now=now
            )
            logger.info("address changed", extra={"subscriber": before.id})
            return subscribers.get(connection, before.id)

    def _is_over(
        self, connection: Connection, profile: SubscriberProfile, address: EmailAddress
    ) -> bool:
        limits = (
            ("mover", str(profile.id), MAX_CONFIRMATIONS_A_DAY),
            # Without dots and +tag: else one mailbox would count as many.
            ("new address", abuse_key(address.key), 1),
        )
        for name, who, most in limits:
            key = self._links.keyed_hash(f"quota of {name}", who)
            used = rate_limits.take(connection, key, window=CONFIRMATION_PAUSE, now=self._clock())
            if used > most:
                logger.info("change of address dropped", extra={"because": name})
                return True
        return False

    def _can_have(self, connection: Connection, key: str) -> bool:
        is_free = subscribers.find_id(connection, key) is None
        return is_free and not is_barred(connection, self._links, key)

    def _check(self, found: AddressChange | None, asked_at: int) -> AddressChange:
        # SQLite uses ids again: a request that replaced this one may have its id, but not its time.
        if found is None or int(found.asked_at.timestamp()) != asked_at:
            raise _outdated()
        if self._clock() >= found.expires_at:
            raise _outdated()
        return found


def _outdated() -> NotFoundError:
    # The same for expired, replaced and taken: it must not tell that somebody has the address.
    return NotFoundError("change of address", "waits here any more")


def _message(
    kind: MessageKind, profile: SubscriberProfile, address: str, change_id: int | None = None
) -> NewMessage:
    first = profile.subscriptions[0] if profile.subscriptions else None
    return NewMessage(
        kind=kind,
        address=address,
        language=first.language if first else "en",
        newsletter_id=first.newsletter.id if first else None,
        subscription_id=first.id if first else None,
        address_change_id=change_id,
    )
