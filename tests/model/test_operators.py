"""What is worth telling the operator, and what is not."""

from dataclasses import replace
from datetime import timedelta

import pytest

from parsed_entries import DAY, HOUR, NOON
from tidings.model.operators import (
    MAX_LINES,
    HealthSnapshot,
    MessageGroup,
    ProblemKind,
    WatchedSource,
    problems_in,
)

WELL = HealthSnapshot(
    active_sources=3,
    polled_at=NOON - timedelta(minutes=1),
    sources=(),
    held_entries=0,
    drafts=0,
    paused_relays=(),
    stuck=MessageGroup(),
    refused=MessageGroup(),
    doubtful=MessageGroup(),
    bounces=0,
    usual_bounces=0.0,
    free_space=50_000_000_000,
    whole_space=100_000_000_000,
)


def a_source(number=1, **fields):
    usual = {
        "id": number,
        "title": f"Source {number}",
        "worked_at": NOON - 4 * DAY,
        "error": "404 Not Found",
        "notice": None,
        "is_retired": False,
    }
    return WatchedSource(**usual | fields)


def told(**changes):
    return [worry.kind for worry in problems_in(replace(WELL, **changes), now=NOON)]


def test_there_is_nothing_to_tell_where_all_is_well():
    assert problems_in(WELL, now=NOON) == ()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"polled_at": NOON - 6 * HOUR}, ["nothing_polled"], id="nobody polls"),
        pytest.param({"polled_at": NOON - 5 * HOUR}, [], id="a short silence"),
        pytest.param(
            {"polled_at": NOON - 9 * HOUR, "active_sources": 0}, [], id="nothing to be polled"
        ),
        pytest.param({"polled_at": None}, [], id="only just begun"),
        pytest.param({"free_space": 1_000_000_000}, ["disk"], id="the disk is nearly full"),
        pytest.param({"free_space": 2_000_000_000}, [], id="little of much, but enough"),
        pytest.param(
            {"free_space": 100_000_000, "whole_space": 1_000_000_000}, [], id="a small disk"
        ),
        pytest.param({"free_space": None}, [], id="somebody else's disk"),
        pytest.param({"paused_relays": ["a:25: 530"]}, ["relay"], id="the relay refuses us"),
        pytest.param({"refused": MessageGroup(count=2)}, ["relay"], id="it has refused letters"),
        pytest.param(
            {"stuck": MessageGroup(count=1)}, ["letters_stuck"], id="a letter does not leave"
        ),
        pytest.param(
            {"doubtful": MessageGroup(count=1)}, ["letters_doubtful"], id="a letter in doubt"
        ),
        pytest.param({"channels": ["chat: 500"]}, ["channels"], id="a channel that takes nothing"),
        pytest.param({"bounces": 9}, [], id="a few bounces"),
        pytest.param({"bounces": 10}, ["bounces"], id="bounces where there were none"),
        pytest.param({"bounces": 40, "usual_bounces": 10.0}, [], id="bounces as usual"),
        pytest.param(
            {"bounces": 50, "usual_bounces": 10.0}, ["bounces"], id="many more than usual"
        ),
        pytest.param({"sources": [a_source()]}, ["failing"], id="failing for days"),
        pytest.param({"sources": [a_source(worked_at=NOON - 2 * DAY)]}, [], id="failing lately"),
        pytest.param({"sources": [a_source(is_retired=True)]}, ["retired"], id="gone for good"),
        pytest.param(
            {"sources": [a_source(error=None, notice="moved")]}, ["notices"], id="a notice"
        ),
        pytest.param(
            {"sources": [a_source(notice="moved")]}, ["failing", "notices"], id="failing, a notice"
        ),
        pytest.param({"held_entries": 3}, ["held"], id="entries to be released"),
        pytest.param({"drafts": 1}, ["drafts"], id="an issue to be approved"),
    ],
)
def test_what_is_told(changes, expected):
    assert told(**changes) == expected


def test_the_worst_comes_first():
    everything = {
        "held_entries": 1,
        "drafts": 1,
        "sources": [a_source(notice="moved"), a_source(2, is_retired=True)],
        "bounces": 99,
        "channels": ["chat: 500"],
        "doubtful": MessageGroup(count=1),
        "stuck": MessageGroup(count=1),
        "refused": MessageGroup(count=1),
        "free_space": 0,
        "polled_at": NOON - DAY,
    }

    assert told(**everything) == list(ProblemKind)


def test_of_many_sources_those_that_failed_longest_are_named_and_all_are_counted():
    sources = [a_source(number, worked_at=NOON - (3 + number) * DAY) for number in range(15)]

    [worry] = problems_in(replace(WELL, sources=sources), now=NOON)

    assert worry.count == 15
    assert len(worry.lines) == MAX_LINES
    assert worry.lines[0] == "14 Source 14: 404 Not Found"
