"""Who is left alone, and who is blamed, after many letters."""

from datetime import timedelta

import pytest

from tidings.model.newsletters import DeliveryState
from tidings.newsletters.retries import (
    BREAKER_WINDOW,
    FAULT_PAUSE,
    MAX_CONSECUTIVE_FAULTS,
    MAX_FAULTS_IN_WINDOW,
    CircuitBreakers,
    Verdict,
)

PAUSE = timedelta(minutes=5)
TAKEN = Verdict(state=DeliveryState.ACCEPTED)
NOBODY = Verdict(state=DeliveryState.REJECTED, unmarked=True)
FULL = Verdict(state=DeliveryState.DEFERRED, pause=PAUSE)
LATER = Verdict(state=DeliveryState.DEFERRED, pause=PAUSE, blames_domain=True)
SPAM = Verdict(state=DeliveryState.HELD, pause=FAULT_PAUSE, blames_domain=True)
UNFIT = Verdict(state=DeliveryState.HELD, pause=FAULT_PAUSE)
DAMNED = Verdict(state=DeliveryState.HELD, pause=FAULT_PAUSE, relay_pause=FAULT_PAUSE)
NONE = timedelta(0)


@pytest.mark.parametrize(
    ("letters", "left_alone"),
    [
        pytest.param([("a", NOBODY)] * 300, None, id="recipients that do not exist"),
        pytest.param([("a", FULL)] * 300, None, id="full mailboxes"),
        pytest.param([("a", UNFIT)] * 300, None, id="letters that cannot be written"),
        pytest.param([("a", SPAM)] * (MAX_CONSECUTIVE_FAULTS - 1), None, id="fewer than enough"),
        pytest.param(
            [("a", SPAM)] * MAX_CONSECUTIVE_FAULTS,
            ("a", FAULT_PAUSE, NONE),
            id="one domain refuses us",
        ),
        pytest.param(
            [("a", LATER)] * MAX_CONSECUTIVE_FAULTS, ("a", PAUSE, NONE), id="one domain is busy"
        ),
        pytest.param(
            [("a", SPAM)] * 4 + [("a", TAKEN)] + [("a", SPAM)] * 4, None, id="not in a row"
        ),
        pytest.param(
            [("a", SPAM), ("b", TAKEN)] * MAX_CONSECUTIVE_FAULTS,
            ("a", FAULT_PAUSE, NONE),
            id="others between do not make it better",
        ),
        pytest.param(
            [("a", SPAM), *[("a", TAKEN)] * 4] * MAX_FAULTS_IN_WINDOW,
            ("a", FAULT_PAUSE, NONE),
            id="every fifth",
        ),
        pytest.param(
            [("a", SPAM), *[("a", TAKEN)] * 5] * MAX_FAULTS_IN_WINDOW,
            None,
            id="less than every fifth",
        ),
        pytest.param(
            [(name, SPAM) for name in "abcde"],
            ("e", NONE, FAULT_PAUSE),
            id="all domains: the relay",
        ),
        pytest.param([(name, LATER) for name in "abcdefgh"], None, id="busy here and there"),
        pytest.param(
            [("a", SPAM)] * MAX_CONSECUTIVE_FAULTS + [(name, SPAM) for name in "bcde"],
            ("a", FAULT_PAUSE, NONE),
            id="a domain's refusals are not counted for the relay as well",
        ),
        pytest.param([("a", DAMNED)], ("a", NONE, FAULT_PAUSE), id="the relay says so itself"),
    ],
)
def test_only_who_refuses_us_is_left_alone(letters, left_alone):
    breakers = CircuitBreakers()

    pauses = [(domain, *breakers.note(domain, verdict)) for domain, verdict in letters]

    found = [one for one in pauses if any(one[1:])]
    assert found == ([left_alone] if left_alone else [])


def test_what_is_long_ago_is_forgotten():
    breakers = CircuitBreakers()
    for _ in range(MAX_FAULTS_IN_WINDOW - 1):
        breakers.note("a", SPAM)
        breakers.note("a", TAKEN)
    for _ in range(BREAKER_WINDOW):
        breakers.note("a", TAKEN)

    assert breakers.note("a", SPAM) == (NONE, NONE)
