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
def newsletter_site(database):
    return NewsletterSite(database)


def edition(newsletter_site, slug="news"):
    with newsletter_site.database.read() as connection:
        return newsletters.edition_of(connection, slug)


def test_a_newsletter_is_kept_as_it_was_added(newsletter_site):
    for topic in ("art", "law"):
        newsletter_site.follow(topic=topic)

    added = newsletter_site.add_newsletter(
        topics=["law", "art"],
        language="zh",
        schedule=a_schedule(Frequency.WEEKLY, 6, "Asia/Shanghai"),
        reply_to="desk@example.org",
        postal_address="12 Quay Street",
    )

    assert (added.slug, added.title, added.topics) == ("news", "The News", ("art", "law"))
    assert (added.language, added.reply_to) == ("zh", "desk@example.org")
    assert added.schedule == a_schedule(Frequency.WEEKLY, 6, "Asia/Shanghai")


def test_its_first_edition_tells_of_what_comes_next(newsletter_site):
    newsletter_site.publish(newsletter_site.follow(), 3)

    newsletter_site.add_newsletter()

    assert (edition(newsletter_site).watermark, edition(newsletter_site).next_issue_at) == (
        3,
        SEVEN,
    )


def test_one_that_tells_at_once_is_due_soon(newsletter_site):
    newsletter_site.add_newsletter(schedule=a_schedule(Frequency.INSTANT))

    assert edition(newsletter_site).next_issue_at == NOON + INSTANT_PAUSE


def test_a_change_leaves_the_watermark_and_moves_the_slot(newsletter_site):
    source = newsletter_site.follow(topic="art")
    newsletter_site.add_newsletter()
    newsletter_site.publish(source)

    newsletter_site.now = NOON
    newsletter_site.edit_newsletter(title="Art", topics=["art"], schedule=a_schedule(hour=20))

    changed = edition(newsletter_site)
    assert (changed.newsletter.title, changed.newsletter.topics) == ("Art", ("art",))
    assert (changed.watermark, changed.next_issue_at) == (0, NOON + 8 * HOUR)


def test_what_cannot_be_is_refused_and_leaves_nothing(newsletter_site):
    newsletter_site.add_newsletter()

    with pytest.raises(ConflictError, match="newsletter news exists already"):
        newsletter_site.add_newsletter()
    with pytest.raises(InvalidError):
        newsletter_site.add_newsletter("No Slug")
    with pytest.raises(NotFoundError, match="no topic nothing"):
        newsletter_site.add_newsletter("other", topics=["nothing"])

    with newsletter_site.database.read() as connection:
        assert [one.slug for one in newsletters.every(connection)] == ["news"]


def test_a_newsletter_goes_with_all_that_belongs_to_it(newsletter_site):
    newsletter_site.add_newsletter()
    newsletter_site.subscribe()
    newsletter_site.publish(newsletter_site.follow())
    newsletter_site.now = SEVEN
    newsletter_site.plan()

    with newsletter_site.database.write() as connection:
        newsletters.remove(connection, "news", now=SEVEN)

    assert newsletter_site.deliveries() == []
    with newsletter_site.database.read() as connection, pytest.raises(NotFoundError):
        newsletters.get(connection, "news")
    with newsletter_site.database.read() as connection, pytest.raises(NotFoundError):
        newsletters.edition_of(connection, "news")


def test_an_edition_moves_only_from_where_it_was_seen(newsletter_site):
    newsletter_site.add_newsletter()
    seen = edition(newsletter_site)

    with newsletter_site.database.write() as connection:
        newsletters.move(connection, seen, watermark=5, next_issue_at=SEVEN + DAY)
    with pytest.raises(PlanOutdatedError), newsletter_site.database.write() as connection:
        newsletters.move(connection, seen, watermark=7, next_issue_at=SEVEN + DAY)

    assert edition(newsletter_site).watermark == 5
    with newsletter_site.database.read() as connection:
        assert newsletters.due(connection, now=SEVEN) == []
        assert len(newsletters.due(connection, now=SEVEN + DAY)) == 1
