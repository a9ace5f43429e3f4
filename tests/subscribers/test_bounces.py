"""What comes back: counted once, forgotten in time, and an address let go when it is enough."""

from threading import Event

import pytest
from sqlalchemy import insert, select, update

from bounce_reports import QMAIL, VACATION, a_complaint, a_report
from installation import on_sqlite
from newsletter_site import accept, reject
from parsed_entries import DAY, HOUR, NOON
from tidings.db.mail_tables import subscriber, subscription
from tidings.db.subscriber_tables import consent
from tidings.errors import MailboxError, StorageError
from tidings.mail.addresses import BounceAddress
from tidings.mail.mailboxes import UnreadMessage
from tidings.model.subscribers import ConsentEvent, SuppressionReason
from tidings.subscribers import bounces
from tidings.subscribers.bounce_rules import BounceKind
from tidings.subscribers.bounces import BounceProcessor, BounceResult
from tidings.subscribers.store import bounces as bounce_store
from tidings.subscribers.store import consents, suppressions
from transactional_mail import LINKS

ANN = "ann@example.org"
FULL = {"status": "4.2.2", "diagnostic": "smtp; 452 4.2.2 mailbox full"}


class Desk:
    """A newsletter that Ann reads every day, and who opens what comes back."""

    def __init__(self, newsletter_site, outbox):
        self.newsletter_site, self.outbox = newsletter_site, outbox
        self.address = BounceAddress("bounces@example.org", LINKS.bounce_hash)
        self.processor = BounceProcessor(
            newsletter_site.database,
            links=LINKS,
            address=self.address,
            clock=lambda: newsletter_site.now,
        )
        newsletter_site.add_newsletter()
        self.source = newsletter_site.follow()
        self.subscription = newsletter_site.subscribe(ANN)

    def send(self, what=accept, *, after=DAY):
        """Send the issue of a later day; return the row of its delivery to Ann."""
        self.newsletter_site.publish(self.source)
        self.newsletter_site.now += after
        self.newsletter_site.plan()
        self.outbox.tell(what)
        self.newsletter_site.deliver(self.outbox)
        return self.newsletter_site.deliveries(self.subscription)[-1]

    def to(self, row):
        return self.address.of(row.id, row.message_id)

    def take(self, raw):
        return self.processor.process(raw)

    def fail(self, *, after=DAY, **report):
        """Send an issue, of which a failure is reported; return what became of that."""
        row = self.send(after=after)
        return self.take(a_report(self.to(row), message_id=row.message_id, **FULL | report))

    def reads(self):
        return self.newsletter_site.subscription(self.subscription).ended_at is None

    def score(self):
        with self.newsletter_site.database.read() as connection:
            return connection.scalar(select(subscriber.c.bounce_score))

    def kept(self):
        with self.newsletter_site.database.read() as connection:
            return bounce_store.latest(connection, key=None, kind=None, limit=None)

    def suppression(self):
        with self.newsletter_site.database.read() as connection:
            return suppressions.find(connection, LINKS.suppression_hash(ANN))


@pytest.fixture
def desk(newsletter_site, outbox):
    return Desk(newsletter_site, outbox)


def test_each_letter_comes_back_to_an_address_of_its_own(desk):
    seen = []

    def look(outbox, envelope, letter, mark):
        seen.append(envelope.sender)
        return accept(outbox, envelope, letter, mark)

    desk.newsletter_site.subscribe("bob@example.org")
    desk.newsletter_site.publish(desk.source)
    desk.newsletter_site.now += DAY
    desk.newsletter_site.plan()
    desk.outbox.tell(look, look)

    desk.newsletter_site.deliver(desk.outbox, bounces_to=desk.address.of)

    claims = [desk.address.read(sender) for sender in seen]
    assert sorted(claim.delivery_id for claim in claims) == [
        row.id for row in desk.newsletter_site.deliveries()
    ]


def test_an_address_where_nobody_is_gets_nothing_more(desk):
    row = desk.send()

    taken = desk.take(a_report(desk.to(row)))

    assert taken is BounceResult.COUNTED
    ended = desk.newsletter_site.subscription(desk.subscription)
    assert (ended.ended_at, ended.ended_because) == (desk.newsletter_site.now, "bounces")
    assert desk.suppression().reason is SuppressionReason.BOUNCES
    assert "User unknown" in desk.suppression().evidence
    with desk.newsletter_site.database.read() as connection:
        [(_, line)] = consents.every(connection)
    assert (line.event, line.details["because"]) == (ConsentEvent.ENDED, "bounces")
    [bounce] = desk.kept()
    assert (bounce.kind, bounce.status, bounce.subscriber) == (BounceKind.GONE, "5.1.1", ANN)
    assert (bounce.newsletter, bounce.slot, bounce.at) == (
        "news",
        row.slot,
        desk.newsletter_site.now,
    )


def test_who_complains_gets_nothing_more(desk):
    row = desk.send()

    taken = desk.take(a_complaint(desk.to(row)))

    assert taken is BounceResult.COUNTED
    assert desk.newsletter_site.subscription(desk.subscription).ended_because == "complaint"
    assert desk.suppression().reason is SuppressionReason.COMPLAINT


def test_what_waits_for_somebody_who_is_let_go_is_not_sent(desk):
    row = desk.send()
    desk.newsletter_site.publish(desk.source)
    desk.newsletter_site.now += DAY
    desk.newsletter_site.plan()

    desk.take(a_report(desk.to(row)))
    desk.newsletter_site.deliver(desk.outbox)

    assert desk.newsletter_site.states() == ["accepted", "cancelled"]


def test_a_report_counts_once_and_so_does_an_issue(desk):
    row = desk.send()
    report = a_report(desk.to(row), **FULL)

    taken = [desk.take(report), desk.take(b"Delivered-To: x@example.org\n" + report)]
    desk.newsletter_site.now += 2 * DAY
    taken.append(desk.take(a_report(desk.to(row), status="4.4.7")))

    assert taken == [BounceResult.COUNTED, BounceResult.REPEATED, BounceResult.COUNTED]
    assert desk.score() == 1
    assert len(desk.kept()) == 2


def test_a_mailbox_that_is_full_for_weeks_is_let_go(desk):
    scores = []
    while desk.reads():
        desk.fail(after=4 * DAY)
        scores.append(desk.score())

    assert scores == [1, 2, 3, 4, 0]
    assert desk.suppression().reason is SuppressionReason.BOUNCES


@on_sqlite
def test_a_mailbox_that_is_full_now_and_then_is_kept(desk):
    for _ in range(4):
        desk.fail(after=7 * DAY)
    before = desk.score()
    desk.send(after=7 * DAY)
    desk.newsletter_site.now += 14 * DAY
    desk.processor.forgive()
    after = desk.score()
    desk.fail(after=7 * DAY)

    assert (before, after, desk.score()) == (4, 0, 1)
    assert desk.reads()


@on_sqlite
def test_failures_are_forgotten_before_the_next_one_is_counted(desk):
    desk.fail()
    desk.send()

    desk.fail(after=15 * DAY)

    assert desk.score() == 1


def test_failures_are_not_forgotten_as_long_as_nothing_arrived(desk):
    desk.fail()

    desk.newsletter_site.now += 100 * DAY
    desk.processor.forgive()
    early = desk.score()
    row = desk.send()
    desk.take(a_report(desk.to(row), status="5.7.1", diagnostic="smtp; 550 5.7.1 go away"))
    desk.newsletter_site.now += 20 * DAY
    desk.processor.forgive()

    assert (early, desk.score()) == (1, 1)


def test_a_dislike_of_us_is_kept_and_does_not_count(desk):
    desk.fail(status="5.7.1", diagnostic="smtp; 550 5.7.1 blocked")

    assert desk.reads()
    assert desk.score() == 0
    assert [bounce.kind for bounce in desk.kept()] == [BounceKind.OTHER]


def test_words_of_a_servers_own_count_as_a_failure_and_no_more(desk):
    row = desk.send()

    taken = desk.take(QMAIL.replace("bounces@example.org", desk.to(row)).encode())

    assert taken is BounceResult.COUNTED
    assert desk.reads()
    assert desk.score() == 1


def test_other_mail_changes_nothing(desk):
    to = desk.to(desk.send())

    taken = {
        "a note": desk.take(VACATION.replace("bounces@example.org", to).encode()),
        "a delay": desk.take(a_report(to, action="delayed")),
        "praise": desk.take(a_complaint(to, kind="not-spam")),
        "anything": desk.take(b"Subject: hello\n\nworld\n"),
    }

    assert taken == dict.fromkeys(taken, BounceResult.IGNORED)
    assert desk.reads()
    assert desk.kept() == []


def test_nobody_can_make_up_a_report(desk):
    row = desk.send()
    to, ours = desk.to(row), row.message_id
    unsigned = to.partition(".")[0]
    made_up = f"{unsigned}.aaaaaaaa@example.org"
    words = QMAIL.replace("<abcdefghijklmnopqrstuvwxyz.d@example.org>", ours)

    taken = {
        "a signature that is made up": desk.take(a_report(made_up)),
        "the same, with our Message-ID": desk.take(a_report(made_up, message_id=ours)),
        "of no delivery": desk.take(a_report(desk.address.of(row.id + 1, ours))),
        "nothing of ours": desk.take(a_report()),
        "another recipient": desk.take(a_report(message_id=ours, recipient="eve@example.org")),
        "words, and no signature": desk.take(words.encode()),
        "a complaint about others": desk.take(a_complaint()),
    }

    assert taken == dict.fromkeys(taken, BounceResult.UNKNOWN)
    assert desk.reads()
    assert desk.score() == 0
    assert desk.kept() == []


def test_a_report_sent_elsewhere_counts_by_the_message_id_that_only_the_reader_knows(desk):
    row = desk.send()

    taken = [
        desk.take(a_report(message_id=row.message_id, **FULL)),
        desk.take(a_complaint(message_id=row.message_id)),
    ]

    assert taken == [BounceResult.COUNTED, BounceResult.COUNTED]
    assert desk.suppression().reason is SuppressionReason.COMPLAINT


def unsubscribe_by(url="", address=""):
    """Return the head of a letter that came back, with these ways to leave."""
    ways = ", ".join(f"<{one}>" for one in (url, f"mailto:{address}?subject=unsubscribe") if one)
    return f"Return-Path: <0102@relay.example>\nList-Unsubscribe: {ways}".encode()


@pytest.mark.parametrize("way", ["envelope", "link", "address"])
@on_sqlite
def test_a_complaint_counts_though_the_relay_rewrote_the_message_id(desk, way):
    row = desk.send()
    desk.send()
    with desk.newsletter_site.database.read() as connection:
        nonce = connection.execute(
            select(subscription.c.nonce).where(subscription.c.id == desk.subscription)
        ).scalar_one()
    token = LINKS.unsubscribe.sign(desk.subscription, nonce)
    raw = a_complaint("feedback@example.org", message_id="<0102@eu.relay.example>")
    raw = {
        "envelope": raw.replace(b"<bounces@example.org>", f"<{desk.to(row)}>".encode()),
        "link": raw.replace(
            b"Return-Path: <bounces@example.org>",
            unsubscribe_by(f"https://news.example/unsubscribe/{token}"),
        ),
        "address": raw.replace(
            b"Return-Path: <bounces@example.org>",
            unsubscribe_by("https://news.example/u", desk.to(row)),
        ),
    }[way]

    assert desk.take(raw) is BounceResult.COUNTED
    assert desk.suppression().reason is SuppressionReason.COMPLAINT


def test_a_letter_that_a_folder_took_is_known_by_its_link_as_well(desk):
    desk.send(lambda outbox, envelope, letter, _mark: outbox.take(envelope, letter))
    with desk.newsletter_site.database.read() as connection:
        nonce = connection.scalar(select(subscription.c.nonce))
    link = f"https://news.example/unsubscribe/{LINKS.unsubscribe.sign(desk.subscription, nonce)}"
    raw = a_complaint("feedback@example.org", message_id="<0102@eu.relay.example>")

    taken = desk.take(raw.replace(b"Return-Path: <bounces@example.org>", unsubscribe_by(link)))

    assert taken is BounceResult.COUNTED
    assert desk.suppression().reason is SuppressionReason.COMPLAINT


def test_a_link_that_is_made_up_shows_nothing(desk):
    desk.send()
    forged = LINKS.unsubscribe.sign(desk.subscription, 1)[:-1] + "~"
    other = LINKS.unsubscribe.sign(desk.subscription, 1)
    raw = a_complaint("feedback@example.org", message_id="<0102@eu.relay.example>")

    taken = [
        desk.take(
            raw.replace(
                b"Return-Path: <bounces@example.org>",
                unsubscribe_by(f"https://news.example/unsubscribe/{token}"),
            )
        )
        for token in (forged, other)
    ]

    assert taken == [BounceResult.UNKNOWN] * 2


def test_the_server_may_say_whom_a_message_was_for(desk):
    row = desk.send()

    taken = desk.processor.process(a_report("undisclosed@example.org"), sent_to=[desk.to(row)])

    assert taken is BounceResult.COUNTED


def test_what_comes_back_from_a_former_address_does_not_count(desk):
    row = desk.send()
    with desk.newsletter_site.database.write() as connection:
        connection.execute(
            insert(consent).values(
                subscriber_id=1,
                at=desk.newsletter_site.now + HOUR,
                event=ConsentEvent.ADDRESS_CHANGED,
                details={},
            )
        )
        connection.execute(update(subscriber).values(address="a@example.com", key="a@example.com"))

    taken = desk.take(a_report(desk.to(row)))
    later = desk.send()

    assert taken is BounceResult.UNKNOWN
    assert desk.reads()
    assert desk.take(a_report(desk.to(later))) is BounceResult.COUNTED
    assert not desk.reads()


def test_what_the_relay_refuses_is_judged_the_same_and_once(desk):
    desk.send(reject)

    for _ in range(2):
        desk.processor.process_refusals()

    assert not desk.reads()
    [bounce] = desk.kept()
    assert (bounce.kind, bounce.diagnostic) == (BounceKind.GONE, "550 5.1.1 nobody here")
    assert desk.suppression().evidence == "550 5.1.1 nobody here"


def test_many_refusals_are_all_judged(desk, monkeypatch):
    monkeypatch.setattr(bounces, "BATCH", 2)
    for number in range(11):
        desk.newsletter_site.subscribe(f"reader{number}@example.org")
    desk.newsletter_site.publish(desk.source)
    desk.newsletter_site.now += DAY
    desk.newsletter_site.plan()
    desk.outbox.tell(*[accept, reject] * 6)
    desk.newsletter_site.deliver(desk.outbox)

    desk.processor.process_refusals()

    assert len({bounce.subscriber for bounce in desk.kept()}) == 6


def test_a_refusal_waits_until_it_is_known_what_becomes_of_the_others(desk):
    """A service stops within an issue; nobody can tell yet whether it refuses them all."""
    for number in range(3):
        desk.newsletter_site.subscribe(f"reader{number}@example.org")
    stop = Event()

    def refuse_and_stop(outbox, envelope, letter, mark):
        stop.set()
        reject(outbox, envelope, letter, mark)

    desk.newsletter_site.publish(desk.source)
    desk.newsletter_site.now += DAY
    desk.newsletter_site.plan()
    desk.outbox.tell(refuse_and_stop)
    desk.newsletter_site.deliver(desk.outbox, stop=stop)

    desk.processor.process_refusals()
    at_once = desk.kept()
    desk.newsletter_site.now += HOUR
    desk.processor.process_refusals()

    assert at_once == []
    assert [bounce.subscriber for bounce in desk.kept()] == [ANN]


class Box:
    """A mailbox that holds what it is given, and remembers what was marked as read."""

    def __init__(self, *raw, broken=False):
        self.raw, self.broken = raw, broken
        self.finished = []

    def unread(self):
        for raw in self.raw:
            yield UnreadMessage(raw=raw, finish=self.finished.append)
        if self.broken:
            raise MailboxError("box", "broken")


def test_a_mailbox_is_read_and_only_what_was_counted_is_marked(desk):
    row = desk.send()
    report = a_report(desk.to(row), **FULL)
    box = Box(report, VACATION.encode(), report, a_report())

    taken = desk.processor.read_mailbox(box, stop=Event())

    assert taken == {
        BounceResult.COUNTED: 1,
        BounceResult.IGNORED: 1,
        BounceResult.REPEATED: 1,
        BounceResult.UNKNOWN: 1,
    }
    assert box.finished == [True, False, True, False]


class Failing:
    def write(self):
        raise StorageError("database", "is full")


def without_a_database():
    return BounceProcessor(Failing(), links=LINKS, address=None, clock=lambda: NOON)


def test_nothing_is_marked_that_is_not_saved():
    box = Box(a_report())

    with pytest.raises(StorageError):
        without_a_database().read_mailbox(box, stop=Event())

    assert box.finished == []


def test_one_broken_mailbox_does_not_stop_the_others(desk):
    rows = [desk.send(), desk.send()]
    boxes = [
        Box(a_report(desk.to(rows[0]), **FULL), broken=True),
        Box(a_report(desk.to(rows[1]), status="5.2.2")),
    ]

    desk.processor.run(boxes, stop=Event())

    assert [box.finished for box in boxes] == [[True], [True]]
    assert len(desk.kept()) == 2


def test_who_is_told_to_stop_leaves_the_rest_for_later():
    stop = Event()
    stop.set()
    box = Box(a_report())

    without_a_database().read_mailbox(box, stop=stop)

    assert box.finished == []


def test_what_is_kept_goes_with_the_person(desk):
    row = desk.send()
    desk.take(a_report(desk.to(row), **FULL))

    with desk.newsletter_site.database.write() as connection:
        connection.execute(subscriber.delete())

    assert desk.kept() == []
    assert desk.take(a_report(desk.to(row))) is BounceResult.UNKNOWN


def test_reports_are_listed_by_whom_and_what_they_are_about(desk):
    rows = [desk.send(), desk.send()]
    desk.take(a_report(desk.to(rows[0]), **FULL))
    desk.take(a_complaint(desk.to(rows[1])))

    with desk.newsletter_site.database.read() as connection:
        listed = {
            "all": bounce_store.latest(connection, key=None, kind=None, limit=None),
            "one": bounce_store.latest(connection, key=None, kind=None, limit=1),
            "hers": bounce_store.latest(connection, key=ANN, kind=None, limit=None),
            "his": bounce_store.latest(connection, key="bob@example.org", kind=None, limit=None),
            "complaints": bounce_store.latest(
                connection, key=None, kind=BounceKind.COMPLAINT, limit=9
            ),
        }
        counted = bounce_store.by_kind(connection)

    kinds = {name: [one.kind.value for one in found] for name, found in listed.items()}
    assert kinds == {
        "all": ["complaint", "failed"],
        "one": ["complaint"],
        "hers": ["complaint", "failed"],
        "his": [],
        "complaints": ["complaint"],
    }
    assert counted == {"complaint": 1, "failed": 1}


def test_who_writes_unsubscribe_to_the_address_in_a_letter_gets_no_more(desk):
    address = desk.to(desk.send())
    name, _, signature = address.partition("@")[0].partition(".")

    def write(subject, to=address, head=""):
        return desk.take(f"To: {to}\nSubject: {subject}\n{head}\n\n".encode())

    others = [
        write("Re: how to unsubscribe"),
        write("unsubscribe", head="Auto-Submitted: auto-replied\n"),
        write("unsubscribe", to=f"{name}.{signature[::-1]}@example.org"),
    ]
    stayed = desk.reads()
    asked = [write("unsubscribe", head="Auto-Submitted: no\n"), write("Unsubscribe")]

    assert others == [BounceResult.IGNORED, BounceResult.IGNORED, BounceResult.UNKNOWN]
    assert stayed
    assert asked == [BounceResult.LEFT, BounceResult.LEFT]
    assert not desk.reads()
