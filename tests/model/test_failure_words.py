"""What a failed poll was, in a word, and when it means that nobody is left."""

import pytest

from parsed_entries import DAY, NOON
from tidings.errors import (
    BrokenTransferError,
    FetchError,
    ForbiddenAddressError,
    ParseError,
    StatusError,
    StorageError,
    TimedOutError,
    TooLargeError,
    UnknownHostError,
    UnreachableError,
)
from tidings.model.sources import failure_phrase, failure_word, is_dead

URL = "https://example.org/feed"


@pytest.mark.parametrize(
    ("error", "word"),
    [
        pytest.param(StatusError(URL, 404, "Not Found"), "http 404", id="a status"),
        pytest.param(UnknownHostError(URL, "name not found"), "dns", id="no such name"),
        pytest.param(UnreachableError(URL, "refused"), "unreachable", id="no connection"),
        pytest.param(TimedOutError(URL, "took too long"), "timeout", id="too slow"),
        pytest.param(TooLargeError(URL, "17 MB"), "too large", id="too large"),
        pytest.param(ForbiddenAddressError(URL, "private"), "forbidden address", id="private"),
        pytest.param(BrokenTransferError(URL, "ends early"), "broken transfer", id="short"),
        pytest.param(FetchError(URL, "more than 5 redirects"), "fetch", id="something else"),
        pytest.param(ParseError(URL, "an HTML page, not a feed"), "html", id="a page"),
        pytest.param(ParseError(URL, "an empty document"), "parse", id="no feed"),
        pytest.param(StorageError("x", "disk full"), "other", id="our own fault"),
    ],
)
def test_every_error_has_its_word(error, word):
    assert failure_word(error) == word


def test_a_phrase_says_what_happened_without_where():
    assert failure_phrase(StatusError(URL, 404, "Not Found")) == "404 Not Found"
    assert failure_phrase(StorageError("x", "disk full")) == "database x: disk full"


@pytest.mark.parametrize(
    ("word", "failures", "days", "dead"),
    [
        pytest.param("http 404", 30, 31, True, id="not found for a month"),
        pytest.param("dns", 30, 31, True, id="no name for a month"),
        pytest.param("http 404", 30, 29, False, id="not for long enough"),
        pytest.param("http 404", 3, 90, False, id="a long pause of ours"),
        pytest.param("timeout", 99, 90, False, id="something else that may come back"),
        pytest.param(None, 0, 90, False, id="it works"),
    ],
)
def test_a_source_is_dead_when_nothing_was_there_for_a_month(word, failures, days, dead):
    worked_at = NOON - days * DAY

    assert is_dead(word, failures=failures, worked_at=worked_at, now=NOON) is dead
