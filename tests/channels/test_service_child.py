"""What is told through Apprise fits, and leads somewhere."""

import pytest

from tidings.channels.service_child import fit
from tidings.channels.services import check_address

LINK = "https://a.example/x"


@pytest.mark.parametrize(
    ("lines", "room", "expected"),
    [
        pytest.param([], 100, f"\n{LINK}", id="nothing but the link"),
        pytest.param(["one", "two"], 100, f"one\ntwo\n\n{LINK}", id="all of it"),
        pytest.param(["one", "two"], len(f"one\ntwo\n\n{LINK}"), f"one\ntwo\n\n{LINK}", id="just"),
        pytest.param(
            ["one", "two"], len(f"one\ntwo\n\n{LINK}") - 1, f"one\n\n{LINK}", id="a line less"
        ),
        pytest.param(["x" * 90], 80, f"{'x' * 58}…\n\n{LINK}", id="a long one is cut"),
        pytest.param(["one"], 5, f"\n{LINK}", id="the link in any case"),
    ],
)
def test_the_link_is_never_cut(lines, room, expected):
    found = fit(lines, LINK, room=room)

    assert found == expected
    assert len(found) <= room or found == f"\n{LINK}"


def test_an_address_is_tried_without_sending_anything():
    assert check_address("mastodon://token@127.0.0.1:1") is None
    assert check_address("mastodon://127.0.0.1:1") == "Apprise does not know such an address"
    assert check_address("nosuch://token@host") == "Apprise does not know such an address"
