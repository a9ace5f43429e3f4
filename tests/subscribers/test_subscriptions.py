"""Subscribers and subscriptions on both databases."""

import pytest

from newsletter_site import NewsletterSite, a_schedule
from parsed_entries import DAY, HOUR, NOON
from tidings.catalog.newsletters import chosen_topics
from tidings.db.mail_tables import subscription_topic
from tidings.db.statements import MAX_NAMED
from tidings.errors import ConflictError, NotFoundError
from tidings.model.newsletters import Frequency
from tidings.newsletters.store import plans
from tidings.newsletters.windows import INSTANT_PAUSE
from tidings.subscribers.store import bulk, subscribers, subscriptions
from tidings.subscribers.store.bulk import SubscriptionFilter

SEVEN = NOON - 5 * HOUR + DAY


@pytest.fixture
def newsroom(database):
    newsroom = NewsletterSite(database)
    newsroom.add_newsletter()
    return newsroom


def test_a_subscription_begins_with_what_becomes_public_next(newsroom):
    newsroom.publish(newsroom.follow(topic="art"), 2)

    ann = newsroom.subscribe("Ann@example.org", topics=["art"], language="zh", hour=9)

    kept = newsroom.subscription(ann)
    assert (kept.address, kept.language, kept.topics) == ("Ann@example.org", "zh", ("art",))
    assert (kept.schedule, kept.watermark) == (a_schedule(hour=9), 2)
    assert (kept.next_issue_at, kept.ended_at) == (SEVEN + 2 * HOUR, None)


def test_who_wants_news_as_it_happens_is_due_soon(newsroom):
    ann = newsroom.subscribe(frequency=Frequency.INSTANT)
    bob = newsroom.subscribe("bob@example.org")
    newsroom.edit(bob, frequency=Frequency.INSTANT)

    assert newsroom.subscription(ann).next_issue_at == NOON + INSTANT_PAUSE
    assert newsroom.subscription(bob).next_issue_at == NOON + INSTANT_PAUSE


def test_nobody_is_subscribed_twice_however_the_address_is_written(newsroom):
    newsroom.subscribe("ann@example.org")

    with pytest.raises(ConflictError, match="is subscribed to news already"):
        newsroom.subscribe("ANN@example.org")
    with pytest.raises(NotFoundError, match="no newsletter olds"):
        newsroom.subscribe("bob@example.org", "olds")
    with pytest.raises(NotFoundError, match="no topic nothing"):
        newsroom.subscribe("bob@example.org", topics=["nothing"])

    with newsroom.database.read() as connection:
        known = subscriptions.of_subscriber(connection, "ann@example.org")
        assert [one.address for one in known] == ["ann@example.org"]


def test_a_change_leaves_the_watermark_and_moves_the_slot(newsroom):
    ann = newsroom.subscribe()
    newsroom.publish(newsroom.follow(topic="art"))

    newsroom.edit(ann, hour=20, topics=["art"], language="zh")

    changed = newsroom.subscription(ann)
    assert (changed.watermark, changed.next_issue_at) == (0, NOON + 8 * HOUR)
    assert (changed.topics, changed.language) == (("art",), "zh")
    with pytest.raises(NotFoundError):
        newsroom.edit(99)


def test_leaving_is_done_once(newsroom):
    ann = newsroom.subscribe()

    with newsroom.database.write() as connection:
        first = subscriptions.end(connection, ann, now=NOON)
        again = subscriptions.end(connection, ann, now=NOON + DAY)

    assert (first, again) == (True, False)
    assert newsroom.subscription(ann).ended_at == NOON


def test_what_was_planned_for_who_left_is_not_sent_when_they_come_back(newsroom):
    source = newsroom.follow()
    ann = newsroom.subscribe()
    newsroom.publish(source)
    newsroom.now = SEVEN
    newsroom.plan()

    newsroom.leave(ann)
    newsroom.publish(source)
    newsroom.now += HOUR
    back = newsroom.subscribe()

    assert back == ann
    assert newsroom.states() == ["cancelled"]
    assert newsroom.subscription(ann).watermark == 2
    assert newsroom.subscription(ann).ended_at is None


def test_who_is_due_comes_the_longest_due_first(newsroom):
    late = newsroom.subscribe("a@example.org", hour=9)
    early = newsroom.subscribe("b@example.org", hour=8)
    left = newsroom.subscribe("c@example.org", hour=6)
    newsroom.subscribe("d@example.org", hour=11)
    newsroom.leave(left)

    with newsroom.database.read() as connection:
        due = plans.due_subscriptions(connection, now=SEVEN + 3 * HOUR, limit=10)
        first = plans.due_subscriptions(connection, now=SEVEN + 3 * HOUR, limit=1)

    assert [one.id for one in due] == [early, late]
    assert [one.id for one in first] == [early]


def test_readers_come_in_pages(newsroom):
    readers = [newsroom.subscribe(f"{name}@example.org") for name in "zyxw"]
    newsroom.leave(readers[1])
    newsletter_id = newsroom.subscription(readers[0]).newsletter.id

    with newsroom.database.read() as connection:
        count = plans.count(connection, newsletter_id)
        page = plans.subscriptions_of(connection, newsletter_id, after=0, limit=2)
        after = page[-1].id
        rest = plans.subscriptions_of(connection, newsletter_id, after=after, limit=2)

    assert count == 3
    assert [one.id for one in page + rest] == [readers[0], readers[2], readers[3]]


def test_a_subscriber_goes_with_all_they_subscribed_to(newsroom):
    newsroom.add_newsletter("olds")
    newsroom.subscribe("ann@example.org")
    newsroom.subscribe("ann@example.org", "olds")
    newsroom.subscribe("bob@example.org")

    with newsroom.database.write() as connection:
        theirs = subscribers.get_of(connection, "ann@example.org")
        subscribers.remove(connection, theirs)
        left = list(bulk.select_subscriptions(connection, SubscriptionFilter(), limit=0))

    assert [one.newsletter.slug for one in theirs.subscriptions] == ["news", "olds"]
    assert [one.address for one in left] == ["bob@example.org"]
    with newsroom.database.write() as connection, pytest.raises(NotFoundError):
        subscribers.get_of(connection, "ann@example.org")


def test_topics_are_found_of_more_owners_than_a_statement_can_name(newsroom):
    newsroom.follow(topic="art")
    ann = newsroom.subscribe(topics=["art"])

    with newsroom.database.read() as connection:
        few = chosen_topics(connection, subscription_topic, [ann])
        many = chosen_topics(connection, subscription_topic, range(10 * MAX_NAMED))

    assert few == many == {ann: ("art",)}


def test_what_is_not_there_is_not_found(newsroom):
    with newsroom.database.read() as connection:
        with pytest.raises(NotFoundError, match="no subscription 9"):
            subscriptions.get(connection, 9)
        with pytest.raises(NotFoundError, match="no subscriber ann"):
            subscriptions.of_subscriber(connection, "ann@example.org")
