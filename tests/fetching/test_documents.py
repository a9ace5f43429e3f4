"""What a fetch sends, and what it makes of a document."""

import gzip
import zlib
from datetime import timedelta

import pytest

from fake_publisher import answer, hanging_up
from tidings.errors import BrokenTransferError, StatusError
from tidings.fetching.outcomes import Fetched, Validators

DOCUMENT = b"<feed>" + b"<entry>caf\xc3\xa9</entry>" * 100 + b"</feed>"


def test_a_document_arrives_whole_with_what_its_headers_say(fetch, publisher):
    url = publisher.serve(
        "/feed",
        answer(
            body=DOCUMENT,
            Content_Type='Application/Atom+XML; charset="UTF-8"',
            Content_Language="en-GB",
            ETag='W/"a b"',
            Last_Modified="yesterday, more or less",
            Cache_Control="max-age=3600",
            Age="600",
        ),
    )

    outcome = fetch(url + "#top")

    assert outcome == Fetched(
        url=url,
        body=DOCUMENT,
        content_type="application/atom+xml",
        charset="UTF-8",
        language="en-GB",
        validators=Validators(url=url, etag='W/"a b"', last_modified="yesterday, more or less"),
        fresh_for=timedelta(minutes=50),
    )


@pytest.mark.parametrize("named", ["de, en", "mi\r\nContent-Language: en", "<p>", ""])
def test_a_header_that_names_more_or_less_than_one_language_names_none(fetch, publisher, named):
    url = publisher.serve("/feed", answer(body=DOCUMENT, Content_Language=named))

    assert fetch(url).language is None


def test_a_document_without_headers_is_a_document(fetch, publisher):
    url = publisher.serve("/feed", hanging_up(b"HTTP/1.0 200 OK\r\n\r\n" + DOCUMENT))

    outcome = fetch(url)

    assert outcome == Fetched(url=url, body=DOCUMENT, validators=Validators(url=url))


def test_the_request_says_who_asks_and_nothing_about_anybody(fetch, publisher, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    url = publisher.serve("/feed", answer(Set_Cookie="a=b; Path=/"))

    fetch(url)
    fetch(url)

    sent = publisher.received[1].headers
    assert sent["user-agent"] == "tidings/1.2.3 (+https://tidings.example/about)"
    assert sent["accept-encoding"] == "gzip, deflate"
    assert sent["accept"].startswith("application/atom+xml")
    assert sent.keys() == {"host", "user-agent", "accept", "accept-encoding", "connection"}


def test_a_cookie_is_not_sent_back_within_one_round_either(a_fetcher, publisher, gather):
    urls = [publisher.serve(f"/{n}", answer(Set_Cookie="a=b; Path=/")) for n in range(2)]

    with a_fetcher() as fetcher:
        gather(fetcher, urls)

    assert "cookie" not in publisher.received[1].headers


def _raw_deflate(data):
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        pytest.param("gzip", gzip.compress(DOCUMENT), id="gzip"),
        pytest.param("X-GZIP", gzip.compress(DOCUMENT), id="gzip by its old name"),
        pytest.param("gzip, identity", gzip.compress(DOCUMENT), id="gzip and nothing"),
        pytest.param("deflate", zlib.compress(DOCUMENT), id="deflate"),
        pytest.param("deflate", _raw_deflate(DOCUMENT), id="deflate without its header"),
        pytest.param("identity", DOCUMENT, id="not encoded, and saying so"),
        pytest.param("", DOCUMENT, id="an empty header"),
        pytest.param(
            "gzip", gzip.compress(DOCUMENT[:50]) + gzip.compress(DOCUMENT[50:]), id="two members"
        ),
        pytest.param("gzip", gzip.compress(DOCUMENT) + bytes(512), id="padding at the end"),
    ],
)
def test_a_body_is_decoded(fetch, publisher, encoding, body):
    url = publisher.serve("/feed", answer(body=body, Content_Encoding=encoding))

    outcome = fetch(url)

    assert outcome.body == DOCUMENT


@pytest.mark.parametrize(
    "encoding",
    [
        pytest.param("br", id="one we did not ask for"),
        pytest.param("gzip, gzip", id="twice the same"),
        pytest.param("gzip\r\nContent-Encoding: deflate", id="two headers"),
    ],
)
def test_other_encodings_are_refused(fetch, publisher, encoding):
    body = gzip.compress(gzip.compress(DOCUMENT))
    url = publisher.serve("/feed", answer(body=body, Content_Encoding=encoding))

    outcome = fetch(url)

    assert isinstance(outcome, BrokenTransferError)
    assert "content encoding" in str(outcome)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param('"' + "x" * 1000 + '"', id="longer than 1 kB"),
        pytest.param('"a\tb"', id="with a control character"),
        pytest.param('"caf\udce9"', id="not UTF-8"),
        pytest.param("", id="empty"),
    ],
)
def test_a_validator_that_cannot_be_kept_is_dropped_alone(fetch, publisher, value):
    url = publisher.serve("/feed", answer(body=DOCUMENT, ETag=value, Last_Modified="x"))

    outcome = fetch(url)

    assert outcome.validators == Validators(url=url, last_modified="x")


def test_a_long_validator_is_kept_whole(fetch, publisher):
    etag = '"' + "x" * 998 + '"'
    url = publisher.serve("/feed", answer(body=DOCUMENT, ETag=etag))

    outcome = fetch(url)

    assert outcome.validators.etag == etag


@pytest.mark.parametrize(
    ("status", "transient"),
    [
        pytest.param("204 No Content", False, id="nothing"),
        pytest.param("205 Reset Content", False, id="reset"),
        pytest.param("206 Partial Content", False, id="a part nobody asked for"),
        pytest.param("226 IM Used", False, id="a delta nobody asked for"),
        pytest.param("300 Multiple Choices", False, id="a choice"),
        pytest.param("404 Not Found", False, id="absent"),
        pytest.param("410 Gone", False, id="gone"),
        pytest.param("503 Service Unavailable", True, id="overloaded"),
        pytest.param("999 Request denied", True, id="invented"),
    ],
)
def test_any_other_status_is_an_error(fetch, publisher, status, transient):
    url = publisher.serve("/feed", answer(status, Retry_After="120"))

    outcome = fetch(url)

    assert isinstance(outcome, StatusError)
    assert str(outcome) == f"cannot fetch {url}: {status}"
    assert outcome.status == int(status[:3])
    assert outcome.transient is transient
    assert outcome.retry_after == timedelta(minutes=2)


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        pytest.param("403 Forbidden", {"cf_mitigated": "challenge"}, id="a challenge"),
        pytest.param("403 Forbidden", {"x_datadome": "protected"}, id="another maker's"),
        pytest.param("405 Method Not Allowed", {"x_amzn_waf_action": "captcha"}, id="a captcha"),
    ],
)
def test_a_wall_against_bots_is_called_that(fetch, publisher, status, headers):
    url = publisher.serve("/feed", answer(status, **headers))

    outcome = fetch(url)

    assert str(outcome) == f"cannot fetch {url}: {status}, from a wall against bots"


def test_links_in_headers_name_hubs_and_the_address_they_know(fetch, publisher):
    two = '<https://b.example/>; rel="hub", <//c.example/feed>; rel=self'
    first = b"HTTP/1.1 200 OK\r\nLink: </hub>; rel=hub\r\nLink: " + two.encode()
    url = publisher.serve("/feed", hanging_up(first + b"\r\n\r\n" + DOCUMENT))

    outcome = fetch(url)

    assert outcome.hubs == (publisher.url("/hub"), "https://b.example/")
    assert outcome.self_url == "http://c.example/feed"


def test_a_pause_until_a_time_goes_by_the_clock_of_the_server(fetch, publisher):
    slow = {"Date": "Sun, 01 Mar 2020 12:00:00 GMT", "Retry_After": "Sun, 01 Mar 2020 13:00:00 GMT"}
    url = publisher.serve("/feed", answer("503 Service Unavailable", **slow))

    outcome = fetch(url)

    assert outcome.retry_after == timedelta(hours=1)


def test_credentials_in_the_address_become_basic_authentication(fetch, publisher):
    publisher.serve("/feed", answer(body=DOCUMENT))
    url = f"http://us%40er:p%3Ass@{publisher.host}/feed"

    outcome = fetch(url)

    assert publisher.received[0].headers["authorization"] == "Basic dXNAZXI6cDpzcw=="
    assert outcome.url == outcome.validators.url == publisher.url("/feed")


def test_credentials_stay_out_of_errors(fetch, publisher):
    publisher.serve("/feed", answer("401 Unauthorized"))

    outcome = fetch(f"http://user:secret@{publisher.host}/feed")

    assert str(outcome) == f"cannot fetch {publisher.url('/feed')}: 401 Unauthorized"
    assert outcome.url == publisher.url("/feed")
