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
def newsletter_site(database):
    newsletter_site = NewsletterSite(database)
    newsletter_site.add_newsletter()
    return newsletter_site


def test_a_subscription_begins_with_what_becomes_public_next(newsletter_site):
    newsletter_site.publish(newsletter_site.follow(topic="art"), 2)

    ann = newsletter_site.subscribe("Ann@example.org", topics=["art"], language="zh", hour=9)

    kept = newsletter_site.subscription(ann)
    assert (kept.address, kept.language, kept.topics) == ("Ann@example.org", "zh", ("art",))
    assert (kept.schedule, kept.watermark) == (a_schedule(hour=9), 2)
    assert (kept.next_issue_at, kept.ended_at) == (SEVEN + 2 * HOUR, None)


def test_who_wants_news_as_it_happens_is_due_soon(newsletter_site):
    ann = newsletter_site.subscribe(frequency=Frequency.INSTANT)
    bob = newsletter_site.subscribe("bob@example.org")
    newsletter_site.edit(bob, frequency=Frequency.INSTANT)

    assert newsletter_site.subscription(ann).next_issue_at == NOON + INSTANT_PAUSE
    assert newsletter_site.subscription(bob).next_issue_at == NOON + INSTANT_PAUSE


def test_nobody_is_subscribed_twice_however_the_address_is_written(newsletter_site):
    newsletter_site.subscribe("ann@example.org")

    with pytest.raises(ConflictError, match="is subscribed to news already"):
        newsletter_site.subscribe("ANN@example.org")
    with pytest.raises(NotFoundError, match="no newsletter olds"):
        newsletter_site.subscribe("bob@example.org", "olds")
    with pytest.raises(NotFoundError, match="no topic nothing"):
        newsletter_site.subscribe("bob@example.org", topics=["nothing"])

    with newsletter_site.database.read() as connection:
        known = subscriptions.of_subscriber(connection, "ann@example.org")
        assert [one.address for one in known] == ["ann@example.org"]


def test_a_change_leaves_the_watermark_and_moves_the_slot(newsletter_site):
    ann = newsletter_site.subscribe()
    newsletter_site.publish(newsletter_site.follow(topic="art"))

    newsletter_site.edit(ann, hour=20, topics=["art"], language="zh")

    changed = newsletter_site.subscription(ann)
    assert (changed.watermark, changed.next_issue_at) == (0, NOON + 8 * HOUR)
    assert (changed.topics, changed.language) == (("art",), "zh")
    with pytest.raises(NotFoundError):
        newsletter_site.edit(99)


def test_leaving_is_done_once(newsletter_site):
    ann = newsletter_site.subscribe()

    with newsletter_site.database.write() as connection:
        first = subscriptions.end(connection, ann, now=NOON)
        again = subscriptions.end(connection, ann, now=NOON + DAY)

    assert (first, again) == (True, False)
    assert newsletter_site.subscription(ann).ended_at == NOON


def test_what_was_planned_for_who_left_is_not_sent_when_they_come_back(newsletter_site):
    source = newsletter_site.follow()
    ann = newsletter_site.subscribe()
    newsletter_site.publish(source)
    newsletter_site.now = SEVEN
    newsletter_site.plan()

    newsletter_site.leave(ann)
    newsletter_site.publish(source)
    newsletter_site.now += HOUR
    back = newsletter_site.subscribe()

    assert back == ann
    assert newsletter_site.states() == ["cancelled"]
    assert newsletter_site.subscription(ann).watermark == 2
    assert newsletter_site.subscription(ann).ended_at is None


def test_who_is_due_comes_the_longest_due_first(newsletter_site):
    late = newsletter_site.subscribe("a@example.org", hour=9)
    early = newsletter_site.subscribe("b@example.org", hour=8)
    left = newsletter_site.subscribe("c@example.org", hour=6)
    newsletter_site.subscribe("d@example.org", hour=11)
    newsletter_site.leave(left)

    with newsletter_site.database.read() as connection:
        due = plans.due_subscriptions(connection, now=SEVEN + 3 * HOUR, limit=10)
        first = plans.due_subscriptions(connection, now=SEVEN + 3 * HOUR, limit=1)

    assert [one.id for one in due] == [early, late]
    assert [one.id for one in first] == [early]


def test_readers_come_in_pages(newsletter_site):
    readers = [newsletter_site.subscribe(f"{name}@example.org") for name in "zyxw"]
    newsletter_site.leave(readers[1])
    newsletter_id = newsletter_site.subscription(readers[0]).newsletter.id

    with newsletter_site.database.read() as connection:
        count = plans.count_active(connection, newsletter_id)
        page = plans.subscriptions_of(connection, newsletter_id, after=0, limit=2)
        after = page[-1].id
        rest = plans.subscriptions_of(connection, newsletter_id, after=after, limit=2)

    assert count == 3
    assert [one.id for one in page + rest] == [readers[0], readers[2], readers[3]]


def test_a_subscriber_goes_with_all_they_subscribed_to(newsletter_site):
    newsletter_site.add_newsletter("olds")
    newsletter_site.subscribe("ann@example.org")
    newsletter_site.subscribe("ann@example.org", "olds")
    newsletter_site.subscribe("bob@example.org")

    with newsletter_site.database.write() as connection:
        theirs = subscribers.get_of(connection, "ann@example.org")
        subscribers.remove(connection, theirs)
        left = list(bulk.select_subscriptions(connection, SubscriptionFilter(), limit=0))

    assert [one.newsletter.slug for one in theirs.subscriptions] == ["news", "olds"]
    assert [one.address for one in left] == ["bob@example.org"]
    with newsletter_site.database.write() as connection, pytest.raises(NotFoundError):
        subscribers.get_of(connection, "ann@example.org")


def test_topics_are_found_of_more_owners_than_a_statement_can_name(newsletter_site):
    newsletter_site.follow(topic="art")
    ann = newsletter_site.subscribe(topics=["art"])

    with newsletter_site.database.read() as connection:
        few = chosen_topics(connection, subscription_topic, [ann])
        many = chosen_topics(connection, subscription_topic, range(10 * MAX_NAMED))

    assert few == many == {ann: ("art",)}


def test_what_is_not_there_is_not_found(newsletter_site):
    with newsletter_site.database.read() as connection:
        with pytest.raises(NotFoundError, match="no subscription 9"):
            subscriptions.get(connection, 9)
        with pytest.raises(NotFoundError, match="no subscriber ann"):
            subscriptions.of_subscriber(connection, "ann@example.org")
