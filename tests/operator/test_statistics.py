"""Figures of the newsletters; those of polls are told beside the polls."""

from newsletter_site import NewsletterSite
from parsed_entries import DAY, HOUR, NOON
from tidings.model.newsletters import DeliveryState
from tidings.operator.store import status


def figures_of(newsletter_site, *, now):
    with newsletter_site.database.read() as connection:
        return status.collect(connection, now=now)


def test_without_newsletters_nothing_is_due_and_every_state_is_named(database):
    figures = figures_of(NewsletterSite(database), now=NOON)

    assert figures.slot_overdue_seconds == 0
    assert figures.deliveries == dict.fromkeys(DeliveryState, 0)


def test_deliveries_are_counted_by_state(database):
    newsletter_site = NewsletterSite(database)
    newsletter_site.add_newsletter()
    newsletter_site.subscribe("ann@example.org", hour=13)
    newsletter_site.subscribe("bob@example.org", hour=13)
    newsletter_site.publish(newsletter_site.follow())
    newsletter_site.now = NOON + HOUR
    newsletter_site.plan()

    figures = figures_of(newsletter_site, now=newsletter_site.now)

    assert figures.deliveries[DeliveryState.READY] == 2
    assert sum(figures.deliveries.values()) == 2


def test_the_slot_that_is_due_longest_counts_but_not_of_who_has_left_or_rests(database):
    newsletter_site = NewsletterSite(database)
    newsletter_site.add_newsletter()
    left = newsletter_site.subscribe("ann@example.org", hour=13)
    newsletter_site.subscribe("bob@example.org", hour=15)
    rests = newsletter_site.subscribe("cem@example.org", hour=12)
    newsletter_site.leave(left)
    newsletter_site.pause(rests)

    at_14, at_16 = (figures_of(newsletter_site, now=NOON + hours * HOUR) for hours in (2, 4))

    assert at_14.slot_overdue_seconds == 0
    assert at_16.slot_overdue_seconds == HOUR.total_seconds()


def test_the_slot_of_a_newsletters_own_edition_counts_as_well(database):
    newsletter_site = NewsletterSite(database)
    newsletter_site.add_newsletter()

    tomorrow_at_eight = figures_of(newsletter_site, now=NOON + DAY - 4 * HOUR)

    assert tomorrow_at_eight.slot_overdue_seconds == HOUR.total_seconds()
