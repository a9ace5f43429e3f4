"""Those for whom there is nothing new are moved on without being read, as a plan would move them."""

import pytest
from sqlalchemy import select, update

from newsletter_site import Outbox
from parsed_entries import DAY, HOUR, NOON
from tidings.db.mail_tables import subscription
from tidings.model.newsletters import Frequency
from tidings.newsletters import plan
from tidings.newsletters.store import idle
from tidings.newsletters.turns import Turns
from tidings.newsletters.windows import INSTANT_PAUSE

SEVEN = NOON - 5 * HOUR + DAY


@pytest.fixture
def source(newsletter_site):
    newsletter_site.add_newsletter()
    return newsletter_site.follow()


def lines(newsletter_site):
    return [
        (row.subscription_id, row.slot, row.reason, row.from_seq, row.to_seq)
        for row in newsletter_site.log()
    ]


def test_who_has_had_everything_is_moved_on_beside_those_who_have_not(newsletter_site, source):
    ann = newsletter_site.subscribe("ann@example.org")
    newsletter_site.publish(source, 2)
    bob = newsletter_site.subscribe("bob@example.org")
    newsletter_site.now = SEVEN

    newsletter_site.plan()

    assert [row.subscription_id for row in newsletter_site.deliveries()] == [ann]
    assert lines(newsletter_site) == [(bob, "d:2026-11-21", "empty", 2, 2)]
    assert newsletter_site.subscription(bob).next_issue_at == SEVEN + DAY


def test_what_was_not_sent_waits_on_where_nothing_new_takes_its_place(newsletter_site, source):
    ann, relay = newsletter_site.subscribe(), Outbox()
    news = newsletter_site.publish(source)
    for day in range(2):
        newsletter_site.now = SEVEN + day * DAY
        newsletter_site.plan()
    newsletter_site.deliver(relay)

    assert [letter.told for letter in relay.sent] == [news]
    assert lines(newsletter_site) == [(ann, "d:2026-11-22", "empty", 1, 1)]


def test_they_are_moved_in_pages(newsletter_site, source, monkeypatch):
    monkeypatch.setattr(plan, "CHUNK", 3)
    readers = [newsletter_site.subscribe(f"reader{number}@example.org") for number in range(7)]
    newsletter_site.now = SEVEN

    newsletter_site.plan()

    assert [line[:3] for line in lines(newsletter_site)] == [
        (reader, "d:2026-11-21", "empty") for reader in readers
    ]
    assert {newsletter_site.subscription(one).next_issue_at for one in readers} == {SEVEN + DAY}


def test_a_moment_has_another_name_in_another_zone_and_frequency(newsletter_site, source):
    wishes = [
        {},
        {"timezone": "Pacific/Auckland", "hour": 20},
        {"timezone": "Pacific/Honolulu", "hour": 21},
        {"frequency": Frequency.WEEKLY},
        {"frequency": Frequency.WEEKDAYS},
    ]
    for number, wish in enumerate(wishes):
        newsletter_site.subscribe(f"reader{number}@example.org", **wish)
    for day in range(3):  # from Saturday to Monday
        newsletter_site.now = SEVEN + day * DAY
        newsletter_site.plan()

    assert sorted(line[:3] for line in lines(newsletter_site)[-5:]) == [
        (1, "d:2026-11-23", "empty"),
        (2, "d:2026-11-23", "empty"),
        (3, "d:2026-11-22", "empty"),
        (4, "w:2026-W48", "empty"),
        (5, "d:2026-11-23", "empty"),
    ]
    due = [newsletter_site.subscription(number).next_issue_at for number in range(1, 6)]
    assert due == [newsletter_site.now + days * DAY for days in (1, 1, 1, 7, 1)]


def test_news_as_it_happens_leaves_no_line_where_there_is_none(newsletter_site, source):
    ann = newsletter_site.subscribe(frequency=Frequency.INSTANT)
    newsletter_site.publish(source)
    for _ in range(2):
        newsletter_site.now += INSTANT_PAUSE
        newsletter_site.plan()

    assert len(newsletter_site.deliveries()) == 1
    assert newsletter_site.log() == []
    assert newsletter_site.subscription(ann).next_issue_at == newsletter_site.now + INSTANT_PAUSE


def test_who_had_the_slot_in_another_zone_is_told_so(newsletter_site, source):
    ann = newsletter_site.subscribe(timezone="Asia/Shanghai")
    newsletter_site.publish(source)
    newsletter_site.now = newsletter_site.subscription(ann).next_issue_at
    newsletter_site.plan()
    newsletter_site.deliver(Outbox())
    newsletter_site.edit(ann, timezone="America/New_York")
    newsletter_site.now = newsletter_site.subscription(ann).next_issue_at

    newsletter_site.plan()

    assert lines(newsletter_site) == [(ann, "d:2026-11-21", "repeated", 1, 1)]


def test_a_slot_noticed_late_is_called_late_whether_there_is_news_or_not(newsletter_site, source):
    ann = newsletter_site.subscribe()
    newsletter_site.now = SEVEN + 13 * HOUR

    newsletter_site.plan()

    assert lines(newsletter_site) == [(ann, "d:2026-11-21", "late", 0, 0)]
    assert newsletter_site.subscription(ann).next_issue_at == SEVEN + DAY


@pytest.mark.parametrize("column", ["paused_at", "ended_at"])
def test_who_pauses_or_left_is_not_moved(newsletter_site, source, column):
    ann = newsletter_site.subscribe("ann@example.org")
    bob = newsletter_site.subscribe("bob@example.org")
    with newsletter_site.database.write() as connection:
        gone = update(subscription).where(subscription.c.id == ann)
        connection.execute(gone.values({column: NOON}))
    newsletter_site.now = SEVEN

    newsletter_site.plan()

    assert [line[0] for line in lines(newsletter_site)] == [bob]
    assert newsletter_site.subscription(ann).next_issue_at == SEVEN


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_whoever_is_being_changed_is_not_waited_for(newsletter_site, source):
    ann = newsletter_site.subscribe("ann@example.org")
    bob = newsletter_site.subscribe("bob@example.org")
    schedule = newsletter_site.subscription(ann).schedule
    turn = Turns(newsletter_site.database, now=SEVEN).of([schedule])[schedule]
    changed = select(subscription).where(subscription.c.id == ann).with_for_update()

    with newsletter_site.database.write() as other:
        other.execute(changed)
        with newsletter_site.database.write() as connection:
            connection.exec_driver_sql("SET LOCAL lock_timeout = '1s'")
            asked = {"frequency": schedule.frequency, "now": SEVEN}
            idle.move_on(connection, [ann, bob], turn, **asked)

    assert newsletter_site.subscription(ann).next_issue_at == SEVEN
    assert newsletter_site.subscription(bob).next_issue_at == SEVEN + DAY


def test_who_has_changed_since_they_were_found_is_left_to_be_planned(newsletter_site, source):
    ann = newsletter_site.subscribe("ann@example.org")
    bob = newsletter_site.subscribe("bob@example.org")
    schedule = newsletter_site.subscription(ann).schedule
    turn = Turns(newsletter_site.database, now=SEVEN).of([schedule])[schedule]
    with newsletter_site.database.read() as connection:
        found = idle.find(connection, turn, [schedule], now=SEVEN)
    newsletter_site.leave(ann)
    with newsletter_site.database.write() as connection:
        idle.move_on(connection, found, turn, frequency=schedule.frequency, now=SEVEN)

    assert list(found) == [ann, bob]
    assert [line[0] for line in lines(newsletter_site)] == [bob]
    assert newsletter_site.subscription(ann).next_issue_at == SEVEN
