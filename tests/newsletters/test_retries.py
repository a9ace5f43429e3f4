"""What becomes of a delivery after an attempt that failed."""

from datetime import timedelta

import pytest

from tidings.errors import (
    LostReplyError,
    RefusedForNowError,
    RejectedError,
    RelayUnreachableError,
    SenderFaultError,
)
from tidings.model.newsletters import DeliveryState
from tidings.newsletters.retries import (
    BACKOFF,
    FAULT_PAUSE,
    MAX_DOUBTFUL_ATTEMPTS,
    OUTAGE_PAUSE,
    RESEND_DELAY,
    Verdict,
    judge,
)


def verdict(kind, *, attempt=1, is_resend=False, stops=False):
    error = kind("ann@example.org", "because", stops_relay=stops)
    return judge(error, attempt=attempt, is_resend=is_resend)


@pytest.mark.parametrize("kind", [RefusedForNowError, RelayUnreachableError])
def test_what_was_not_taken_is_tried_again_ever_more_slowly(kind):
    pauses = [verdict(kind, attempt=number).pause for number in range(1, 9)]

    assert pauses == [*BACKOFF, *[BACKOFF[-1]] * 3]
    assert verdict(kind) == Verdict(state=DeliveryState.DEFERRED, pause=BACKOFF[0], unmarked=True)


def test_a_refused_recipient_is_refused_for_good():
    assert verdict(RejectedError) == Verdict(
        state=DeliveryState.REJECTED, unmarked=True, is_refusal=True
    )


@pytest.mark.parametrize(
    ("stops", "relay_pause"),
    [
        pytest.param(True, FAULT_PAUSE, id="whoever it is for: the relay is left alone"),
        pytest.param(False, timedelta(0), id="this letter: the others go on"),
    ],
)
def test_who_refuses_us_is_asked_again_later_and_nobody_is_to_blame(stops, relay_pause):
    assert verdict(SenderFaultError, stops=stops) == Verdict(
        state=DeliveryState.HELD,
        pause=FAULT_PAUSE,
        unmarked=True,
        relay_pause=relay_pause,
        is_refusal=True,
    )


def test_a_relay_that_is_away_is_left_alone_for_a_moment():
    found = verdict(RelayUnreachableError, stops=True)

    assert (found.state, found.relay_pause) == (DeliveryState.DEFERRED, OUTAGE_PAUSE)


def test_a_lost_reply_leaves_a_doubt():
    assert verdict(LostReplyError) == Verdict(state=DeliveryState.UNCERTAIN, pause=RESEND_DELAY)


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(LostReplyError, id="lost again"),
        pytest.param(RejectedError, id="refused for good"),
    ],
)
def test_a_repetition_that_fails_for_good_ends_in_the_assumption(kind):
    found = verdict(kind, is_resend=True)

    assert found.state is DeliveryState.ASSUMED_ACCEPTED
    assert not found.unmarked


@pytest.mark.parametrize("kind", [RefusedForNowError, RelayUnreachableError, SenderFaultError])
def test_a_repetition_that_was_not_taken_stays_in_doubt_until_its_attempts_are_used_up(kind):
    attempts = range(2, MAX_DOUBTFUL_ATTEMPTS + 1)

    found = [verdict(kind, attempt=number, is_resend=True) for number in attempts]

    *before, last = [one.state for one in found]
    assert set(before) == {DeliveryState.UNCERTAIN}
    assert last is DeliveryState.ASSUMED_ACCEPTED
    assert not any(one.unmarked for one in found)
