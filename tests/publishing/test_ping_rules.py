"""When a hub is told of a feed, when again, and when not any more."""

import pytest

from parsed_entries import DAY, HOUR, NOON
from tidings.publishing.ping_rules import (
    MAX_ATTEMPTS,
    HubPing,
    announce,
    attempt,
    changed_bodies,
    fingerprints,
    settle,
)

MINUTE = HOUR / 60


def a_ping(**fields):
    usual = {
        "hub": "https://hub.example",
        "feed_url": "https://news.example/feed.atom",
        "change": 7,
    }
    return HubPing(**usual | fields)


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        pytest.param([b"a", b"b", b"c"], [b"a", b"b", b"c"], [], id="nothing"),
        pytest.param([b"a", b"b", b"c"], [b"a", b"B", b"c"], [1], id="one of them"),
        pytest.param([b"a", b"b", b"c"], [b"A", b"b", b"C"], [0, 2], id="some of them"),
        pytest.param([b"a"], [b"a", b"b"], [], id="a new one has no older form"),
        pytest.param([], [b"a", b"b"], [], id="seen for the first time"),
    ],
)
def test_what_has_changed_is_told_by_fingerprints(before, after, changed):
    known = fingerprints(before) if before else None

    assert changed_bodies(known, fingerprints(after)) == changed


def test_a_hub_is_told_at_once():
    assert announce(a_ping(), change=8, now=NOON) == a_ping(change=8, next_try_at=NOON)


def test_a_hub_that_was_just_told_is_told_after_a_minute():
    told = a_ping(accepted_at=NOON - MINUTE / 4)

    assert announce(told, change=8, now=NOON).next_try_at == NOON + 3 * MINUTE / 4


def test_a_hub_that_waits_to_be_told_is_told_of_both_changes_at_the_time_of_the_first():
    waiting = a_ping(next_try_at=NOON + MINUTE, attempts=3)

    assert announce(waiting, change=8, now=NOON) == a_ping(
        change=8, next_try_at=NOON + MINUTE, attempts=3
    )


def test_a_hub_that_was_given_up_is_told_of_the_next_change_from_the_start():
    given_up = a_ping(attempts=MAX_ATTEMPTS, last_error="503")

    again = announce(given_up, change=8, now=NOON)

    assert (again.attempts, again.next_try_at) == (0, NOON)


def test_a_hub_that_accepts_is_left_alone():
    asked = attempt(a_ping(next_try_at=NOON, last_error="503"), now=NOON)

    settled = settle(asked, None, told=7, now=NOON)

    assert settled == a_ping(accepted_at=NOON)


def test_what_changed_while_a_hub_was_told_is_told_a_minute_later():
    asked = attempt(a_ping(next_try_at=NOON), now=NOON)

    settled = settle(announce(asked, change=8, now=NOON), None, told=7, now=NOON)

    assert settled == a_ping(change=8, accepted_at=NOON, next_try_at=NOON + MINUTE)


def test_a_hub_that_fails_is_told_after_ever_longer_pauses_for_a_day():
    ping, now, pauses = a_ping(next_try_at=NOON), NOON, []
    while ping.next_try_at:
        now = ping.next_try_at
        ping = settle(attempt(ping, now=now), "503: busy", told=7, now=now)
        if ping.next_try_at:
            pauses.append(ping.next_try_at - now)

    assert pauses[:3] == [MINUTE, 2 * MINUTE, 4 * MINUTE]
    assert max(pauses) == 3 * HOUR
    assert 0.75 * DAY < now - NOON < 1.25 * DAY
    assert ping == a_ping(attempts=MAX_ATTEMPTS, last_error="503: busy")
