"""Letters tell a story once, and miss none."""

from dataclasses import replace

import pytest

from newsletter_site import NewsletterSite, Outbox
from parsed_entries import DAY, HOUR, NOON
from tidings.catalog import entries
from tidings.newsletters.store import issues
from tidings.operator.explain import explain_entry, explain_entry_to
from tidings.operator.simulate import SimulatedAudience, simulate
from tidings.stories.matching import MEMORY
from tidings.stories.store import records
from tidings.stories.store.stories import forget_old

SEVEN = NOON - 5 * HOUR + DAY
"""Tomorrow at seven, when the daily slot of these tests falls due."""

NEWS = {
    "title": "Lighthouse keepers of Orm go on strike",
    "text": (
        "All nine keepers of the lighthouse at Orm have laid down their work on Thursday."
        " They ask for boats that start in winter, and for somebody who answers the telephone."
    ),
}


@pytest.fixture
def newsroom(database):
    newsroom = NewsletterSite(database)
    newsroom.add_newsletter()
    return newsroom


@pytest.fixture
def art(newsroom):
    return newsroom.follow(topic="art")


@pytest.fixture
def law(newsroom):
    return newsroom.follow(topic="law")


def told(newsroom, subscription_id):
    """Return what each letter of a subscription tells of, in the order they were planned."""
    return [newsroom.told(row.issue_id) for row in newsroom.deliveries(subscription_id)]


def next_day(newsroom):
    newsroom.now = newsroom.now + DAY if newsroom.now >= SEVEN else SEVEN
    newsroom.plan()
    newsroom.deliver(Outbox())


def test_two_of_a_story_in_one_window_are_told_once(newsroom, art, law):
    ann = newsroom.subscribe()
    [lead] = newsroom.publish(art, **NEWS)
    newsroom.publish(law, **NEWS)

    next_day(newsroom)

    assert told(newsroom, ann) == [[lead]]


def test_what_was_told_yesterday_is_not_told_by_another_source_today(newsroom, art, law):
    ann = newsroom.subscribe()
    [lead] = newsroom.publish(art, **NEWS)
    next_day(newsroom)
    newsroom.publish(law, **NEWS)
    [other] = newsroom.publish(law, title="Something else", text="Quite another matter.")

    next_day(newsroom)

    assert told(newsroom, ann) == [[lead], [other]]


def test_nothing_but_what_is_known_makes_no_letter(newsroom, art, law):
    ann = newsroom.subscribe()
    newsroom.publish(art, **NEWS)
    next_day(newsroom)
    newsroom.publish(law, **NEWS)

    next_day(newsroom)

    assert len(told(newsroom, ann)) == 1
    assert [row.reason for row in newsroom.log()] == ["empty"]


def test_who_did_not_want_the_first_gets_the_second(newsroom, art, law):
    ann = newsroom.subscribe(topics=["law"])
    newsroom.publish(art, **NEWS)
    [second] = newsroom.publish(law, **NEWS)

    next_day(newsroom)

    assert told(newsroom, ann) == [[second]]


def test_who_changes_topics_neither_misses_a_story_nor_gets_it_twice(newsroom, art, law):
    leaves, comes = newsroom.subscribe(topics=["art"]), newsroom.subscribe("bob@e.example")
    newsroom.edit(comes, topics=["law"])
    [first] = newsroom.publish(art, **NEWS)
    next_day(newsroom)
    newsroom.edit(leaves, topics=["law"])
    newsroom.edit(comes, topics=["art", "law"])
    [second] = newsroom.publish(law, **NEWS)

    next_day(newsroom)

    assert told(newsroom, leaves) == [[first]]
    assert told(newsroom, comes) == [[second]]


def test_when_the_lead_is_hidden_before_the_letter_the_next_one_is_told(newsroom, art, law):
    ann = newsroom.subscribe()
    [lead] = newsroom.publish(art, **NEWS)
    [second] = newsroom.publish(law, **NEWS)
    newsroom.hide(lead)

    next_day(newsroom)

    assert told(newsroom, ann) == [[second]]


def test_when_the_lead_is_hidden_after_the_letter_the_next_one_is_not_told(newsroom, art, law):
    ann = newsroom.subscribe()
    [lead] = newsroom.publish(art, **NEWS)
    next_day(newsroom)
    newsroom.hide(lead)
    newsroom.publish(law, **NEWS)

    next_day(newsroom)

    assert told(newsroom, ann) == [[lead]]


def test_a_letter_that_gives_way_to_the_next_takes_its_stories_along(newsroom, art, law):
    ann = newsroom.subscribe()
    [lead] = newsroom.publish(art, **NEWS)
    newsroom.now = SEVEN
    newsroom.plan()
    newsroom.publish(law, **NEWS)
    newsroom.now += DAY

    newsroom.plan()

    assert told(newsroom, ann) == [[lead], [lead]]
    assert newsroom.states() == ["superseded", "ready"]


def test_the_archive_tells_a_story_once(newsroom, art, law):
    [lead] = newsroom.publish(art, **NEWS)
    next_day(newsroom)
    newsroom.publish(law, **NEWS)
    [other] = newsroom.publish(law, title="Something else", text="Quite another matter.")

    next_day(newsroom)

    with newsroom.database.read() as connection:
        slugs = [one.slug for one in issues.listed(connection)]
        told_of = [
            [one.id for one in told]
            for slug in slugs
            for told in issues.entries_of(
                connection, [issues.get_by_slug(connection, slug).id]
            ).values()
        ]
    assert told_of == [[other], [lead]]


def test_a_simulation_knows_what_letters_have_told(newsroom, art, law):
    ann = newsroom.subscribe()
    newsroom.publish(art, **NEWS)
    next_day(newsroom)
    newsroom.publish(law, **NEWS)
    one = newsroom.subscription(ann)
    wished = SimulatedAudience(
        newsletter=one.newsletter,
        schedule=one.schedule,
        topics=one.topics,
        watermark=one.watermark,
        subscription=ann,
    )

    with newsroom.database.read() as connection:
        to_come = {"since": newsroom.now, "until": newsroom.now + DAY}
        known = list(simulate(connection, wished, **to_come))
        unknown = list(simulate(connection, replace(wished, subscription=None), **to_come))

    assert [slot.entry_ids for slot in known] == [()]
    assert [slot.entry_ids for slot in unknown] == [(2,)]


def test_who_asks_why_an_entry_did_not_come_is_told_of_its_mate(newsroom, art, law):
    newsroom.subscribe("ann@example.org")
    [lead] = newsroom.publish(art, **NEWS)
    next_day(newsroom)
    [second] = newsroom.publish(law, **NEWS)
    next_day(newsroom)

    with newsroom.database.read() as connection:
        said = explain_entry_to(connection, "ann@example.org", second)
        of_lead = explain_entry_to(connection, "ann@example.org", lead)

    assert f"news: they were told its story by entry {lead}" in said
    assert not any("its story" in line for line in of_lead)


def test_an_entry_tells_who_leads_why_and_what_it_is_kept_apart_from(newsroom, art, law):
    [lead] = newsroom.publish(art, **NEWS)
    [second] = newsroom.publish(law, **NEWS)
    [third] = newsroom.publish(newsroom.follow(), **NEWS)
    with newsroom.database.write() as connection:
        records.split(connection, third, now=newsroom.now)

    with newsroom.database.read() as connection:
        said = {one: explain_entry(connection, one) for one in (lead, second, third)}
    newsroom.hide(lead, second)
    with newsroom.database.read() as connection:
        hidden = explain_entry(connection, lead)

    why = "since 2026-11-20 12:00 UTC: nearly the same title, and the texts agree (100%)"
    assert f"in story 1, with {second}; it leads" in said[lead]
    assert f"one story with {second} {why}" in said[lead]
    assert f"in story 1, with {lead}; {lead} leads: it was public first" in said[second]
    assert f"one story with {lead} {why}" in said[second]
    assert f"kept apart from {lead} by the operator since 2026-11-20 12:00 UTC" in said[third]
    assert not any(line.startswith("in story") for line in said[third])
    assert f"in story 1, with {second}; none of them is public" in hidden


def test_what_is_too_old_to_be_joined_is_forgotten(newsroom, art, law):
    newsroom.publish(art, **NEWS)

    forget_old(newsroom.database, now=newsroom.now + MEMORY + HOUR)
    [second] = newsroom.publish(law, **NEWS)

    with newsroom.database.read() as connection:
        assert entries.get(connection, second).story_id is None
