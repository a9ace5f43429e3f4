"""What filters decide, whatever they look for."""

import pytest

from parsed_entries import DAY, NOON, an_entry
from tidings.filters.rules import Action, Field, Filter, Kind, Rule, decide
from tidings.model.entries import EntryState
from tidings.polling.new_entries import Circumstances, FirstPoll, receive


def a_filter(number, action):
    rule = Rule(action=action, field=Field.TITLE, kind=Kind.WORDS, pattern=f"word {number}")
    return Filter(id=number, source_id=1, rule=rule)


KEEPS, ALSO_KEEPS, DROPS = (
    a_filter(1, Action.KEEP),
    a_filter(2, Action.KEEP),
    a_filter(3, Action.DROP),
)


@pytest.mark.parametrize(
    ("filters", "finding", "kept", "because"),
    [
        pytest.param([], [], True, "kept: no filter drops it", id="no filters"),
        pytest.param([DROPS], [], True, "kept: no filter drops it", id="not found"),
        pytest.param(
            [DROPS],
            [DROPS],
            False,
            "dropped by filter 3: title has word 3",
            id="found, and dropped",
        ),
        pytest.param(
            [KEEPS], [KEEPS], True, "kept by filter 1: title has word 1", id="found, and kept"
        ),
        pytest.param([KEEPS], [], False, "dropped: no filter keeps it", id="found by no keeper"),
        pytest.param(
            [KEEPS, ALSO_KEEPS],
            [ALSO_KEEPS],
            True,
            "kept by filter 2: title has word 2",
            id="one keeper is enough",
        ),
        pytest.param(
            [KEEPS, DROPS],
            [KEEPS, DROPS],
            False,
            "dropped by filter 3: title has word 3",
            id="dropping wins",
        ),
        pytest.param(
            [KEEPS, DROPS], [], False, "dropped: no filter keeps it", id="not dropped, not kept"
        ),
    ],
)
def test_a_verdict_says_why(filters, finding, kept, because):
    verdict = decide(filters, finding.__contains__)

    assert (verdict.is_kept, verdict.because) == (kept, because)
    assert list(verdict.found_by) == finding


def test_a_filter_that_is_only_tried_has_no_number():
    tried = Filter(source_id=1, rule=KEEPS.rule)

    assert tried.name == "the new filter"
    assert str(tried.rule) == "keep if title has word 1"


def arrive(*entries, dropped, **circumstances):
    because = {entry.key: f"dropped: {entry.title}" for entry in dropped}
    circumstances = Circumstances(
        source_url="https://a.example", now=NOON, dropped=because, **circumstances
    )
    return {new.entry: new for new in receive(entries, circumstances)}


def test_what_is_dropped_is_hidden_and_says_why():
    wanted, unwanted = an_entry("urn:example:1"), an_entry("urn:example:2", title="Ad")

    arrived = arrive(wanted, unwanted, dropped=[unwanted])

    assert [arrived[one].state for one in (wanted, unwanted)] == [
        EntryState.PUBLIC,
        EntryState.HIDDEN,
    ]
    assert arrived[wanted].history == ()
    assert arrived[unwanted].history == ("dropped: Ad",)


def test_what_is_dropped_is_none_of_the_newest_of_a_first_poll():
    newest, middle, oldest = (
        an_entry(f"urn:example:{n}", published=NOON - n * DAY) for n in (1, 2, 3)
    )
    first = FirstPoll(public=1, imported=False)

    arrived = arrive(newest, middle, oldest, dropped=[newest], first=first)

    assert [arrived[one].state for one in (newest, middle, oldest)] == [
        EntryState.HIDDEN,
        EntryState.PUBLIC,
        EntryState.BACKFILL,
    ]


def test_what_is_dropped_is_no_part_of_an_outburst():
    entries = [an_entry(f"urn:example:{n}", published=None) for n in range(9)]

    arrived = arrive(*entries, dropped=entries[5:], last_ok_at=NOON - DAY, flood_limit=5)

    states = [arrived[one].state for one in entries]
    assert states == [EntryState.PUBLIC] * 5 + [EntryState.HIDDEN] * 4
