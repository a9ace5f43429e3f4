"""A newsletter's house: sources with news, readers, a clock set by hand, and ways out for letters."""

import re
from collections import Counter, deque
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from threading import Event

from sqlalchemy import select, update

from parsed_entries import HOUR, NOON, an_entry
from polls_by_hand import read_poll
from tidings.catalog import newsletters, sources, topics
from tidings.catalog.newsletters import NewsletterForm
from tidings.catalog.sources import NewSource
from tidings.db.mail_tables import delivery, issue_entry, plan_log
from tidings.db.tables import entry, source
from tidings.errors import (
    LostReplyError,
    RefusedForNowError,
    RejectedError,
    RelayUnreachableError,
    SenderFaultError,
)
from tidings.mail import addresses
from tidings.mail.message import ListHeaders
from tidings.mail.transport import Reply
from tidings.model.entries import EntryState
from tidings.model.newsletters import PREFERENCES_URL, UNSUBSCRIBE_URL, Frequency, Schedule
from tidings.model.subscribers import Preferences
from tidings.newsletters.compose import Composer
from tidings.newsletters.issue_messages import IssueMessages
from tidings.newsletters.issue_queue import IssueQueue
from tidings.newsletters.plan import Planner
from tidings.newsletters.render import RenderedIssue
from tidings.newsletters.sender import Sender
from tidings.newsletters.windows import next_due
from tidings.polling.store import leases, polls
from tidings.subscribers.store import subscriptions

NEWS = {
    "title": "Lighthouse keepers of Orm go on strike",
    "text": (
        "All nine keepers of the lighthouse at Orm have laid down their work on Thursday."
        " They ask for boats that start in winter, and for somebody who answers the telephone."
    ),
}
"""Entries with these are of one story."""


def a_schedule(frequency=Frequency.DAILY, hour=7, timezone="UTC", weekday=0):
    return Schedule(frequency=frequency, hour=hour, timezone=timezone, weekday=weekday)


def a_form(**fields):
    usual = {
        "title": "The News",
        "schedule": a_schedule(),
        "topics": (),
        "language": "en",
    }
    return NewsletterForm(**usual | fields)


def a_wish(*, language="en", topics=(), **schedule):
    return Preferences(schedule=a_schedule(**schedule), language=language, topics=topics)


def render(digest, issue_url):
    """Compose a letter that says little: what it tells of, by number, and the reader's own links."""
    parts = [part for section in digest.sections for part in (section, *section.folds)]
    told = " ".join(f"[{one.id}]" for part in parts for one in part.entries)
    text = f"{told}\n{issue_url}\n{UNSUBSCRIBE_URL}\n{PREFERENCES_URL}\n"
    return RenderedIssue(subject=f"{digest.language}: {told}"[:100], html=text, text=text, shown=1)


def entries_in(letter):
    """Return the ids of the entries that a letter tells of."""
    [said] = re.findall(rb"^Subject: \w+: (.*?)\r$", letter, re.MULTILINE)
    return [int(number) for number in re.findall(rb"\[(\d+)\]", said)]


class NewsletterSite:
    """What surrounds planning and delivering, on a real database; its clock is `now`."""

    def __init__(self, database, *, now=NOON):
        self.database = database
        self.now = now
        self._numbers = count(1)

    def follow(self, *, topic=None):
        """Add a source whose entries are all public; return its id."""
        new = NewSource(
            url=f"https://{next(self._numbers)}.example.org/feed", topics=[topic] if topic else []
        )
        with self.database.write() as connection:
            if topic:
                topics.ensure(connection, [topic], now=self.now)
            [source_id] = sources.add(connection, [new], now=self.now)
            connection.execute(update(source).values(first_polled_at=self.now))
        return source_id

    def publish(self, source_id, number=1, guids=(), **fields):
        """Let entries of a source become public; return their ids."""
        guids = guids or [f"urn:example:{next(self._numbers)}" for _ in range(number)]
        entries = [an_entry(guid, published=self.now - HOUR, **fields) for guid in guids]
        with self.database.write() as connection:
            [due] = leases.due(connection, [source_id])
            leases.claim_one(connection, "test", due.host)
            known = polls.known_entries(connection, [source_id])[source_id]
            settled = read_poll(due, *entries, known=known, now=self.now)
            polls.save(connection, "test", [settled])
            stored = select(entry.c.id).where(entry.c.guid.in_(guids)).order_by(entry.c.seq)
            return list(connection.scalars(stored))

    def hide(self, *entry_ids):
        with self.database.write() as connection:
            hidden = update(entry).where(entry.c.id.in_(entry_ids))
            connection.execute(hidden.values(state=EntryState.HIDDEN))

    def add_newsletter(self, slug="news", **fields):
        with self.database.write() as connection:
            form = a_form(**fields)
            first = next_due(form.schedule, self.now)
            newsletters.add(connection, slug, form, next_issue_at=first, now=self.now)
            return newsletters.get(connection, slug)

    def edit_newsletter(self, slug="news", **fields):
        with self.database.write() as connection:
            form = a_form(**fields)
            following = next_due(form.schedule, self.now)
            newsletters.edit(connection, slug, form, next_issue_at=following, now=self.now)

    def subscribe(self, address="ann@example.org", newsletter="news", **wish):
        with self.database.write() as connection:
            mailbox = address, address.casefold()
            return subscriptions.add(connection, newsletter, mailbox, a_wish(**wish), self.now)

    def edit(self, subscription_id, **wish):
        with self.database.write() as connection:
            subscriptions.edit(connection, subscription_id, a_wish(**wish), now=self.now)

    def leave(self, subscription_id):
        with self.database.write() as connection:
            subscriptions.end(connection, subscription_id, now=self.now)

    def pause(self, subscription_id):
        with self.database.write() as connection:
            subscriptions.pause(connection, subscription_id, now=self.now)

    def resume(self, subscription_id, *, catches_up):
        with self.database.write() as connection:
            old = subscriptions.get(connection, subscription_id)
            return subscriptions.resume(connection, old, catches_up=catches_up, now=self.now)

    def subscription(self, subscription_id):
        with self.database.read() as connection:
            return subscriptions.get(connection, subscription_id)

    def composer(self, **changes):
        usual = {
            "render": render,
            "template_version": "1",
            "secret": b"the secret of the tests",
            "mail_domain": "example.org",
            "site_url": "https://news.example",
        }
        return Composer(**usual | changes)

    def planner(self, *, database=None, **changes):
        composer = self.composer(**changes)
        return Planner(database or self.database, clock=lambda: self.now, composer=composer)

    def sender(self, connect, **changes):
        usual = {
            "database": self.database,
            "clock": lambda: self.now,
            "owner": "test",
            "connect": connect,
            "signer": None,
            "relay": "relay",
            "connections": 1,
            "limits": {},
        }
        addressing = {
            "sender": "news@example.org",
            "bounces_to": lambda _number, _message_id: None,
            "list_headers_of": _list_headers_of,
            "unsubscribe_url": lambda number, _: f"https://news.example/unsubscribe/{number}",
            "preferences_url": "https://news.example/preferences/{}-{}".format,
        }
        known = {name: changes.pop(name) for name in addressing.keys() & changes.keys()}
        given = usual | changes
        messages = IssueMessages(**addressing | known)
        queue = partial(IssueQueue, given["database"], messages, clock=given["clock"])
        return Sender(queue, **given)

    def plan(self, **changes):
        return self.planner(**changes).plan_due()

    def deliver(self, outbox, *, stop=None, **changes):
        return self.sender(outbox.connect, **changes).send_due(stop=stop or Event())

    def deliveries(self, subscription_id=None):
        """Return the rows in the order they were planned."""
        statement = select(delivery).order_by(delivery.c.id)
        if subscription_id is not None:
            statement = statement.where(delivery.c.subscription_id == subscription_id)
        with self.database.read() as connection:
            return connection.execute(statement).all()

    def states(self):
        return [row.state for row in self.deliveries()]

    def log(self):
        """Return what was left out, and why."""
        with self.database.read() as connection:
            return connection.execute(select(plan_log).order_by(plan_log.c.id)).all()

    def told(self, issue_id):
        """Return the ids of the entries of an issue, sorted."""
        with self.database.read() as connection:
            of_issue = select(issue_entry.c.entry_id).where(issue_entry.c.issue_id == issue_id)
            return sorted(connection.scalars(of_issue))

    def let_leases_run_out(self):
        with self.database.write() as connection:
            connection.execute(update(delivery).values(lease_until=NOON - 1000 * HOUR))


def _list_headers_of(newsletter):
    return ListHeaders(
        sender=addresses.FromAddress(name="The News", address="news@example.org"),
        reply_to=None,
        list_id=f"{newsletter.slug}.example.org",
        list_title=newsletter.title,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    recipient: str
    letter: bytes

    @property
    def message_id(self):
        return re.search(rb"^Message-ID: (\S+)\r$", self.letter, re.MULTILINE)[1].decode()

    @property
    def told(self):
        return entries_in(self.letter)


class Outbox:
    """A way out that does what it is told to, in turn, and then accepts.

    `sent` is what it took, `seen` who was written to, `lost` counts the replies it kept back, by
    Message-ID. What it is told is a function of itself, the envelope, the letter and the marker.
    """

    def __init__(self, *script):
        self.sent = []
        self.seen = []
        self.lost = Counter()
        self._script = deque(script)

    def tell(self, *script):
        self._script.extend(script)

    @contextmanager
    def connect(self):
        yield self.send

    def forget(self):
        """Drop what it has been told and did not need."""
        self._script.clear()

    def send(self, message, mark, **_):
        self.seen.append(message.envelope.recipient)
        what = self._script.popleft() if self._script else accept
        return what(self, message.envelope, message.content, mark)

    def take(self, envelope, letter):
        self.sent.append(Sent(recipient=envelope.recipient, letter=letter))
        return Reply(code=250, text="2.0.0 queued")


def accept(outbox, envelope, letter, mark):
    mark()
    return outbox.take(envelope, letter)


def refuse_for_now(_outbox, envelope, _letter, mark):
    mark()
    raise RefusedForNowError(envelope.recipient, "451 4.7.1 try again", is_of_domain=True)


def refuse_everybody_for_now(_outbox, envelope, _letter, _mark):
    raise RefusedForNowError(envelope.recipient, "421 4.3.2 going down", stops_relay=True)


def be_away(_outbox, envelope, _letter, _mark):
    raise RelayUnreachableError(envelope.recipient, "Connection refused", stops_relay=True)


def reject(_outbox, envelope, _letter, mark):
    mark()
    raise RejectedError(envelope.recipient, "550 5.1.1 nobody here")


def refuse_us(_outbox, envelope, _letter, _mark):
    raise SenderFaultError(envelope.recipient, "530 5.7.0 authenticate first", stops_relay=True)


def refuse_our_letter(_outbox, envelope, _letter, mark):
    mark()
    raise SenderFaultError(envelope.recipient, "554 5.7.1 this is spam", is_of_domain=True)


def refuse_our_size(_outbox, envelope, _letter, _mark):
    raise SenderFaultError(envelope.recipient, "552 message size exceeds fixed limit")


def take_and_lose_the_reply(outbox, envelope, letter, mark):
    mark()
    outbox.take(envelope, letter)
    outbox.lost[outbox.sent[-1].message_id] += 1
    raise LostReplyError(envelope.recipient, "connection reset")


def lose_the_letter(_outbox, envelope, _letter, mark):
    mark()
    raise LostReplyError(envelope.recipient, "connection reset")
