"""What a poll decides: new, updated, neither; in which state, and where in time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from factories import DAY, HOUR, NOON, a_feed, an_entry
from tidings.domain.compare import FirstPoll, KnownEntry, compare
from tidings.domain.entries import EntryState

URL = "https://example.org/feed"
ADDED, IMPORTED = FirstPoll(public=2, imported=False), FirstPoll(public=2, imported=True)


def known(*entries, ids=True):
    return {
        entry.key: KnownEntry(
            id=number if ids else None, raw_hash=entry.raw_hash, revision=entry.revision
        )
        for number, entry in enumerate(entries, 1)
    }


def changes_of(*entries, stored=(), first=None, now=NOON):
    remembered = stored if isinstance(stored, dict) else known(*stored)
    return compare(a_feed(*entries), remembered, source_url=URL, first=first, now=now)


def titles(decided):
    return [new.entry.title for new in decided]


def test_what_is_not_known_is_new_oldest_first():
    one = an_entry("a:1", title="older", published=NOON - 2 * HOUR)
    other = an_entry("a:2", title="newer", published=NOON - HOUR)

    changes = changes_of(other, one)

    assert titles(changes.new) == ["older", "newer"]
    assert changes.published == 2
    assert not changes.updated


def test_entries_of_the_same_moment_keep_the_order_of_their_document():
    entries = [an_entry(f"a:{n}", title=str(n), published=None) for n in range(3)]

    changes = changes_of(*entries)

    assert titles(changes.new) == ["2", "1", "0"]


def test_what_a_reader_would_see_makes_an_update():
    before, after = an_entry(text="Before."), an_entry(text="After.")

    changes = changes_of(after, stored=[before])

    assert (changes.new, changes.updated, changes.retouched) == ((), (after,), ())


def test_what_no_reader_sees_makes_none():
    before = an_entry()
    after = replace(before, raw_hash=b"another", published=NOON)

    changes = changes_of(after, stored=[before])

    assert (changes.new, changes.updated, changes.retouched) == ((), (), (after,))


def test_the_same_again_is_nothing():
    entry = an_entry()

    changes = changes_of(entry, stored=[entry])

    assert (changes.new, changes.updated, changes.retouched) == ((), (), ())


def test_a_removed_entry_does_not_come_back_even_if_it_changed():
    removed, returned = an_entry(text="Before."), an_entry(text="After.")

    changes = changes_of(returned, stored=known(removed, ids=False))

    assert (changes.new, changes.updated, changes.retouched) == ((), (), ())


def test_the_first_poll_makes_the_newest_public_and_the_rest_backfill():
    entries = [an_entry(f"a:{n}", title=str(n), published=NOON - n * DAY) for n in range(4)]

    changes = changes_of(*entries, first=ADDED)

    states = {new.entry.title: new.state for new in changes.new}
    assert states == {
        "0": EntryState.PUBLIC,
        "1": EntryState.PUBLIC,
        "2": EntryState.BACKFILL,
        "3": EntryState.BACKFILL,
    }
    assert changes.published == 2


def test_after_the_first_poll_everything_new_is_public():
    changes = changes_of(*(an_entry(f"a:{n}") for n in range(9)))

    assert changes.published == 9


@pytest.mark.parametrize(
    ("published", "first", "expected"),
    [
        pytest.param(NOON - HOUR, None, NOON - HOUR, id="plausible: as claimed"),
        pytest.param(NOON - 49 * HOUR, None, NOON, id="late: when it was seen"),
        pytest.param(NOON - 47 * HOUR, None, NOON - 47 * HOUR, id="not that late: as claimed"),
        pytest.param(NOON + HOUR, None, NOON, id="in the future: when it was seen"),
        pytest.param(None, None, NOON, id="no date: when it was seen"),
        pytest.param(NOON - 900 * DAY, ADDED, NOON - 900 * DAY, id="old at first: as claimed"),
        pytest.param(datetime(1970, 1, 1, tzinfo=UTC), ADDED, NOON, id="before feeds: as seen"),
    ],
)
def test_where_an_entry_stands_in_time(published, first, expected):
    [new] = changes_of(an_entry(published=published), first=first).new

    assert new.sort_at == expected


@pytest.mark.parametrize(
    ("age", "first", "expected"),
    [
        pytest.param(30 * DAY, None, True, id="a month old"),
        pytest.param(31 * DAY, None, False, id="older"),
        pytest.param(-DAY, None, True, id="dated tomorrow"),
        pytest.param(HOUR, ADDED, True, id="first poll of a source that was added"),
        pytest.param(HOUR, IMPORTED, False, id="first poll of a source that was imported"),
        pytest.param(None, None, True, id="without a date"),
    ],
)
def test_what_is_news_for_a_digest(age, first, expected):
    published = None if age is None else NOON - age

    [new] = changes_of(an_entry(published=published), first=first).new

    assert new.digest_eligible is expected


@pytest.mark.parametrize(
    "guid",
    [
        pytest.param("https://example.org/1", id="an address"),
        pytest.param("urn:uuid:5d0cbd2d-4c9c-4d2e-9d5c-0f2f5a7e3a11", id="a URN"),
        pytest.param("tag:example.org,2026:1", id="a tag"),
    ],
)
def test_a_guid_that_is_a_name_for_all_the_world_stays_the_name(guid):
    [new] = changes_of(an_entry(guid)).new

    assert new.atom_id == guid


@pytest.mark.parametrize(
    "guid",
    [
        pytest.param("17", id="a number"),
        pytest.param("javascript:alert(1)", id="a script"),
        pytest.param("https://example.org/a b", id="a blank"),
        pytest.param('https://example.org/"', id="a quote"),
        pytest.param(f"https://example.org/{'a' * 500}", id="too long"),
    ],
)
def test_any_other_guid_gets_a_name_that_stays_the_same(guid):
    [new] = changes_of(an_entry(guid)).new
    [later] = changes_of(an_entry(guid), now=NOON + timedelta(days=9)).new

    assert new.atom_id == new.fallback_id == later.atom_id
    assert UUID(new.atom_id.removeprefix("urn:uuid:")).version == 5
