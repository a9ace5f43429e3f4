"""A year of slots, whatever the clocks on the wall do."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.model.newsletters import Frequency, Schedule
from tidings.newsletters.windows import (
    CALENDARS,
    due_after_change,
    is_too_late,
    latest_slot,
    next_slot,
    wall_time,
)

CALENDAR = [frequency for frequency in Frequency if frequency is not Frequency.INSTANT]
ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC", "Asia/Kathmandu"]
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the zone stands beside
SCHEDULES = st.builds(
    Schedule,
    frequency=st.sampled_from(CALENDAR),
    hour=st.integers(0, 23),
    timezone=st.sampled_from([*ZONES, "America/Sao_Paulo", "Pacific/Apia", "Africa/Casablanca"]),
    weekday=st.integers(0, 6),
)


def a_schedule(frequency=Frequency.DAILY, hour=7, timezone="Europe/Berlin", weekday=0):
    return Schedule(frequency=frequency, hour=hour, timezone=timezone, weekday=weekday)


def slots_between(schedule, begin, end):
    slot = next_slot(schedule, begin)
    while slot.due_at < end:
        yield slot
        slot = next_slot(schedule, slot.due_at)


def days_of_2026():
    return [date(2026, 1, 1) + timedelta(days=number) for number in range(365)]


def labels_of_2026(frequency):
    days = days_of_2026()
    match frequency:
        case Frequency.DAILY:
            return [f"d:{day}" for day in days]
        case Frequency.WEEKDAYS:
            return [f"d:{day}" for day in days if day.isoweekday() <= 5]
        case Frequency.WEEKLY:
            return [f"w:2026-W{week:02}" for week in range(2, 54)]  # 2026 begins on a Thursday
        case Frequency.FORTNIGHTLY:
            return [f"f:2026-W{week:02}" for week in range(3, 54, 2)]
        case Frequency.MONTHLY:
            return [f"m:2026-{month:02}" for month in range(1, 13)]


@pytest.mark.parametrize("hour", [0, 2, 3, 7, 23])
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("frequency", CALENDAR)
def test_a_year_has_every_label_once_in_order(frequency, zone, hour):
    schedule = a_schedule(frequency, hour, zone)
    begin, end = (datetime(year, 1, 1, tzinfo=ZoneInfo(zone)) for year in (2026, 2027))

    slots = list(slots_between(schedule, begin - timedelta(seconds=1), end))

    assert [slot.key for slot in slots] == labels_of_2026(frequency)
    assert all(earlier.due_at < later.due_at for earlier, later in pairwise(slots))


@pytest.mark.parametrize("zone", ZONES)
def test_an_issue_comes_at_its_hour_all_year_round(zone):
    schedule = a_schedule(hour=7, timezone=zone)
    begin, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)

    hours = {
        slot.due_at.astimezone(ZoneInfo(zone)).strftime("%H:%M:%S")
        for slot in slots_between(schedule, begin, end)
    }

    assert hours == {"07:00:00"}


@pytest.mark.parametrize(
    ("zone", "day", "hour", "expected"),
    [
        pytest.param(
            "Europe/Berlin", date(2026, 3, 29), 2, "2026-03-29T01:00", id="skipped: after the gap"
        ),
        pytest.param(
            "Europe/Berlin", date(2026, 10, 25), 2, "2026-10-25T00:00", id="twice: the first"
        ),
        pytest.param(
            "America/New_York", date(2026, 3, 8), 2, "2026-03-08T07:00", id="skipped, west"
        ),
        pytest.param(
            "America/New_York", date(2026, 11, 1), 1, "2026-11-01T05:00", id="twice, west"
        ),
        pytest.param(
            "Australia/Lord_Howe", date(2026, 10, 4), 2, "2026-10-03T15:30", id="half an hour's gap"
        ),
        pytest.param(
            "America/Sao_Paulo", date(2018, 11, 4), 0, "2018-11-04T03:00", id="no midnight"
        ),
        pytest.param("Pacific/Apia", date(2011, 12, 30), 9, "2011-12-30T10:00", id="no such day"),
        pytest.param("Europe/Berlin", date(2026, 7, 1), 7, "2026-07-01T05:00", id="summer"),
        pytest.param("Europe/Berlin", date(2026, 1, 1), 7, "2026-01-01T06:00", id="winter"),
    ],
)
def test_an_hour_on_the_wall_is_one_moment(zone, day, hour, expected):
    moment = wall_time(day, hour, ZoneInfo(zone))

    assert moment == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize("hour", [0, 9, 23])
def test_a_day_that_a_country_left_out_doubles_no_label(hour):
    schedule = a_schedule(hour=hour, timezone="Pacific/Apia")
    begin, end = datetime(2011, 12, 28, tzinfo=UTC), datetime(2012, 1, 3, tzinfo=UTC)

    keys = [slot.key for slot in slots_between(schedule, begin, end)]

    assert keys == sorted(set(keys))
    assert {"d:2011-12-29", "d:2012-01-01"} < set(keys)


@pytest.mark.parametrize(
    ("now", "key"),
    [
        pytest.param("2026-12-31T12:00", "w:2026-W53", id="the year has 53 weeks"),
        pytest.param("2027-01-03T23:00", "w:2026-W53", id="its last one ends in the next year"),
        pytest.param("2027-01-04T12:00", "w:2027-W01", id="the first one of the next"),
    ],
)
def test_a_week_belongs_to_the_year_that_has_its_thursday(now, key):
    schedule = a_schedule(Frequency.WEEKLY)

    slot = latest_slot(schedule, datetime.fromisoformat(now).replace(tzinfo=UTC))

    assert slot.key == key


def test_a_new_zone_does_not_make_two_slots_of_one_day():
    morning = datetime(2026, 11, 20, 8, tzinfo=UTC)
    east, west = a_schedule(timezone="Asia/Shanghai"), a_schedule(timezone="America/New_York")

    had, coming = latest_slot(east, morning), next_slot(west, morning)

    assert had.due_at < coming.due_at
    assert had.key == coming.key == "d:2026-11-20"


@given(SCHEDULES, MOMENTS)
def test_the_latest_and_the_next_slot_are_neighbours(schedule, now):
    latest, coming = latest_slot(schedule, now), next_slot(schedule, now)

    assert latest.due_at <= now < coming.due_at
    assert latest.key < coming.key
    assert next_slot(schedule, latest.due_at) == coming
    assert latest_slot(schedule, coming.due_at) == coming


@given(SCHEDULES, MOMENTS)
def test_a_slot_falls_on_the_weekday_that_was_chosen(schedule, now):
    slot = next_slot(schedule, now)

    day = slot.due_at.astimezone(ZoneInfo(schedule.timezone))
    is_chosen = schedule.frequency in {Frequency.WEEKLY, Frequency.FORTNIGHTLY}
    assert day.weekday() == schedule.weekday or not is_chosen


@given(SCHEDULES, st.integers(0, 6), MOMENTS)
def test_another_weekday_makes_no_second_slot_of_a_period(schedule, weekday, now):
    had = latest_slot(schedule, now)
    other = replace(schedule, weekday=weekday)

    coming = list(islice(slots_between(other, now, now + timedelta(days=70)), 2))

    # The first may be that of the same period, which counts as had; the second never is.
    assert had.key <= coming[0].key < coming[1].key


@given(SCHEDULES, SCHEDULES, MOMENTS)
def test_an_edition_whose_schedule_changes_has_no_second_slot_of_its_period(old, new, now):
    had = latest_slot(old, now)

    due_at = due_after_change(old, new, now)

    assert latest_slot(new, due_at).due_at == due_at > now
    assert latest_slot(new, due_at).key != had.key
    assert due_after_change(old, old, now) == next_slot(old, now).due_at


def test_an_edition_that_moves_from_monday_to_thursday_is_due_in_the_next_week():
    tuesday = datetime(2026, 11, 17, 12, tzinfo=UTC)
    mondays, thursdays = (a_schedule(Frequency.WEEKLY, weekday=day) for day in (0, 3))

    assert due_after_change(mondays, thursdays, tuesday).day == 26
    assert due_after_change(thursdays, mondays, tuesday).day == 23


@given(SCHEDULES, MOMENTS, MOMENTS)
def test_a_label_is_of_one_slot_whenever_it_is_looked_at(schedule, now, then):
    by_key = {slot.key: slot for slot in (next_slot(schedule, now), latest_slot(schedule, now))}

    for slot in (next_slot(schedule, then), latest_slot(schedule, then)):
        assert by_key.get(slot.key, slot) == slot


@pytest.mark.parametrize(
    ("year", "weeks"),
    [pytest.param(2026, 53, id="a year of 53 weeks"), pytest.param(2027, 52, id="one of 52")],
)
def test_fortnights_go_on_over_new_year(year, weeks):
    schedule = a_schedule(Frequency.FORTNIGHTLY, weekday=3)
    turn = datetime.fromisocalendar(year, weeks, 7).replace(tzinfo=UTC)

    last, first = latest_slot(schedule, turn), next_slot(schedule, turn)

    assert first.due_at - last.due_at == timedelta(days=14)


@given(SCHEDULES, MOMENTS)
def test_a_slot_is_late_after_half_of_its_period(schedule, now):
    slot = latest_slot(schedule, now)
    half = CALENDARS[schedule.frequency].period / 2

    assert not is_too_late(schedule, slot, slot.due_at + half)
    assert is_too_late(schedule, slot, slot.due_at + half + timedelta(microseconds=1))
