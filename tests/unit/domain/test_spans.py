from datetime import timedelta

import pytest

from tidings.domain.spans import in_words


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(seconds=5), "5 s"),
        (timedelta(minutes=64), "64 min"),
        (timedelta(hours=2), "2 h"),
        (timedelta(hours=26, minutes=40), "27 h"),
        (timedelta(days=7), "7 d"),
    ],
)
def test_a_span_is_told_roughly(span, words):
    assert in_words(span) == words
