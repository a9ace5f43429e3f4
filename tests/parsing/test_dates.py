# ruff: noqa: RUF001 - Cyrillic words look like Latin ones
from datetime import UTC, datetime

import pytest

from tidings.parsing.dates import parse_date

TEN = datetime(2026, 7, 15, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "raw",
    [
        "Wed, 15 Jul 2026 10:00:00 GMT",
        "Wed, 15 Jul 2026 10:00:00 +0000 (UTC)",
        "wed 15 jul 2026 10:00",
        "15 Jul 2026 12:00:00 +0200",
        "15 Jul 2026 12:00:00+02:00",
        "15 Jul 26 10:00 UT",
        "15 Jul 126 10:00",
        "Wed, 15 Jul 2026 12:00:00 CEST",
        "Wed, 15 Jul 2026 06:00 EDT",
        "Wed, 15 Jul 2026 15:30 IST",
        "Wed, 15 Jul 2026 19:00 JST",
        "Wed, 15 Jul 2026 13:00 MSK",
        "Wed, 15 Jul 2026 18:00:00 GMT+8",
        "Wed, 15 Jul 2026 12:00:00 Europe/Berlin",
        "Wed Jul 15 10:00:00 2026",
        "Wed Jul 15 10:00:00 UTC 2026",
        "Wed Jul 15 2026 12:00:00 GMT+0200 (Central European Summer Time)",
        "July 15th, 2026 at 10:00 AM",
        "Jul. 15, 2026 10:00",
        "15-Jul-2026 10:00",
        "2026-07-15T10:00:00Z",
        "2026-07-15T10:00:00.123456+00:00",
        "2026-07-15 10:00",
        "2026-07-15T18:00:00 +0800",
        "2026/7/15 10:00:00",
        "20260715T100000Z",
        "20260715100000",
        "15.07.2026 10:00",
        "15/07/2026 10:00:00",
        "07/15/2026 10:00",
        "2026年7月15日 10:00",
        "2026年07月15日 星期三 上午 10:00",
        "2026年7月15日(水) 10時00分",
        "2026년 7월 15일 수요일 오전 10:00",
        "Mi, 15 Juli 2026 12:00 MESZ",
        "mer. 15 juil. 2026 10:00:00",
        "miércoles, 15 de julio de 2026 10:00",
        "mercoledì 15 luglio 2026 10:00",
        "quarta-feira, 15 de julho de 2026 10:00",
        "Ср, 15 июля 2026 г. в 10:00",
        "woensdag 15 juli 2026 10:00",
        "1784109600",
        "1784109600000",
        "Wed,15 Jul 2026 10:00:00 GMT",
        "Wed, 15 Jul 2026 10:0:0 GMT",
        "Wed, 15 Jul 2026 12:00:00 \u200e+0200",
        "Wed, 07/15/2026 - 10:00",
        "7/15/2026 10:00:00 AM",
        "15.07.26 10:00",
        "15.7.2026, 10:00 Uhr",
        "15.07.2026 в 10:00",
        "2026-07-15 10:00:00 +0000 UTC",
        "2026-07-15 18:00:00 +0800 CST",
        "2026-07-15T10:00:00+00:00Z",
        "2026/07/15 上午 10:00:00",
        "2026-07-15 上午10:00",
        "2026年7月15日上午10时00分",
        "2026年7月15日（周三）10:00",
        "15 七月 2026 10:00",
        "星期三, 15 七月 2026 18:00:00 +0800",
        "周三, 15 7月 2026 18:00:00 +0800",
        "7月 15, 2026 10:00",
        "2026. 7. 15. 오전 10:00",
        "15 juillet 2026 à 10h00",
        "śr., 15 lip 2026 12:00:00 +0200",
        "15. července 2026 10:00",
        "Çar, 15 Tem 2026 13:00:00 +0300",
        "15 heinäkuuta 2026 10:00",
        "15 липня 2026 10:00",
        "15 iulie 2026 10:00",
        "ons, 15 juli 2026 12:00:00 +0200",
        "15 يوليو 2026 10:00",
        "  Wed,\n 15 Jul 2026   10:00:00 GMT ",
    ],
)
def test_the_same_moment_in_many_spellings(raw):
    moment = parse_date(raw)

    assert moment is not None
    assert moment.replace(microsecond=0) == TEN


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param("2026-07-15", "2026-07-15T00:00:00+00:00", id="a day"),
        pytest.param("2026-07-15Z", "2026-07-15T00:00:00+00:00", id="a day in a zone"),
        pytest.param("2026-07-15+08:00", "2026-07-14T16:00:00+00:00", id="a day in the east"),
        pytest.param("2026-07-15 10:00 PM", "2026-07-15T22:00:00+00:00", id="evening"),
        pytest.param("2126-07-15", "2126-07-15T00:00:00+00:00", id="the future"),
        pytest.param("2026-07", "2026-07-01T00:00:00+00:00", id="a month"),
        pytest.param("15 Jul 2026 24:00:00 GMT", "2026-07-16T00:00:00+00:00", id="midnight"),
        pytest.param("31 Dec 2016 23:59:60 GMT", "2017-01-01T00:00:00+00:00", id="a leap second"),
        pytest.param("mar. 3 mars 2026", "2026-03-03T00:00:00+00:00", id="Tuesday in March"),
        pytest.param("mar 3 nov 2026", "2026-11-03T00:00:00+00:00", id="Tuesday in November"),
        pytest.param("3 Mar 2026", "2026-03-03T00:00:00+00:00", id="March"),
        pytest.param("15 Jul 99 12:30 PM", "1999-07-15T12:30:00+00:00", id="last century, noon"),
        pytest.param("15 Jul 2026 12:30 am", "2026-07-15T00:30:00+00:00", id="after midnight"),
        pytest.param("2026-196", "2026-07-15T00:00:00+00:00", id="a day of the year"),
        pytest.param("2024-366T10:00:00Z", "2024-12-31T10:00:00+00:00", id="the last of them"),
        pytest.param("Wed, 2026/07/15 8:19:53 EDT", "2026-07-15T12:19:53+00:00", id="named, too"),
        pytest.param("Τετ, 15 Ιούλ 2026 10:00:00 GMT", "2026-07-15T10:00:00+00:00", id="accents"),
        pytest.param("Τετάρτη, 15 Ιουλίου 2026", "2026-07-15T00:00:00+00:00", id="of July, Greek"),
        pytest.param(
            "2026-július-15T9:15-05:00", "2026-07-15T14:15:00+00:00", id="July within ISO"
        ),
        pytest.param("2026年7月15日 下午3:05", "2026-07-15T15:05:00+00:00", id="afternoon"),
    ],
)
def test_odd_but_clear_dates(raw, expected):
    assert parse_date(raw) == datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param("", id="nothing"),
        pytest.param("yesterday", id="a word"),
        pytest.param("3 hours ago", id="relative"),
        pytest.param("07/08/2026", id="July or August"),
        pytest.param("29 Feb 2025", id="no leap year"),
        pytest.param("2025-366", id="no such day of the year"),
        pytest.param("2025-000", id="no day of the year"),
        pytest.param("2025-13-45", id="no such month"),
        pytest.param("15 Jul 2026 25:61:61", id="no such hour"),
        pytest.param("15 Jul 2026 24:30", id="after the end of the day"),
        pytest.param("0000-00-00T00:00:00Z", id="zeros"),
        pytest.param("0001-01-01T00:00:00Z", id="year one"),
        pytest.param("0001-01-01T00:00:00+23:59", id="before year one"),
        pytest.param("9999-12-31T23:59:59-12:00", id="after year 9999"),
        pytest.param("-2025-07-01T00:00:00Z", id="before Christ"),
        pytest.param("2025-W27-2", id="a week"),
        pytest.param("Thu, 01 Jan 1970 00:00:00 +0000", id="the beginning of Unix time"),
        pytest.param("0", id="the beginning of Unix time, in seconds"),
        pytest.param("9999-12-31", id="year 9999"),
        pytest.param("Wed, 30 Nov -0001 00:00:00 +0000", id="zeros, by PHP"),
        pytest.param("15/07/26", id="a year or a day"),
        pytest.param("Posted 15 Jul 2026 10:00", id="a word before"),
        pytest.param("15 Foo 2026 10:00:00 GMT", id="no such name"),
        pytest.param("Wed, 15 Jul 2026 10:00:00 +9999", id="no such offset"),
        pytest.param("Wed, 15 Jul 2026 10:00:00 XYZ", id="no such zone"),
        pytest.param("Wed, 15 Jul 2026 10:00:00 Mars/Olympus", id="no such place"),
        pytest.param("Jul 2026 10:00", id="no day"),
        pytest.param("15 2026 10:00", id="no month"),
        pytest.param("15 Jul Aug 2026", id="two months"),
        pytest.param("15 Jul 2026 UTC", id="a zone without clock"),
        pytest.param("15 Jul 6", id="one digit of a year"),
        pytest.param("12345", id="a number"),
        pytest.param("15 Jul 2026 " * 20, id="too long"),
    ],
)
def test_what_names_no_moment_beyond_doubt_is_no_date(raw):
    assert parse_date(raw) is None


@pytest.mark.parametrize(
    ("raw", "language", "hour"),
    [
        pytest.param("Wed Oct 22 10:00:00 CST 2025", "zh-cn", 2, id="China's, by Java"),
        pytest.param("Wed, 22 Oct 2025 10:00:00 CST", "zh", 2, id="China's"),
        pytest.param("2025-10-22 10:00:00 CST", "zh-tw", 2, id="Taipei's"),
        pytest.param("Wed, 22 Oct 2025 10:00:00 CST", "en-us", 16, id="Chicago's"),
        pytest.param("Wed, 22 Oct 2025 10:00:00 CST", None, 16, id="Chicago's, by default"),
        pytest.param("Wed, 22 Oct 2025 10:00:00 EST", "zh-cn", 15, id="New York's anywhere"),
        pytest.param("Wed, 22 Oct 2025 10:00:00 +0800 (CST)", "zh", 2, id="an offset goes first"),
        pytest.param("Wed, 22 Oct 2025 10:00:00 IST", "he", 8, id="Jerusalem's"),
        pytest.param("Wed, 22 Oct 2025 10:00:00 EST", "en-au", 0, id="Sydney's"),
    ],
)
def test_a_zone_is_that_of_those_who_write_in_the_language(raw, language, hour):
    assert parse_date(raw, language) == datetime(2025, 10, 22, hour, tzinfo=UTC)
