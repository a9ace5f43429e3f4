from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.fetching.interpret import LONGEST_HINT, fresh_for, retry_after

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ZERO = timedelta(0)


@pytest.mark.parametrize(
    ("cache_control", "headers", "expected"),
    [
        pytest.param("", {}, None, id="nothing said"),
        pytest.param("public, must-revalidate", {}, None, id="nothing about time"),
        pytest.param("max-age=3600", {}, HOUR, id="max-age"),
        pytest.param("Public,MAX-AGE = 3600", {}, HOUR, id="capitals and blanks"),
        pytest.param('max-age="3600"', {}, HOUR, id="in quotes"),
        pytest.param("max-age=3600", {"age": "1800"}, HOUR / 2, id="less what a cache had it"),
        pytest.param("max-age=3600", {"age": "7200"}, ZERO, id="older than its lifetime"),
        pytest.param("max-age=3600", {"age": "-5"}, HOUR, id="a senseless age"),
        pytest.param("s-maxage=60, max-age=3600", {}, HOUR, id="shared caches are others"),
        pytest.param("max-age=0", {}, ZERO, id="zero"),
        pytest.param("max-age=3600, no-cache", {}, ZERO, id="no-cache"),
        pytest.param("no-store", {"expires": "Sun, 01 Mar 2026 13:00:00 GMT"}, ZERO, id="no-store"),
        pytest.param('x="no-cache", max-age=3600', {}, HOUR, id="no-cache as a mere value"),
        pytest.param("max-age=-1", {}, None, id="negative: not said"),
        pytest.param("max-age=soon", {}, None, id="no number: not said"),
        pytest.param("max-age=" + "9" * 5000, {}, LONGEST_HINT, id="for ever: held"),
        pytest.param("max-age=00000000003600", {}, HOUR, id="leading zeros"),
        pytest.param("", {"expires": "Sun, 01 Mar 2026 13:00:00 GMT"}, HOUR, id="Expires"),
        pytest.param(
            "",
            {
                "expires": "Sun, 01 Mar 2026 10:00:00 GMT",
                "date": "Sun, 01 Mar 2026 09:00:00 GMT",
            },
            HOUR,
            id="Expires by the server's own clock",
        ),
        pytest.param("", {"expires": "Sun, 01 Mar 2026 11:00:00 GMT"}, ZERO, id="expired"),
        pytest.param("", {"expires": "0"}, ZERO, id="Expires that is no date: expired"),
        pytest.param(
            "", {"expires": "Fri, 31 Dec 9999 23:59:59 GMT"}, LONGEST_HINT, id="9999: held"
        ),
        pytest.param(
            "max-age=3600", {"expires": "Sun, 01 Mar 2026 11:00:00 GMT"}, HOUR, id="max-age first"
        ),
    ],
)
def test_how_long_an_answer_stays_fresh(cache_control, headers, expected):
    assert fresh_for(cache_control, **headers, now=NOON) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(None, None, id="absent"),
        pytest.param("", None, id="empty"),
        pytest.param("3600", HOUR, id="seconds"),
        pytest.param(" 3600.7", HOUR, id="a fraction"),
        pytest.param("0", ZERO, id="at once"),
        pytest.param("-1", None, id="negative"),
        pytest.param("NaN", None, id="not a number"),
        pytest.param("999999999999", LONGEST_HINT, id="for ever: held"),
        pytest.param("Sun, 01 Mar 2026 13:00:00 GMT", HOUR, id="a date"),
        pytest.param("Sunday, 01-Mar-26 13:00:00 GMT", HOUR, id="a date of the old kind"),
        pytest.param("Sun Mar  1 13:00:00 2026", HOUR, id="a date of C"),
        pytest.param("Sun, 01 Mar 2026 14:00:00 +0100", HOUR, id="a date with a zone"),
        pytest.param("Sun, 01 Mar 2026 11:00:00 GMT", ZERO, id="past"),
        pytest.param("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_HINT, id="9999: held"),
        pytest.param("Fri, 31 Dec 99999 23:59:59 GMT", None, id="no such year"),
        pytest.param("tomorrow", None, id="words"),
    ],
)
def test_the_pause_a_server_asks_for(value, expected):
    assert retry_after(value, now=NOON) == expected


@given(st.text() | st.from_regex(r"(max-age=)?-?\d{0,30}.*") | st.datetimes().map(str))
def test_no_header_gets_beyond_the_bounds(value):
    pauses = [
        retry_after(value, now=NOON),
        fresh_for(value, expires=value, age=value, date=value, now=NOON),
    ]

    assert all(pause is None or ZERO <= pause <= LONGEST_HINT for pause in pauses)
