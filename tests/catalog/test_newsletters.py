"""Newsletters on both databases."""

import pytest

from newsletter_site import NewsletterSite, a_schedule
from parsed_entries import DAY, HOUR, NOON
from tidings.catalog import newsletters
from tidings.errors import ConflictError, InvalidError, NotFoundError, PlanOutdatedError
from tidings.model.newsletters import Frequency
from tidings.newsletters.windows import INSTANT_PAUSE

SEVEN = NOON - 5 * HOUR + DAY


@pytest.fixture
def newsroom(database):
    return NewsletterSite(database)


def edition(newsroom, slug="news"):
    with newsroom.database.read() as connection:
        return newsletters.edition_of(connection, slug)


def test_a_newsletter_is_kept_as_it_was_added(newsroom):
    for topic in ("art", "law"):
        newsroom.follow(topic=topic)

    added = newsroom.add_newsletter(
        topics=["law", "art"],
        language="zh",
        schedule=a_schedule(Frequency.WEEKLY, 6, "Asia/Shanghai"),
        reply_to="desk@example.org",
        postal_address="12 Quay Street",
    )

    assert (added.slug, added.title, added.topics) == ("news", "The News", ("art", "law"))
    assert (added.language, added.reply_to) == ("zh", "desk@example.org")
    assert added.schedule == a_schedule(Frequency.WEEKLY, 6, "Asia/Shanghai")


def test_its_first_edition_tells_of_what_comes_next(newsroom):
    newsroom.publish(newsroom.follow(), 3)

    newsroom.add_newsletter()

    assert (edition(newsroom).watermark, edition(newsroom).next_issue_at) == (3, SEVEN)


def test_one_that_tells_at_once_is_due_soon(newsroom):
    newsroom.add_newsletter(schedule=a_schedule(Frequency.INSTANT))

    assert edition(newsroom).next_issue_at == NOON + INSTANT_PAUSE


def test_a_change_leaves_the_watermark_and_moves_the_slot(newsroom):
    source = newsroom.follow(topic="art")
    newsroom.add_newsletter()
    newsroom.publish(source)

    newsroom.now = NOON
    newsroom.edit_newsletter(title="Art", topics=["art"], schedule=a_schedule(hour=20))

    changed = edition(newsroom)
    assert (changed.newsletter.title, changed.newsletter.topics) == ("Art", ("art",))
    assert (changed.watermark, changed.next_issue_at) == (0, NOON + 8 * HOUR)


def test_what_cannot_be_is_refused_and_leaves_nothing(newsroom):
    newsroom.add_newsletter()

    with pytest.raises(ConflictError, match="newsletter news exists already"):
        newsroom.add_newsletter()
    with pytest.raises(InvalidError):
        newsroom.add_newsletter("No Slug")
    with pytest.raises(NotFoundError, match="no topic nothing"):
        newsroom.add_newsletter("other", topics=["nothing"])

    with newsroom.database.read() as connection:
        assert [one.slug for one in newsletters.every(connection)] == ["news"]


def test_a_newsletter_goes_with_all_that_belongs_to_it(newsroom):
    newsroom.add_newsletter()
    newsroom.subscribe()
    newsroom.publish(newsroom.follow())
    newsroom.now = SEVEN
    newsroom.plan()

    with newsroom.database.write() as connection:
        newsletters.remove(connection, "news", now=SEVEN)

    assert newsroom.deliveries() == []
    with newsroom.database.read() as connection, pytest.raises(NotFoundError):
        newsletters.get(connection, "news")
    with newsroom.database.read() as connection, pytest.raises(NotFoundError):
        newsletters.edition_of(connection, "news")


def test_an_edition_moves_only_from_where_it_was_seen(newsroom):
    newsroom.add_newsletter()
    seen = edition(newsroom)

    with newsroom.database.write() as connection:
        newsletters.move(connection, seen, watermark=5, next_issue_at=SEVEN + DAY)
    with pytest.raises(PlanOutdatedError), newsroom.database.write() as connection:
        newsletters.move(connection, seen, watermark=7, next_issue_at=SEVEN + DAY)

    assert edition(newsroom).watermark == 5
    with newsroom.database.read() as connection:
        assert newsletters.due(connection, now=SEVEN) == []
        assert len(newsletters.due(connection, now=SEVEN + DAY)) == 1
