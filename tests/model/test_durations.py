from datetime import timedelta

import pytest

from tidings.errors import InvalidError
from tidings.model.durations import duration_in_words, format_duration, parse_duration


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
    assert duration_in_words(span) == words


@pytest.mark.parametrize(
    ("text", "span", "again"),
    [
        ("90m", timedelta(minutes=90), "90m"),
        ("120m", timedelta(hours=2), "2h"),
        (" 2d ", timedelta(days=2), "2d"),
        ("45s", timedelta(seconds=45), "45s"),
        ("1.5h", timedelta(minutes=90), "90m"),
        ("0.5s", timedelta(seconds=0.5), "0.5s"),
        ("3650d", timedelta(days=3650), "3650d"),
        ("", timedelta(0), ""),
    ],
)
def test_a_span_is_read_and_written_as_people_type_it(text, span, again):
    assert parse_duration(text) == span
    assert format_duration(span) == again


@pytest.mark.parametrize("text", ["often", "3", "h", "-1h", ".5h", "3 h", "1234567890s", "\u0663h"])
def test_what_is_no_span_is_refused(text):
    with pytest.raises(InvalidError, match="90m, 3h or 2d"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["3651d", "999999999d"])
def test_a_span_beyond_ten_years_is_refused(text):
    with pytest.raises(InvalidError, match="at most 3650 days"):
        parse_duration(text)
