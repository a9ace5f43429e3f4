"""Channels are told of what is new, once if they take it, and never more than they can bear."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import delete, update

from installation import on_sqlite
from newsletter_site import NEWS
from parsed_entries import DAY, HOUR, NOON
from tidings.catalog import change_log, entries, newsletters, topics
from tidings.channels.store import channel_messages, channels
from tidings.db.channel_tables import channel, channel_message
from tidings.db.tables import counter, entry, sketch, story_key
from tidings.model.channels import ChannelState
from tidings.model.drafts import Edits
from tidings.newsletters.drafts import Drafts
from tidings.operator.store import maintenance, moderation, status
from told_channels import SITE, ChannelSite, reply, silence

EDITION = NOON + 19 * HOUR
"""When the first issue of a newsletter that goes at seven is due."""


@pytest.fixture
def site(database):
    return ChannelSite(database)


def test_each_entry_of_a_topic_is_told_once_from_then_on(site):
    science, arts = site.follow(topic="science"), site.follow(topic="arts")
    site.publish(science, title="Before")
    site.add_channel(topic="science")

    site.publish(science, title="After")
    site.publish(arts, title="Elsewhere")
    site.tell()
    site.later(minutes=1)

    assert site.told() == [("After", 1)]


@on_sqlite
def test_without_a_topic_every_entry_is_told(site):
    site.add_channel()

    site.publish(site.follow(topic="science"), title="One")
    site.publish(site.follow(), title="Two")
    site.tell()

    assert site.told() == [("One", 1), ("Two", 1)]


def test_the_same_news_at_several_sources_is_told_once(site):
    first, second = site.follow(), site.follow()
    site.add_channel()

    site.publish(first, **NEWS)
    site.tell()
    site.publish(second, **NEWS)
    site.later(minutes=1)

    assert site.told() == [(NEWS["title"], 1)]


@on_sqlite
def test_formulas_are_told_as_text_on_one_line(site):
    site.add_channel()

    site.publish(site.follow(), title="On \\(x^2\\)\u202e and more")
    site.tell()

    assert site.told() == [("On x² and more", 1)]


@on_sqlite
def test_what_is_hidden_before_it_is_sent_is_not_told(site):
    source = site.follow()
    site.add_channel()
    site.answer("hook", reply(503))
    [entry] = site.publish(source)
    site.tell()

    site.hide(entry)
    site.later(minutes=1)

    assert len(site.posts["hook"]) == 1
    assert site.states() == ["withdrawn"]


@on_sqlite
def test_more_than_an_hour_bears_goes_together(site):
    source = site.follow(topic="science")
    site.add_channel(topic="science", per_hour=3)

    for number in range(8):
        site.publish(source, title=f"News {number}")
    site.tell()

    assert site.told() == [("News 0", 1), ("News 1", 1), ("science: 6 new: News 7", 6)]
    assert site.data()[2]["url"] == f"{SITE}/topics/science"


@on_sqlite
def test_what_finds_no_room_in_an_hour_is_told_in_the_next(site):
    source = site.follow()
    site.add_channel(per_hour=1)
    for number in range(5):
        site.publish(source, title=f"News {number}")
        site.later(minutes=1)

    assert site.told() == [("News 0", 1)]
    site.later(hours=1)
    assert site.told()[1:] == [("The Tides: 4 new: News 4", 4)]


def test_what_was_not_taken_is_sent_again_with_the_same_key(site):
    source = site.follow()
    site.add_channel()
    site.answer("hook", reply(500), silence())
    site.publish(source, title="News")

    site.tell()
    assert site.channel().state is ChannelState.FAILING
    assert site.channel().last_error == "500 Internal Server Error"
    site.later(seconds=59)
    assert len(site.posts["hook"]) == 1
    site.later(seconds=1)
    assert site.channel().last_error == "no answer within 15 s"
    site.later(minutes=5)

    assert site.told() == [("News", 1)] * 3
    assert len(set(site.keys())) == 1
    assert len({post.body for post in site.posts["hook"]}) == 1
    assert site.channel().state is ChannelState.ACTIVE
    site.later(hours=1)
    assert len(site.posts["hook"]) == 3


@on_sqlite
def test_after_a_restore_only_the_same_entry_has_the_same_key(site):
    source = site.follow()
    site.add_channel()
    with site.changing() as connection:
        before = change_log.last_seq(connection)

    for guid in ("urn:example:one", "urn:example:one", "urn:example:two"):
        with site.changing() as connection:
            for table in (channel_message, story_key, sketch, entry):
                connection.execute(delete(table))
            connection.execute(update(counter).values(seq=before))
            connection.execute(update(channel).values(watermark=before))
        site.publish(source, guids=[guid])
        site.later(minutes=1)

    first, again, other = site.keys()
    assert first == again
    assert other != first


def test_a_channel_that_fails_is_left_alone_and_holds_up_no_other(site):
    source = site.follow()
    site.add_channel("bad")
    site.add_channel("good")
    site.answer("bad", *[reply(500)] * 10)

    for _ in range(3):
        site.publish(source)
    site.tell()

    assert [len(site.posts[name]) for name in ("bad", "good")] == [1, 3]


@on_sqlite
def test_a_message_that_is_never_taken_holds_up_no_other(site):
    source = site.follow()
    site.add_channel()
    site.publish(source, title="Poison")
    site.answer("hook", reply(400))
    site.tell()
    site.publish(source, title="News")

    site.answer("hook", reply(200), reply(400))
    site.later(minutes=1)

    assert [title for title, _ in site.told()] == ["Poison", "News", "Poison"]


@on_sqlite
def test_a_pause_that_is_asked_for_is_kept(site):
    site.add_channel()
    site.answer("hook", reply(429, retry_after=2 * HOUR))
    site.publish(site.follow())
    site.tell()

    site.later(hours=1, minutes=59)
    assert len(site.posts["hook"]) == 1
    site.later(minutes=1)
    assert len(site.posts["hook"]) == 2


@on_sqlite
def test_a_webhook_that_is_gone_is_paused_until_the_operator_resumes_it(site):
    source = site.follow()
    site.add_channel()
    site.answer("hook", reply(410))
    site.publish(source, title="One")
    site.tell()
    assert site.channel().state is ChannelState.PAUSED
    assert site.channel().last_error == "410 Gone"
    site.publish(source, title="Two")
    site.later(hours=5)
    assert len(site.posts["hook"]) == 1

    with site.changing() as connection:
        channels.resume(connection, "hook")
    site.tell()

    assert [title for title, _ in site.told()[1:]] == ["One", "Two"]


@on_sqlite
def test_after_two_days_it_is_no_news_any_more(site):
    site.add_channel()
    site.answer("hook", *[reply(500)] * 100)
    site.publish(site.follow())
    for _ in range(47):
        site.later(hours=1)
    tried = len(site.posts["hook"])

    for _ in range(10):
        site.later(hours=1)

    assert tried > 10
    assert len(site.posts["hook"]) <= tried + 1
    assert site.states() == ["expired"]


def test_whoever_dies_while_it_tells_leaves_the_message_to_others(site):
    site.add_channel()
    site.publish(site.follow(), title="News")

    def die(post, done):
        del done
        site.posts["hook"].append(post)
        raise MemoryError

    with pytest.raises(MemoryError):
        site.courier(die).tell_all(stop=site.stop)
    site.later(minutes=1)
    assert len(site.posts["hook"]) == 1, "as long as it is leased"
    site.let_leases_run_out()
    site.tell()

    assert site.told() == [("News", 1)] * 2
    assert len(set(site.keys())) == 1


@on_sqlite
def test_who_is_stopped_leaves_the_message_for_the_next_start(site):
    site.add_channel()
    site.publish(site.follow())

    site.courier(lambda *_: site.stop.set()).tell_all(stop=site.stop)
    site.stop.clear()
    site.tell()

    assert len(site.posts["hook"]) == 1
    assert site.channel().failures == 0


def test_two_processes_tell_it_once(site):
    site.add_channel()
    site.publish(site.follow(), 5)
    meet = Barrier(2)

    def work():
        meet.wait()
        site.tell()

    processes = [Thread(target=work) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    site.tell()

    assert len(site.keys()) == len(set(site.keys())) == 5


def test_an_issue_is_told_at_its_hour_and_once(site):
    site.add_newsletter()
    site.add_channel(newsletter="news")
    site.publish(site.follow(), 2, title="News")

    site.plan()
    site.tell()
    assert site.told() == []
    site.now = EDITION
    site.plan()
    site.tell()
    site.later(minutes=1)

    [data] = site.data()
    assert data["newsletter"] == {"slug": "news", "title": "The News"}
    assert data["url"].startswith(f"{SITE}/issues/news-")
    assert [item["title"] for item in data["items"]] == ["News", "News"]


@on_sqlite
def test_too_few_entries_wait_for_the_next_issue(site):
    site.add_newsletter(min_entries=2)
    site.add_channel(newsletter="news")
    source = site.follow()
    site.publish(source)
    site.now = EDITION
    site.plan()
    site.tell()
    assert site.told() == []

    site.publish(source)
    site.now = EDITION + DAY
    site.plan()
    site.tell()

    assert [number for _, number in site.told()] == [2]


def test_an_issue_under_review_is_told_when_it_is_approved_with_what_was_postponed_in_the_next(
    site,
):
    site.add_newsletter(review=True)
    site.add_channel(newsletter="news")
    source = site.follow()
    first, second = site.publish(source, 2)
    desk = Drafts(site.database, clock=lambda: site.now)
    site.now = EDITION
    site.plan()
    site.tell()
    assert site.told() == []

    desk.change("news", Edits(postponed=frozenset({first})))
    desk.approve("news")
    site.plan()
    site.tell()
    assert [[item["id"] for item in data["items"]] for data in site.data()] == [
        [atom_id(site, second)]
    ]

    [third] = site.publish(source)
    site.now = EDITION + DAY
    site.plan()
    desk.change("news", Edits(postponed=frozenset({third})))
    desk.approve("news")
    site.plan()
    site.tell()
    assert [item["id"] for item in site.data()[1]["items"]] == [atom_id(site, first)]


def atom_id(site, entry_id):
    with site.database.read() as connection:
        return entries.get(connection, entry_id).atom_id


@on_sqlite
def test_issues_of_before_are_not_told(site):
    site.add_newsletter()
    source = site.follow()
    site.publish(source)
    site.now = EDITION
    site.plan()

    site.now += HOUR
    site.add_channel(newsletter="news")
    site.tell()

    assert site.told() == []


def test_a_channel_goes_with_its_newsletter_or_topic(site):
    site.add_newsletter()
    site.follow(topic="science")
    site.add_channel("one", newsletter="news")
    site.add_channel("two", topic="science")
    site.add_channel("three")

    with site.changing() as connection:
        newsletters.remove(connection, "news", now=site.now)
        topics.remove(connection, "science", now=site.now)

    with site.database.read() as connection:
        assert [one.name for one in channels.every(connection)] == ["three"]


@on_sqlite
def test_the_operator_is_told_of_a_channel_that_keeps_failing_and_of_one_that_is_gone(site):
    site.add_channel("failing")
    site.add_channel("gone")
    site.add_channel("paused")
    site.answer("failing", *[reply(500)] * 3)
    site.answer("gone", reply(410))
    site.publish(site.follow())
    with site.changing() as connection:
        channels.pause(connection, "paused", now=site.now)

    site.tell()
    assert problems(site) == ["gone: 410 Gone"]
    for minutes in (1, 5):
        site.later(minutes=minutes)

    assert problems(site) == ["failing: 500 Internal Server Error", "gone: 410 Gone"]
    with site.database.read() as connection:
        counted = status.collect(connection, now=site.now)
    assert counted.channels == {"active": 0, "failing": 1, "paused": 2}
    assert counted.channel_messages == {"waiting": 2, "sent": 0, "expired": 0, "withdrawn": 0}


def problems(site):
    with site.database.read() as connection:
        return moderation.health_snapshot(connection, now=site.now).channels


@on_sqlite
def test_nothing_waits_for_the_time_as_it_was_before_the_clock_was_set_back(site):
    site.add_channel()
    site.answer("hook", reply(500))
    site.publish(site.follow())
    site.tell()

    site.now -= DAY
    with site.changing() as connection:
        maintenance.bring_forward(connection, now=site.now, by=DAY)
    site.tell()

    assert len(site.posts["hook"]) == 2


@on_sqlite
def test_what_became_of_messages_is_forgotten_in_the_end(site):
    site.add_channel()
    site.publish(site.follow())
    site.tell()

    for days, left in ((29, 1), (2, 0)):
        site.now += timedelta(days=days)
        with site.changing() as connection:
            channel_messages.forget_finished(connection, now=site.now)
        assert len(site.states()) == left
    site.tell()
    assert len(site.posts["hook"]) == 1
