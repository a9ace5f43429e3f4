"""How the service does: steps, medians, and words for sources."""

from datetime import timedelta
from itertools import pairwise

import pytest

from parsed_entries import DAY, HOUR, NOON
from tidings.model.newsletters import DeliveryState
from tidings.model.service_status import MAX_STEPS, OUTCOME_OF_STATE, median_lag, starts_of
from tidings.model.sources import SourceHealth, SourceState, health_of

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("span", "count", "length"),
    [
        pytest.param(HOUR, 1, HOUR, id="an hour is one step"),
        pytest.param(DAY, 24, HOUR, id="a day, by hours"),
        pytest.param(7 * DAY, 7, DAY, id="a week, by days"),
        pytest.param(30 * DAY, 30, DAY, id="a month, by days"),
        pytest.param(364 * DAY, 52, 7 * DAY, id="a year, by weeks"),
        pytest.param(5 * 364 * DAY, 52, 35 * DAY, id="five years, by five weeks"),
    ],
)
def test_a_span_is_told_in_steps_of_a_fitting_length(span, count, length):
    starts = starts_of(span, now=NOON + 34 * MINUTE)

    assert len(starts) == count
    assert {later - earlier for earlier, later in pairwise(starts)} <= {length}


def test_steps_begin_where_the_clock_has_them_and_the_last_is_now():
    by_hours = starts_of(DAY, now=NOON + 34 * MINUTE)
    by_days = starts_of(7 * DAY, now=NOON + 34 * MINUTE)

    assert by_hours[-1] == NOON
    assert by_days[-1] == NOON - 12 * HOUR


def test_there_are_never_more_steps_than_can_be_shown():
    assert len(starts_of(100_000 * DAY, now=NOON)) == MAX_STEPS


@pytest.mark.parametrize(
    ("lags", "place"),
    [
        pytest.param([0, 0, 0], None, id="no entry has no median"),
        pytest.param([0, 0, 1], 2, id="a single one"),
        pytest.param([1, 1, 0], 0, id="two: the quicker half is enough"),
        pytest.param([1, 0, 2], 2, id="most are late"),
    ],
)
def test_the_median_entry_has_a_place(lags, place):
    assert median_lag(lags) == place


@pytest.mark.parametrize(
    ("state", "fails", "has_worked", "health"),
    [
        pytest.param(SourceState.ACTIVE, False, True, SourceHealth.FINE, id="fine"),
        pytest.param(SourceState.ACTIVE, False, False, SourceHealth.NEW, id="not polled yet"),
        pytest.param(SourceState.ACTIVE, True, True, SourceHealth.FAILING, id="failing"),
        pytest.param(SourceState.ACTIVE, True, False, SourceHealth.FAILING, id="never worked"),
        pytest.param(
            SourceState.PAUSED, True, True, SourceHealth.PAUSED, id="paused while failing"
        ),
        pytest.param(SourceState.RETIRED, True, True, SourceHealth.RETIRED, id="retired"),
    ],
)
def test_a_source_is_in_the_health_that_matters_most(state, fails, has_worked, health):
    assert health_of(state, fails=fails, has_worked=has_worked) is health


def test_letters_that_are_not_told_of_were_never_to_be_sent():
    assert set(DeliveryState) - set(OUTCOME_OF_STATE) == {
        DeliveryState.CANCELLED,
        DeliveryState.SUPERSEDED,
    }
