"""What a due slot means for a subscription."""

from datetime import timedelta

import pytest

from parsed_entries import DAY, HOUR, NOON
from tidings.model.newsletters import Frequency, Schedule
from tidings.newsletters.windows import (
    INSTANT_PAUSE,
    Omission,
    PendingDelivery,
    Slot,
    SubscriptionProgress,
    Window,
    find_due_slot,
    is_flood,
    is_too_small,
    next_due,
    slot_outside_calendar,
    window_of,
)

DAILY = Schedule(frequency=Frequency.DAILY, hour=7, timezone="UTC")
INSTANT = Schedule(frequency=Frequency.INSTANT, hour=7, timezone="UTC")
TODAY = Slot(key="d:2026-11-20", due_at=NOON - 5 * HOUR)


def window(*, watermark=10, upto_seq=15, pending=(), taken_slots=(), slot=TODAY, now=NOON):
    progress = SubscriptionProgress(
        watermark=watermark, pending=pending, taken_slots=frozenset(taken_slots)
    )
    return window_of(DAILY, slot, progress, upto_seq=upto_seq, now=now)


def omitted(omission):
    return Window(slot=TODAY.key, from_seq=10, to_seq=10, omission=omission)


def test_a_window_goes_from_the_watermark_to_the_cut():
    assert window() == Window(slot=TODAY.key, from_seq=10, to_seq=15)


def test_what_was_not_sent_is_told_with_the_news():
    unsent = (PendingDelivery(id=1, from_seq=4), PendingDelivery(id=2, from_seq=7))

    assert window(pending=unsent) == Window(
        slot=TODAY.key, from_seq=4, to_seq=15, supersedes=(1, 2)
    )


@pytest.mark.parametrize("upto_seq", [10, 9])
def test_without_news_what_was_not_sent_stays_as_it_is(upto_seq):
    unsent = (PendingDelivery(id=1, from_seq=4),)

    assert window(upto_seq=upto_seq, pending=unsent) == Window(
        slot=TODAY.key, from_seq=10, to_seq=10
    )


def test_a_slot_that_was_had_is_not_had_again():
    unsent = (PendingDelivery(id=1, from_seq=4),)

    assert window(taken_slots=[TODAY.key], pending=unsent) == omitted(Omission.REPEATED)


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        pytest.param(12 * HOUR, None, id="half a day: still in time"),
        pytest.param(12 * HOUR + timedelta(seconds=1), Omission.LATE, id="more: left to the next"),
    ],
)
def test_a_slot_noticed_late_is_left_to_the_next(late, expected):
    assert window(now=TODAY.due_at + late).omission == expected


def test_who_wants_news_as_it_happens_has_no_calendar():
    assert find_due_slot(INSTANT, NOON) is None
    assert next_due(INSTANT, NOON) == NOON + INSTANT_PAUSE
    assert slot_outside_calendar("e", 15, NOON) == Slot(key="e:15", due_at=NOON)


def test_after_a_downtime_the_latest_slot_is_due():
    assert find_due_slot(DAILY, NOON) == TODAY
    assert next_due(DAILY, NOON) == TODAY.due_at + DAY


@pytest.mark.parametrize(
    ("ages", "slot", "expected"),
    [
        pytest.param([], TODAY, False, id="nothing: an empty slot"),
        pytest.param([1, 2], TODAY, True, id="too few: they wait"),
        pytest.param([1, 2, 3], TODAY, False, id="enough"),
        pytest.param([95, 1], TODAY, True, id="almost four days: they wait"),
        pytest.param([96, 1], TODAY, False, id="four days: long enough"),
        pytest.param(
            [1], slot_outside_calendar("now", 15, NOON), False, id="at the operator's word"
        ),
        pytest.param([1], slot_outside_calendar("e", 15, NOON), True, id="as it happens"),
    ],
)
def test_a_few_entries_wait_for_more_of_them_but_not_for_ever(ages, slot, expected):
    seen = [slot.due_at - age * HOUR for age in ages]

    assert is_too_small(DAILY, slot, least=3, seen=seen) is expected


@pytest.mark.parametrize(
    ("letters", "usual", "expected"),
    [
        pytest.param(5000, 0, False, id="the first letters of all: nothing is usual"),
        pytest.param(5000, 500, False, id="ten times as many"),
        pytest.param(5001, 500, True, id="more than that"),
        pytest.param(100, 1, False, id="few anyway"),
        pytest.param(101, 1, True, id="no longer few"),
    ],
)
def test_many_more_letters_than_usual_are_a_flood(letters, usual, expected):
    assert is_flood(letters, usual=usual) is expected
