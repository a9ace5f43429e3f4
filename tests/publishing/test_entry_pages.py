"""What the pages of lists hold, on both databases."""

from dataclasses import replace

import pytest

from browser.showcase import SITE, shipped_templates
from newsletter_site import NewsletterSite
from parsed_entries import HOUR, NOON, an_entry
from polls_by_hand import failed_poll, read_poll
from tidings.catalog import source_edits, sources
from tidings.errors import NotFoundError
from tidings.model.scopes import ListAddress, PageAddress, PublishSettings, Scope
from tidings.model.sources import SourceState
from tidings.polling.store import leases, polls
from tidings.publishing.directories import SourceHealth, sources_page
from tidings.publishing.entry_pages import list_page
from tidings.publishing.publication import Publication
from tidings.publishing.site_context import SiteContext
from tidings.publishing.store import pins

SETTINGS = PublishSettings(
    title="Latest updates",
    kicker="",
    language="en",
    feed_size=10,
    page_size=2,
    first_poll=5,
    fold=0,
)
IMPRINT = SiteContext(
    settings=SETTINGS,
    site=replace(SITE, topics=()),
    templates=shipped_templates(),
    page_path=lambda path, number: f"{path}?page={number}",
)
FRONT = PageAddress(scope=Scope(kind="all"))


@pytest.fixture
def room(database):
    return NewsletterSite(database)


def ask(room, address=FRONT):
    with room.database.read() as connection:
        return list_page(connection, address, IMPRINT)


def poll(room, source_id, settle):
    with room.database.write() as connection:
        [due] = leases.due(connection, [source_id])
        leases.claim_one(connection, "test", due.host)
        polls.save(connection, "test", [settle(due)])


def test_what_is_pinned_stands_on_top_of_everything_and_nowhere_twice(room):
    source_id = room.follow(topic="science")
    ids = room.publish(source_id, 3)
    with room.database.write() as connection:
        pins.pin(connection, ids[:1], now=NOON)
        pins.pin(connection, ids[1:2], now=NOON + HOUR)

    page, of_topic = ask(room), ask(room, PageAddress(scope=Scope(kind="topic", slug="science")))

    assert [one.id for one in page.pinned] == [ids[1], ids[0]]
    assert [one.id for one in page.entries] == [ids[2]]
    assert of_topic.pinned == ()
    assert {one.id for one in of_topic.entries} == set(ids)


def test_the_page_of_a_source_says_how_it_does(room):
    source_id = room.follow()
    room.publish(source_id)
    with room.database.read() as connection:
        slug = sources.get(connection, source_id).slug
    address = PageAddress(scope=Scope(kind="source", slug=slug))

    before = ask(room, address).source
    poll(room, source_id, failed_poll)
    failing = ask(room, address).source
    with room.database.write() as connection:
        source_edits.set_state(connection, source_id, SourceState.PAUSED, now=NOON)

    assert before.health is SourceHealth.FINE
    assert failing.health is SourceHealth.FAILING
    assert failing.last_ok == before.last_ok
    assert ask(room, address).source.health is SourceHealth.PAUSED
    assert ask(room).source is None


def test_a_source_page_says_whose_its_texts_are(room):
    source_id = room.follow()
    poll(room, source_id, lambda due: read_poll(due, an_entry(), rights="CC BY 4.0"))
    with room.database.read() as connection:
        slug = sources.get(connection, source_id).slug

    page = ask(room, PageAddress(scope=Scope(kind="source", slug=slug)))

    assert page.source.rights == "CC BY 4.0"


def test_the_directory_can_be_narrowed_to_a_topic(room):
    science = room.follow(topic="science")
    room.follow(topic="life")
    room.follow()

    with room.database.read() as connection:
        every = sources_page(connection, SITE, ListAddress(name="sources"), href=str)
        science_only = ListAddress(name="sources", topic="science")
        narrowed = sources_page(connection, SITE, science_only, href=str)
        slug = sources.get(connection, science).slug
        with pytest.raises(NotFoundError, match="no topic nothing"):
            sources_page(connection, SITE, ListAddress(name="sources", topic="nothing"), href=str)

    assert len(every.sources) == 3
    assert [line.slug for line in narrowed.sources] == [slug]
    assert narrowed.asked == science_only


def test_the_narrowed_directory_has_an_address(room):
    room.follow(topic="science")
    publication = Publication(room.database, IMPRINT)

    page = publication.body(ListAddress(name="sources", topic="science")).decode()

    assert page.count("<tr>") == 2
    assert publication.stamp(ListAddress(name="sources", topic="science"))


def test_sources_are_found_by_name_and_state_and_those_that_fail_come_first_if_wanted(room):
    well, ill = room.follow(), room.follow()
    poll(room, ill, failed_poll)

    def listed(**asked):
        address = ListAddress(name="sources", **asked)
        with room.database.read() as connection:
            page = sources_page(connection, SITE, address, href=str)
        return [line.slug for line in page.sources], dict(page.healths)

    with room.database.read() as connection:
        fine, failing = (sources.get(connection, one).slug for one in (well, ill))
    both = {SourceHealth.NEW: 1, SourceHealth.FAILING: 1}
    assert listed() == ([fine, failing], both)
    assert listed(order="failing") == ([failing, fine], both)
    assert listed(health="failing") == ([failing], both)
    assert listed(q="1.EXAMPLE") == ([fine], {SourceHealth.NEW: 1})
    assert listed(q="nothing like that") == ([], {})
