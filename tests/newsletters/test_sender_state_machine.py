"""Whatever readers, publishers, relays and crashes do: nobody misses an entry or gets one twice."""

import tempfile
from collections import Counter
from contextlib import contextmanager, suppress
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import select

from newsletter_site import (
    NewsletterSite,
    Outbox,
    accept,
    be_away,
    lose_the_letter,
    refuse_for_now,
    refuse_our_letter,
    reject,
    take_and_lose_the_reply,
)
from tidings.catalog import change_log
from tidings.db import schema
from tidings.db.database import Database
from tidings.db.mail_tables import subscription
from tidings.db.tables import entry
from tidings.errors import ConflictError, StorageError
from tidings.model.newsletters import DeliveryState, Frequency
from tidings.newsletters.retries import BACKOFF, RESEND_DELAY
from tidings.newsletters.store import deliveries
from tidings.search.store import index

FINAL = {
    DeliveryState.ACCEPTED,
    DeliveryState.ASSUMED_ACCEPTED,
    DeliveryState.REJECTED,
    DeliveryState.CANCELLED,
    DeliveryState.SUPERSEDED,
    DeliveryState.EXPIRED,
}
TOPICS = ["art", "law"]
WISHES = st.fixed_dictionaries(
    {
        "frequency": st.just(Frequency.DAILY) | st.sampled_from(Frequency),
        "hour": st.sampled_from([0, 7, 22]),
        "timezone": st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/New_York"]),
        "topics": st.lists(st.sampled_from(TOPICS), unique=True),
        "language": st.sampled_from(["en", "zh"]),
    }
)
NUMBERS = (1, 2)
READERS = st.sampled_from(NUMBERS)
CRASHES = st.none() | st.tuples(st.sampled_from([3, 2, 1, 0, 4, 5, 6, 7]), st.booleans())
PAUSES_BETWEEN = st.sampled_from([timedelta(minutes=20), RESEND_DELAY]) | st.builds(
    timedelta, hours=st.integers(1, 60)
)
ANSWERS = st.sampled_from(
    [accept] * 3
    + [be_away, lose_the_letter, refuse_for_now, refuse_our_letter, reject]
    + [take_and_lose_the_reply]
)


class Mortal:
    """A database from which the process is cut off at some write, as if it had been killed.

    Either that write is still committed, or it is not; after it there is nothing.
    """

    def __init__(self, database, crash):
        self._database, self._crash = database, crash
        self._writes = 0
        self.is_dead = False
        self.is_sqlite, self.path = database.is_sqlite, database.path

    @contextmanager
    def read(self):
        self._refuse()
        with self._database.read() as connection:
            yield connection

    @contextmanager
    def write(self):
        self._refuse()
        last, is_committed = self._crash or (None, False)
        self.is_dead = self._writes == last
        self._writes += 1
        with self._database.write() as connection:
            yield connection
            if self.is_dead and not is_committed:
                self._refuse()
        self._refuse()

    def _refuse(self):
        if self.is_dead:
            raise StorageError("test", "killed")


@contextmanager
def mortal(database, crash):
    """Give a database that dies if there is a crash, and let nothing else fail."""
    given = Mortal(database, crash)
    try:
        yield given
    except StorageError:
        assert given.is_dead


class Relay(Outbox):
    """Notices letters to those who have left."""

    def __init__(self, house):
        super().__init__()
        self._house = house
        self.unwanted = []

    def take(self, envelope, letter):
        if envelope.recipient not in self._house.readers():
            self.unwanted.append(envelope.recipient)
        return super().take(envelope, letter)


class House(NewsletterSite):
    def readers(self):
        """Return the addresses of those who are subscribed."""
        with self.database.read() as connection:
            on = select(subscription.c.subscriber_id).where(subscription.c.ended_at.is_(None))
            return {f"reader{number}@example.org" for number in connection.scalars(on)}

    def columns(self, name):
        """Return a column of all subscriptions, by id."""
        with self.database.read() as connection:
            rows = connection.execute(select(subscription.c.id, subscription.c[name]))
            return {row.id: row[1] for row in rows}

    def resend(self, delivery_id):
        """Let a letter go out again; say whether there is anybody to get it."""
        with self.database.write() as connection, suppress(ConflictError):
            deliveries.resend(connection, [delivery_id], now=self.now)
            return True
        return False

    def last_seq(self):
        with self.database.read() as connection:
            return change_log.last_seq(connection)


class Letters(RuleBasedStateMachine):
    @initialize(least=st.sampled_from([1, 1, 3]))
    def open(self, least):
        self.folder = tempfile.TemporaryDirectory(prefix="tidings-letters-")
        database = Database(f"sqlite:///{Path(self.folder.name)}/tidings.db")
        schema.upgrade(database, rebuild_index=index.rebuild)
        self.house = House(database)
        self.sources = {topic: self.house.follow(topic=topic) for topic in TOPICS}
        self.house.add_newsletter(min_entries=least)
        for number in NUMBERS:  # so that the address of a subscriber tells their id
            self.house.subscribe(f"reader{number}@example.org")
        self.starts = {number: [0] for number in NUMBERS}
        self.leaps = {number: [] for number in NUMBERS}
        self.latest = self.house.now
        self.relay = Relay(self.house)
        self.finished = {}
        self.checked = self.checked_log = 0

    @rule(topic=st.sampled_from(TOPICS), number=st.integers(1, 2))
    def publish(self, topic, number):
        self.house.publish(self.sources[topic], number)

    @rule(which=st.integers(0, 50))
    def hide(self, which):
        self.house.hide(which)

    @rule(reader=READERS, wish=WISHES)
    def edit(self, reader, wish):
        self.house.edit(reader, **wish)

    @rule(reader=READERS)
    def leave(self, reader):
        self.house.leave(reader)

    @rule(reader=READERS, wish=WISHES)
    def come_back(self, reader, wish):
        address = f"reader{reader}@example.org"
        if address not in self.house.readers():
            self.starts[reader].append(self.house.last_seq())
            assert self.house.subscribe(address, **wish) == reader

    @rule(reader=READERS)
    def pause(self, reader):
        self.house.pause(reader)

    @rule(reader=READERS, catches_up=st.booleans())
    def resume(self, reader, catches_up):
        if self.house.resume(reader, catches_up=catches_up) and not catches_up:
            self.leaps[reader].append(self.house.last_seq())

    @rule(which=st.integers(0, 9))
    def resend(self, which):
        """Let the operator send what was refused, or could not be sent in time."""
        found = [
            row
            for row in self.house.deliveries()
            if row.state in (DeliveryState.REJECTED, DeliveryState.EXPIRED)
        ]
        if which < len(found) and self.house.resend(found[which].id):
            del self.finished[found[which].id]

    @rule(reader=READERS, topic=st.sampled_from(TOPICS), catches_up=st.booleans())
    def pause_for_a_while(self, reader, topic, catches_up):
        self.house.pause(reader)
        self.bring_news_and_plan(topic, crash=None)
        self.resume(reader, catches_up)

    @rule(pause=st.builds(timedelta, hours=st.integers(1, 30)))
    def set_the_clock_back(self, pause):
        self.latest = max(self.latest, self.house.now)
        self.house.now -= pause

    @rule(pause=PAUSES_BETWEEN)
    def wait(self, pause):
        self.house.now += pause

    @rule()
    def wait_until_somebody_is_due(self):
        self.house.now = max(self.house.now, min(self.house.columns("next_issue_at").values()))

    @rule(crash=CRASHES)
    def plan(self, crash):
        with mortal(self.house.database, crash) as database:
            self.house.plan(database=database)
        self.check_what_was_planned()

    @rule(topic=st.sampled_from(TOPICS), crash=CRASHES)
    def bring_news_and_plan(self, topic, crash):
        self.house.publish(self.sources[topic])
        self.wait_until_somebody_is_due()
        self.plan(crash)

    @rule(reader=READERS, wish=WISHES, topic=st.sampled_from(TOPICS))
    def change_the_wish_and_plan(self, reader, wish, topic):
        self.edit(reader, wish)
        self.house.publish(self.sources[topic])
        self.house.now = max(self.house.now, self.house.columns("next_issue_at")[reader])
        self.plan(crash=None)

    @rule(reader=READERS, wish=WISHES, topic=st.sampled_from(TOPICS))
    def leave_for_a_while(self, reader, wish, topic):
        self.leave(reader)
        self.house.publish(self.sources[topic])
        self.come_back(reader, wish)

    @rule()
    def plan_at_the_operators_word(self):
        self.house.planner().plan_now(self.house.subscription(1).newsletter)
        self.check_what_was_planned()

    @rule(answers=st.lists(ANSWERS, max_size=3), crash=CRASHES)
    def deliver(self, answers, crash):
        self.relay.tell(*answers)
        with mortal(self.house.database, crash) as database:
            self.house.deliver(self.relay, database=database)
        self.relay.forget()

    @rule()
    def let_leases_run_out(self):
        self.house.let_leases_run_out()

    def check_what_was_planned(self):
        """(2) A window holds what became public in it and was wished for; an empty one nothing."""
        for row in self.house.deliveries():
            if row.id > self.checked:
                self.checked = row.id
                assert self.house.told(row.issue_id) == self.wanted(row)
        for row in self.house.log():
            if row.id > self.checked_log:
                self.checked_log = row.id
                assert self.wanted(row) == []

    def wanted(self, row):
        one = self.house.subscription(row.subscription_id)
        chosen = [self.sources[topic] for topic in one.topics or TOPICS]
        statement = select(entry.c.id).where(
            entry.c.seq > row.from_seq,
            entry.c.seq <= row.to_seq,
            entry.c.state == "public",
            entry.c.source_id.in_(chosen),
        )
        with self.house.database.read() as connection:
            return list(connection.scalars(statement.order_by(entry.c.id)))

    @invariant()
    def windows_are_neighbours(self):
        """(1) From the start of a subscription to its watermark, without gap or overlap."""
        rows = [row for row in self.house.deliveries() if row.state != "superseded"]
        rows += [row for row in self.house.log() if row.from_seq < row.to_seq]
        watermarks = self.house.columns("watermark")
        for reader, starts in self.starts.items():
            windows = sorted(
                (row.from_seq, row.to_seq) for row in rows if row.subscription_id == reader
            )
            jumps = starts + self.leaps[reader]
            for begin, end in windows:  # nothing of the time while they were away
                assert not any(begin < jump < end for jump in jumps)
            edges = [(0, 0), *windows, (watermarks[reader], None)]
            for (_, end), (begin, _) in pairwise(edges):
                assert begin == end or (begin > end and begin in jumps)

    @invariant()
    def what_is_finished_stays_so(self):
        """(3) One end for each delivery."""
        for row in self.house.deliveries():
            assert (row.finished_at is not None) == (row.state in FINAL)
            if row.state in FINAL:
                assert self.finished.setdefault(row.id, row.state) == row.state

    @invariant()
    def nobody_who_left_gets_anything(self):
        """(5) Even if the letter was planned before."""
        assert self.relay.unwanted == []

    @invariant()
    def nobody_gets_anything_twice(self):
        """(4) Of a letter one copy, and one more for a lost reply; an entry in one letter only."""
        copies = Counter(sent.message_id for sent in self.relay.sent)
        for message_id, number in copies.items():
            assert number <= 1 + min(self.relay.lost[message_id], 1)
        letters = {(sent.recipient, sent.message_id): sent.told for sent in self.relay.sent}
        told = Counter((reader, one) for (reader, _), ids in letters.items() for one in ids)
        assert not told or max(told.values()) == 1

    def teardown(self):
        """Let it all come to its end: nothing stays on the way, nobody is left behind."""
        self.house.now = max(self.house.now, self.latest)
        for reader in NUMBERS:
            self.resume(reader, catches_up=True)
        for pause in (RESEND_DELAY, max(BACKOFF), RESEND_DELAY, max(BACKOFF)):
            self.house.let_leases_run_out()
            self.house.deliver(self.relay)
            self.house.now += pause
        self.house.planner().plan_now(self.house.subscription(1).newsletter)
        self.house.deliver(self.relay)
        assert {row.state for row in self.house.deliveries()} <= FINAL
        watermarks = self.house.columns("watermark")
        for reader in self.house.readers():
            assert watermarks[int(reader[6])] == self.house.last_seq()
        self.house.database.close()
        self.folder.cleanup()


TestLetters = Letters.TestCase
TestLetters.settings = settings(
    max_examples=15,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
