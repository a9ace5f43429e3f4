"""When a source is polled next, and why then."""

from datetime import timedelta

import pytest

from parsed_entries import DAY, HOUR, NOON
from polls_by_hand import POLICY
from tidings.polling.schedule import JITTER, PollHistory, PublishRate, next_poll

MINUTE = timedelta(minutes=1)


def a_rate(gap, *, observed=20 * DAY):
    return PublishRate(entries=observed / gap, seconds=observed.total_seconds())


def next_of(source_id=1, *, now=NOON, **fields):
    return next_poll(PollHistory(source_id=source_id, **fields), now=now, policy=POLICY)


@pytest.mark.parametrize(
    ("history", "expected", "because"),
    [
        pytest.param({}, HOUR, "it is new to us", id="a new source begins at the floor"),
        pytest.param(
            {"rate": a_rate(10 * HOUR)}, 3.3 * HOUR, "about every 10 h", id="a third of a gap"
        ),
        pytest.param(
            {"rate": a_rate(30 * DAY)}, DAY, "about every 30 d", id="rare: held at the limit"
        ),
        pytest.param(
            {"rate": PublishRate(seconds=20 * 86400)},
            DAY,
            "next to nothing",
            id="nothing ever came",
        ),
        pytest.param(
            {"rate": a_rate(HOUR)}, HOUR, "all the time", id="busy, but nobody invites us"
        ),
        pytest.param(
            {"rate": a_rate(HOUR), "has_validators": True},
            20 * MINUTE,
            "all the time",
            id="busy, and asking costs little: below the floor",
        ),
        pytest.param(
            {"rate": a_rate(HOUR / 9), "fresh_for": MINUTE},
            15 * MINUTE,
            "all the time",
            id="busy, and fresh for a minute: at the lower floor",
        ),
        pytest.param(
            {"rate": a_rate(HOUR, observed=5 * HOUR), "has_validators": True},
            HOUR,
            "all the time",
            id="busy since this morning: not watched for long enough",
        ),
        pytest.param(
            {"rate": a_rate(3 * HOUR), "is_pushed": True}, 8 * HOUR, "its hub", id="pushed"
        ),
        pytest.param(
            {"rate": a_rate(12 * HOUR), "is_pushed": True},
            DAY,
            "its hub",
            id="pushed: within the day",
        ),
        pytest.param({"fresh_for": 5 * HOUR}, 5 * HOUR, "stays fresh", id="cache lifetime"),
        pytest.param({"fresh_for": 99 * DAY}, DAY, "stays fresh", id="cache lifetime: held"),
        pytest.param({"fresh_for": HOUR / 2}, HOUR, "new to us", id="shorter than the floor"),
        pytest.param({"ttl": 6 * HOUR}, 6 * HOUR, "ttl", id="the document asks for more"),
        pytest.param(
            {"ttl": 6 * HOUR, "fresh_for": 7 * HOUR}, 7 * HOUR, "stays fresh", id="the longest wins"
        ),
        pytest.param({"ttl": timedelta.max}, DAY, "ttl", id="the document asks for eternity"),
        pytest.param(
            {"interval": 2 * DAY}, 2 * DAY, "the operator's interval", id="the operator's"
        ),
        pytest.param(
            {"interval": 10 * MINUTE, "rate": a_rate(30 * DAY)},
            10 * MINUTE,
            "the operator's interval",
            id="the operator's, whatever was learned",
        ),
        pytest.param(
            {"interval": HOUR, "fresh_for": 3 * HOUR},
            3 * HOUR,
            "stays fresh",
            id="the operator's, but the server asks for more",
        ),
        pytest.param({"host_interval": 9 * HOUR}, 9 * HOUR, "its host", id="of its host"),
    ],
)
def test_the_pause_after_a_poll_that_worked(history, expected, because):
    found = next_of(**history)

    assert expected * 0.98 <= found.at - NOON <= expected * (1 + JITTER)
    assert because in found.because


@pytest.mark.parametrize(
    ("history", "least"),
    [
        pytest.param({"failures": 1}, HOUR, id="failed once: the usual pause"),
        pytest.param({"failures": 2}, HOUR, id="failed twice: the usual pause"),
        pytest.param({"failures": 3}, 2 * HOUR, id="failing: doubles each time"),
        pytest.param({"failures": 5}, 8 * HOUR, id="and again"),
        pytest.param({"failures": 3, "interval": 5 * HOUR}, 10 * HOUR, id="doubles the operator's"),
    ],
)
def test_a_failing_source_waits_up_to_twice_as_long(history, least):
    pauses = [next_of(number, failed_with="404", **history).at - NOON for number in range(200)]

    assert least <= min(pauses) < least * 1.1
    assert least * 1.9 < max(pauses) <= least * 2 * (1 + JITTER)


@pytest.mark.parametrize("failures", [7, 100, 10**6])
def test_a_source_that_fails_for_long_is_asked_once_a_day_for_ever(failures):
    found = next_of(failures=failures, failed_with="404 Not Found")

    assert DAY <= found.at - NOON <= DAY * (1 + JITTER)
    assert found.because == (
        f"after 24 h: {failures} polls in a row failed, the last with 404 Not Found"
    )


def test_a_dead_source_is_asked_once_a_week():
    found = next_of(failures=40, failed_with="404 Not Found", is_dead=True)

    assert 7 * DAY <= found.at - NOON <= 7 * DAY * (1 + JITTER)
    assert "dead" in found.because


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param(3 * DAY, 3 * DAY, id="days: obeyed"),
        pytest.param(99 * DAY, 7 * DAY, id="ages: held"),
    ],
)
def test_a_refusal_that_names_a_pause_is_obeyed_even_against_the_operator(asked, expected):
    found = next_of(failures=1, failed_with="503", retry_after=asked, interval=HOUR)

    assert expected <= found.at - NOON <= expected * (1 + JITTER)
    assert "asks for that pause" in found.because


@pytest.mark.parametrize(
    ("hours", "days", "begins"),
    [
        pytest.param({13, 14, 15}, (), NOON + 4 * HOUR, id="hours to skip"),
        pytest.param((), {4, 5, 6}, NOON + 60 * HOUR, id="Friday to Sunday"),
        pytest.param({0, 1, 13}, {4, 5, 6}, NOON + 62 * HOUR, id="days, then hours"),
        pytest.param(set(range(13, 24)), (), NOON + 12 * HOUR, id="until midnight"),
    ],
)
def test_a_publisher_who_wants_to_be_left_alone_is(hours, days, begins):
    pauses = [next_of(number, skip_hours=hours, skip_days=days) for number in range(50)]

    assert all(timedelta(0) <= found.at - begins <= HOUR / 10 for found in pauses)
    assert len({found.at for found in pauses}) == 50
    assert f"at {begins:%H:%M} UTC" in pauses[0].because
    assert "skipHours" in pauses[0].because


@pytest.mark.parametrize(
    ("hours", "days"),
    [
        pytest.param(set(range(24)), (), id="every hour"),
        pytest.param((), set(range(7)), id="every day"),
        pytest.param({1, 2, 3}, (), id="not the one that comes"),
    ],
)
def test_hours_that_leave_no_other_or_do_not_matter_are_not_waited_for(hours, days):
    assert next_of(skip_hours=hours, skip_days=days).at - NOON <= HOUR * (1 + JITTER)


def test_what_failed_in_the_same_second_is_spread_over_the_whole_pause():
    times = sorted(next_of(number, failures=3, failed_with="no route").at for number in range(200))

    in_each_tenth = [
        sum(2 * HOUR + tenth <= at - NOON < 2 * HOUR + tenth + 12 * MINUTE for at in times)
        for tenth in (n * 12 * MINUTE for n in range(10))
    ]
    assert min(in_each_tenth) >= 8
    assert len(set(times)) == 200


def test_a_source_keeps_its_phase_from_one_poll_to_the_next():
    days = [NOON + number * DAY for number in range(300)]

    drifts = {
        source_id: sum((next_of(source_id, now=day).at - day - HOUR for day in days), timedelta())
        for source_id in range(20)
    }

    means = sorted(drift / len(days) for drift in drifts.values())
    assert means[-1] - means[0] > 2 * MINUTE
    assert all(timedelta(0) <= mean <= HOUR * JITTER for mean in means)
    assert next_of(7) == next_of(7)
