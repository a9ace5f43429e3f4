"""Where a source stands after a poll."""

from datetime import timedelta

import pytest

from factories import HOUR, NOON, a_feed, an_entry
from polling import RULES
from tidings.domain.compare import KnownEntry
from tidings.domain.polls import PollOutcome
from tidings.domain.sources import DueSource
from tidings.errors import ParseError, StatusError, UnreachableError
from tidings.fetching.outcomes import Fetched, NotModified, Validators
from tidings.services.settling import (
    Reading,
    body_hash,
    result_of,
    settle_failure,
    settle_read,
    settle_unchanged,
)

URL = "https://example.org/feed"


def a_source(**fields):
    defaults = {
        "id": 1,
        "url": URL,
        "host": "example.org:443",
        "imported": False,
        "first_polled_at": NOON - 5 * HOUR,
        "failures": 0,
        "last_ok_at": NOON - HOUR,
        "body_hash": b"old",
        "validators_url": URL,
        "etag": '"1"',
        "last_modified": None,
        "feed_title": "A feed",
        "site_url": None,
        "language": None,
    }
    return DueSource(**defaults | fields)


def fetched(**fields):
    defaults = {"url": URL, "body": b"new", "validators": Validators(url=URL, etag='"2"')}
    return Fetched(**defaults | fields)


def read(source, *entries, known=None, answer=None, **feed):
    reading = Reading(
        fetched=answer or fetched(),
        feed=a_feed(*entries, **feed),
        known=known or {},
    )
    return settle_read(source, reading, now=NOON, rules=RULES)


def test_a_failure_keeps_all_that_is_known():
    source = a_source(failures=2)
    error = UnreachableError(URL, "no route to host")

    settled = settle_failure(source, error, now=NOON, rules=RULES)

    assert settled.outcome is PollOutcome.FAILED
    assert (settled.failures, settled.last_error) == (3, str(error))
    assert (settled.etag, settled.body_hash) == (source.etag, source.body_hash)
    assert settled.last_ok_at == source.last_ok_at
    assert settled.next_poll_at >= NOON + 4 * HOUR
    assert result_of(source, settled).error == str(error)


@pytest.mark.parametrize(
    ("error", "pause"),
    [
        pytest.param(
            StatusError(URL, 503, "", retry_after=timedelta(hours=9)), 9 * HOUR, id="as asked for"
        ),
        pytest.param(StatusError(URL, 503, ""), HOUR, id="nothing was asked for"),
        pytest.param(ParseError(URL, "an HTML page"), HOUR, id="no feed"),
    ],
)
def test_how_long_a_failed_source_waits(error, pause):
    settled = settle_failure(a_source(), error, now=NOON, rules=RULES)

    assert pause <= settled.next_poll_at - NOON <= pause * 1.1


def test_not_modified_takes_the_new_validators_and_ends_a_row_of_failures():
    answer = NotModified(
        url=URL, validators=Validators(url=URL, etag='"3"'), fresh_for=timedelta(hours=3)
    )

    settled = settle_unchanged(a_source(failures=4), answer, now=NOON, rules=RULES)

    assert settled.outcome is PollOutcome.NOT_MODIFIED
    assert (settled.failures, settled.last_error, settled.last_ok_at) == (0, None, NOON)
    assert (settled.etag, settled.was_failing) == ('"3"', True)
    assert settled.problems is None
    assert settled.next_poll_at - NOON >= 3 * HOUR


def test_the_same_body_is_unchanged():
    settled = settle_unchanged(a_source(), fetched(), now=NOON, rules=RULES)

    assert settled.outcome is PollOutcome.UNCHANGED
    assert settled.body_hash == b"old"


def test_what_was_read_is_kept_with_its_validators():
    settled = read(a_source(), an_entry(), title="Renamed", problems=("it was cut",))

    assert settled.outcome is PollOutcome.NEW
    assert (settled.etag, settled.body_hash) == ('"2"', body_hash(fetched()))
    assert (settled.feed_title, settled.retitled) == ("Renamed", True)
    assert settled.problems == ("it was cut",)
    assert result_of(a_source(), settled).new == 1


def test_a_document_whose_entries_are_known_is_unchanged():
    entry = an_entry()
    known = {entry.key: KnownEntry(id=1, raw_hash=entry.raw_hash, revision=entry.revision)}

    settled = read(a_source(), entry, known=known)

    assert settled.outcome is PollOutcome.UNCHANGED
    assert settled.retitled is False


def test_only_the_first_poll_that_brings_entries_is_the_first():
    source = a_source(first_polled_at=None)

    empty, full = read(source), read(source, *(an_entry(f"a:{n}") for n in range(5)))

    assert empty.first_polled_at is None
    assert (full.first_polled_at, full.changes.published) == (NOON, RULES.first_poll)


@pytest.mark.parametrize(
    ("fresh_for", "ttl", "pause"),
    [
        pytest.param(None, None, HOUR, id="neither"),
        pytest.param(4 * HOUR, 2 * HOUR, 4 * HOUR, id="the server asks for more"),
        pytest.param(2 * HOUR, 4 * HOUR, 4 * HOUR, id="the document asks for more"),
    ],
)
def test_server_and_document_may_both_ask_for_a_pause(fresh_for, ttl, pause):
    settled = read(a_source(), an_entry(), answer=fetched(fresh_for=fresh_for), ttl=ttl)

    assert pause <= settled.next_poll_at - NOON <= pause * 1.1
