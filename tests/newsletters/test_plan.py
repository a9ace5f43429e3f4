"""From due slots to issues and deliveries, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from newsletter_site import NewsletterSite, Outbox, be_away, refuse_for_now, write_letter
from parsed_entries import DAY, HOUR, NOON
from tidings.catalog import newsletters
from tidings.db.database import Database
from tidings.errors import PlanOutdatedError, StorageError
from tidings.model.newsletters import Frequency
from tidings.newsletters import plan
from tidings.newsletters.store import deliveries, issues, plans
from tidings.newsletters.windows import INSTANT_PAUSE

SEVEN = NOON - 5 * HOUR + DAY
"""Tomorrow at seven, when the daily slot of these tests falls due."""


@pytest.fixture
def source(newsroom):
    newsroom.add_newsletter()
    return newsroom.follow()


def test_an_issue_tells_of_what_became_public_since_the_subscription(newsroom, source):
    newsroom.publish(source, 2)
    ann = newsroom.subscribe()
    news = newsroom.publish(source, 2)
    newsroom.now = SEVEN

    planned = newsroom.plan()

    [row] = newsroom.deliveries()
    assert planned.deliveries == {row.issue_id: 1}
    assert newsroom.told(row.issue_id) == news
    assert (row.subscription_id, row.slot, row.state) == (ann, "d:2026-11-21", "ready")
    assert (row.from_seq, row.to_seq) == (2, 4)
    assert newsroom.subscription(ann).watermark == 4
    assert newsroom.subscription(ann).next_issue_at == SEVEN + DAY


def test_nothing_is_planned_before_its_time_nor_twice(newsroom, source):
    newsroom.subscribe()
    newsroom.publish(source)

    before = newsroom.plan()
    newsroom.now = SEVEN
    newsroom.plan()
    again = newsroom.plan()

    assert not before.deliveries
    assert not again.deliveries
    assert len(newsroom.deliveries()) == 1


def test_a_slot_without_news_is_on_record_and_sends_nothing(newsroom, source):
    ann = newsroom.subscribe(topics=())
    newsroom.now = SEVEN

    planned = newsroom.plan()

    assert not planned.deliveries
    assert newsroom.deliveries() == []
    assert [(row.subscription_id, row.slot, row.reason) for row in newsroom.log()] == [
        (ann, "d:2026-11-21", "empty")
    ]


def test_those_who_get_the_same_share_an_issue_by_whatever_way_they_came_to_it(newsroom):
    art, law = newsroom.follow(topic="art"), newsroom.follow(topic="law")
    newsroom.add_newsletter()
    newsroom.subscribe("all@example.org")
    newsroom.subscribe("art@example.org", topics=["art"], timezone="Europe/Berlin")
    newsroom.subscribe("both@example.org", topics=["art", "law"])
    newsroom.subscribe("zh@example.org", language="zh")
    told = [newsroom.publish(art), newsroom.publish(law)]
    newsroom.now = SEVEN

    planned = newsroom.plan()

    by_issue = {
        tuple(newsroom.told(issue_id)): number for issue_id, number in planned.deliveries.items()
    }
    assert sorted(planned.deliveries.values()) == [1, 1, 2]
    assert by_issue[tuple(told[0])] == 1
    assert len(newsroom.deliveries()) == 4


def test_a_topic_that_nobody_chose_brings_nobody_a_letter(newsroom):
    art, law = newsroom.follow(topic="art"), newsroom.follow(topic="law")
    newsroom.add_newsletter(topics=["art"])
    newsroom.subscribe("all@example.org")
    newsroom.subscribe("law@example.org", topics=["law"])
    news = newsroom.publish(art)
    newsroom.publish(law)
    newsroom.now = SEVEN

    newsroom.plan()

    [row] = newsroom.deliveries()
    assert newsroom.told(row.issue_id) == news


def test_what_was_hidden_before_is_not_told(newsroom, source):
    newsroom.subscribe()
    hidden, shown = newsroom.publish(source, 2)
    newsroom.hide(hidden)
    newsroom.now = SEVEN

    newsroom.plan()

    [row] = newsroom.deliveries()
    assert newsroom.told(row.issue_id) == [shown]


def test_after_a_downtime_one_issue_tells_it_all(newsroom, source):
    newsroom.subscribe()
    news = newsroom.publish(source)
    newsroom.now += 3 * DAY
    news += newsroom.publish(source)
    newsroom.now = SEVEN + 4 * DAY + HOUR

    newsroom.plan()

    [row] = newsroom.deliveries()
    assert row.slot == "d:2026-11-25"
    assert newsroom.told(row.issue_id) == news


def test_a_slot_noticed_at_night_is_left_to_the_next_morning(newsroom, source):
    ann = newsroom.subscribe()
    news = newsroom.publish(source)
    newsroom.now = SEVEN + 13 * HOUR

    newsroom.plan()
    missed = newsroom.deliveries(), [row.reason for row in newsroom.log()]
    newsroom.now = newsroom.subscription(ann).next_issue_at
    newsroom.plan()

    assert missed == ([], ["late"])
    [row] = newsroom.deliveries()
    assert row.slot == "d:2026-11-22"
    assert newsroom.told(row.issue_id) == news


def test_the_cut_of_a_slot_is_frozen_by_whoever_looks_first(newsroom, source):
    ann = newsroom.subscribe()
    news = newsroom.publish(source)
    newsroom.now = SEVEN
    with newsroom.database.write() as connection:
        plans.freeze_cut(connection, SEVEN)
    later = newsroom.publish(source)

    newsroom.plan()
    newsroom.deliver(Outbox())
    newsroom.now = newsroom.subscription(ann).next_issue_at
    newsroom.plan()

    first, second = newsroom.deliveries()
    assert newsroom.told(first.issue_id) == news
    assert newsroom.told(second.issue_id) == later


def test_a_plan_that_failed_is_made_again_as_it_was(newsroom, source):
    newsroom.subscribe()
    news = newsroom.publish(source)
    newsroom.now = SEVEN
    with pytest.raises(LookupError):
        newsroom.plan(write_letter=_fail)
    nothing = newsroom.deliveries(), newsroom.log()
    newsroom.publish(source)
    newsroom.plan()

    [row] = newsroom.deliveries()
    assert nothing == ([], [])
    assert newsroom.told(row.issue_id) == news


def _fail(_digest, _url):
    raise LookupError


def test_message_ids_tell_nothing_and_are_the_same_however_often_a_window_is_planned(
    newsroom, source
):
    newsroom.subscribe()
    newsroom.publish(source)
    newsroom.now = SEVEN

    newsroom.plan(secret=b"another secret, so another name")
    [other] = newsroom.deliveries()
    _plan_anew(newsroom)
    [row] = newsroom.deliveries()
    _plan_anew(newsroom)
    [again] = newsroom.deliveries()

    assert row.message_id == again.message_id != other.message_id
    assert len(row.message_id) < 78


def _plan_anew(newsroom):
    """Plan as if nothing had been planned before."""
    with newsroom.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM delivery")
        connection.exec_driver_sql("UPDATE subscription SET watermark = 0")
        due = connection.exec_driver_sql("SELECT confirmed_at FROM subscription").scalar_one()
        moved = "UPDATE subscription SET next_issue_at = '%s'" % due  # noqa: UP031
        connection.exec_driver_sql(moved)
    newsroom.plan()


def test_two_services_that_plan_at_the_same_moment_plan_once(newsroom, source):
    for number in range(30):
        newsroom.subscribe(f"reader{number}@example.org")
    news = newsroom.publish(source, 2)
    newsroom.now = SEVEN
    both = Barrier(2)

    def plan(url):
        other = Database(url)
        both.wait()
        planned = NewsletterSite(other, now=SEVEN).plan()
        other.close()
        return sum(planned.deliveries.values())

    urls = [newsroom.database.url.render_as_string(hide_password=False)] * 2
    with ThreadPoolExecutor(2) as threads:
        planned = list(threads.map(plan, urls))

    assert sum(planned) == len(newsroom.deliveries()) == 30
    assert {row.issue_id for row in newsroom.deliveries()} == {1}
    assert newsroom.told(1) == news


def test_a_zone_further_west_brings_no_second_issue_on_one_day(newsroom, source):
    ann = newsroom.subscribe(timezone="Asia/Shanghai")
    newsroom.publish(source)
    newsroom.now = newsroom.subscription(ann).next_issue_at
    newsroom.plan()
    newsroom.deliver(Outbox())

    later = newsroom.publish(source)
    newsroom.edit(ann, timezone="America/New_York")
    for _ in range(2):
        newsroom.now = newsroom.subscription(ann).next_issue_at
        newsroom.plan()

    first, second = newsroom.deliveries()
    assert [row.reason for row in newsroom.log()] == ["repeated"]
    assert (first.slot, second.slot) == ("d:2026-11-21", "d:2026-11-22")
    assert newsroom.told(second.issue_id) == later


def test_from_weekly_to_daily_nothing_is_told_twice_nor_missed(newsroom, source):
    ann = newsroom.subscribe(frequency=Frequency.WEEKLY)
    news = newsroom.publish(source)
    newsroom.now = newsroom.subscription(ann).next_issue_at
    newsroom.plan()
    newsroom.deliver(Outbox())

    later = newsroom.publish(source)
    newsroom.edit(ann, frequency=Frequency.DAILY)
    newsroom.now = newsroom.subscription(ann).next_issue_at
    newsroom.plan()

    first, second = newsroom.deliveries()
    assert (first.slot, second.slot) == ("w:2026-W48", "d:2026-11-24")
    assert [newsroom.told(first.issue_id), newsroom.told(second.issue_id)] == [news, later]


def test_news_as_it_happens_comes_after_a_short_pause(newsroom, source):
    ann = newsroom.subscribe(frequency=Frequency.INSTANT)
    news = newsroom.publish(source)
    newsroom.now += INSTANT_PAUSE

    newsroom.plan()
    newsroom.now += INSTANT_PAUSE
    newsroom.plan()

    [row] = newsroom.deliveries(ann)
    assert newsroom.told(row.issue_id) == news
    assert row.slot == f"e:{row.to_seq}"
    assert newsroom.log() == []


def test_after_an_outage_of_the_relay_one_issue_takes_the_place_of_the_stale_ones(newsroom, source):
    ann = newsroom.subscribe()
    relay = Outbox(be_away, be_away)
    told = []
    for _ in range(3):
        told += newsroom.publish(source)
        newsroom.now = newsroom.subscription(ann).next_issue_at
        newsroom.plan()
        newsroom.deliver(relay)

    assert newsroom.states() == ["superseded", "superseded", "accepted"]
    [letter] = relay.sent
    assert letter.told == told[::-1]


def test_the_empty_slots_of_an_outage_are_in_the_window_that_takes_it_all(newsroom, source):
    art = newsroom.follow(topic="art")
    ann = newsroom.subscribe(topics=["art"])
    told = newsroom.publish(art)
    for news in (source, source, art):
        newsroom.now = newsroom.subscription(ann).next_issue_at
        newsroom.plan()
        newsroom.deliver(Outbox(refuse_for_now))
        late = newsroom.publish(news)
    newsroom.now = newsroom.subscription(ann).next_issue_at
    newsroom.plan()

    *_, last = newsroom.deliveries()
    assert (last.from_seq, last.to_seq) == (0, 4)
    assert newsroom.told(last.issue_id) == told + late
    assert newsroom.log() == []


def test_an_older_letter_that_waits_behind_a_sent_one_is_not_told_again(newsroom, source):
    ann = newsroom.subscribe()
    first = newsroom.publish(source)
    newsroom.now = SEVEN
    newsroom.plan()
    with newsroom.database.write() as connection:
        deliveries.claim(connection, "a slow one", limit=1, now=newsroom.now)
    second = newsroom.publish(source)
    newsroom.planner().plan_now(newsroom.subscription(ann).newsletter)
    relay = Outbox()
    newsroom.deliver(relay)

    with newsroom.database.write() as connection:
        later = newsroom.now
        deliveries.OUTBOX.give_back(connection, "a slow one", doubtful_until=later, now=later)
    third = newsroom.publish(source)
    newsroom.now += DAY
    newsroom.plan()
    newsroom.deliver(relay)

    assert [letter.told for letter in relay.sent] == [second, first, third]
    assert newsroom.subscription(ann).watermark == 3


def test_who_leaves_while_a_plan_is_made_is_not_in_it(newsroom, source):
    newsroom.subscribe("ann@example.org")
    bob = newsroom.subscribe("bob@example.org")
    newsroom.publish(source)
    newsroom.now = SEVEN
    leaving = [bob]

    def write_and_let_bob_leave(digest, url):
        while leaving:
            newsroom.leave(leaving.pop())
        return write_letter(digest, url)

    planned = newsroom.plan(write_letter=write_and_let_bob_leave)

    assert sum(planned.deliveries.values()) == 1
    assert [row.subscription_id for row in newsroom.deliveries()] != [bob]


def test_at_the_operators_word_everybody_gets_what_is_new_and_the_slot_what_is_newer(
    newsroom, source
):
    ann = newsroom.subscribe()
    due_at = newsroom.subscription(ann).next_issue_at
    news = newsroom.publish(source)
    newsletter = newsroom.subscription(ann).newsletter

    planned = newsroom.planner().plan_now(newsletter)
    again = newsroom.planner().plan_now(newsletter)
    stays = newsroom.subscription(ann).next_issue_at
    newsroom.deliver(Outbox())
    later = newsroom.publish(source)
    newsroom.now = SEVEN
    newsroom.plan()

    first, second = newsroom.deliveries()
    assert (planned.deliveries, again.deliveries) == ({first.issue_id: 1}, {})
    assert stays == due_at
    assert (first.slot, second.slot) == ("now:1", "d:2026-11-21")
    assert [newsroom.told(first.issue_id), newsroom.told(second.issue_id)] == [news, later]


def test_everybody_is_planned_for_in_pages(newsroom, source, monkeypatch):
    monkeypatch.setattr(plan, "CHUNK", 3)
    for number in range(7):
        newsroom.subscribe(f"reader{number}@example.org")
    newsroom.publish(source)
    newsletter = newsroom.subscription(1).newsletter

    now = newsroom.planner().plan_now(newsletter)
    newsroom.publish(source)
    newsroom.now = SEVEN
    due = newsroom.plan()

    assert sum(now.deliveries.values()) == sum(due.deliveries.values()) == 7


def test_a_newsletters_own_edition_is_listed_with_everything_of_its_selection(newsroom):
    art, law = newsroom.follow(topic="art"), newsroom.follow(topic="law")
    newsroom.add_newsletter(topics=["art"])
    news = newsroom.publish(art)
    newsroom.publish(law)
    newsroom.now = SEVEN

    newsroom.plan()
    newsroom.plan()

    [one] = listed(newsroom)
    assert newsroom.told(one.id) == news
    with newsroom.database.read() as connection:
        edition = newsletters.edition_of(connection, "news")
    assert (edition.watermark, edition.next_issue_at) == (2, SEVEN + DAY)


def listed(newsroom):
    with newsroom.database.read() as connection:
        return issues.latest(connection, only_listed=True, limit=None)


def test_at_the_operators_word_the_archive_lists_what_is_new_and_the_slot_what_is_newer(
    newsroom, source
):
    newsletter = newsroom.subscription(newsroom.subscribe(language="zh")).newsletter
    news = newsroom.publish(source, 2)

    newsroom.planner().plan_now(newsletter)
    newsroom.planner().plan_now(newsletter)
    at_once = [newsroom.told(one.id) for one in listed(newsroom)]
    with newsroom.database.read() as connection:
        stays = newsletters.edition_of(connection, "news").next_issue_at
    later = newsroom.publish(source)
    newsroom.now = SEVEN
    newsroom.plan()

    assert at_once == [news]
    assert stays == SEVEN
    assert [newsroom.told(one.id) for one in listed(newsroom)] == [later, news]


def test_a_word_to_nobody_is_in_the_archive_all_the_same(newsroom, source):
    with newsroom.database.read() as connection:
        newsletter = newsletters.get(connection, "news")
    news = newsroom.publish(source)

    planned = newsroom.planner().plan_now(newsletter)

    assert planned.deliveries == {}
    assert [newsroom.told(one.id) for one in listed(newsroom)] == [news]


def test_what_some_had_before_is_listed_by_the_operators_word_as_the_same_issue(newsroom, source):
    ann = newsroom.subscribe(hour=6)
    newsroom.publish(source)
    newsroom.now = SEVEN - HOUR
    newsroom.plan()

    planned = newsroom.planner().plan_now(newsroom.subscription(ann).newsletter)

    [row] = newsroom.deliveries()
    assert planned.deliveries == {}
    assert [one.id for one in listed(newsroom)] == [row.issue_id]


def test_an_edition_that_somebody_plans_meanwhile_is_planned_again_up_to_the_word(newsroom, source):
    newsletter = newsroom.subscription(newsroom.subscribe()).newsletter
    news = newsroom.publish(source)
    quicker = []

    def write_while_somebody_is_quicker(digest, url):
        if not quicker:
            quicker.append(newsroom.planner().plan_now(newsletter))
        return write_letter(digest, url)

    planned = newsroom.planner(write_letter=write_while_somebody_is_quicker).plan_now(newsletter)

    assert sum(quicker[0].deliveries.values()) == 1
    assert planned.deliveries == {}
    assert [newsroom.told(one.id) for one in listed(newsroom)] == [news]


def test_an_edition_that_a_reader_had_before_is_the_same_issue(newsroom, source):
    newsroom.subscribe(hour=6)
    newsroom.publish(source)
    newsroom.now = SEVEN - HOUR
    newsroom.plan()
    unlisted = listed(newsroom)
    newsroom.now = SEVEN
    newsroom.plan()

    [row] = newsroom.deliveries()
    assert unlisted == []
    assert [one.id for one in listed(newsroom)] == [row.issue_id]


def test_two_services_list_an_edition_once(newsroom, source):
    with newsroom.database.read() as connection:
        [edition] = newsletters.due(connection, now=SEVEN)
    newsroom.publish(source)
    newsroom.now = SEVEN
    newsroom.plan()

    with newsroom.database.write() as connection, pytest.raises(PlanOutdatedError):
        newsletters.move(connection, edition, watermark=9, next_issue_at=SEVEN)

    assert len(listed(newsroom)) == 1


def test_a_few_entries_wait_for_the_next_slots_and_then_go_as_they_are(newsroom, source):
    ann = newsroom.subscribe()
    newsroom.edit_newsletter(min_entries=3)
    told = newsroom.publish(source)
    for _ in range(5):
        newsroom.now = newsroom.subscription(ann).next_issue_at
        newsroom.plan()

    [row] = newsroom.deliveries()
    assert [line.reason for line in newsroom.log()] == ["few"] * 4
    assert (row.slot, newsroom.told(row.issue_id)) == ("d:2026-11-25", told)
    with newsroom.database.read() as connection:
        [listed] = issues.latest(connection, only_listed=True, limit=None)
    assert listed.id == row.issue_id


def test_by_the_operators_word_a_few_entries_go_as_they_are(newsroom):
    newsletter = newsroom.add_newsletter(min_entries=3)
    newsroom.subscribe()
    told = newsroom.publish(newsroom.follow())

    newsroom.planner().plan_now(newsletter)

    [row] = newsroom.deliveries()
    assert newsroom.told(row.issue_id) == told


class Mortal:
    """A database that dies once so many deliveries are planned."""

    def __init__(self, newsroom, deliveries):
        self._newsroom, self._deliveries = newsroom, deliveries

    def __getattr__(self, name):
        return getattr(self._newsroom.database, name)

    def write(self):
        if len(self._newsroom.deliveries()) >= self._deliveries:
            raise StorageError("test", "gone")
        return self._newsroom.database.write()


@pytest.mark.parametrize("frequency", [Frequency.DAILY, Frequency.INSTANT])
def test_who_dies_while_planning_too_many_letters_leaves_none_of_them_unheld(
    newsroom, source, monkeypatch, frequency
):
    monkeypatch.setattr(plan, "CHUNK", 50)
    wish = {"frequency": frequency}
    ann, relay = newsroom.subscribe(**wish), Outbox()
    newsroom.publish(source)
    newsroom.now = SEVEN
    newsroom.plan()
    newsroom.deliver(relay)
    for number in range(140):
        newsroom.subscribe(f"new{number}@example.org", **wish)
    newsroom.publish(source)
    newsroom.now = max(newsroom.now + HOUR, newsroom.subscription(ann).next_issue_at)

    with pytest.raises(StorageError):
        newsroom.plan(database=Mortal(newsroom, 101))
    planned = len(newsroom.deliveries())
    newsroom.now += HOUR / 60
    newsroom.plan()
    newsroom.deliver(relay)

    assert planned == 101
    assert [row.state for row in newsroom.deliveries()].count("held") == 140
    assert set(relay.seen) == {"ann@example.org"}


def test_many_more_readers_than_usual_are_held_until_the_operator_lets_them_go(newsroom, source):
    ann, relay = newsroom.subscribe(), Outbox()
    newsroom.publish(source)
    newsroom.now = SEVEN
    newsroom.plan()
    newsroom.deliver(relay)
    for number in range(100):
        newsroom.subscribe(f"new{number}@example.org")
    news = newsroom.publish(source)
    newsroom.now = newsroom.subscription(ann).next_issue_at

    newsroom.plan()
    newsroom.deliver(relay)
    at_first, [first] = list(relay.seen), newsroom.deliveries(ann + 1)
    held = [row.id for row in newsroom.deliveries() if row.state == "held"]
    with newsroom.database.write() as connection:
        deliveries.resend(connection, held, now=newsroom.now)
    newsroom.deliver(relay)
    newsroom.publish(source)
    newsroom.now = newsroom.subscription(ann).next_issue_at
    newsroom.plan()

    assert at_first == ["ann@example.org"] * 2
    assert (first.state, first.reply[:23]) == ("held", "many more letters than ")
    assert len(held) == 100
    assert len(relay.seen) == 102
    assert newsroom.told(first.issue_id) == news
    assert {row.state for row in newsroom.deliveries()} == {"accepted", "ready"}
