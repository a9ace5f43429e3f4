"""Whether a permanent redirect is believed."""

import pytest

from parsed_entries import DAY, HOUR, NOON
from tidings.polling.redirects import RedirectStreak, is_downgrade

NEW, OTHER = "https://new.example/feed", "https://other.example/feed"


def after(*answers, apart):
    move = RedirectStreak()
    for number, answer in enumerate(answers):
        move = move.after(answer, now=NOON + number * apart)
    return move, NOON + (len(answers) - 1) * apart


@pytest.mark.parametrize(
    ("answers", "apart", "believed"),
    [
        pytest.param([NEW] * 5, 2 * DAY, True, id="five times in more than a week"),
        pytest.param([NEW] * 4, 7 * DAY, False, id="four times only"),
        pytest.param([NEW] * 100, HOUR, False, id="a hundred times in four days"),
        pytest.param([NEW] * 4 + [OTHER] + [NEW] * 4, 2 * DAY, False, id="elsewhere in between"),
        pytest.param([NEW] * 4 + [None] + [NEW] * 4, 2 * DAY, False, id="at home in between"),
        pytest.param([None] * 9, 2 * DAY, False, id="never moved"),
    ],
)
def test_a_move_must_be_confirmed_in_a_row_and_over_time(answers, apart, believed):
    move, now = after(*answers, apart=apart)

    assert move.is_confirmed(now) is believed


def test_a_move_that_gives_up_tls_is_a_downgrade():
    assert is_downgrade("https://a.example/", "http://a.example/")
    assert not is_downgrade("http://a.example/", "https://a.example/")
    assert not is_downgrade("http://a.example/", "http://b.example/")
