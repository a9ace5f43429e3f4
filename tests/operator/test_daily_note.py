"""The operator hears once a day of what does not mend itself, and nothing if all is well."""

import email
from datetime import timedelta
from threading import Thread

import pytest
from sqlalchemy import insert, update

from parsed_entries import DAY, HOUR, NOON
from tidings.db.subscriber_tables import bounce, notice
from tidings.db.tables import entry, source
from tidings.model.entries import EntryState
from tidings.model.newsletters import DeliveryState
from tidings.newsletters.store import relay_pauses
from tidings.operator.daily_note import DailyNote
from tidings.subscribers.transactional_queue import forget_finished
from transactional_mail import TransactionalMail

OPERATOR = "ops@example.org"


@pytest.fixture
def post(database):
    return TransactionalMail(database)


def daily_note(post, **changes):
    usual = {
        "clock": lambda: post.now,
        "operator": OPERATOR,
        "language": "en",
        "disk": lambda: None,
    }
    return DailyNote(post.database, **usual | changes)


def follow(post, **columns):
    """Add a source that was polled a minute ago, with other columns as given."""
    number = post.newsletter_site.follow()
    polled = {"last_polled_at": post.now - timedelta(minutes=1), "last_ok_at": post.now}
    with post.database.write() as connection:
        connection.execute(
            update(source).where(source.c.id == number).values({**polled, **columns})
        )
    return number


def fail(post, days=4, error="cannot fetch it: 404 Not Found"):
    return follow(post, failures=9, last_ok_at=post.now - days * DAY, last_error=error)


def note(post, outbox):
    """Send what is queued; return the last letter, and its two parts."""
    post.send(outbox)
    message = email.message_from_bytes(outbox.sent[-1].letter)
    text, html = (
        part.get_payload(decode=True).decode().replace("\r\n", "\n")
        for part in message.get_payload()
    )
    return message, text, html


def test_nobody_is_written_to_where_all_is_well_or_nobody_is_set(post):
    follow(post)
    told = daily_note(post).queue()
    fail(post)

    told |= daily_note(post, operator="").queue()

    assert not told
    assert post.rows() == []


def test_it_comes_at_most_once_a_day_and_not_at_night(post):
    fail(post, days=9)
    post.newsletter_site.now = NOON.replace(hour=5, minute=59)
    told = [daily_note(post).queue()]
    for _ in range(2):
        post.wait(minutes=1)
        told.append(daily_note(post).queue())
    post.wait(days=1)
    told.append(daily_note(post).queue())

    assert told == [False, True, False, True]


def test_two_services_tell_it_once(post):
    fail(post)
    services = [Thread(target=daily_note(post).queue) for _ in range(4)]

    for service in services:
        service.start()
    for service in services:
        service.join()

    assert len(post.rows()) == 1


def test_it_tells_of_everything_that_may_be_wrong(post, outbox):
    follow(post, notice="it seems to have moved to https://new.example/feed")
    number = follow(post, last_polled_at=post.now - 7 * HOUR)
    failing = fail(post, error="</li><script>alert(1)</script>\r\n\r\nNothing is wrong.")
    follow(post, state="retired", failures=2, last_error="answered 410 Gone")
    follow(post, state="retired", last_error="not told of", last_polled_at=post.now - 2 * DAY)
    follow(post, state="paused", failures=99, notice="not told of")
    [held] = post.newsletter_site.publish(number)
    reader = post.newsletter_site.subscribe()
    with post.database.write() as connection:
        active = update(source).where(source.c.state == "active")
        connection.execute(active.values(last_polled_at=post.now - 7 * HOUR))
        connection.execute(update(entry).where(entry.c.id == held).values(state=EntryState.HELD))
        person = connection.exec_driver_sql("SELECT subscriber_id FROM subscription").scalar_one()
        relay_pauses.pause_relay(
            connection, "relay:25", until=post.now + HOUR, reason="530 who are you?"
        )
        returned = {"subscriber_id": person, "kind": "hard", "diagnostic": "", "at": post.now}
        connection.execute(
            insert(bounce), [{**returned, "report": bytes([number])} for number in range(12)]
        )
    post.goodbye(reader)
    post.queue("welcome")
    with post.database.write() as connection:
        first, second = (row.id for row in post.rows())
        for one, values in (
            (first, {"state": DeliveryState.ASSUMED_ACCEPTED, "finished_at": post.now}),
            (
                second,
                {
                    "state": DeliveryState.DEFERRED,
                    "made_at": post.now - 7 * HOUR,
                    "next_try_at": post.now + DAY,
                    "reply": "451 4.7.1 try again",
                },
            ),
        ):
            connection.execute(update(notice).where(notice.c.id == one).values(values))

    daily_note(post, disk=lambda: (1, 10**12)).queue()

    post.wait(hours=1)
    message, text, html = note(post, outbox)
    for sentence in (
        "No source has been polled for hours",
        "The disk is nearly full",
        "The relay refuses letters: 1 case",
        "relay:25: 530 who are you?",
        "1 letter has been waiting for hours",
        "welcome to Ann.Example@example.org: 451 4.7.1 try again",
        "1 letter may not have arrived",
        "goodbye to Ann.Example@example.org: -",
        "12 letters came back in a day, more than usual",
        "1 source has failed for days",
        f"{failing} {failing}.example.org: </li><script>alert(1)</script> Nothing is wrong.",
        "1 source says that it is gone for good",
        "answered 410 Gone",
        "it seems to have moved to https://new.example/feed",
        "1 entry is waiting to be released",
    ):
        assert sentence in " ".join(text.split())
    assert "not told of" not in text
    assert "<script" not in html
    assert message["To"] == OPERATOR
    assert message["List-Id"] is None


def test_letters_settled_a_month_ago_are_forgotten(post, outbox):
    post.welcome()
    post.send(outbox)
    post.wait(days=29)
    forget_finished(post.database, now=post.now)
    kept = len(post.rows())
    post.wait(days=1)

    forget_finished(post.database, now=post.now)

    assert (kept, post.rows()) == (1, [])
