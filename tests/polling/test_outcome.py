"""Where a source stands after a poll."""

from datetime import timedelta

import pytest

from parsed_entries import DAY, HOUR, NOON, a_feed, an_entry
from polls_by_hand import RULES
from tidings.errors import ParseError, StatusError, UnreachableError
from tidings.fetching.outcomes import Fetched, NotModified, Validators
from tidings.model.service_status import PollOutcome
from tidings.model.sources import DueSource, SourceState
from tidings.polling.compare import KnownEntry
from tidings.polling.outcome import (
    ComparedDocument,
    is_doubtful,
    is_same,
    result_of,
    settle_failure,
    settle_read,
    settle_unchanged,
)
from tidings.polling.poll import host_pause

URL = "https://example.org/feed"


def a_source(**fields):
    defaults = {
        "id": 1,
        "url": URL,
        "host": "example.org:443",
        "imported": False,
        "deferred": 0,
        "first_polled_at": NOON - 5 * HOUR,
        "failures": 0,
        "last_ok_at": NOON - HOUR,
        "body_hash": b"old",
        "validators_url": URL,
        "etag": '"1"',
        "last_modified": None,
        "read_at": NOON - HOUR,
        "silent_polls": 0,
        "given_interval": None,
        "ttl": None,
        "skip_hours": (),
        "skip_days": (),
        "learned_entries": 0.0,
        "learned_seconds": 0.0,
        "last_polled_at": NOON - HOUR,
        "failing_with": None,
        "gone_at": None,
        "moved_to": None,
        "moved_since": None,
        "moved_times": 0,
        "former_url": None,
        "keeps_url": False,
        "added_at": NOON - 100 * HOUR,
        "state": SourceState.ACTIVE,
        "looked_at": None,
        "feed_title": "A feed",
        "site_url": None,
        "language": None,
        "feed_guid": None,
        "rights": None,
        "hides_address": False,
        "history": (),
    }
    return DueSource(**defaults | fields)


def fetched(**fields):
    defaults = {"url": URL, "body": b"new", "validators": Validators(url=URL, etag='"2"')}
    return Fetched(**defaults | fields)


def read(source, *entries, known=None, answer=None, **feed):
    reading = ComparedDocument(
        packed=b"x",
        fetched=answer or fetched(),
        feed=a_feed(*entries, **feed),
        known=known or {},
    )
    return settle_read(source, reading, now=NOON, rules=RULES)


def words(settled):
    return [text for _, text in settled.history or ()]


def failing(source, error, *, now=NOON):
    return settle_failure(source, error, now=now, rules=RULES)


def silent(source, **fields):
    validators = Validators(url=URL, etag='"1"')
    answer = NotModified(**{"url": URL, "validators": validators} | fields)
    return settle_unchanged(source, answer, now=NOON, rules=RULES)


def test_a_failure_keeps_all_that_is_known():
    source = a_source(failures=3)
    error = UnreachableError(URL, "no route to host")

    settled = failing(source, error)

    assert settled.outcome is PollOutcome.FAILED
    assert (settled.failures, settled.last_error) == (4, str(error))
    assert settled.failing_with == "unreachable"
    assert (settled.etag, settled.body_hash) == (source.etag, source.body_hash)
    assert settled.last_ok_at == source.last_ok_at
    assert settled.next_poll_at >= NOON + 4 * HOUR
    assert "4 polls in a row failed, the last with no route to host" in settled.next_poll_because
    assert result_of(source, settled).error == str(error)


@pytest.mark.parametrize(
    ("error", "least", "most"),
    [
        pytest.param(
            StatusError(URL, 503, "", retry_after=timedelta(hours=9)),
            9 * HOUR,
            10 * HOUR,
            id="as asked for",
        ),
        pytest.param(StatusError(URL, 503, ""), HOUR, 2.2 * HOUR, id="nothing was asked for"),
        pytest.param(ParseError(URL, "an HTML page"), HOUR, 2.2 * HOUR, id="no feed"),
    ],
)
def test_how_long_a_failed_source_waits(error, least, most):
    settled = failing(a_source(), error)

    assert least <= settled.next_poll_at - NOON <= most


@pytest.mark.parametrize(
    ("status", "retry_after", "source", "pause"),
    [
        pytest.param(429, 2 * HOUR, {}, 2 * HOUR, id="429: as it says"),
        pytest.param(429, None, {}, HOUR, id="429: an hour, if it does not say"),
        pytest.param(429, 99 * DAY, {}, 7 * DAY, id="429: held at the limit"),
        pytest.param(503, 2 * HOUR, {}, None, id="503: that is the source alone"),
        pytest.param(403, None, {}, 4 * HOUR, id="403 after a success"),
        pytest.param(403, None, {"failures": 1}, None, id="403 again"),
        pytest.param(403, None, {"last_ok_at": None}, None, id="403 from the start"),
        pytest.param(404, None, {}, None, id="404"),
    ],
)
def test_some_answers_pause_the_whole_host(status, retry_after, source, pause):
    error = StatusError(URL, status, "", retry_after=retry_after)

    assert host_pause(a_source(**source), error, RULES.policy) == pause


def test_a_host_is_not_paused_for_an_answer_of_another_one_that_it_leads_to():
    error = StatusError("https://elsewhere.example/feed", 429, "")

    assert host_pause(a_source(), error, RULES.policy) is None


def test_gone_twice_with_a_day_between_retires_a_source():
    gone = StatusError(URL, 410, "Gone")

    first = failing(a_source(), gone)
    again = failing(a_source(failures=1, gone_at=NOON - 23 * HOUR), gone)
    at_last = failing(a_source(failures=5, gone_at=NOON - 24 * HOUR), gone)

    assert (first.state, first.gone_at) == (SourceState.ACTIVE, NOON)
    assert (again.state, again.gone_at) == (SourceState.ACTIVE, NOON - 23 * HOUR)
    assert at_last.state is SourceState.RETIRED
    assert words(at_last) == ["retired: 410 Gone, for the second time"]
    assert "never" in at_last.next_poll_because


@pytest.mark.parametrize(
    ("error", "forgotten"),
    [
        pytest.param(StatusError(URL, 404, ""), True, id="another answer"),
        pytest.param(ParseError(URL, "an HTML page"), True, id="a page"),
        pytest.param(UnreachableError(URL, "no route"), False, id="no answer at all"),
    ],
)
def test_only_an_answer_takes_back_that_a_source_is_gone(error, forgotten):
    source = a_source(failures=1, gone_at=NOON - 2 * DAY)

    assert (failing(source, error).gone_at is None) is forgotten
    assert silent(source).gone_at is None


def test_a_paused_source_stays_paused_whatever_its_publisher_says():
    source = a_source(state=SourceState.PAUSED, gone_at=NOON - 9 * DAY)

    settled = failing(source, StatusError(URL, 410, "Gone"))

    assert settled.state is SourceState.PAUSED


def test_a_source_that_is_not_found_for_a_month_is_asked_once_a_week():
    source = a_source(failures=40, last_ok_at=None, added_at=NOON - 31 * DAY)

    settled = failing(source, StatusError(URL, 404, "Not Found"))

    assert 7 * DAY <= settled.next_poll_at - NOON <= 8 * DAY
    assert words(settled) == ["seems dead, asked once a week: 404 Not Found, for 30 d and more"]


def test_a_row_of_failures_is_one_decision_and_its_end_another():
    error = UnreachableError(URL, "no route")
    first = failing(a_source(), error)
    second = failing(a_source(failures=1, history=first.history), error)

    recovered = silent(a_source(failures=2, history=second.history))

    assert words(recovered) == ["failed: no route (2 times)", "works again, after 2 failed"]


def test_a_success_takes_back_what_was_said_of_failures():
    settled = silent(a_source(failures=4, failing_with="http 404", looked_at=NOON))

    assert (settled.failing_with, settled.looked_at, settled.notice) == (None, None, "")
    assert silent(a_source()).notice is None


def test_a_poll_that_brings_nothing_leaves_no_decision():
    assert silent(a_source(history=[("2026-11-01T00:00:00+00:00", "first poll")])).history is None


def test_polls_teach_how_often_entries_come():
    source = a_source(last_ok_at=NOON - 5 * HOUR)

    settled = read(source, an_entry("a:1"), an_entry("a:2"))

    assert settled.learned_entries == pytest.approx(2, rel=0.01)
    assert settled.learned_seconds == pytest.approx(5 * 3600, rel=0.01)


@pytest.mark.parametrize(
    "source",
    [
        pytest.param({"last_ok_at": None, "first_polled_at": None}, id="first of all"),
        pytest.param({"first_polled_at": None, "learned_seconds": 9e5}, id="first with entries"),
    ],
)
def test_the_first_entries_of_a_source_teach_nothing(source):
    settled = read(a_source(**source), *(an_entry(f"a:{n}") for n in range(50)))

    assert (settled.learned_entries, settled.learned_seconds) == (0, 0)
    assert HOUR <= settled.next_poll_at - NOON <= 1.1 * HOUR
    assert words(settled) == ["first poll: 50 entries, 2 of them public"]


def test_silence_teaches_as_well():
    settled = silent(a_source(learned_entries=3.0, learned_seconds=3 * 86400.0))

    assert settled.learned_entries < 3
    assert settled.learned_seconds > 3 * 86400


def test_silence_is_counted_until_a_document_comes():
    source = a_source(silent_polls=7, read_at=NOON - 3 * DAY)

    still, same, news = (
        silent(source),
        settle_unchanged(source, fetched(), now=NOON, rules=RULES),
        read(source, an_entry()),
    )

    assert (still.silent_polls, still.read_at) == (8, NOON - 3 * DAY)
    assert (same.silent_polls, same.read_at) == (0, NOON)
    assert (news.silent_polls, news.read_at) == (0, NOON)


@pytest.mark.parametrize(
    ("fields", "doubtful"),
    [
        pytest.param({}, True, id="a week of silence from a daily source"),
        pytest.param({"read_at": NOON - 6 * DAY}, False, id="not for a week"),
        pytest.param({"learned_entries": 2.0}, False, id="a source that is rarely heard of"),
        pytest.param({"silent_polls": 0}, False, id="no silence"),
        pytest.param({"read_at": None}, False, id="never read"),
    ],
)
def test_silence_is_doubted_when_something_should_have_come(fields, doubtful):
    quiet = {
        "silent_polls": 30,
        "last_polled_at": NOON,
        "read_at": NOON - 8 * DAY,
        "learned_entries": 14.0,
        "learned_seconds": 20 * 86400.0,
    }

    assert is_doubtful(a_source(**quiet | fields)) is doubtful


def test_a_doubt_that_is_answered_by_an_error_waits_for_another_week():
    quiet = a_source(
        silent_polls=30,
        last_polled_at=NOON - HOUR,
        read_at=NOON - 9 * DAY,
        learned_entries=20.0,
        learned_seconds=20 * 86400.0,
    )

    settled = failing(quiet, StatusError(URL, 503, ""))

    assert is_doubtful(quiet)
    assert settled.read_at == NOON


def test_a_part_of_a_document_does_not_stand_for_the_whole():
    source = a_source(read_at=NOON - DAY)

    settled = read(source, an_entry(), answer=fetched(is_partial=True))

    assert settled.outcome is PollOutcome.NEW
    assert (settled.body_hash, settled.read_at) == (source.body_hash, NOON - DAY)
    assert not is_same(a_source(body_hash=fetched().body_hash), fetched(is_partial=True))
    assert is_same(a_source(body_hash=fetched().body_hash), fetched())


NEW_URL = "https://new.example/feed"
MOVING = {"moved_to": NEW_URL, "moved_since": NOON - 8 * DAY, "moved_times": 4}


def read_elsewhere(source, *, url=NEW_URL, duplicate_id=None, known=True):
    entry = an_entry()
    stored = KnownEntry(id=1, raw_hash=entry.raw_hash, revision=entry.revision)
    reading = ComparedDocument(
        packed=b"x",
        fetched=fetched(url=url, moved_to=url),
        feed=a_feed(entry),
        known={entry.key: stored} if known else {},
        duplicate_id=duplicate_id,
    )
    return settle_read(source, reading, now=NOON, rules=RULES)


def test_a_move_that_is_confirmed_is_followed():
    settled = read_elsewhere(a_source(**MOVING))

    assert (settled.new_url, settled.former_url, settled.metadata_changed) == (NEW_URL, URL, True)
    assert (settled.moved_to, settled.moved_times) == (None, 0)
    assert words(settled) == [f"moved from {URL} to {NEW_URL}, for good"]
    [told] = result_of(a_source(), settled).problems
    assert NEW_URL in told


@pytest.mark.parametrize(
    ("source", "reading", "notice"),
    [
        pytest.param({"moved_times": 3}, {}, None, id="too few times"),
        pytest.param({"moved_since": NOON - 6 * DAY}, {}, None, id="not for long enough"),
        pytest.param({}, {"known": False}, None, id="nothing there is known"),
        pytest.param({"keeps_url": True}, {}, None, id="the operator wants it to stay"),
        pytest.param({}, {"duplicate_id": 9}, "source 9 already", id="another source is there"),
        pytest.param(
            {"moved_to": "http://new.example/feed"},
            {"url": "http://new.example/feed"},
            "gives up TLS",
            id="a downgrade",
        ),
    ],
)
def test_a_move_is_not_followed(source, reading, notice):
    settled = read_elsewhere(a_source(**MOVING | source), **reading)

    assert (settled.new_url, settled.former_url) == (None, None)
    assert (notice or "") in (settled.notice or "")
    assert bool(notice) is bool(settled.notice)


def test_a_move_is_counted_without_documents_too_and_ends_at_home():
    hit, home = silent(a_source(**MOVING), moved_to=NEW_URL), silent(a_source(**MOVING))

    assert (hit.moved_times, hit.moved_since, hit.new_url) == (5, NOON - 8 * DAY, None)
    assert (home.moved_times, home.moved_to, home.notice) == (0, None, "")


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
    assert (settled.etag, settled.body_hash) == ('"2"', fetched().body_hash)
    assert (settled.feed_title, settled.metadata_changed) == ("Renamed", True)
    assert settled.problems == ("it was cut",)
    assert result_of(a_source(), settled).new == 1


def test_a_document_whose_entries_are_known_is_unchanged():
    entry = an_entry()
    known = {entry.key: KnownEntry(id=1, raw_hash=entry.raw_hash, revision=entry.revision)}

    settled = read(a_source(), entry, known=known)

    assert settled.outcome is PollOutcome.UNCHANGED
    assert settled.metadata_changed is False


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
