"""What sources teach us about when to ask them."""

from bisect import bisect_right
from datetime import timedelta

import pytest

from parsed_entries import DAY, HOUR, NOON
from polls_by_hand import POLICY
from tidings.polling.schedule import HALF_LIFE, PollHistory, PublishRate, next_poll

MINUTE = timedelta(minutes=1)
DAYS = 90
END = NOON + DAYS * DAY


def every(gap, *, until=END):
    """Return times that are `gap` apart, give or take a third."""
    times = [NOON]
    while times[-1] < until:
        times.append(times[-1] + gap * (0.7 + 0.6 * (len(times) * 0.618 % 1)))
    return times[1:]


def at_once(number, *, each):
    begins = [NOON + n * each for n in range(1, int(DAYS * DAY / each))]
    return [begin + n * MINUTE for begin in begins for n in range(number)]


def follow(published, *, has_validators=True):
    """Follow a source that publishes at these times; return its polls, and each entry's delay."""
    polls, delays, rate = [NOON], [], PublishRate()
    while polls[-1] < END:
        history = PollHistory(source_id=1, rate=rate, has_validators=has_validators)
        polls.append(next_poll(history, now=polls[-1], policy=POLICY).at)
        before, now = polls[-2:]
        found = published[bisect_right(published, before) : bisect_right(published, now)]
        rate = rate.after(len(found), now - before, at_once=POLICY.interval)
        delays += [now - entry for entry in found]
    return polls, delays


@pytest.mark.parametrize(
    ("published", "has_validators", "a_day", "mean_delay"),
    [
        pytest.param(every(HOUR), True, (50, 75), HOUR / 3, id="hourly, with validators"),
        pytest.param(every(HOUR), False, (22, 24), 0.6 * HOUR, id="hourly, without"),
        pytest.param(every(DAY), True, (2.5, 4), 5 * HOUR, id="daily"),
        pytest.param(every(7 * DAY), True, (0.9, 1.3), 16 * HOUR, id="weekly"),
        pytest.param(every(10 * MINUTE), True, (80, 97), HOUR / 4, id="all the time"),
        pytest.param(at_once(25, each=7 * DAY), True, (2, 6), 8 * HOUR, id="25 once a week"),
        pytest.param(every(DAY, until=NOON + 30 * DAY), True, (1, 2.5), 5 * HOUR, id="dies"),
        pytest.param([], True, (0.9, 1.2), None, id="nothing ever"),
    ],
)
def test_how_often_a_source_is_asked_and_how_late_we_are(
    published, has_validators, a_day, mean_delay
):
    polls, delays = follow(published, has_validators=has_validators)

    assert a_day[0] <= len(polls) / DAYS <= a_day[1]
    assert mean_delay is None or sum(delays, timedelta()) / len(delays) <= mean_delay


def test_a_source_that_brought_nothing_for_a_month_is_asked_once_a_day():
    polls, _ = follow(every(DAY, until=NOON + 30 * DAY))

    assert 0.9 <= sum(poll > NOON + 60 * DAY for poll in polls) / 30 <= 1.1


def test_an_outage_of_ours_teaches_the_same_as_the_polls_that_it_cost():
    asked = away = PublishRate(entries=40, seconds=20 * 86400)

    for _ in range(5 * 24):
        asked = asked.after(1, HOUR, at_once=HOUR)
    away = away.after(5 * 24, 5 * DAY, at_once=HOUR)

    assert away.entries == pytest.approx(asked.entries)
    assert away.seconds == pytest.approx(asked.seconds)


def test_what_came_at_once_does_not_stand_for_a_rate():
    quiet = PublishRate(seconds=20 * 86400)

    after = quiet.after(25, HOUR, at_once=HOUR)

    assert after.gap > 9 * DAY


def test_half_is_forgotten_in_a_half_life():
    after = PublishRate(entries=10, seconds=86400).after(0, HALF_LIFE, at_once=HOUR)

    assert after.entries == pytest.approx(5)


@pytest.mark.parametrize("elapsed", [timedelta(0), -DAY])
def test_a_clock_that_was_put_back_teaches_nothing(elapsed):
    before = PublishRate(entries=3, seconds=500)

    assert before.after(7, elapsed, at_once=HOUR) == before


def test_what_should_have_come_follows_from_the_rate():
    assert PublishRate(entries=20, seconds=20 * 86400).expected(7 * DAY) == pytest.approx(7)
    assert PublishRate().expected(7 * DAY) == 0
