"""A house with a door for readers: forms, links, and the letters that wait for them."""

from datetime import timedelta

from sqlalchemy import select

from newsletter_site import NewsletterSite
from tidings.db.subscriber_tables import consent, notice
from tidings.model.subscribers import PreferencesForm, SignUpForm, Visitor
from tidings.subscribers.address_change import AddressChanges
from tidings.subscribers.bulk_import import Importer, ImportPlan
from tidings.subscribers.preferences import SubscriberPreferences
from tidings.subscribers.sign_up import SignUps
from tidings.subscribers.signed_links import SignedLinks
from tidings.subscribers.store import bulk, sign_ups, subscribers, subscriptions
from tidings.subscribers.store.bulk import SubscriptionFilter
from tidings.subscribers.unsubscribe import Unsubscriber

VISITOR = Visitor(network="203.0.113.7")
SECRET = b"the secret of the tests"
LANGUAGES = ("en", "zh")


class SubscriberService:
    """What surrounds the services for readers, on a real database."""

    def __init__(self, database):
        self.room = NewsletterSite(database)
        self.database = database
        self.links = SignedLinks(SECRET)
        self.clock = lambda: self.room.now
        shared = {"links": self.links, "clock": self.clock}
        self.subscribing = SignUps(database, languages=LANGUAGES, **shared)
        self.preferences = SubscriberPreferences(database, languages=LANGUAGES, **shared)
        self.moving = AddressChanges(database, **shared)
        self.leaving = Unsubscriber(database, **shared)

    def wait(self, time):
        self.room.now += time

    def ask(
        self, address="ann@example.org", *, visitor=VISITOR, after=timedelta(minutes=1), **fields
    ):
        """Fill in the form, and send it after a while."""
        stamp = self.subscribing.stamp()
        self.wait(after)
        usual = {
            "newsletter": "news",
            "address": address,
            "choice": PreferencesForm(),
            "form": "page",
            "wording": "1",
            "honeypot": "",
            "rendered": stamp,
        }
        return self.subscribing.ask(SignUpForm(**usual | fields), visitor)

    def letters(self):
        """Return the letters that wait, by kind and address."""
        with self.database.read() as connection:
            rows = connection.execute(select(notice).order_by(notice.c.id)).all()
        return [(row.kind, row.address) for row in rows if row.finished_at is None]

    def last_letter(self, kind):
        with self.database.read() as connection:
            newest = select(notice).where(notice.c.kind == kind).order_by(notice.c.id.desc())
            return connection.execute(newest).first()

    def confirm_token(self):
        """Return the token in the last letter that asks to confirm."""
        with self.database.read() as connection:
            asked = sign_ups.find(connection, self.last_letter("confirm").sign_up_id)
        return self.links.confirm.sign(asked.id, int(asked.asked_at.timestamp()))

    def address_token(self):
        with self.database.read() as connection:
            number = self.last_letter("address").address_change_id
            change = subscribers.find_change(connection, number)
        return self.links.address.sign(change.id, int(change.asked_at.timestamp()))

    def sign_up(self, address="ann@example.org", **fields):
        """Ask, and confirm."""
        self.ask(address, **fields)
        return self.subscribing.confirm(self.confirm_token(), VISITOR)

    def way_out(self, number):
        """Return the token of the link that ends a subscription."""
        return way_out(self.database, self.links, number)

    def token(self, key="ann@example.org"):
        """Return the token of somebody's preferences."""
        with self.database.read() as connection:
            reader = subscribers.get_of(connection, key)
        return self.links.preferences.sign(reader.id, reader.token_version)

    def subscriptions(self, **wanted):
        with self.database.read() as connection:
            return list(
                bulk.select_subscriptions(connection, SubscriptionFilter(**wanted), limit=0)
            )

    def record(self):
        """Return the events on record, the oldest first."""
        with self.database.read() as connection:
            return list(connection.scalars(select(consent.c.event).order_by(consent.c.id)))

    def bring_in(self, lines, *, asks=False, rehearses=False):
        plan = ImportPlan(newsletter="news", asks=asks, is_rehearsal=rehearses)
        importer = Importer(
            self.database, plan, links=self.links, clock=self.clock, languages=LANGUAGES
        )
        return list(importer.run(lines))


def way_out(database, links, number):
    """Return the token of the link that ends a subscription."""
    with database.read() as connection:
        return links.unsubscribe.sign(number, subscriptions.get(connection, number).nonce)
