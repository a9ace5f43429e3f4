from datetime import UTC, datetime, timedelta

import pytest

from tidings.model.feed import MAX_ENTRIES
from tidings.parsing.newest import newest_positions, positions_to_read

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def a_day(number):
    return NOON - timedelta(days=number)


def an_atom(*entries):
    return "<feed xmlns='http://www.w3.org/2005/Atom'>" + "".join(entries) + "</feed>"


def test_few_entries_are_all_among_the_newest():
    assert newest_positions([None, NOON]) == [0, 1]


def test_the_newest_keep_their_order():
    dates = [a_day(number) for number in range(MAX_ENTRIES + 5, 0, -1)]

    assert newest_positions(dates) == list(range(5, MAX_ENTRIES + 5))


def test_an_entry_without_date_is_as_old_as_the_one_before():
    dates = [NOON, None, *[a_day(1)] * MAX_ENTRIES]

    assert newest_positions(dates) == list(range(MAX_ENTRIES))


def test_of_few_entries_all_are_to_be_read():
    assert positions_to_read(an_atom("<entry/>" * MAX_ENTRIES)) is None


@pytest.mark.parametrize(
    "end",
    [
        pytest.param("", id="whole"),
        pytest.param("<entry", id="cut off"),
        pytest.param("</wrong>", id="broken"),
    ],
)
def test_of_many_entries_the_newest_are_to_be_read(end):
    old = "<entry><title>published</title><updated>2001-01-01</updated></entry>"
    new = "<entry><published>2026-01-01</published><updated>2000-01-01</updated></entry>"
    document = an_atom(old * 10, new * MAX_ENTRIES, old * 10, end)

    assert positions_to_read(document) == set(range(10, MAX_ENTRIES + 10))


def test_what_only_looks_like_an_entry_is_none():
    text = "<title><![CDATA[<entry>]]></title>"

    assert positions_to_read(an_atom(f"<entry>{text}</entry>" * MAX_ENTRIES)) == set(
        range(MAX_ENTRIES)
    )
