import pytest

from newsletter_site import NewsletterSite
from parsed_entries import DAY, HOUR, NOON, an_entry
from tidings.catalog import entries
from tidings.catalog.entries import ListWindow, Selection
from tidings.model.entries import EntryState
from tidings.operator.store import maintenance
from tidings.operator.store.maintenance import Retention

EVERY = Selection(states=tuple(EntryState))
LATER = NOON + 400 * DAY


@pytest.fixture
def prune(database):
    def remove(*, seen_since=None, newest=0, public=False):
        retention = Retention(seen_since=seen_since, newest=newest, public=public)
        with database.write() as connection:
            found = maintenance.removable(connection, retention)
            return maintenance.remove(connection, found, now=LATER) if found else 0

    return remove


def guids(database):
    with database.read() as connection:
        found = entries.select_entries(connection, EVERY, ListWindow(limit=None))
    return [entry.guid for entry in found]


def aged(number):
    return [an_entry(f"urn:example:{age}", published=NOON - age * DAY) for age in range(number)]


def test_only_what_never_was_public_goes_by_itself(database, follow, poll, prune):
    poll(follow(), *aged(5))

    removed = prune(seen_since=LATER, public=True)

    assert removed == 3
    assert guids(database) == ["urn:example:0", "urn:example:1"]


def test_the_newest_of_each_source_stay_however_old(database, follow, poll, prune):
    first, second = follow("https://a.example/feed"), follow("https://b.example/feed")
    poll(first, *aged(5))
    poll(second, an_entry("urn:example:lonely", published=NOON - 300 * DAY))

    prune(newest=3)

    assert sorted(guids(database)) == [
        "urn:example:0",
        "urn:example:1",
        "urn:example:2",
        "urn:example:lonely",
    ]


def test_age_and_number_must_both_allow_it(database, follow, poll, prune):
    poll(follow(), *aged(4))

    assert prune(seen_since=NOON, newest=1) == 0
    assert prune(seen_since=NOON + HOUR, newest=3) == 1


def test_what_was_removed_does_not_come_back(database, follow, poll, prune):
    source_id = follow()
    poll(source_id, *aged(3))
    prune(seen_since=LATER)

    poll(source_id, *aged(3), an_entry("urn:example:new"), now=LATER)

    assert guids(database) == ["urn:example:new"]


def test_what_a_reader_has_yet_to_get_stays(database, prune):
    room = NewsletterSite(database)
    source_id = room.follow()
    room.publish(source_id, 3)
    room.add_newsletter()
    room.subscribe()
    room.publish(source_id, 2)

    removed = prune(seen_since=LATER)

    assert removed == 3
    assert len(guids(database)) == 2
