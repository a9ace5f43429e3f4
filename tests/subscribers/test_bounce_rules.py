"""What a refusal says of an address, and when we stop writing to it."""

from dataclasses import replace

import pytest

from parsed_entries import DAY, HOUR, NOON
from tidings.model.refusals import find_status
from tidings.model.subscribers import SuppressionReason
from tidings.subscribers.bounce_rules import BounceHistory, BounceKind, decide, is_forgiven, kind_of


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        pytest.param("5.1.1", BounceKind.GONE, id="no such mailbox"),
        pytest.param("5.1.2", BounceKind.GONE, id="no such domain"),
        pytest.param("5.1.3", BounceKind.GONE, id="no address at all"),
        pytest.param("5.1.6", BounceKind.GONE, id="moved"),
        pytest.param("5.1.10", BounceKind.GONE, id="null MX"),
        pytest.param("5.2.1", BounceKind.GONE, id="closed"),
        pytest.param("5.2.2", BounceKind.FAILED, id="full"),
        pytest.param("4.2.2", BounceKind.FAILED, id="full for days"),
        pytest.param("4.1.1", BounceKind.FAILED, id="unknown for now, for days"),
        pytest.param("5.0.0", BounceKind.FAILED, id="no reason given"),
        pytest.param("4.4.7", BounceKind.FAILED, id="took too long"),
        pytest.param(None, BounceKind.FAILED, id="no code"),
        pytest.param("5.7.1", BounceKind.OTHER, id="a policy against us"),
        pytest.param("5.7.26", BounceKind.OTHER, id="not signed"),
        pytest.param("4.7.0", BounceKind.OTHER, id="a policy, for now"),
        pytest.param("5.1.8", BounceKind.OTHER, id="our address is not liked"),
        pytest.param("4.4.1", BounceKind.OTHER, id="no answer"),
        pytest.param("4.4.2", BounceKind.OTHER, id="the line broke"),
    ],
)
def test_what_a_status_says_of_the_address(status, kind):
    assert kind_of(status, "") is kind


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        pytest.param(
            "5.4.1",
            "550 5.4.1 Recipient address rejected: Access denied. [x.prod.outlook.com]",
            BounceKind.GONE,
            id="Microsoft knows of no such recipient",
        ),
        pytest.param("5.4.1", "no answer from host", BounceKind.OTHER, id="5.4.1 of a line"),
        pytest.param(
            "5.2.1",
            "550 5.2.1 The user you are trying to contact is receiving mail at a rate that"
            " prevents additional messages from being delivered.",
            BounceKind.OTHER,
            id="Gmail: too much at once",
        ),
        pytest.param(
            "5.2.1",
            "550 5.2.1 The email account that you tried to reach is inactive.",
            BounceKind.GONE,
            id="Gmail: closed",
        ),
        pytest.param("5.0.0", "550 spam detected", BounceKind.OTHER, id="words: our content"),
        pytest.param(None, "552 message size exceeds limit", BounceKind.OTHER, id="words: size"),
        pytest.param(None, "550 user unknown", BounceKind.FAILED, id="words: the recipient"),
        pytest.param("5.3.4", "message too big for system", BounceKind.OTHER, id="our size"),
        pytest.param(
            "4.4.7", "message expired, unable to send for 5 days", BounceKind.FAILED, id="took long"
        ),
    ],
)
def test_what_a_server_says_counts_where_its_status_says_little(status, text, kind):
    assert kind_of(status, text) is kind


@pytest.mark.parametrize(
    ("text", "status"),
    [
        pytest.param("550 5.1.1 nobody here", "5.1.1", id="a reply"),
        pytest.param("550-5.1.10 first line", "5.1.10", id="of several lines"),
        pytest.param("550 #5.1.0 address rejected", "5.1.0", id="with a mark before it"),
        pytest.param("No such user (5.1.1).", "5.1.1", id="in a sentence"),
        pytest.param("550 blocked: 5.1.1.9 is listed", None, id="an address of the network"),
        pytest.param("550 by version 15.1.2", None, id="part of a larger number"),
        pytest.param("550 no such user", None, id="none"),
    ],
)
def test_a_status_is_found_in_what_a_server_says(text, status):
    assert find_status(text) == status


def judged(days, *, kind=BounceKind.FAILED, standing=None):
    """Return the decision after the last of the bounces that come on these days, each of another issue."""
    decision = None
    standing = standing or BounceHistory()
    for day in days:
        decision = decide(kind, standing, is_known_to_fail=False, now=NOON + day * DAY)
        standing = decision.history
    return decision


@pytest.mark.parametrize(
    ("days", "is_let_go"),
    [
        pytest.param([0, 1, 2, 3, 4], False, id="five in a week: not long enough"),
        pytest.param([0, 4, 8, 13.9], False, id="four: not enough"),
        pytest.param([0, 3, 7, 10, 13.9], False, id="five in a little less than two weeks"),
        pytest.param([0, 3, 7, 10, 14], True, id="five in two weeks"),
        pytest.param([0, 7, 14, 21, 28], True, id="a weekly newsletter: five weeks"),
        pytest.param(range(14), False, id="each day for two weeks but one day"),
        pytest.param(range(15), True, id="each day for two weeks"),
        pytest.param([0, 0.1, 0.2, 0.3, 14], False, id="many in one day count once"),
    ],
)
def test_who_fails_often_and_for_long_is_let_go(days, is_let_go):
    decision = judged(days)

    assert decision.reason is (SuppressionReason.BOUNCES if is_let_go else None)


def test_an_address_where_nobody_is_is_let_go_at_once():
    assert judged([0], kind=BounceKind.GONE).reason is SuppressionReason.BOUNCES


def test_who_complains_is_let_go_at_once():
    assert judged([0], kind=BounceKind.COMPLAINT).reason is SuppressionReason.COMPLAINT


def test_a_dislike_of_us_never_counts():
    before = BounceHistory(score=4, since=NOON - 30 * DAY, last_at=NOON - 7 * DAY)

    decision = judged(range(100), kind=BounceKind.OTHER, standing=before)

    assert decision.reason is None
    assert decision.history == before


def test_an_issue_counts_once():
    first = decide(BounceKind.FAILED, BounceHistory(), is_known_to_fail=False, now=NOON)

    again = decide(BounceKind.FAILED, first.history, is_known_to_fail=True, now=NOON + 2 * DAY)

    assert again.history == first.history


def test_who_is_let_go_begins_anew():
    assert judged(range(15)).history == BounceHistory()


@pytest.mark.parametrize(
    ("arrived_at", "is_over"),
    [
        pytest.param(None, False, id="no issue since"),
        pytest.param(NOON - 14 * DAY + HOUR, False, id="its bounce may still come"),
        pytest.param(NOON - 14 * DAY, True, id="an issue that arrived"),
    ],
)
def test_failures_are_forgotten_when_a_later_issue_arrived(arrived_at, is_over):
    standing = BounceHistory(score=4, since=NOON - 60 * DAY, last_at=NOON - 20 * DAY)

    assert is_forgiven(standing, arrived_at=arrived_at, now=NOON) is is_over
    assert not is_forgiven(replace(standing, score=0), arrived_at=arrived_at, now=NOON)
