"""When a source is polled next."""

from datetime import timedelta

import pytest

from factories import DAY, HOUR, NOON
from tidings.domain.schedule import JITTER, PollPolicy, next_poll_at

POLICY = PollPolicy(tick=timedelta(seconds=15), interval=HOUR, max_interval=DAY, max_pause=7 * DAY)


def pause_after(failures, server_delay=timedelta(0), *, source_id=1, now=NOON):
    due = next_poll_at(
        source_id, now=now, failures=failures, server_delay=server_delay, policy=POLICY
    )
    return due - now


@pytest.mark.parametrize(
    ("failures", "server_delay", "expected"),
    [
        pytest.param(0, 0 * HOUR, HOUR, id="healthy: the usual pause"),
        pytest.param(1, 0 * HOUR, HOUR, id="failed once: the usual pause"),
        pytest.param(3, 0 * HOUR, 4 * HOUR, id="failing: doubles each time"),
        pytest.param(9, 0 * HOUR, DAY, id="failing long: held at the limit"),
        pytest.param(10**6, 0 * HOUR, DAY, id="failing for ever: held at the limit"),
        pytest.param(0, 5 * HOUR, 5 * HOUR, id="the server asks for more: obeyed"),
        pytest.param(0, HOUR / 2, HOUR, id="the server asks for less: the usual pause"),
        pytest.param(0, 99 * DAY, DAY, id="a healthy server asks for ages: held at the limit"),
        pytest.param(1, 3 * DAY, 3 * DAY, id="a failing server asks for days: obeyed"),
        pytest.param(1, 99 * DAY, 7 * DAY, id="a failing server asks for ages: held"),
        pytest.param(0, timedelta.max, DAY, id="the server asks for eternity: held"),
    ],
)
def test_the_pause_after_a_poll(failures, server_delay, expected):
    pause = pause_after(failures, server_delay)

    assert expected <= pause <= expected * (1 + JITTER)


def test_what_was_polled_together_drifts_apart_but_not_at_random():
    pauses = [pause_after(0, source_id=number) for number in range(100)]

    assert len(set(pauses)) == 100
    assert pauses == [pause_after(0, source_id=number) for number in range(100)]
    assert max(pauses) - min(pauses) > HOUR * JITTER / 2
