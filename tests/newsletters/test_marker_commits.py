"""Markers that are committed together."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from tidings.errors import DatabaseAwayError, LeaseLostError
from tidings.newsletters.marker_commits import MarkerCommits

SECONDS = 10


class SlowCommits:
    """A database whose first commit takes until `go_on`."""

    def __init__(self, fate=set):
        self.fate = fate
        self.groups = []
        self.has_begun, self.go_on = Event(), Event()

    def __call__(self, messages):
        self.groups.append(list(messages))
        self.has_begun.set()
        assert self.go_on.wait(SECONDS)
        return self.fate(messages)


def mark_while_one_is_committed(commits, messages):
    """Mark 1, and the others while that is committed; return what came of each."""
    markers = MarkerCommits(commits)
    with ThreadPoolExecutor(len(messages) + 1) as threads:
        asked = [threads.submit(markers.mark, 1)]
        assert commits.has_begun.wait(SECONDS)
        asked += [threads.submit(markers.mark, one) for one in messages]
        while len(markers._waiting) < len(messages):  # nothing else shows that they wait
            time.sleep(0.001)
        commits.go_on.set()
        return [one.exception(SECONDS) for one in asked]


def test_markers_that_wait_are_committed_together():
    commits = SlowCommits()

    errors = mark_while_one_is_committed(commits, [2, 3, 4])

    assert errors == [None] * 4
    first, second = commits.groups
    assert (first, sorted(second)) == ([1], [2, 3, 4])


def test_only_whose_lease_is_lost_is_told_so():
    errors = mark_while_one_is_committed(SlowCommits(fate=lambda some: {*some} - {3}), [2, 3])

    assert [type(error) for error in errors] == [type(None), type(None), LeaseLostError]


def test_everyone_whose_transaction_failed_is_told_and_may_try_again():
    def fail(messages):
        raise DatabaseAwayError("db", str(messages))

    markers = MarkerCommits(fail)
    for _ in range(2):
        with pytest.raises(DatabaseAwayError):
            markers.mark(1)
    errors = mark_while_one_is_committed(SlowCommits(fate=fail), [2, 3])

    assert [type(error) for error in errors] == [DatabaseAwayError] * 3
