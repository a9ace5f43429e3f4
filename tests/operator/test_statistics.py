"""Figures of the newsletters; those of polls are told beside the polls."""

from newsletter_site import NewsletterSite
from parsed_entries import DAY, HOUR, NOON
from tidings.model.newsletters import DeliveryState
from tidings.operator.store import status


def figures_of(newsroom, *, now):
    with newsroom.database.read() as connection:
        return status.collect(connection, now=now)


def test_without_newsletters_nothing_is_due_and_every_state_is_named(database):
    figures = figures_of(NewsletterSite(database), now=NOON)

    assert figures.slot_overdue_seconds == 0
    assert figures.deliveries == dict.fromkeys(DeliveryState, 0)


def test_deliveries_are_counted_by_state(database):
    newsroom = NewsletterSite(database)
    newsroom.add_newsletter()
    newsroom.subscribe("ann@example.org", hour=13)
    newsroom.subscribe("bob@example.org", hour=13)
    newsroom.publish(newsroom.follow())
    newsroom.now = NOON + HOUR
    newsroom.plan()

    figures = figures_of(newsroom, now=newsroom.now)

    assert figures.deliveries[DeliveryState.READY] == 2
    assert sum(figures.deliveries.values()) == 2


def test_the_slot_that_is_due_longest_counts_but_not_of_who_has_left(database):
    newsroom = NewsletterSite(database)
    newsroom.add_newsletter()
    left = newsroom.subscribe("ann@example.org", hour=13)
    newsroom.subscribe("bob@example.org", hour=15)
    newsroom.leave(left)

    at_14, at_16 = (figures_of(newsroom, now=NOON + hours * HOUR) for hours in (2, 4))

    assert at_14.slot_overdue_seconds == 0
    assert at_16.slot_overdue_seconds == HOUR.total_seconds()


def test_the_slot_of_a_newsletters_own_edition_counts_as_well(database):
    newsroom = NewsletterSite(database)
    newsroom.add_newsletter()

    tomorrow_at_eight = figures_of(newsroom, now=NOON + DAY - 4 * HOUR)

    assert tomorrow_at_eight.slot_overdue_seconds == HOUR.total_seconds()
