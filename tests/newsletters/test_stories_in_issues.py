"""Letters tell a story once, and miss none."""

from dataclasses import replace

import pytest

from newsletter_site import NEWS, NewsletterSite, Outbox
from parsed_entries import DAY, HOUR, NOON
from tidings.catalog import entries
from tidings.newsletters.store import issues
from tidings.operator.explain import explain_entry, explain_entry_to
from tidings.operator.simulate import SimulatedAudience, simulate
from tidings.stories.matching import MATCH_WINDOW
from tidings.stories.store import records
from tidings.stories.store.stories import delete_all_old_keys

SEVEN = NOON - 5 * HOUR + DAY
"""Tomorrow at seven, when the daily slot of these tests falls due."""


@pytest.fixture
def newsletter_site(database):
    newsletter_site = NewsletterSite(database)
    newsletter_site.add_newsletter()
    return newsletter_site


@pytest.fixture
def art(newsletter_site):
    return newsletter_site.follow(topic="art")


@pytest.fixture
def law(newsletter_site):
    return newsletter_site.follow(topic="law")


def told(newsletter_site, subscription_id):
    """Return what each letter of a subscription tells of, in the order they were planned."""
    return [
        newsletter_site.told(row.issue_id) for row in newsletter_site.deliveries(subscription_id)
    ]


def next_day(newsletter_site):
    newsletter_site.now = newsletter_site.now + DAY if newsletter_site.now >= SEVEN else SEVEN
    newsletter_site.plan()
    newsletter_site.deliver(Outbox())


def test_two_of_a_story_in_one_window_are_told_once(newsletter_site, art, law):
    ann = newsletter_site.subscribe()
    [lead] = newsletter_site.publish(art, **NEWS)
    newsletter_site.publish(law, **NEWS)

    next_day(newsletter_site)

    assert told(newsletter_site, ann) == [[lead]]


def test_what_was_told_yesterday_is_not_told_by_another_source_today(newsletter_site, art, law):
    ann = newsletter_site.subscribe()
    [lead] = newsletter_site.publish(art, **NEWS)
    next_day(newsletter_site)
    newsletter_site.publish(law, **NEWS)
    [other] = newsletter_site.publish(law, title="Something else", text="Quite another matter.")

    next_day(newsletter_site)

    assert told(newsletter_site, ann) == [[lead], [other]]


def test_nothing_but_what_is_known_makes_no_letter(newsletter_site, art, law):
    ann = newsletter_site.subscribe()
    newsletter_site.publish(art, **NEWS)
    next_day(newsletter_site)
    newsletter_site.publish(law, **NEWS)

    next_day(newsletter_site)

    assert len(told(newsletter_site, ann)) == 1
    assert [row.reason for row in newsletter_site.log()] == ["empty"]


def test_who_did_not_want_the_first_gets_the_second(newsletter_site, art, law):
    ann = newsletter_site.subscribe(topics=["law"])
    newsletter_site.publish(art, **NEWS)
    [second] = newsletter_site.publish(law, **NEWS)

    next_day(newsletter_site)

    assert told(newsletter_site, ann) == [[second]]


def test_who_changes_topics_neither_misses_a_story_nor_gets_it_twice(newsletter_site, art, law):
    leaves, comes = (
        newsletter_site.subscribe(topics=["art"]),
        newsletter_site.subscribe("bob@e.example"),
    )
    newsletter_site.edit(comes, topics=["law"])
    [first] = newsletter_site.publish(art, **NEWS)
    next_day(newsletter_site)
    newsletter_site.edit(leaves, topics=["law"])
    newsletter_site.edit(comes, topics=["art", "law"])
    [second] = newsletter_site.publish(law, **NEWS)

    next_day(newsletter_site)

    assert told(newsletter_site, leaves) == [[first]]
    assert told(newsletter_site, comes) == [[second]]


def test_when_the_lead_is_hidden_before_the_letter_the_next_one_is_told(newsletter_site, art, law):
    ann = newsletter_site.subscribe()
    [lead] = newsletter_site.publish(art, **NEWS)
    [second] = newsletter_site.publish(law, **NEWS)
    newsletter_site.hide(lead)

    next_day(newsletter_site)

    assert told(newsletter_site, ann) == [[second]]


def test_when_the_lead_is_hidden_after_the_letter_the_next_one_is_not_told(
    newsletter_site, art, law
):
    ann = newsletter_site.subscribe()
    [lead] = newsletter_site.publish(art, **NEWS)
    next_day(newsletter_site)
    newsletter_site.hide(lead)
    newsletter_site.publish(law, **NEWS)

    next_day(newsletter_site)

    assert told(newsletter_site, ann) == [[lead]]


def test_a_letter_that_gives_way_to_the_next_takes_its_stories_along(newsletter_site, art, law):
    ann = newsletter_site.subscribe()
    [lead] = newsletter_site.publish(art, **NEWS)
    newsletter_site.now = SEVEN
    newsletter_site.plan()
    newsletter_site.publish(law, **NEWS)
    newsletter_site.now += DAY

    newsletter_site.plan()

    assert told(newsletter_site, ann) == [[lead], [lead]]
    assert newsletter_site.states() == ["superseded", "ready"]


def test_the_archive_tells_a_story_once(newsletter_site, art, law):
    [lead] = newsletter_site.publish(art, **NEWS)
    next_day(newsletter_site)
    newsletter_site.publish(law, **NEWS)
    [other] = newsletter_site.publish(law, title="Something else", text="Quite another matter.")

    next_day(newsletter_site)

    with newsletter_site.database.read() as connection:
        slugs = [one.slug for one in issues.listed(connection)]
        told_of = [
            [one.id for one in told]
            for slug in slugs
            for told in issues.entries_of(
                connection, [issues.get_by_slug(connection, slug).id]
            ).values()
        ]
    assert told_of == [[other], [lead]]


def test_a_simulation_knows_what_letters_have_told(newsletter_site, art, law):
    ann = newsletter_site.subscribe()
    newsletter_site.publish(art, **NEWS)
    next_day(newsletter_site)
    newsletter_site.publish(law, **NEWS)
    one = newsletter_site.subscription(ann)
    wished = SimulatedAudience(
        newsletter=one.newsletter,
        schedule=one.schedule,
        topics=one.topics,
        watermark=one.watermark,
        subscription=ann,
    )

    with newsletter_site.database.read() as connection:
        to_come = {"since": newsletter_site.now, "until": newsletter_site.now + DAY}
        known = list(simulate(connection, wished, **to_come))
        unknown = list(simulate(connection, replace(wished, subscription=None), **to_come))

    assert [slot.entry_ids for slot in known] == [()]
    assert [slot.entry_ids for slot in unknown] == [(2,)]


def test_who_asks_why_an_entry_did_not_come_is_told_of_its_mate(newsletter_site, art, law):
    newsletter_site.subscribe("ann@example.org")
    [lead] = newsletter_site.publish(art, **NEWS)
    next_day(newsletter_site)
    [second] = newsletter_site.publish(law, **NEWS)
    next_day(newsletter_site)

    with newsletter_site.database.read() as connection:
        said = explain_entry_to(connection, "ann@example.org", second)
        of_lead = explain_entry_to(connection, "ann@example.org", lead)

    assert f"news: they were told its story by entry {lead}" in said
    assert not any("its story" in line for line in of_lead)


def test_an_entry_tells_who_leads_why_and_what_it_is_kept_apart_from(newsletter_site, art, law):
    [lead] = newsletter_site.publish(art, **NEWS)
    [second] = newsletter_site.publish(law, **NEWS)
    [third] = newsletter_site.publish(newsletter_site.follow(), **NEWS)
    with newsletter_site.database.write() as connection:
        records.split(connection, third, now=newsletter_site.now)

    with newsletter_site.database.read() as connection:
        said = {one: explain_entry(connection, one) for one in (lead, second, third)}
    newsletter_site.hide(lead, second)
    with newsletter_site.database.read() as connection:
        hidden = explain_entry(connection, lead)

    why = "since 2026-11-20 12:00 UTC: nearly the same title, and the texts agree (100%)"
    assert f"in story 1, with {second}; it leads" in said[lead]
    assert f"one story with {second} {why}" in said[lead]
    assert f"in story 1, with {lead}; {lead} leads: it was public first" in said[second]
    assert f"one story with {lead} {why}" in said[second]
    assert f"kept apart from {lead} by the operator since 2026-11-20 12:00 UTC" in said[third]
    assert not any(line.startswith("in story") for line in said[third])
    assert f"in story 1, with {second}; none of them is public" in hidden


def test_what_is_too_old_to_be_joined_is_forgotten(newsletter_site, art, law):
    newsletter_site.publish(art, **NEWS)

    delete_all_old_keys(newsletter_site.database, now=newsletter_site.now + MATCH_WINDOW + HOUR)
    [second] = newsletter_site.publish(law, **NEWS)

    with newsletter_site.database.read() as connection:
        assert entries.get(connection, second).story_id is None
