"""Versions with faults that matter here are named."""

import pytest

from tidings.operator.checks import faults


@pytest.mark.parametrize(
    ("python", "sqlite", "expected"),
    [
        pytest.param((3, 11, 7), None, ["Python 3.11.7"], id="an old Python"),
        pytest.param((3, 11, 15), None, [], id="a mended one"),
        pytest.param((3, 15, 0), (3, 51, 3), [], id="newer than both"),
        pytest.param((3, 14, 3), (3, 51, 2), ["SQLite 3.51.2"], id="an old SQLite"),
        pytest.param((3, 14, 3), (3, 50, 7), [], id="an older series, mended"),
        pytest.param((3, 14, 3), (3, 45, 0), ["SQLite 3.45.0"], id="an older series"),
        pytest.param((3, 12, 1), (3, 40, 1), ["Python 3.12.1", "SQLite 3.40.1"], id="both are old"),
    ],
)
def test_known_faults_are_named(python, sqlite, expected):
    found = faults(python, sqlite)

    assert [" ".join(one.split()[:2]) for one in found] == expected
