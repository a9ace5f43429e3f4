"""Posting a form, as to a hub, or a document, as to a webhook."""

from queue import Queue
from urllib.parse import parse_qs

import pytest

from fake_publisher import answer, dripping, hanging_up, redirect, silence
from tidings.errors import (
    BrokenTransferError,
    FetchError,
    ForbiddenAddressError,
    TimedOutError,
    UnreachableError,
)
from tidings.fetching.outcomes import FormPost, PostReply


def test_a_form_arrives_as_forms_do(post, publisher):
    hub = publisher.serve("/hub", answer("202 Accepted", b"soon"))

    outcome = post(hub, {"hub.mode": "subscribe", "hub.topic": "https://example.org/?a=b&c=é"})

    [request] = publisher.received
    assert outcome == PostReply(url=hub, status=202, text="soon")
    assert request.method == "POST"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.headers["user-agent"].startswith("tidings/")
    assert parse_qs(request.body.decode()) == {
        "hub.mode": ["subscribe"],
        "hub.topic": ["https://example.org/?a=b&c=é"],
    }


@pytest.mark.parametrize(
    ("status", "number"),
    [("204 No Content", 204), ("404 Not Found", 404), ("429 Slow down", 429), ("500 Oh", 500)],
)
def test_every_status_is_an_answer(post, publisher, status, number):
    hub = publisher.serve("/hub", answer(status))

    assert post(hub, {"a": "b"}).status == number


def test_a_redirect_is_not_followed(post, publisher, elsewhere):
    hub = publisher.serve("/hub", redirect(elsewhere.url("/"), "307 Temporary Redirect"))

    outcome = post(hub, {"hub.secret": "s3cret"})

    assert outcome.status == 307
    assert elsewhere.received == []


def test_the_beginning_of_a_long_answer_is_enough(post, publisher):
    start = b"HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n"
    hub = publisher.serve("/hub", dripping(start, b"200\r\n" + b"x" * 0x200 + b"\r\n", pause=0.01))

    outcome = post(hub, {})

    assert outcome.text == "x" * 1000


def test_bytes_that_are_no_text_are_replaced(post, publisher):
    hub = publisher.serve("/hub", answer("400 Bad Request", b"no: \xff"))

    assert post(hub, {}).text == "no: \N{REPLACEMENT CHARACTER}"


def test_a_login_in_the_address_of_a_hub_is_not_sent(post, publisher):
    publisher.serve("/hub", answer())

    post(f"http://user:s3cret@{publisher.host}/hub", {})

    assert "authorization" not in publisher.received[0].headers


@pytest.mark.parametrize(
    ("script", "error"),
    [
        pytest.param(silence, TimedOutError, id="silence"),
        pytest.param(hanging_up(b""), BrokenTransferError, id="no answer"),
        pytest.param(hanging_up(b"SSH-2.0\r\n\r\n"), BrokenTransferError, id="not HTTP"),
    ],
)
def test_no_answer_is_an_error(post, publisher, seconds, script, error):
    hub = publisher.serve("/hub", script)

    outcome = post(hub, {}, first_byte_timeout=seconds(0.2))

    assert type(outcome) is error


def test_a_hub_at_a_private_address_is_not_dialled(post, canary):
    outcome = post(f"http://127.0.0.1:{canary.port}/", {})

    assert isinstance(outcome, ForbiddenAddressError)
    assert not canary.was_reached


def test_a_hub_is_leased_before_it_is_asked(post, publisher, seconds):
    hub = publisher.serve("/hub", answer())
    asked = []

    outcome = post(hub, {}, lease=asked.append, total_timeout=seconds(0.2))

    assert isinstance(outcome, UnreachableError)
    assert asked[0] == publisher.host
    assert publisher.received == []


def test_what_is_cancelled_is_reported_too(a_fetcher, publisher):
    hub = publisher.serve("/hub", silence)
    outcomes = Queue()

    with a_fetcher() as fetcher:
        fetcher.post(FormPost(url=hub, fields={}), outcomes.put)
        fetcher.cancel()
        outcome = outcomes.get(timeout=5)

    assert isinstance(outcome, FetchError)
    assert "cancelled" in str(outcome)


def test_a_document_arrives_as_it_is_with_its_headers_and_the_login_of_its_address(
    post, publisher, seconds
):
    publisher.serve("/in?key=k", answer("503 Busy", Retry_After="90"))
    hook = f"http://user:s3cret@{publisher.host}/in?key=k"

    outcome = post(hook, b'{"a":"\xc3\xa9"}', headers={"Content-Type": "application/json"})

    [request] = publisher.received
    assert (request.method, request.body) == ("POST", b'{"a":"\xc3\xa9"}')
    assert request.headers["content-type"] == "application/json"
    assert request.headers["authorization"] == "Basic dXNlcjpzM2NyZXQ="
    assert (outcome.status, outcome.retry_after) == (503, seconds(90))


def test_who_is_sent_a_document_need_not_be_leased(post, publisher):
    hook = publisher.serve("/in", answer())
    asked = []

    assert post(hook, b"{}", lease=asked.append).status == 200
    assert asked == []


def test_a_document_is_not_sent_to_a_private_address(post, canary):
    outcome = post(f"http://127.0.0.1:{canary.port}/", b"{}")

    assert isinstance(outcome, ForbiddenAddressError)
    assert not canary.was_reached
