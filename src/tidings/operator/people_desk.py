"""Subscribers as operators look after them on the pages: search, changes, lists, suppression."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TextIO

from tidings.catalog import newsletters
from tidings.db.database import Connection, Database
from tidings.errors import NotFoundError
from tidings.mail.addresses import parse_address
from tidings.model.newsletters import Ending, Newsletter, Subscription
from tidings.model.subscribers import (
    PreferencesForm,
    SignUp,
    SubscriberProfile,
    Suppression,
    SuppressionReason,
)
from tidings.operator.store import people
from tidings.operator.store.people import SubscriberWeek
from tidings.subscribers import subscription_changes
from tidings.subscribers.bounce_rules import BounceHistory
from tidings.subscribers.bulk_import import Importer, ImportPlan, subscriber_rows
from tidings.subscribers.erasure import erase
from tidings.subscribers.import_report import ImportReport
from tidings.subscribers.sign_up import default_preferences, offered_topics, read_preferences
from tidings.subscribers.signed_links import SignedLinks
from tidings.subscribers.store import (
    bounces,
    bulk,
    sign_ups,
    subscribers,
    subscriptions,
    suppressions,
)
from tidings.subscribers.store.bounces import BounceLine
from tidings.subscribers.store.bulk import ListPiece, SubscriptionFilter
from tidings.subscribers.subscriber_access import refuse_suppressed
from tidings.subscribers.subscriber_csv import COLUMNS, read_csv, write_csv
from tidings.subscribers.subscription_changes import Actor

# Subscriptions on a page, sign-ups that wait, bounces of one person.
LINES_SHOWN, WAITING_SHOWN, BOUNCES_SHOWN = 50, 200, 50

# Weeks that are shown, the last of which ends today.
WEEKS_SHOWN = 8

# Digits of a keyed hash by which the audit list names an address, as `suppression list` does.
HASH_SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleFigures:
    """Subscriptions in numbers.

    Attributes:
        weeks: The latest last.
        unconfirmed: Sign-ups that wait to be confirmed.
    """

    weeks: tuple[SubscriberWeek, ...]
    unconfirmed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A subscriber, and whether letters reach them."""

    profile: SubscriberProfile
    history: BounceHistory
    bounces: tuple[BounceLine, ...]
    suppression: Suppression | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressStanding:
    """What is known of an address.

    Attributes:
        mark: The beginning of its keyed hash, which may be recorded.
        subscriber_id: Of who has it; None if nobody has.
    """

    address: str
    mark: str
    suppression: Suppression | None
    subscriber_id: int | None


class PeopleDesk:
    """Subscribers, their lists and the suppression of addresses; thread-safe."""

    def __init__(
        self,
        database: Database,
        *,
        links: SignedLinks,
        clock: Callable[[], datetime],
        languages: tuple[str, ...],
    ) -> None:
        self._database = database
        self._links = links
        self._clock = clock
        self._languages = languages

    def newsletters(self) -> tuple[Newsletter, ...]:
        """Return all newsletters."""
        with self._database.read() as connection:
            return tuple(newsletters.every(connection))

    def figures(self) -> PeopleFigures:
        """Return the numbers of the last weeks."""
        now = self._clock()
        midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        # Seven days each, today being the last: on a Monday the week would be empty else.
        first = midnight - 6 * people.WEEK / 7
        starts = [first - people.WEEK * back for back in range(WEEKS_SHOWN - 1, -1, -1)]
        with self._database.read() as connection:
            return PeopleFigures(
                weeks=tuple(people.weeks(connection, starts)),
                unconfirmed=people.count_unconfirmed(connection, now=now),
            )

    def find(self, wanted: SubscriptionFilter, *, after: int | None) -> ListPiece:
        """Return subscriptions by address, those after a subscriber."""
        with self._database.read() as connection:
            key = people.key_of(connection, after) if after else ""
            return bulk.piece(connection, wanted, after=key, limit=LINES_SHOWN)

    def unconfirmed(self, newsletter: str | None, *, like: str) -> tuple[SignUp, ...]:
        """Return sign-ups that wait to be confirmed, the latest first.

        Args:
            newsletter: A slug; None for all newsletters.
            like: Part of an address; those among the latest that have it.

        Raises:
            NotFoundError: There is no such newsletter.
        """
        with self._database.read() as connection:
            series = newsletters.get(connection, newsletter).id if newsletter else None
            waiting = sign_ups.pending(connection, series, now=self._clock(), limit=WAITING_SHOWN)
        return tuple(one for one in waiting if like.casefold() in one.key)

    def person(self, subscriber_id: int) -> Person:
        """Return a subscriber.

        Raises:
            NotFoundError: There is none with that id.
        """
        with self._database.read() as connection:
            profile = subscribers.get(connection, subscriber_id)
            hashed = self._links.suppression_hash(profile.key)
            latest = bounces.latest(connection, key=profile.key, kind=None, limit=BOUNCES_SHOWN)
            return Person(
                profile=profile,
                history=subscribers.bounce_history(connection, profile.key),
                bounces=tuple(latest),
                suppression=suppressions.find(connection, hashed),
            )

    def add(self, address: str, slug: str) -> int:
        """Subscribe somebody on their behalf, as the newsletter has it; return their id.

        Raises:
            InvalidError: That is no address.
            NotFoundError: There is no such newsletter.
            ConflictError: They are subscribed already, or the address is suppressed.
        """
        known = parse_address(address)
        with self._database.write() as connection:
            series = newsletters.get(connection, slug)
            # Also for operators, who may not know that somebody complained.
            refuse_suppressed(connection, self._links, known)
            preferences = default_preferences(series)
            subscription_changes.add(
                connection, slug, known, preferences=preferences, actor=self._actor()
            )
            return subscribers.get_of(connection, known.key).id

    def edit(self, subscriber_id: int, subscription_id: int, form: PreferencesForm) -> None:
        """Change a subscription.

        Raises:
            NotFoundError: They have no such subscription.
            InvalidError: A value is not among the choices; its kind names the field.
            ConflictError: It has ended.
        """
        with self._database.write() as connection:
            old = _subscription(connection, subscriber_id, subscription_id)
            preferences = read_preferences(
                form,
                default_preferences(old.newsletter),
                languages=self._languages,
                offered=offered_topics(connection, old.newsletter),
            )
            subscription_changes.edit(connection, old, preferences, actor=self._actor())

    def end(self, subscriber_id: int, subscription_id: int) -> None:
        """End a subscription.

        Raises:
            NotFoundError: They have no such subscription.
        """
        with self._database.write() as connection:
            old = _subscription(connection, subscriber_id, subscription_id)
            subscription_changes.end(connection, old, Ending.OPERATOR, actor=self._actor())

    def erase(self, subscriber_id: int) -> None:
        """Delete a subscriber with all their data, but for a keyed hash of the address.

        Raises:
            NotFoundError: There is none with that id.
        """
        with self._database.write() as connection:
            profile = subscribers.get(connection, subscriber_id)
            erase(connection, self._links, profile, now=self._clock())

    def standing(self, address: str) -> AddressStanding:
        """Return what is known of an address.

        Raises:
            InvalidError: That is none.
        """
        known = parse_address(address)
        hashed = self._links.suppression_hash(known.key)
        with self._database.read() as connection:
            return AddressStanding(
                address=known.address,
                mark=hashed.hex()[:HASH_SHOWN],
                suppression=suppressions.find(connection, hashed),
                subscriber_id=subscribers.find_id(connection, known.key),
            )

    def suppress(self, address: str, *, evidence: str | None) -> None:
        """Send nothing to an address any more; its subscriptions end.

        Raises:
            InvalidError: That is no address.
        """
        key = parse_address(address).key
        both = key, self._links.suppression_hash(key)
        with self._database.write() as connection:
            subscription_changes.suppress(
                connection,
                both,
                SuppressionReason.OPERATOR,
                evidence=evidence,
                actor=self._actor(),
            )

    def lift(self, address: str) -> None:
        """Let an address be subscribed again.

        Raises:
            InvalidError: That is no address.
            NotFoundError: It is not suppressed.
        """
        hashed = self._links.suppression_hash(parse_address(address).key)
        with self._database.write() as connection:
            if not suppressions.remove(connection, hashed):
                raise NotFoundError("suppression", f"of {address}")

    def bring_in(self, text: str, columns: Mapping[str, str], plan: ImportPlan) -> ImportReport:
        """Import a list, or say what would come of it; it can be repeated.

        Args:
            text: Of the list, as CSV.
            columns: What columns mean, by heading, where that is not clear.
            plan: How to import.

        Raises:
            InvalidError: A heading is unknown, or it is unclear where lines end; nothing is
                imported.
            NotFoundError: There is no such newsletter.
        """
        # All of it is read before anything is written: one bad quotation mark refuses it.
        _, lines = read_csv(text, columns)
        known = list(lines)
        importer = Importer(
            self._database,
            plan,
            links=self._links,
            clock=self._clock,
            languages=self._languages,
        )
        report = ImportReport()
        for one in importer.run(known):
            report.note(one)
        return report

    def export(self, file: TextIO, newsletter: str | None) -> None:
        """Write subscriptions as CSV, as an import reads it.

        Raises:
            NotFoundError: There is no such newsletter.
        """
        with self._database.read() as connection:
            if newsletter:
                newsletters.get(connection, newsletter)
            write_csv(subscriber_rows(connection, newsletter), file, COLUMNS)

    def _actor(self) -> Actor:
        return Actor(now=self._clock(), by="operator")


def _subscription(connection: Connection, subscriber_id: int, subscription_id: int) -> Subscription:
    # Among their own only: both numbers come from a browser.
    for one in subscriptions.of_subscriber_id(connection, subscriber_id):
        if one.id == subscription_id:
            return one
    raise NotFoundError("subscription", subscription_id)
