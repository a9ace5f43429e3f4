"""Letters that are no issue: sent once, with links that work, and every doubt on record."""

import email
import re
from datetime import timedelta
from email.header import decode_header, make_header
from email.utils import parsedate_to_datetime
from threading import Event, Thread

import pytest
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy import delete, update

from database_outage import Outage
from newsletter_site import (
    Outbox,
    accept,
    lose_the_letter,
    refuse_for_now,
    refuse_us,
    reject,
    take_and_lose_the_reply,
)
from subscriber_service import way_out
from tidings.db.mail_tables import newsletter, subscription
from tidings.db.subscriber_tables import sign_up
from tidings.errors import StorageError
from tidings.model.subscribers import UNKNOWN_VISITOR, MessageKind
from tidings.newsletters.retries import RESEND_DELAY
from tidings.newsletters.sender import SendCounts
from tidings.newsletters.store import relay_pauses
from tidings.subscribers.address_change import AddressChanges
from tidings.subscribers.store import subscribers
from transactional_mail import ANN, LINKS, SITE_URL, TransactionalMail


@pytest.fixture
def post(database):
    return TransactionalMail(database, title="The Weekly")


def read(sent):
    """Return a letter as a mail program has it: subject, plain text, HTML, and its head."""
    message = email.message_from_bytes(sent.letter)
    text, html = (
        part.get_payload(decode=True).decode().replace("\r\n", "\n")
        for part in message.get_payload()
    )
    return str(make_header(decode_header(message["Subject"]))), text, html, message


def token_in(text, page):
    return re.search(rf"{SITE_URL}/{page}/([^\s>]+)", text)[1]


def own_token(post):
    """Return the token of Ann's preferences."""
    with post.database.read() as connection:
        person = subscribers.get_of(connection, ANN.casefold())
    return LINKS.preferences.sign(person.id, person.token_version)


def test_a_sign_up_gets_one_letter_that_says_nothing_of_the_visitors(post, outbox):
    address = "Buy.Now.at.evil-example@example.org"
    number = post.sign_up(address)

    post.send(outbox)
    post.send(outbox)

    [sent] = outbox.sent
    subject, text, html, message = read(sent)
    token = token_in(text, "confirm")
    assert (sent.recipient, message["To"]) == (address, address)
    assert subject == "Please confirm: The Weekly"
    assert LINKS.confirm.read(token) == (number, int(post.now.timestamp()))
    assert f"{SITE_URL}/confirm/{token}" in html
    assert "27 November 2026" in text
    assert not [name for name in message.keys() if name.startswith("List-")]  # noqa: SIM118
    assert message["Auto-Submitted"] == "auto-generated"
    del message["To"]
    assert "evil" not in (text + html + str(message)).lower()


def test_a_welcome_leads_to_the_preferences_and_a_goodbye_leads_back(post, outbox):
    number = post.welcome(hour=9, timezone="Asia/Shanghai")
    post.send(outbox)
    post.goodbye(number)
    post.send(outbox)

    welcome, goodbye = outbox.sent
    subject, text, html, message = read(welcome)
    unsubscribe = way_out(post.database, LINKS, number)
    assert subject == "Welcome to The Weekly"
    assert token_in(text, "preferences") == own_token(post)
    assert token_in(text, "unsubscribe") == unsubscribe
    assert "9:00 (Asia/Shanghai)" in text
    assert "9:00 (Asia/Shanghai)" in html
    assert message["List-Id"] == '"The Weekly" <news.example.org>'
    assert token_in(message["List-Unsubscribe"], "unsubscribe") == unsubscribe
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    subject, text, html, message = read(goodbye)
    assert subject == "You have left The Weekly"
    assert token_in(text, "unsubscribe") == unsubscribe
    assert "20 December 2026" in text
    assert "20 December 2026" in html
    assert message["List-Id"] == '"The Weekly" <news.example.org>'
    assert message["List-Unsubscribe"] is None


def test_a_new_address_is_asked_and_the_old_one_told_without_naming_it(post, outbox):
    post.newsletter_site.subscribe(ANN)
    moving = AddressChanges(post.database, links=LINKS, clock=lambda: post.now)

    moving.ask(own_token(post), "new@example.net")
    post.send(outbox)
    _, asking, _, _ = read(outbox.sent[0])
    moving.confirm(token_in(asking, "address"), UNKNOWN_VISITOR)
    post.send(outbox)

    _, text, html, _ = read(outbox.sent[1])
    assert outbox.seen == ["new@example.net", ANN]
    assert "- The Weekly\n" in asking
    assert "- The Weekly\n" in text
    assert "The Weekly</li>" in html
    assert "new@example.net" not in text + html
    assert "news@example.org" in text


def test_what_became_of_a_letter_decides_whether_it_is_tried_again(post, outbox):
    for name in ("later", "never", "doubt", "lost"):
        post.welcome(f"{name}@example.org")
    outbox.tell(refuse_for_now, reject, take_and_lose_the_reply, lose_the_letter)

    post.send(outbox)
    found = [(row.state, row.next_try_at - post.now) for row in post.rows()][2:]
    states = post.states()
    post.wait(minutes=11)
    post.send(outbox)

    assert states == ["deferred", "rejected", "uncertain", "uncertain"]
    assert found == [("uncertain", RESEND_DELAY)] * 2
    assert sorted(outbox.seen[4:]) == ["doubt@example.org", "later@example.org", "lost@example.org"]
    assert post.states() == ["accepted", "rejected", "accepted", "accepted"]


def test_what_is_sent_again_is_the_same_to_the_byte_and_dated_when_it_was_asked_for(post, outbox):
    post.sign_up()
    asked_at = post.now
    outbox.tell(take_and_lose_the_reply)

    post.send(outbox)
    post.wait(minutes=11)
    post.send(outbox)

    first, second = outbox.sent
    *_, message = read(first)
    assert first.letter == second.letter
    assert parsedate_to_datetime(message["Date"]) == asked_at.replace(microsecond=0)


def test_a_relay_that_stops_us_is_left_alone_by_all_letters(post, outbox):
    post.welcome("ann@example.org")
    post.welcome("bob@example.org")
    outbox.tell(refuse_us)

    post.send(outbox)
    post.send(outbox)

    assert outbox.seen == ["ann@example.org"]
    with post.database.read() as connection:
        assert relay_pauses.find_relay_pause(connection, "relay", now=post.now)


def test_a_domain_that_is_left_alone_by_issues_gets_what_somebody_waits_for(post, outbox):
    post.sign_up()
    with post.database.write() as connection:
        until = post.now + timedelta(hours=1)
        relay_pauses.pause_domain(connection, "example.org", until=until, reason="busy")

    post.send(outbox)

    assert outbox.seen == [ANN]


def test_as_long_as_nothing_is_due_nobody_is_kept_from_writing(database, outbox):
    outage = Outage(database)
    post = TransactionalMail(outage)
    outage.left = 1

    delivered = post.send(outbox)

    assert delivered == SendCounts(accepted=0, failed=0)
    assert outage.left == 1


def test_a_letter_that_cannot_be_written_does_not_stop_the_others(post, outbox):
    post.queue(MessageKind.CONFIRM, address="ann@example.org")  # about nothing
    post.welcome("bob@example.org")

    post.send(outbox)

    assert outbox.seen == ["bob@example.org"]
    assert post.states() == ["held", "accepted"]


def test_two_services_send_each_letter_once(post, outbox):
    for number in range(12):
        post.welcome(f"reader{number}@example.org")
    services = [
        Thread(target=post.send, args=[outbox], kwargs={"owner": f"service {number}"})
        for number in range(2)
    ]

    for service in services:
        service.start()
    for service in services:
        service.join()
    post.send(outbox)

    assert sorted(outbox.seen) == sorted(f"reader{number}@example.org" for number in range(12))
    assert set(post.states()) == {"accepted"}


def test_what_is_not_true_any_more_is_not_sent(post, outbox):
    left, came_back = (
        post.welcome("left@example.org"),
        post.newsletter_site.subscribe("back@example.org"),
    )
    post.newsletter_site.leave(left)
    post.goodbye(came_back, "back@example.org")
    forgotten = post.sign_up("forgotten@example.org")
    with post.database.write() as connection:
        again = subscription.update().where(subscription.c.id == came_back)
        connection.execute(again.values(ended_at=None))
        connection.execute(delete(sign_up).where(sign_up.c.id == forgotten))

    post.send(outbox)

    assert outbox.sent == []
    assert post.states() == ["cancelled", "cancelled"]


def test_a_letter_that_could_not_leave_for_days_is_not_sent_any_more(post, outbox):
    post.sign_up()
    post.wait(days=2)

    post.send(outbox)

    assert outbox.sent == []
    assert post.states() == ["expired"]


def test_when_told_to_stop_what_is_not_begun_waits_for_the_next_service(post, outbox):
    for name in ("ann", "bob"):
        post.welcome(f"{name}@example.org")
    stop = Event()

    def accept_and_stop(*call):
        stop.set()
        return accept(*call)

    outbox.tell(accept_and_stop)
    post.send(outbox, stop=stop)
    found = post.states()
    post.send(outbox)

    assert found == ["accepted", "ready"]
    assert outbox.seen == ["ann@example.org", "bob@example.org"]


def test_a_database_that_fails_before_the_marker_costs_no_letter(post, outbox):
    post.welcome()

    def fail(*_):
        raise StorageError("the database", "disk full")

    outbox.tell(fail)
    post.send(outbox)
    found = post.states()
    post.send(outbox)

    assert found == ["ready"]
    assert post.states() == ["accepted"]
    assert len(outbox.sent) == 1


def test_a_reply_in_hand_is_kept_until_the_database_is_back(database):
    outage = Outage(database)
    post = TransactionalMail(outage)
    post.welcome()
    post.welcome("bob@example.org")

    def take_while_the_database_goes(outbox, envelope, letter, mark):
        mark()
        outage.left = 3
        return outbox.take(envelope, letter)

    relay = Outbox(take_while_the_database_goes)
    post.send(relay)
    post.newsletter_site.now += RESEND_DELAY
    post.send(relay)

    assert post.states() == ["accepted", "accepted"]
    assert len(relay.sent) == 2


def test_a_hostile_title_adds_no_header_and_no_markup(database, outbox: Outbox):
    title = "News\r\nBcc: eve@example.org\r\n\r\n<script>alert(1)</script> {{ 7*7 }} {newsletter}"
    post = TransactionalMail(database)
    with database.write() as connection:
        connection.execute(update(newsletter).values(title=title))
    post.sign_up()
    post.welcome("bob@example.org")

    post.send(outbox)

    for sent in outbox.sent:
        _, text, html, message = read(sent)
        assert "Bcc" not in message
        assert LexborHTMLParser(html).css("script") == []
        assert "{{ 7*7 }}" in text
    assert len(outbox.sent) == 2
