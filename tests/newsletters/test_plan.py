"""From due slots to issues and deliveries, on both databases."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from newsletter_site import NewsletterSite, Outbox, a_schedule, be_away, refuse_for_now, render
from parsed_entries import DAY, HOUR, NOON
from tidings.catalog import newsletters
from tidings.db import database as databases
from tidings.db.database import Database
from tidings.errors import PlanOutdatedError, StorageError
from tidings.model.newsletters import Frequency
from tidings.newsletters import plan
from tidings.newsletters.store import deliveries, issues, plans
from tidings.newsletters.windows import INSTANT_PAUSE

SEVEN = NOON - 5 * HOUR + DAY
"""Tomorrow at seven, when the daily slot of these tests falls due."""


@pytest.fixture
def source(newsletter_site):
    newsletter_site.add_newsletter()
    return newsletter_site.follow()


def test_an_issue_tells_of_what_became_public_since_the_subscription(newsletter_site, source):
    newsletter_site.publish(source, 2)
    ann = newsletter_site.subscribe()
    news = newsletter_site.publish(source, 2)
    newsletter_site.now = SEVEN

    planned = newsletter_site.plan()

    [row] = newsletter_site.deliveries()
    assert planned.deliveries == {row.issue_id: 1}
    assert newsletter_site.told(row.issue_id) == news
    assert (row.subscription_id, row.slot, row.state) == (ann, "d:2026-11-21", "ready")
    assert (row.from_seq, row.to_seq) == (2, 4)
    assert newsletter_site.subscription(ann).watermark == 4
    assert newsletter_site.subscription(ann).next_issue_at == SEVEN + DAY


def test_nothing_is_planned_before_its_time_nor_twice(newsletter_site, source):
    newsletter_site.subscribe()
    newsletter_site.publish(source)

    before = newsletter_site.plan()
    newsletter_site.now = SEVEN
    newsletter_site.plan()
    again = newsletter_site.plan()

    assert not before.deliveries
    assert not again.deliveries
    assert len(newsletter_site.deliveries()) == 1


def test_a_slot_without_news_is_on_record_and_sends_nothing(newsletter_site, source):
    ann = newsletter_site.subscribe(topics=())
    newsletter_site.now = SEVEN

    planned = newsletter_site.plan()

    assert not planned.deliveries
    assert newsletter_site.deliveries() == []
    assert [(row.subscription_id, row.slot, row.reason) for row in newsletter_site.log()] == [
        (ann, "d:2026-11-21", "empty")
    ]


def test_those_who_get_the_same_share_an_issue_by_whatever_way_they_came_to_it(newsletter_site):
    art, law = newsletter_site.follow(topic="art"), newsletter_site.follow(topic="law")
    newsletter_site.add_newsletter()
    newsletter_site.subscribe("all@example.org")
    newsletter_site.subscribe("art@example.org", topics=["art"], timezone="Europe/Berlin")
    newsletter_site.subscribe("both@example.org", topics=["art", "law"])
    newsletter_site.subscribe("zh@example.org", language="zh")
    told = [newsletter_site.publish(art), newsletter_site.publish(law)]
    newsletter_site.now = SEVEN

    planned = newsletter_site.plan()

    by_issue = {
        tuple(newsletter_site.told(issue_id)): number
        for issue_id, number in planned.deliveries.items()
    }
    assert sorted(planned.deliveries.values()) == [1, 1, 2]
    assert by_issue[tuple(told[0])] == 1
    assert len(newsletter_site.deliveries()) == 4


def test_a_topic_that_nobody_chose_brings_nobody_a_letter(newsletter_site):
    art, law = newsletter_site.follow(topic="art"), newsletter_site.follow(topic="law")
    newsletter_site.add_newsletter(topics=["art"])
    newsletter_site.subscribe("all@example.org")
    newsletter_site.subscribe("law@example.org", topics=["law"])
    news = newsletter_site.publish(art)
    newsletter_site.publish(law)
    newsletter_site.now = SEVEN

    newsletter_site.plan()

    [row] = newsletter_site.deliveries()
    assert newsletter_site.told(row.issue_id) == news


def test_what_was_hidden_before_is_not_told(newsletter_site, source):
    newsletter_site.subscribe()
    hidden, shown = newsletter_site.publish(source, 2)
    newsletter_site.hide(hidden)
    newsletter_site.now = SEVEN

    newsletter_site.plan()

    [row] = newsletter_site.deliveries()
    assert newsletter_site.told(row.issue_id) == [shown]


def test_after_a_downtime_one_issue_tells_it_all(newsletter_site, source):
    newsletter_site.subscribe()
    news = newsletter_site.publish(source)
    newsletter_site.now += 3 * DAY
    news += newsletter_site.publish(source)
    newsletter_site.now = SEVEN + 4 * DAY + HOUR

    newsletter_site.plan()

    [row] = newsletter_site.deliveries()
    assert row.slot == "d:2026-11-25"
    assert newsletter_site.told(row.issue_id) == news


def test_a_slot_noticed_at_night_is_left_to_the_next_morning(newsletter_site, source):
    ann = newsletter_site.subscribe()
    news = newsletter_site.publish(source)
    newsletter_site.now = SEVEN + 13 * HOUR

    newsletter_site.plan()
    missed = newsletter_site.deliveries(), [row.reason for row in newsletter_site.log()]
    newsletter_site.now = newsletter_site.subscription(ann).next_issue_at
    newsletter_site.plan()

    assert missed == ([], ["late"])
    [row] = newsletter_site.deliveries()
    assert row.slot == "d:2026-11-22"
    assert newsletter_site.told(row.issue_id) == news


def test_the_cut_of_a_slot_is_frozen_by_whoever_looks_first(newsletter_site, source):
    ann = newsletter_site.subscribe()
    news = newsletter_site.publish(source)
    newsletter_site.now = SEVEN
    with newsletter_site.database.write() as connection:
        plans.freeze_upto_seq(connection, SEVEN)
    later = newsletter_site.publish(source)

    newsletter_site.plan()
    newsletter_site.deliver(Outbox())
    newsletter_site.now = newsletter_site.subscription(ann).next_issue_at
    newsletter_site.plan()

    first, second = newsletter_site.deliveries()
    assert newsletter_site.told(first.issue_id) == news
    assert newsletter_site.told(second.issue_id) == later


def test_a_plan_that_failed_is_made_again_as_it_was(newsletter_site, source):
    newsletter_site.subscribe()
    news = newsletter_site.publish(source)
    newsletter_site.now = SEVEN
    with pytest.raises(LookupError):
        newsletter_site.plan(render=_fail)
    nothing = newsletter_site.deliveries(), newsletter_site.log()
    newsletter_site.publish(source)
    newsletter_site.plan()

    [row] = newsletter_site.deliveries()
    assert nothing == ([], [])
    assert newsletter_site.told(row.issue_id) == news


def _fail(_digest, _url):
    raise LookupError


def test_message_ids_tell_nothing_and_are_the_same_however_often_a_window_is_planned(
    newsletter_site, source
):
    newsletter_site.subscribe()
    newsletter_site.publish(source)
    newsletter_site.now = SEVEN

    newsletter_site.plan(secret=b"another secret, so another name")
    [other] = newsletter_site.deliveries()
    _plan_anew(newsletter_site)
    [row] = newsletter_site.deliveries()
    _plan_anew(newsletter_site)
    [again] = newsletter_site.deliveries()

    assert row.message_id == again.message_id != other.message_id
    assert len(row.message_id) < 78


def _plan_anew(newsletter_site):
    """Plan as if nothing had been planned before."""
    with newsletter_site.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM delivery")
        connection.exec_driver_sql("UPDATE subscription SET watermark = 0")
        due = connection.exec_driver_sql("SELECT confirmed_at FROM subscription").scalar_one()
        moved = "UPDATE subscription SET next_issue_at = '%s'" % due  # noqa: UP031
        connection.exec_driver_sql(moved)
    newsletter_site.plan()


def test_two_services_that_plan_at_the_same_moment_plan_once(newsletter_site, source):
    for number in range(30):
        newsletter_site.subscribe(f"reader{number}@example.org")
    news = newsletter_site.publish(source, 2)
    newsletter_site.now = SEVEN
    both = Barrier(2)

    def plan(url):
        other = Database(url)
        both.wait()
        planned = NewsletterSite(other, now=SEVEN).plan()
        other.close()
        return sum(planned.deliveries.values())

    urls = [newsletter_site.database.url.render_as_string(hide_password=False)] * 2
    with ThreadPoolExecutor(2) as threads:
        planned = list(threads.map(plan, urls))

    assert sum(planned) == len(newsletter_site.deliveries()) == 30
    assert {row.issue_id for row in newsletter_site.deliveries()} == {1}
    assert newsletter_site.told(1) == news


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_while_one_service_plans_another_does_not_begin_but_the_operator_may(
    newsletter_site, source
):
    ann = newsletter_site.subscribe()
    newsletter_site.publish(source)
    newsletter_site.now = SEVEN

    with newsletter_site.database.write() as connection:
        plans.try_lock_rounds(connection)
        beside = newsletter_site.plan()
        stays = newsletter_site.subscription(ann).next_issue_at
        by_hand = newsletter_site.planner().plan_now(newsletter_site.subscription(ann).newsletter)
    newsletter_site.plan()

    assert beside.deliveries == {}
    assert stays == SEVEN
    assert sum(by_hand.deliveries.values()) == 1
    assert newsletter_site.subscription(ann).next_issue_at == SEVEN + DAY


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_round_that_fails_keeps_no_other_from_planning(newsletter_site, source):
    newsletter_site.subscribe()
    newsletter_site.publish(source)
    newsletter_site.now = SEVEN

    with pytest.raises(LookupError):
        newsletter_site.plan(render=_fail)

    assert sum(newsletter_site.plan().deliveries.values()) == 1


def test_a_round_that_takes_long_is_not_taken_for_one_that_has_stopped(postgres_url, monkeypatch):
    """PostgreSQL ends who does nothing in a transaction, as the one that keeps others out does."""
    monkeypatch.setattr(databases, "LONGEST_PAUSE", 3)
    monkeypatch.setattr(plan, "CHUNK", 1)
    database = Database(postgres_url)
    site = NewsletterSite(database)
    site.add_newsletter(schedule=a_schedule(frequency=Frequency.MONTHLY))
    for topic in ("a", "b", "c", "d"):
        source_id = site.follow(topic=topic)
        site.subscribe(f"{topic}@example.org", topics=(topic,), frequency=Frequency.DAILY)
        site.publish(source_id)
    site.now += DAY

    def slowly(digest, issue_url):
        time.sleep(1)
        return render(digest, issue_url)

    planned = site.plan(render=slowly)

    assert sum(planned.deliveries.values()) == 4
    database.close()


def test_a_zone_further_west_brings_no_second_issue_on_one_day(newsletter_site, source):
    ann = newsletter_site.subscribe(timezone="Asia/Shanghai")
    newsletter_site.publish(source)
    newsletter_site.now = newsletter_site.subscription(ann).next_issue_at
    newsletter_site.plan()
    newsletter_site.deliver(Outbox())

    later = newsletter_site.publish(source)
    newsletter_site.edit(ann, timezone="America/New_York")
    for _ in range(2):
        newsletter_site.now = newsletter_site.subscription(ann).next_issue_at
        newsletter_site.plan()

    first, second = newsletter_site.deliveries()
    assert [row.reason for row in newsletter_site.log()] == ["repeated"]
    assert (first.slot, second.slot) == ("d:2026-11-21", "d:2026-11-22")
    assert newsletter_site.told(second.issue_id) == later


@pytest.mark.parametrize("frequency", [Frequency.WEEKLY, Frequency.FORTNIGHTLY])
def test_another_weekday_brings_no_second_issue_of_the_same_period(
    newsletter_site, source, frequency
):
    ann = newsletter_site.subscribe(frequency=frequency)
    newsletter_site.publish(source)
    newsletter_site.now = newsletter_site.subscription(ann).next_issue_at
    newsletter_site.plan()
    newsletter_site.deliver(Outbox())

    later = newsletter_site.publish(source)
    newsletter_site.edit(ann, frequency=frequency, weekday=3)
    for _ in range(2):
        newsletter_site.now = newsletter_site.subscription(ann).next_issue_at
        newsletter_site.plan()

    first, second = newsletter_site.deliveries()
    assert [row.reason for row in newsletter_site.log()] == ["repeated"]
    assert first.slot != second.slot
    assert newsletter_site.now.weekday() == 3
    assert newsletter_site.told(second.issue_id) == later


def test_who_has_nothing_new_is_moved_on_to_their_weekday(newsletter_site, source):
    newsletter_site.publish(source)
    ann = newsletter_site.subscribe(frequency=Frequency.WEEKLY, weekday=5)
    due_at = newsletter_site.subscription(ann).next_issue_at
    newsletter_site.now = due_at

    newsletter_site.plan()

    assert due_at.weekday() == 5
    assert newsletter_site.subscription(ann).next_issue_at == due_at + 7 * DAY


def test_from_weekly_to_daily_nothing_is_told_twice_nor_missed(newsletter_site, source):
    ann = newsletter_site.subscribe(frequency=Frequency.WEEKLY)
    news = newsletter_site.publish(source)
    newsletter_site.now = newsletter_site.subscription(ann).next_issue_at
    newsletter_site.plan()
    newsletter_site.deliver(Outbox())

    later = newsletter_site.publish(source)
    newsletter_site.edit(ann, frequency=Frequency.DAILY)
    newsletter_site.now = newsletter_site.subscription(ann).next_issue_at
    newsletter_site.plan()

    first, second = newsletter_site.deliveries()
    assert (first.slot, second.slot) == ("w:2026-W48", "d:2026-11-24")
    assert [newsletter_site.told(first.issue_id), newsletter_site.told(second.issue_id)] == [
        news,
        later,
    ]


def test_news_as_it_happens_comes_after_a_short_pause(newsletter_site, source):
    ann = newsletter_site.subscribe(frequency=Frequency.INSTANT)
    news = newsletter_site.publish(source)
    newsletter_site.now += INSTANT_PAUSE

    newsletter_site.plan()
    newsletter_site.now += INSTANT_PAUSE
    newsletter_site.plan()

    [row] = newsletter_site.deliveries(ann)
    assert newsletter_site.told(row.issue_id) == news
    assert row.slot == f"e:{row.to_seq}"
    assert newsletter_site.log() == []


def test_after_an_outage_of_the_relay_one_issue_takes_the_place_of_the_stale_ones(
    newsletter_site, source
):
    ann = newsletter_site.subscribe()
    relay = Outbox(be_away, be_away)
    told = []
    for _ in range(3):
        told += newsletter_site.publish(source)
        newsletter_site.now = newsletter_site.subscription(ann).next_issue_at
        newsletter_site.plan()
        newsletter_site.deliver(relay)

    assert newsletter_site.states() == ["superseded", "superseded", "accepted"]
    [letter] = relay.sent
    assert letter.told == told[::-1]


def test_the_empty_slots_of_an_outage_are_in_the_window_that_takes_it_all(newsletter_site, source):
    art = newsletter_site.follow(topic="art")
    ann = newsletter_site.subscribe(topics=["art"])
    told = newsletter_site.publish(art)
    for news in (source, source, art):
        newsletter_site.now = newsletter_site.subscription(ann).next_issue_at
        newsletter_site.plan()
        newsletter_site.deliver(Outbox(refuse_for_now))
        late = newsletter_site.publish(news)
    newsletter_site.now = newsletter_site.subscription(ann).next_issue_at
    newsletter_site.plan()

    *_, last = newsletter_site.deliveries()
    assert (last.from_seq, last.to_seq) == (0, 4)
    assert newsletter_site.told(last.issue_id) == told + late
    assert newsletter_site.log() == []


def test_an_older_letter_that_waits_behind_a_sent_one_is_not_told_again(newsletter_site, source):
    ann = newsletter_site.subscribe()
    first = newsletter_site.publish(source)
    newsletter_site.now = SEVEN
    newsletter_site.plan()
    with newsletter_site.database.write() as connection:
        deliveries.claim(connection, "a slow one", limit=1, now=newsletter_site.now)
    second = newsletter_site.publish(source)
    newsletter_site.planner().plan_now(newsletter_site.subscription(ann).newsletter)
    relay = Outbox()
    newsletter_site.deliver(relay)

    with newsletter_site.database.write() as connection:
        later = newsletter_site.now
        deliveries.OUTBOX.give_back(connection, "a slow one", doubtful_until=later, now=later)
    third = newsletter_site.publish(source)
    newsletter_site.now += DAY
    newsletter_site.plan()
    newsletter_site.deliver(relay)

    assert [letter.told for letter in relay.sent] == [second, first, third]
    assert newsletter_site.subscription(ann).watermark == 3


def test_who_leaves_while_a_plan_is_made_is_not_in_it(newsletter_site, source):
    newsletter_site.subscribe("ann@example.org")
    bob = newsletter_site.subscribe("bob@example.org")
    newsletter_site.publish(source)
    newsletter_site.now = SEVEN
    leaving = [bob]

    def write_and_let_bob_leave(digest, url):
        while leaving:
            newsletter_site.leave(leaving.pop())
        return render(digest, url)

    planned = newsletter_site.plan(render=write_and_let_bob_leave)

    assert sum(planned.deliveries.values()) == 1
    assert [row.subscription_id for row in newsletter_site.deliveries()] != [bob]


def test_at_the_operators_word_everybody_gets_what_is_new_and_the_slot_what_is_newer(
    newsletter_site, source
):
    ann = newsletter_site.subscribe()
    due_at = newsletter_site.subscription(ann).next_issue_at
    news = newsletter_site.publish(source)
    newsletter = newsletter_site.subscription(ann).newsletter

    planned = newsletter_site.planner().plan_now(newsletter)
    again = newsletter_site.planner().plan_now(newsletter)
    stays = newsletter_site.subscription(ann).next_issue_at
    newsletter_site.deliver(Outbox())
    later = newsletter_site.publish(source)
    newsletter_site.now = SEVEN
    newsletter_site.plan()

    first, second = newsletter_site.deliveries()
    assert (planned.deliveries, again.deliveries) == ({first.issue_id: 1}, {})
    assert stays == due_at
    assert (first.slot, second.slot) == ("now:1", "d:2026-11-21")
    assert [newsletter_site.told(first.issue_id), newsletter_site.told(second.issue_id)] == [
        news,
        later,
    ]


def test_everybody_is_planned_for_in_pages(newsletter_site, source, monkeypatch):
    monkeypatch.setattr(plan, "CHUNK", 3)
    for number in range(7):
        newsletter_site.subscribe(f"reader{number}@example.org")
    newsletter_site.publish(source)
    newsletter = newsletter_site.subscription(1).newsletter

    now = newsletter_site.planner().plan_now(newsletter)
    newsletter_site.publish(source)
    newsletter_site.now = SEVEN
    due = newsletter_site.plan()

    assert sum(now.deliveries.values()) == sum(due.deliveries.values()) == 7


def test_a_newsletters_own_edition_is_listed_with_everything_of_its_selection(newsletter_site):
    art, law = newsletter_site.follow(topic="art"), newsletter_site.follow(topic="law")
    newsletter_site.add_newsletter(topics=["art"])
    news = newsletter_site.publish(art)
    newsletter_site.publish(law)
    newsletter_site.now = SEVEN

    newsletter_site.plan()
    newsletter_site.plan()

    [one] = listed(newsletter_site)
    assert newsletter_site.told(one.id) == news
    with newsletter_site.database.read() as connection:
        edition = newsletters.edition_of(connection, "news")
    assert (edition.watermark, edition.next_issue_at) == (2, SEVEN + DAY)


def listed(newsletter_site):
    with newsletter_site.database.read() as connection:
        return issues.latest(connection, only_listed=True, limit=None)


def test_at_the_operators_word_the_archive_lists_what_is_new_and_the_slot_what_is_newer(
    newsletter_site, source
):
    newsletter = newsletter_site.subscription(newsletter_site.subscribe(language="zh")).newsletter
    news = newsletter_site.publish(source, 2)

    newsletter_site.planner().plan_now(newsletter)
    newsletter_site.planner().plan_now(newsletter)
    at_once = [newsletter_site.told(one.id) for one in listed(newsletter_site)]
    with newsletter_site.database.read() as connection:
        stays = newsletters.edition_of(connection, "news").next_issue_at
    later = newsletter_site.publish(source)
    newsletter_site.now = SEVEN
    newsletter_site.plan()

    assert at_once == [news]
    assert stays == SEVEN
    assert [newsletter_site.told(one.id) for one in listed(newsletter_site)] == [later, news]


def test_a_word_to_nobody_is_in_the_archive_all_the_same(newsletter_site, source):
    with newsletter_site.database.read() as connection:
        newsletter = newsletters.get(connection, "news")
    news = newsletter_site.publish(source)

    planned = newsletter_site.planner().plan_now(newsletter)

    assert planned.deliveries == {}
    assert [newsletter_site.told(one.id) for one in listed(newsletter_site)] == [news]


def test_what_some_had_before_is_listed_by_the_operators_word_as_the_same_issue(
    newsletter_site, source
):
    ann = newsletter_site.subscribe(hour=6)
    newsletter_site.publish(source)
    newsletter_site.now = SEVEN - HOUR
    newsletter_site.plan()

    planned = newsletter_site.planner().plan_now(newsletter_site.subscription(ann).newsletter)

    [row] = newsletter_site.deliveries()
    assert planned.deliveries == {}
    assert [one.id for one in listed(newsletter_site)] == [row.issue_id]


def test_an_edition_that_somebody_plans_meanwhile_is_planned_again_up_to_the_word(
    newsletter_site, source
):
    newsletter = newsletter_site.subscription(newsletter_site.subscribe()).newsletter
    news = newsletter_site.publish(source)
    quicker = []

    def write_while_somebody_is_quicker(digest, url):
        if not quicker:
            quicker.append(newsletter_site.planner().plan_now(newsletter))
        return render(digest, url)

    planned = newsletter_site.planner(render=write_while_somebody_is_quicker).plan_now(newsletter)

    assert sum(quicker[0].deliveries.values()) == 1
    assert planned.deliveries == {}
    assert [newsletter_site.told(one.id) for one in listed(newsletter_site)] == [news]


def test_an_edition_that_a_reader_had_before_is_the_same_issue(newsletter_site, source):
    newsletter_site.subscribe(hour=6)
    newsletter_site.publish(source)
    newsletter_site.now = SEVEN - HOUR
    newsletter_site.plan()
    unlisted = listed(newsletter_site)
    newsletter_site.now = SEVEN
    newsletter_site.plan()

    [row] = newsletter_site.deliveries()
    assert unlisted == []
    assert [one.id for one in listed(newsletter_site)] == [row.issue_id]


def test_two_services_list_an_edition_once(newsletter_site, source):
    with newsletter_site.database.read() as connection:
        [edition] = newsletters.due(connection, now=SEVEN)
    newsletter_site.publish(source)
    newsletter_site.now = SEVEN
    newsletter_site.plan()

    with newsletter_site.database.write() as connection, pytest.raises(PlanOutdatedError):
        newsletters.move(connection, edition, watermark=9, next_issue_at=SEVEN)

    assert len(listed(newsletter_site)) == 1


def test_a_few_entries_wait_for_the_next_slots_and_then_go_as_they_are(newsletter_site, source):
    ann = newsletter_site.subscribe()
    newsletter_site.edit_newsletter(min_entries=3)
    told = newsletter_site.publish(source)
    for _ in range(5):
        newsletter_site.now = newsletter_site.subscription(ann).next_issue_at
        newsletter_site.plan()

    [row] = newsletter_site.deliveries()
    assert [line.reason for line in newsletter_site.log()] == ["few"] * 4
    assert (row.slot, newsletter_site.told(row.issue_id)) == ("d:2026-11-25", told)
    with newsletter_site.database.read() as connection:
        [listed] = issues.latest(connection, only_listed=True, limit=None)
    assert listed.id == row.issue_id


def test_by_the_operators_word_a_few_entries_go_as_they_are(newsletter_site):
    newsletter = newsletter_site.add_newsletter(min_entries=3)
    newsletter_site.subscribe()
    told = newsletter_site.publish(newsletter_site.follow())

    newsletter_site.planner().plan_now(newsletter)

    [row] = newsletter_site.deliveries()
    assert newsletter_site.told(row.issue_id) == told


class Mortal:
    """A database that dies once so many deliveries are planned."""

    def __init__(self, newsletter_site, deliveries):
        self._newsroom, self._deliveries = newsletter_site, deliveries

    def __getattr__(self, name):
        return getattr(self._newsroom.database, name)

    def write(self):
        if len(self._newsroom.deliveries()) >= self._deliveries:
            raise StorageError("test", "gone")
        return self._newsroom.database.write()


@pytest.mark.parametrize("frequency", [Frequency.DAILY, Frequency.INSTANT])
def test_who_dies_while_planning_too_many_letters_leaves_none_of_them_unheld(
    newsletter_site, source, monkeypatch, frequency
):
    monkeypatch.setattr(plan, "CHUNK", 50)
    wish = {"frequency": frequency}
    ann, relay = newsletter_site.subscribe(**wish), Outbox()
    newsletter_site.publish(source)
    newsletter_site.now = SEVEN
    newsletter_site.plan()
    newsletter_site.deliver(relay)
    for number in range(140):
        newsletter_site.subscribe(f"new{number}@example.org", **wish)
    newsletter_site.publish(source)
    newsletter_site.now = max(
        newsletter_site.now + HOUR, newsletter_site.subscription(ann).next_issue_at
    )

    with pytest.raises(StorageError):
        newsletter_site.plan(database=Mortal(newsletter_site, 101))
    planned = len(newsletter_site.deliveries())
    newsletter_site.now += HOUR / 60
    newsletter_site.plan()
    newsletter_site.deliver(relay)

    assert planned == 101
    assert [row.state for row in newsletter_site.deliveries()].count("held") == 140
    assert set(relay.seen) == {"ann@example.org"}


def test_many_more_readers_than_usual_are_held_until_the_operator_lets_them_go(
    newsletter_site, source
):
    ann, relay = newsletter_site.subscribe(), Outbox()
    newsletter_site.publish(source)
    newsletter_site.now = SEVEN
    newsletter_site.plan()
    newsletter_site.deliver(relay)
    for number in range(100):
        newsletter_site.subscribe(f"new{number}@example.org")
    news = newsletter_site.publish(source)
    newsletter_site.now = newsletter_site.subscription(ann).next_issue_at

    newsletter_site.plan()
    newsletter_site.deliver(relay)
    at_first, [first] = list(relay.seen), newsletter_site.deliveries(ann + 1)
    held = [row.id for row in newsletter_site.deliveries() if row.state == "held"]
    with newsletter_site.database.write() as connection:
        deliveries.resend(connection, held, now=newsletter_site.now)
    newsletter_site.deliver(relay)
    newsletter_site.publish(source)
    newsletter_site.now = newsletter_site.subscription(ann).next_issue_at
    newsletter_site.plan()

    assert at_first == ["ann@example.org"] * 2
    assert (first.state, first.reply[:23]) == ("held", "many more letters than ")
    assert len(held) == 100
    assert len(relay.seen) == 102
    assert newsletter_site.told(first.issue_id) == news
    assert {row.state for row in newsletter_site.deliveries()} == {"accepted", "ready"}
