"""What becomes of new entries: in which state, where in time, by which name."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from parsed_entries import DAY, HOUR, NOON, an_entry
from tidings.model.entries import EntryState
from tidings.polling.new_entries import MAX_DIGEST_AGE, Circumstances, FirstPoll, receive

URL = "https://example.org/feed"
ADDED, IMPORTED = FirstPoll(public=2, imported=False), FirstPoll(public=2, imported=True)


def received(*entries, **circumstances):
    return receive(entries, Circumstances(**{"source_url": URL, "now": NOON} | circumstances))


def states(new):
    return {one.entry.title: one.state for one in new}


def entries_of(count, published=NOON - HOUR):
    return [an_entry(f"a:{n}", title=str(n), published=published) for n in range(count)]


def test_entries_of_the_same_moment_keep_the_order_of_their_document():
    new = received(*entries_of(3, published=None))

    assert [one.entry.title for one in new] == ["2", "1", "0"]


def test_the_first_poll_makes_the_newest_public_and_the_rest_backfill():
    entries = [an_entry(f"a:{n}", title=str(n), published=NOON - n * DAY) for n in range(4)]

    new = received(*entries, first=ADDED)

    assert states(new) == {
        "0": EntryState.PUBLIC,
        "1": EntryState.PUBLIC,
        "2": EntryState.BACKFILL,
        "3": EntryState.BACKFILL,
    }


def test_after_the_first_poll_everything_new_is_public():
    new = received(*entries_of(9), last_ok_at=NOON - HOUR, flood_limit=30)

    assert set(states(new).values()) == {EntryState.PUBLIC}


@pytest.mark.parametrize(
    ("count", "published", "silence", "expected"),
    [
        pytest.param(31, NOON - 90 * DAY, HOUR, EntryState.HELD, id="old ones, many"),
        pytest.param(31, None, HOUR, EntryState.HELD, id="undated ones, many"),
        pytest.param(31, NOON + 30 * DAY, HOUR, EntryState.HELD, id="future ones, many"),
        pytest.param(30, None, HOUR, EntryState.PUBLIC, id="not so many"),
        pytest.param(300, NOON - DAY, HOUR, EntryState.PUBLIC, id="of today"),
        pytest.param(301, NOON - DAY, HOUR, EntryState.HELD, id="of today, but far too many"),
        pytest.param(900, NOON - 20 * DAY, 30 * DAY, EntryState.PUBLIC, id="after our downtime"),
    ],
)
def test_an_outburst_is_left_to_the_operator(count, published, silence, expected):
    new = received(*entries_of(count, published), last_ok_at=NOON - silence, flood_limit=30)

    assert set(states(new).values()) == {expected}
    assert all(bool(one.history) for one in new) or expected is EntryState.PUBLIC


@pytest.mark.parametrize(
    "circumstances",
    [
        pytest.param(
            {"first": ADDED, "last_ok_at": NOON - HOUR, "flood_limit": 30}, id="first poll"
        ),
        pytest.param({"last_ok_at": NOON - HOUR, "flood_limit": 0}, id="switched off"),
    ],
)
def test_nothing_is_held_that_nobody_asked_to_hold(circumstances):
    new = received(*entries_of(400, published=None), **circumstances)

    assert EntryState.HELD not in states(new).values()


@pytest.mark.parametrize(
    ("fields", "first", "expected"),
    [
        pytest.param({}, None, "", id="nothing unusual"),
        pytest.param({"published": None}, None, "", id="no date"),
        pytest.param(
            {"published": None, "published_raw": "last week"}, None, "last week", id="unreadable"
        ),
        pytest.param({"published": NOON + DAY}, None, "future: 2026-11-21", id="future"),
        pytest.param({"published": NOON - 3 * DAY}, None, "2026-11-17", id="late"),
        pytest.param({"published": NOON - 3 * DAY}, ADDED, "", id="late at first: as usual"),
        pytest.param({"published": NOON - 31 * DAY}, None, "not for digests", id="too old"),
    ],
)
def test_what_is_unusual_is_noted(fields, first, expected):
    [new] = received(an_entry(**fields), first=first)

    assert expected in " ".join(new.history)
    assert bool(new.history) is bool(expected)


@pytest.mark.parametrize(
    ("published", "first", "expected"),
    [
        pytest.param(NOON - HOUR, None, NOON - HOUR, id="plausible: as claimed"),
        pytest.param(NOON - 49 * HOUR, None, NOON, id="late: when it was seen"),
        pytest.param(NOON - 47 * HOUR, None, NOON - 47 * HOUR, id="not that late: as claimed"),
        pytest.param(NOON + HOUR, None, NOON, id="in the future: when it was seen"),
        pytest.param(None, None, NOON, id="no date: when it was seen"),
        pytest.param(NOON - 900 * DAY, ADDED, NOON - 900 * DAY, id="old at first: as claimed"),
        pytest.param(datetime(1970, 1, 1, tzinfo=UTC), None, NOON, id="before feeds: as seen"),
        pytest.param(NOON - 900 * DAY, None, NOON - 900 * DAY, id="years late: as claimed"),
    ],
)
def test_where_an_entry_stands_in_time(published, first, expected):
    [new] = received(an_entry(published=published), first=first)

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

    [new] = received(an_entry(published=published), first=first)

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
    [new] = received(an_entry(guid))

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
    [new] = received(an_entry(guid))
    [later] = received(an_entry(guid), now=NOON + timedelta(days=9))

    assert new.atom_id == new.fallback_id == later.atom_id
    assert UUID(new.atom_id.removeprefix("urn:uuid:")).version == 5


@pytest.mark.parametrize(
    "published",
    [
        pytest.param(None, id="undated"),
        pytest.param(NOON + 3 * DAY, id="of the future"),
        pytest.param(datetime(1970, 1, 1, tzinfo=UTC), id="from before there were feeds"),
    ],
)
def test_at_a_first_poll_what_has_no_believable_date_stands_below_what_has_one(published):
    dated = [an_entry(f"a:{n}", title=f"dated {n}", published=NOON - n * DAY) for n in (5, 1)]
    others = [an_entry(f"b:{n}", title=f"undated {n}", published=published) for n in (2, 1)]

    new = received(*others, *dated, first=FirstPoll(public=9, imported=False))

    in_time = sorted(new, key=lambda one: one.sort_at, reverse=True)
    assert [one.entry.title for one in new] == ["undated 1", "undated 2", "dated 5", "dated 1"]
    assert [one.entry.title for one in in_time][:2] == ["dated 1", "dated 5"]


def test_a_first_document_without_dates_heads_no_page():
    new = received(*entries_of(3, published=None), first=ADDED)

    assert [one.entry.title for one in new] == ["2", "1", "0"]
    assert all(one.sort_at <= NOON - MAX_DIGEST_AGE for one in new)
    assert [one.state for one in new][1:] == [EntryState.PUBLIC, EntryState.PUBLIC]


@pytest.mark.parametrize(
    ("count", "silence", "expected"),
    [
        pytest.param(15, HOUR, EntryState.BACKFILL, id="an archive poured out"),
        pytest.param(3, HOUR, EntryState.BACKFILL, id="part of one"),
        pytest.param(2, HOUR, EntryState.PUBLIC, id="dated back by hand"),
        pytest.param(15, 1500 * DAY, EntryState.PUBLIC, id="after our downtime"),
    ],
)
def test_what_was_old_when_it_came_is_no_news(count, silence, expected):
    old = [an_entry(f"a:{n}", published=NOON - (1000 + n) * DAY) for n in range(count)]
    news = an_entry("b:1", title="News")

    new = received(news, *old, last_ok_at=NOON - silence, flood_limit=30)

    assert {one.state for one in new[:-1]} == {expected}
    assert (new[-1].entry.title, new[-1].state) == ("News", EntryState.PUBLIC)
    assert all(one.sort_at == one.entry.published for one in new)


def test_more_than_a_few_at_once_are_folded_but_for_the_newest():
    entries = [an_entry(f"urn:example:{age}", published=NOON - age * HOUR) for age in range(5)]

    new = received(*entries, fold=2)

    standing = [one.entry.guid for one in new if not one.folded]
    assert standing == ["urn:example:1", "urn:example:0"]
    assert {one.state for one in new} == {EntryState.PUBLIC}
