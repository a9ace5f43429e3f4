"""Asking whether something has changed."""

from datetime import timedelta

import pytest

from fake_publisher import answer, redirect
from tidings.errors import FetchError
from tidings.fetching.outcomes import Fetched, NotModified, Validators


def known(url, **values):
    return Validators(url=url, **values)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param(
            {"etag": 'W/"1"', "last_modified": "some day"},
            {"if-none-match": 'W/"1"', "if-modified-since": "some day", "a-im": "feed"},
            id="both, as they came",
        ),
        pytest.param({"etag": "x"}, {"if-none-match": "x", "a-im": "feed"}, id="etag only"),
        pytest.param({"last_modified": "y"}, {"if-modified-since": "y"}, id="date only"),
        pytest.param({}, {}, id="neither"),
    ],
)
def test_validators_are_sent_as_they_came(fetch, publisher, values, expected):
    url = publisher.serve("/feed", answer(body=b"new"))

    fetch(url, validators=known(url, **values))

    sent = publisher.received[0].headers
    names = {"if-none-match", "if-modified-since", "a-im"}
    assert {name: sent[name] for name in names & sent.keys()} == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param({}, ("old", "old date"), id="it says nothing: both stay"),
        pytest.param({"ETag": "new"}, ("new", "old date"), id="the etag moved alone"),
        pytest.param({"Last_Modified": "new date"}, ("old", "new date"), id="the date moved alone"),
        pytest.param(
            {"ETag": "new", "Last_Modified": "new date"}, ("new", "new date"), id="both moved"
        ),
        pytest.param({"ETag": "x" * 1001}, ("old", "old date"), id="one that cannot be kept"),
    ],
)
def test_a_304_renews_each_validator_it_carries(fetch, publisher, headers, expected):
    url = publisher.serve(
        "/feed", answer("304 Not Modified", Cache_Control="max-age=60", **headers)
    )

    outcome = fetch(url, validators=known(url, etag="old", last_modified="old date"))

    etag, last_modified = expected
    assert outcome == NotModified(
        url=url,
        validators=known(url, etag=etag, last_modified=last_modified),
        fresh_for=timedelta(minutes=1),
    )


def test_a_200_replaces_both_validators(fetch, publisher):
    url = publisher.serve("/feed", answer(body=b"new", ETag="new"))

    outcome = fetch(url, validators=known(url, etag="old", last_modified="old date"))

    assert outcome.validators == known(url, etag="new")


@pytest.mark.parametrize("values", [None, {}], ids=["no validators", "empty validators"])
def test_a_304_that_nobody_asked_for_is_an_error(fetch, publisher, values):
    url = publisher.serve("/feed", answer("304 Not Modified"))

    outcome = fetch(url, validators=None if values is None else known(url, **values))

    assert isinstance(outcome, FetchError)
    assert outcome.transient
    assert "304 Not Modified, to a question without conditions" in str(outcome)


def test_validators_go_to_the_address_that_gave_them_and_no_other(fetch, publisher, elsewhere):
    there = elsewhere.serve("/feed", answer("304 Not Modified"))
    here = publisher.serve("/feed", redirect(there))

    outcome = fetch(here, validators=known(there, etag="1"))

    assert isinstance(outcome, NotModified)
    assert "if-none-match" not in publisher.received[0].headers
    assert elsewhere.received[0].headers["if-none-match"] == "1"


def test_validators_of_another_address_are_not_sent(fetch, publisher):
    url = publisher.serve("/feed", answer(body=b"new"))

    fetch(url, validators=known(publisher.url("/other"), etag="1", last_modified="x"))

    sent = publisher.received[0].headers
    assert not sent.keys() & {"if-none-match", "if-modified-since", "a-im"}


def test_a_part_of_a_feed_that_was_asked_for_is_a_document(fetch, publisher):
    url = publisher.serve("/feed", answer("226 IM Used", b"part", IM="feed", ETag="2"))

    outcome = fetch(url, validators=known(url, etag="1"))

    assert outcome == Fetched(
        url=url, body=b"part", validators=known(url, etag="2"), is_partial=True
    )


def test_a_delta_of_another_kind_is_refused(fetch, publisher):
    url = publisher.serve("/feed", answer("226 IM Used", b"part", IM="vcdiff"))

    outcome = fetch(url, validators=known(url, etag="1"))

    assert isinstance(outcome, FetchError)
