"""From deliveries to letters, on both databases: sent once, tried again, given up, in doubt."""

import re
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from threading import Event, Thread, current_thread, main_thread
from time import sleep

import pytest
from sqlalchemy import update

from database_outage import Outage
from installation import on_sqlite
from newsletter_site import (
    Outbox,
    accept,
    be_away,
    lose_the_letter,
    refuse_everybody_for_now,
    refuse_for_now,
    refuse_our_letter,
    refuse_our_size,
    refuse_us,
    reject,
    take_and_lose_the_reply,
)
from parsed_entries import DAY, HOUR, NOON
from tidings.db.mail_tables import delivery, subscriber
from tidings.errors import StorageError
from tidings.model.refusals import MIN_SAME_REPLIES_OF_ONE_DOMAIN
from tidings.newsletters import issue_queue, sender
from tidings.newsletters.retries import (
    BACKOFF,
    FAULT_PAUSE,
    MAX_CONSECUTIVE_FAULTS,
    OUTAGE_PAUSE,
    RESEND_DELAY,
)
from tidings.newsletters.sender import SendCounts
from tidings.subscribers.store import subscribers

SEVEN = NOON - 5 * HOUR + DAY


@pytest.fixture
def planned(newsletter_site):
    """Plan letters to a number of readers at seven."""

    def planned(number=1):
        newsletter_site.add_newsletter()
        source = newsletter_site.follow()
        for reader in range(number):
            newsletter_site.subscribe(f"reader{reader}@example.org")
        newsletter_site.publish(source)
        newsletter_site.now = SEVEN
        newsletter_site.plan()

    return planned


def test_everybody_gets_a_letter_of_their_own(newsletter_site, outbox, planned):
    planned(20)

    delivered = newsletter_site.deliver(outbox, connections=3)
    again = newsletter_site.deliver(outbox)

    assert delivered == SendCounts(accepted=20, failed=0)
    assert again == SendCounts(accepted=0, failed=0)
    rows = newsletter_site.deliveries()
    assert {row.state for row in rows} == {"accepted"}
    assert {row.reply for row in rows} == {"250 2.0.0 queued"}
    assert {sent.recipient for sent in outbox.sent} == {
        f"reader{reader}@example.org" for reader in range(20)
    }
    assert {sent.message_id for sent in outbox.sent} == {row.message_id for row in rows}
    assert all(
        f"/unsubscribe/{reader + 1}>".encode() in sent.letter
        for reader in range(20)
        for sent in outbox.sent
        if sent.recipient == f"reader{reader}@example.org"
    )


def test_each_letter_leads_to_its_readers_own_preferences(newsletter_site, outbox, planned):
    """One of them has made all links from before worthless."""
    planned(2)
    addresses = [f"reader{reader}@example.org" for reader in range(2)]
    with newsletter_site.database.write() as connection:
        subscribers.sign_out(connection, subscribers.get_of(connection, addresses[0]).id)
        readers = [subscribers.get_of(connection, address) for address in addresses]

    newsletter_site.deliver(outbox)

    links = {
        sent.recipient: set(re.findall(r"/preferences/([0-9-]+)", sent.letter.decode()))
        for sent in outbox.sent
    }
    assert links == {one.address: {f"{one.id}-{one.token_version}"} for one in readers}


def test_a_letter_is_on_record_before_it_leaves(newsletter_site, planned):
    planned()
    seen = []

    def look(outbox, envelope, letter, mark):
        before = newsletter_site.deliveries()[0]
        mark()
        seen.extend([before, newsletter_site.deliveries()[0]])
        return outbox.take(envelope, letter)

    newsletter_site.deliver(Outbox(look))

    assert [(row.state, row.marked_at) for row in seen] == [("sending", None), ("sending", SEVEN)]
    assert newsletter_site.deliveries()[0].finished_at == SEVEN


@pytest.mark.parametrize(
    ("trouble", "state"),
    [
        pytest.param(refuse_for_now, "deferred", id="4xx"),
        pytest.param(be_away, "deferred", id="nobody there"),
        pytest.param(refuse_us, "held", id="our fault"),
        pytest.param(refuse_our_letter, "held", id="our letter's fault"),
    ],
)
@on_sqlite
def test_what_was_not_taken_comes_later(newsletter_site, planned, trouble, state):
    planned()
    relay = Outbox(trouble)

    newsletter_site.deliver(relay)
    [waiting] = newsletter_site.deliveries()
    newsletter_site.now = waiting.next_try_at - timedelta(seconds=1)
    newsletter_site.deliver(relay)
    too_early = list(relay.sent)
    newsletter_site.now = waiting.next_try_at
    newsletter_site.deliver(relay)

    assert (waiting.state, waiting.marked_at, waiting.finished_at) == (state, None, None)
    assert waiting.reply
    assert too_early == []
    assert newsletter_site.states() == ["accepted"]
    assert len(relay.sent) == 1


def test_each_refusal_makes_the_pause_longer(newsletter_site, planned):
    planned()
    relay = Outbox(*[refuse_for_now] * 4)
    pauses = []

    for _ in range(4):
        newsletter_site.deliver(relay)
        [row] = newsletter_site.deliveries()
        pauses.append(row.next_try_at - newsletter_site.now)
        newsletter_site.now = row.next_try_at

    assert tuple(pauses) == BACKOFF[:4]
    assert row.attempts == 4


def test_a_refused_recipient_is_not_asked_again_and_keeps_nobody_waiting(newsletter_site, planned):
    planned(3)
    relay = Outbox(reject)

    delivered = newsletter_site.deliver(relay)
    newsletter_site.now += DAY / 2
    newsletter_site.deliver(relay)

    assert delivered == SendCounts(accepted=2, failed=1)
    assert newsletter_site.states() == ["rejected", "accepted", "accepted"]
    assert len(relay.seen) == 3


@pytest.mark.parametrize(
    ("trouble", "pause"),
    [
        pytest.param(refuse_us, FAULT_PAUSE, id="it refuses us"),
        pytest.param(be_away, OUTAGE_PAUSE, id="it is away"),
        pytest.param(refuse_everybody_for_now, OUTAGE_PAUSE, id="it is going down"),
    ],
)
@on_sqlite
def test_a_relay_that_takes_nothing_is_left_alone(newsletter_site, planned, trouble, pause):
    planned(9)
    relay = Outbox(trouble)

    newsletter_site.deliver(relay)
    asked = len(relay.seen)
    newsletter_site.now = SEVEN + pause - timedelta(seconds=1)
    newsletter_site.deliver(relay)
    meanwhile = len(relay.seen)
    newsletter_site.now = SEVEN + pause
    newsletter_site.deliver(relay)

    assert asked == meanwhile == 1
    assert set(newsletter_site.states()) == {"accepted"}


def test_a_relay_that_refuses_letter_after_letter_is_left_alone(newsletter_site, planned):
    planned(20)
    relay = Outbox(*[refuse_our_letter] * 20)

    newsletter_site.deliver(relay)
    newsletter_site.deliver(relay)

    assert MAX_CONSECUTIVE_FAULTS <= len(relay.seen) < 20
    assert newsletter_site.states() == ["held"] * 20


@pytest.mark.parametrize(
    "refuse",
    [
        pytest.param(reject, id="in words that speak of recipients"),
        pytest.param(refuse_our_letter, id="for our sake"),
        pytest.param(refuse_our_size, id="for its size"),
    ],
)
@on_sqlite
def test_an_issue_that_is_refused_to_everybody_is_held_and_sent_once_that_is_mended(
    newsletter_site, planned, refuse
):
    planned(12)
    relay = Outbox(*[refuse] * 12)

    newsletter_site.deliver(relay)
    asked, at_first = len(relay.seen), newsletter_site.states()
    for _ in range(4):  # it is tried again by and by, and spares everybody else
        newsletter_site.now += FAULT_PAUSE
        newsletter_site.deliver(relay)
    in_the_hour = len(relay.seen)
    relay.forget()
    for _ in range(8):
        newsletter_site.now += FAULT_PAUSE
        newsletter_site.deliver(relay)

    assert asked <= MIN_SAME_REPLIES_OF_ONE_DOMAIN + sender.MIN_AHEAD
    assert in_the_hour <= asked + 12
    assert at_first == ["held"] * 12
    assert newsletter_site.states() == ["accepted"] * 12


def test_an_issue_that_is_too_large_does_not_keep_others_from_the_relay(newsletter_site):
    newsletter_site.add_newsletter("large")
    newsletter_site.add_newsletter("small", title="Small")
    source = newsletter_site.follow()
    for reader in range(9):
        newsletter_site.subscribe(f"reader{reader}@example.org", "large")
    newsletter_site.subscribe("ann@example.org", "small", hour=8)
    newsletter_site.publish(source)
    newsletter_site.now = SEVEN
    newsletter_site.plan()
    relay = Outbox(*[refuse_our_size] * 9)
    newsletter_site.deliver(relay)
    relay.forget()

    newsletter_site.now += HOUR / 2
    newsletter_site.now = max(newsletter_site.now, SEVEN + HOUR)
    newsletter_site.plan()
    newsletter_site.deliver(relay)

    assert "ann@example.org" in {sent.recipient for sent in relay.sent}


def test_a_relay_that_refuses_everybody_is_known_though_every_reader_has_an_issue_of_their_own(
    newsletter_site,
):
    newsletter_site.add_newsletter()
    for number in range(8):
        source = newsletter_site.follow(topic=f"t{number}")
        newsletter_site.subscribe(f"reader@{number}.example", topics=[f"t{number}"])
        newsletter_site.publish(source)
    newsletter_site.now = SEVEN
    newsletter_site.plan()
    relay = Outbox(*[reject] * 8)

    newsletter_site.deliver(relay)

    assert set(newsletter_site.states()) <= {"held", "ready"}
    assert "held" in newsletter_site.states()


def test_few_that_are_refused_do_not_hold_an_issue(newsletter_site, planned):
    planned(12)
    relay = Outbox(*[reject, accept, accept] * 4)

    newsletter_site.deliver(relay)

    assert newsletter_site.states() == ["rejected", "accepted", "accepted"] * 4


@on_sqlite
def test_early_refusals_do_not_hold_an_issue_for_good(newsletter_site, planned):
    """The first of a list are all of a firm that is gone; the others are well."""
    planned(40)
    gone = {f"reader{number}@example.org" for number in range(8)}

    def refuse_the_gone(outbox, envelope, letter, mark):
        return (reject if envelope.recipient in gone else accept)(outbox, envelope, letter, mark)

    relay = Outbox(*[refuse_the_gone] * 200)
    for _ in range(12):
        newsletter_site.deliver(relay)
        newsletter_site.now += FAULT_PAUSE

    assert newsletter_site.states().count("accepted") == 32
    assert newsletter_site.states()[:8] == ["rejected"] * 8


@pytest.mark.parametrize(
    ("trouble", "copies"),
    [
        pytest.param(take_and_lose_the_reply, 2, id="it had arrived"),
        pytest.param(lose_the_letter, 1, id="it had not"),
    ],
)
def test_a_lost_reply_leads_to_one_repetition_with_the_same_bytes(
    newsletter_site, planned, trouble, copies
):
    planned()
    relay = Outbox(trouble)

    newsletter_site.deliver(relay)
    [doubtful] = newsletter_site.deliveries()
    newsletter_site.deliver(relay)
    newsletter_site.now = SEVEN + RESEND_DELAY
    newsletter_site.deliver(relay)

    assert (doubtful.state, doubtful.next_try_at) == ("uncertain", SEVEN + RESEND_DELAY)
    assert newsletter_site.states() == ["accepted"]
    assert [sent.letter for sent in relay.sent] == [relay.sent[0].letter] * copies
    assert len(relay.seen) == 2


def test_a_repetition_whose_reply_is_lost_is_the_last(newsletter_site, planned):
    planned()
    relay = Outbox(take_and_lose_the_reply, take_and_lose_the_reply)

    for _ in range(4):
        newsletter_site.deliver(relay)
        newsletter_site.now += RESEND_DELAY

    assert newsletter_site.states() == ["assumed_accepted"]
    assert newsletter_site.deliveries()[0].finished_at
    assert len(relay.sent) == 2


def test_who_left_before_gets_nothing(newsletter_site, outbox, planned):
    planned(2)
    newsletter_site.leave(1)

    newsletter_site.deliver(outbox)

    assert newsletter_site.states() == ["cancelled", "accepted"]
    assert [sent.recipient for sent in outbox.sent] == ["reader1@example.org"]


def test_of_several_senders_one_ends_what_has_waited_too_long(newsletter_site, outbox, planned):
    planned(1)
    newsletter_site.now += 7 * DAY
    second = newsletter_site.sender(outbox.connect)
    second.open_queue = partial(second.open_queue, withdraws=False)

    second.send_due(stop=Event())
    assert newsletter_site.states() == ["ready"]

    newsletter_site.deliver(outbox)
    assert newsletter_site.states() == ["expired"]
    assert outbox.sent == []


def test_who_leaves_while_letters_go_out_gets_nothing(newsletter_site, planned):
    planned(9)

    def let_somebody_leave(outbox, envelope, letter, mark):
        newsletter_site.leave(9)
        return accept(outbox, envelope, letter, mark)

    relay = Outbox(let_somebody_leave)
    newsletter_site.deliver(relay)

    assert "reader8@example.org" not in {sent.recipient for sent in relay.sent}
    assert newsletter_site.deliveries(9)[0].state == "cancelled"


def test_who_leaves_after_a_lost_reply_gets_no_repetition(newsletter_site, planned):
    planned()
    relay = Outbox(take_and_lose_the_reply)
    newsletter_site.deliver(relay)
    newsletter_site.leave(1)

    newsletter_site.now += RESEND_DELAY
    newsletter_site.deliver(relay)

    assert newsletter_site.states() == ["assumed_accepted"]
    assert len(relay.sent) == 1


def test_what_has_waited_too_long_is_not_sent_any_more(newsletter_site, planned):
    planned()
    relay = Outbox(refuse_for_now)
    newsletter_site.deliver(relay)

    newsletter_site.now = newsletter_site.deliveries()[0].expires_at
    newsletter_site.deliver(relay)

    assert newsletter_site.states() == ["expired"]
    assert relay.sent == []


@pytest.mark.parametrize("broken", ["ann@example.org\r\nBcc: bob@example.org", "日本@example.org"])
@on_sqlite
def test_a_letter_that_cannot_be_written_waits_and_the_others_go_out(
    newsletter_site, outbox, planned, broken
):
    planned(3)
    with newsletter_site.database.write() as connection:
        second = update(subscriber).where(subscriber.c.id == 2)
        connection.execute(second.values(address=broken))

    newsletter_site.deliver(outbox)

    assert newsletter_site.states() == ["accepted", "held", "accepted"]


def test_an_issue_that_no_letter_can_be_made_of_waits(newsletter_site, outbox, planned):
    planned()

    def list_headers_of(_newsletter):
        raise ValueError("cannot stand in the head of a letter")

    delivered = newsletter_site.deliver(outbox, list_headers_of=list_headers_of)

    [row] = newsletter_site.deliveries()
    assert delivered == SendCounts(accepted=0, failed=1)
    assert (row.state, row.reply) == ("held", "cannot stand in the head of a letter")
    assert outbox.seen == []


def test_a_repetition_that_cannot_be_written_stays_in_doubt(newsletter_site, planned):
    planned()
    relay = Outbox(take_and_lose_the_reply)
    newsletter_site.deliver(relay)
    with newsletter_site.database.write() as connection:
        connection.execute(update(subscriber).values(address="日本@example.org"))
    newsletter_site.now += RESEND_DELAY

    newsletter_site.deliver(relay)

    [row] = newsletter_site.deliveries()
    assert row.state == "uncertain"
    assert row.marked_at


def test_more_issues_than_are_kept_ready_go_out_as_well(newsletter_site, outbox, monkeypatch):
    monkeypatch.setattr(issue_queue, "MAX_PREPARED", 1)
    newsletter_site.add_newsletter()
    for topic in ("art", "law", "sea"):
        source = newsletter_site.follow(topic=topic)
        newsletter_site.subscribe(f"{topic}@example.org", topics=[topic])
        newsletter_site.publish(source)
    newsletter_site.now = SEVEN
    newsletter_site.plan()

    newsletter_site.deliver(outbox)

    assert sorted(sent.told for sent in outbox.sent) == [[1], [2], [3]]


def test_a_failure_of_our_own_stops_only_its_letter(newsletter_site, planned):
    planned(3)

    def fail(_outbox, _envelope, _letter, _mark):
        raise LookupError("a bug")

    newsletter_site.deliver(Outbox(fail), connections=1)

    assert newsletter_site.states() == ["ready", "accepted", "accepted"]


def test_two_services_send_each_letter_once(newsletter_site, planned):
    planned(40)
    outboxes = [Outbox(), Outbox()]
    services = [
        Thread(
            target=newsletter_site.deliver, args=[outbox], kwargs={"owner": owner, "connections": 2}
        )
        for owner, outbox in zip("ab", outboxes, strict=True)
    ]

    for service in services:
        service.start()
    for service in services:
        service.join()

    sent = [one.recipient for outbox in outboxes for one in outbox.sent]
    assert len(sent) == len(set(sent)) == 40
    assert set(newsletter_site.states()) == {"accepted"}


def test_a_letter_that_was_taken_over_is_not_sent(newsletter_site, planned):
    planned()

    def be_overtaken(outbox, envelope, letter, mark):
        with newsletter_site.database.write() as connection:
            connection.execute(update(delivery).values(lease_owner="another"))
        return accept(outbox, envelope, letter, mark)

    relay = Outbox(be_overtaken)
    delivered = newsletter_site.deliver(relay)

    assert delivered == SendCounts(accepted=0, failed=0)
    assert relay.sent == []
    assert newsletter_site.deliveries()[0].lease_owner == "another"


class Hanging(Outbox):
    """Waits, before the marker or after it, until it is let go."""

    def __init__(self, *, marked):
        super().__init__(self.hang)
        self.is_hanging, self.let_go = Event(), Event()
        self._marked = marked

    def hang(self, _outbox, envelope, letter, mark):
        if self._marked:
            mark()
        self.is_hanging.set()
        self.let_go.wait(10)
        if not self._marked:
            mark()
        return self.take(envelope, letter)


@pytest.mark.parametrize(
    ("marked", "state"),
    [pytest.param(True, "uncertain", id="sent"), pytest.param(False, "ready", id="not yet sent")],
)
def test_a_service_that_stops_gives_back_what_has_no_reply(
    newsletter_site, planned, marked, state, monkeypatch
):
    monkeypatch.setattr(sender, "SHUTDOWN_TIMEOUT", 0.3)
    planned(4)
    relay, stop = Hanging(marked=marked), Event()
    service = Thread(target=newsletter_site.deliver, args=[relay], kwargs={"stop": stop})

    service.start()
    relay.is_hanging.wait(10)
    stop.set()
    service.join(10)
    given_back = newsletter_site.deliveries()
    relay.let_go.set()

    assert not service.is_alive()
    assert [row.state for row in given_back] == [state, "ready", "ready", "ready"]
    assert {row.lease_owner for row in given_back} == {None}
    if marked:
        assert given_back[0].next_try_at == SEVEN + RESEND_DELAY


def test_a_service_that_stops_hears_the_replies_that_come_in_time(newsletter_site, planned):
    planned()
    relay, stop = Hanging(marked=True), Event()
    service = Thread(target=newsletter_site.deliver, args=[relay], kwargs={"stop": stop})

    service.start()
    relay.is_hanging.wait(10)
    stop.set()
    relay.let_go.set()
    service.join(10)

    assert newsletter_site.states() == ["accepted"]


def test_a_reply_that_takes_long_is_waited_for_when_the_relay_refuses_others(
    newsletter_site, planned, monkeypatch
):
    monkeypatch.setattr(sender, "SHUTDOWN_TIMEOUT", 0.1)
    planned(2)
    relay = Hanging(marked=True)
    relay.tell(refuse_us)
    service = Thread(target=newsletter_site.deliver, args=[relay], kwargs={"connections": 2})

    service.start()
    relay.is_hanging.wait(10)
    service.join(0.8)
    waits = service.is_alive()
    relay.let_go.set()
    service.join(10)

    assert waits
    assert sorted(newsletter_site.states()) == ["accepted", "held"]


def test_a_letter_that_waits_for_its_reply_stays_ours(newsletter_site, planned, monkeypatch):
    monkeypatch.setattr(sender, "RENEWAL", timedelta(0))
    planned()
    relay = Hanging(marked=True)
    service = Thread(target=newsletter_site.deliver, args=[relay])
    service.start()
    relay.is_hanging.wait(10)
    newsletter_site.let_leases_run_out()

    while newsletter_site.deliveries()[0].lease_until < NOON - 999 * HOUR:
        pass
    newsletter_site.deliver(Outbox(), owner="another")
    relay.let_go.set()
    service.join(10)

    assert newsletter_site.states() == ["accepted"]


def test_a_relay_whose_pace_is_not_known_yet_has_few_letters_claimed_for_it(
    newsletter_site, planned
):
    planned(30)
    relay, stop = Hanging(marked=False), Event()
    service = Thread(target=newsletter_site.deliver, args=[relay], kwargs={"stop": stop})

    service.start()
    relay.is_hanging.wait(10)
    claimed = newsletter_site.states().count("sending")
    stop.set()
    relay.let_go.set()
    service.join(10)

    assert claimed == 1 + sender.MIN_AHEAD


def test_letters_that_leave_fast_share_claims_and_records_but_no_markers(
    newsletter_site, outbox, planned, monkeypatch
):
    monkeypatch.setattr(sender, "BATCH_DELAY", 60.0)  # however slow the machine is
    planned(100)
    database = Failing(newsletter_site.database)
    writes = []

    @contextmanager
    def write():
        writes.append(1)
        with Failing.write(database) as connection:
            yield connection

    database.write = write
    newsletter_site.deliver(outbox, database=database)

    assert newsletter_site.states() == ["accepted"] * 100
    assert 100 < len(writes) < 125


def test_few_letters_leave_while_the_database_keeps_their_record_waiting(
    newsletter_site, outbox, planned
):
    planned(80)
    database = Failing(newsletter_site.database)
    unrecorded = []

    @contextmanager
    def write():
        if current_thread() is main_thread() and len(outbox.sent) >= 30 and not unrecorded:
            before = -1
            while len(outbox.sent) > before:  # until the threads have nothing left to send
                before = len(outbox.sent)
                sleep(0.3)
            unrecorded.append(before - newsletter_site.states().count("accepted"))
        with Failing.write(database) as connection:
            yield connection

    database.write = write
    newsletter_site.deliver(outbox, database=database)

    assert newsletter_site.states() == ["accepted"] * 80
    assert 0 < unrecorded[0] <= 25


def test_a_reply_is_saved_soon_though_another_is_waited_for(newsletter_site, planned):
    planned(2)
    relay = Hanging(marked=True)
    relay.tell(accept)
    service = Thread(target=newsletter_site.deliver, args=[relay], kwargs={"connections": 2})

    service.start()
    relay.is_hanging.wait(10)
    for _ in range(100):
        if "accepted" in (states := newsletter_site.states()):
            break
        sleep(0.05)
    relay.let_go.set()
    service.join(10)

    assert sorted(states) == ["accepted", "sending"]


class Failing:
    """A database that can be told to refuse what is written."""

    def __init__(self, database):
        self._database = database
        self.is_down = False

    def __getattr__(self, name):
        return getattr(self._database, name)

    @contextmanager
    def write(self):
        if self.is_down:
            raise StorageError("test", "gone")
        with self._database.write() as connection:
            yield connection


@pytest.mark.parametrize("downs", [pytest.param(1, id="for a moment"), pytest.param(9, id="long")])
def test_a_reply_that_could_not_be_saved_leads_to_no_repetition(newsletter_site, planned, downs):
    planned()
    database = Failing(newsletter_site.database)
    failures = []

    def take_while_the_database_goes(outbox, envelope, letter, mark):
        mark()
        database.is_down = True
        return outbox.take(envelope, letter)

    @contextmanager
    def write():
        try:
            with Failing.write(database) as connection:
                yield connection
        except StorageError:
            failures.append(1)
            database.is_down = len(failures) < downs
            raise

    relay = Outbox(take_while_the_database_goes)
    database.write = write
    with pytest.raises(StorageError):
        newsletter_site.deliver(relay, database=database)
    newsletter_site.let_leases_run_out()
    newsletter_site.now += RESEND_DELAY
    newsletter_site.deliver(relay)

    assert len(relay.sent) == 1
    assert newsletter_site.states() == ["accepted" if downs == 1 else "assumed_accepted"]


def test_replies_in_hand_are_kept_until_the_database_is_back(newsletter_site, planned):
    planned(12)
    database = Outage(newsletter_site.database)

    def take_while_the_database_goes(outbox, envelope, letter, mark):
        mark()
        database.left = 3
        return outbox.take(envelope, letter)

    relay = Outbox(take_while_the_database_goes)

    delivered = newsletter_site.deliver(relay, database=database, connections=3)
    newsletter_site.now += RESEND_DELAY
    newsletter_site.deliver(relay)

    assert delivered.accepted == 12
    assert newsletter_site.states() == ["accepted"] * 12
    assert sorted(sent.recipient for sent in relay.sent) == sorted(
        f"reader{number}@example.org" for number in range(12)
    )


def test_what_no_marker_could_be_set_for_is_sent_as_soon_as_it_can(newsletter_site, planned):
    planned(3)
    database = Outage(newsletter_site.database)

    def lose_the_database_first(outbox, envelope, letter, mark):
        database.left = 1 if not outbox.seen[1:] else 0
        mark()
        return outbox.take(envelope, letter)

    relay = Outbox(lose_the_database_first)
    newsletter_site.deliver(relay, database=database)
    newsletter_site.deliver(relay, database=database)

    assert newsletter_site.states() == ["accepted"] * 3
    assert len(relay.sent) == 3
    assert {row.attempts for row in newsletter_site.deliveries()} == {1}
