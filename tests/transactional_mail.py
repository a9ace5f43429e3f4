"""A post office: a newsroom with what sends letters that are no issue."""

from datetime import timedelta
from functools import cache, partial
from threading import Event

from sqlalchemy import select

from newsletter_site import NewsletterSite, a_wish
from parsed_entries import NOON
from sample_digests import TEMPLATES
from sample_issues import list_headers_of
from tidings.app.templates import load_mail_templates
from tidings.db.subscriber_tables import notice
from tidings.model.subscribers import MessageKind
from tidings.newsletters.sender import Sender
from tidings.subscribers.signed_links import SignedLinks
from tidings.subscribers.store import sign_ups, subscribers, subscriptions, transactional
from tidings.subscribers.store.sign_ups import NewSignUp
from tidings.subscribers.store.transactional import NewMessage
from tidings.subscribers.transactional_context import ContextBuilder
from tidings.subscribers.transactional_message import render_message
from tidings.subscribers.transactional_queue import TransactionalQueue

SITE_URL = "https://news.example"
LINKS = SignedLinks(b"the secret of the tests")
ANN = "Ann.Example@example.org"


@cache
def mail_templates():
    return load_mail_templates([TEMPLATES / "email"])


class TransactionalMail:
    """Queues letters of each kind on a real database, and sends them; its clock is `now`."""

    def __init__(self, database, *, now=NOON, **newsletter):
        self.newsletter_site = NewsletterSite(database, now=now)
        self.database = database
        self.newsletter = self.newsletter_site.add_newsletter(**newsletter)

    @property
    def now(self):
        return self.newsletter_site.now

    def wait(self, **pause):
        self.newsletter_site.now += timedelta(**pause)

    def sign_up(self, address=ANN, language="en"):
        """Queue a letter that asks for a confirmation; return the id of the sign-up."""
        new = NewSignUp(
            address=address,
            key=address.casefold(),
            newsletter_id=self.newsletter.id,
            preferences=a_wish(language=language),
            form="page",
            wording="1",
            network=None,
        )
        with self.database.write() as connection:
            number = sign_ups.ask(connection, new, now=self.now)
        self.queue(MessageKind.CONFIRM, address=address, language=language, sign_up_id=number)
        return number

    def welcome(self, address=ANN, **wish):
        """Subscribe somebody, and queue a welcome; return the id of the subscription."""
        number = self.newsletter_site.subscribe(address, **wish)
        self.queue(MessageKind.WELCOME, address=address, subscription_id=number)
        return number

    def goodbye(self, number, address=ANN):
        """End a subscription, and queue a goodbye."""
        self.newsletter_site.leave(number)
        self.queue(MessageKind.GOODBYE, address=address, subscription_id=number)

    def ask_change(self, number, address):
        """Queue a letter that asks at a new address; return the id of the change."""
        with self.database.write() as connection:
            key = subscriptions.get(connection, number).address.casefold()
            person = subscribers.find_id(connection, key)
            mailbox = address, address.casefold()
            change = subscribers.ask_change(connection, person, mailbox, now=self.now)
        self.queue(MessageKind.ADDRESS, address=address, address_change_id=change)
        return change

    def queue(self, kind, *, address=ANN, language="en", **about):
        new = NewMessage(
            kind=kind,
            address=address,
            language=language,
            newsletter_id=self.newsletter.id,
            **about,
        )
        with self.database.write() as connection:
            return transactional.add(connection, new, now=self.now)

    def send(self, outbox, *, stop=None, **changes):
        given = {"clock": lambda: self.now} | changes
        return sender_for(self.database, outbox.connect, **given).send_due(stop=stop or Event())

    def rows(self):
        with self.database.read() as connection:
            return connection.execute(select(notice).order_by(notice.c.id)).all()

    def states(self):
        return [row.state for row in self.rows()]


def sender_for(database, connect, **changes):
    """Return what sends transactional mail; the clock stands still at noon."""
    queue = partial(
        TransactionalQueue,
        database,
        list_headers_of=_list_headers_of,
        contexts=ContextBuilder(LINKS, site_url=SITE_URL, contact="news@example.org"),
        render=lambda context: render_message(context, mail_templates()),
        mail_domain="example.org",
    )
    usual = {
        "database": database,
        "clock": lambda: NOON,
        "owner": "test",
        "connect": connect,
        "signer": None,
        "relay": "relay",
        "connections": 1,
        "limits": {},
    }
    return Sender(queue, **usual | changes)


def _list_headers_of(newsletter):
    title = newsletter.title if newsletter else ""
    return list_headers_of(list_id="news.example.org", list_title=title)
