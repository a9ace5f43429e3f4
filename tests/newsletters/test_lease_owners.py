"""Who holds a message is known to be gone only if its process can be looked for here."""

import os
import subprocess
import sys

import pytest

from tidings.newsletters.lease_owners import is_gone, owner_of_round

OURS = owner_of_round("host:1:ab")
PLACE, _, _ = OURS.rpartition("/")


@pytest.fixture
def ended():
    """The id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_each_round_has_an_owner_of_its_own():
    assert owner_of_round("host:1:ab") != OURS


def test_a_process_is_gone_when_it_has_ended_and_not_before(ended):
    assert not is_gone(OURS)
    assert not is_gone(f"{PLACE}/{os.getppid()}")
    assert is_gone(f"{PLACE}/{ended}")


def test_a_process_of_another_user_is_not_gone():
    assert not is_gone(f"{PLACE}/1")


@pytest.mark.parametrize(
    "place",
    [
        pytest.param("host:1:ab:cd@another-boot/pid:[4026531836]", id="another boot or machine"),
        pytest.param(PLACE.replace("pid:[", "pid:[9"), id="another container"),
        pytest.param("host:1:ab:cd@", id="a system that does not tell"),
        pytest.param("host:1:ab:cd", id="a name that holds no process"),
    ],
)
def test_what_cannot_be_known_is_not_gone(place, ended):
    assert not is_gone(f"{place}/{ended}")
