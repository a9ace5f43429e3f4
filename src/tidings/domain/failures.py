"""What a failed poll was, in a word; and what a long row of them means."""

from datetime import datetime, timedelta

from tidings.errors import (
    BrokenTransferError,
    FetchError,
    ForbiddenAddressError,
    ParseError,
    StatusError,
    TidingsError,
    TimedOutError,
    TooLargeError,
    UnknownHostError,
    UnreachableError,
)

GONE = "http 410"
LOST = frozenset({"http 404", "dns"})
"""What a source fails with that nobody looks after any more."""

LOGIN_WANTED = "http 401"

DEAD_AFTER = timedelta(days=30)
MIN_FAILURES = 10
"""Fewer in that time, and it is we who were away."""

_PAGE = "an HTML page"

# The first that fits counts: the special stand before the general.
_WORDS: tuple[tuple[type[TidingsError], str], ...] = (
    (UnknownHostError, "dns"),
    (UnreachableError, "unreachable"),
    (TimedOutError, "timeout"),
    (TooLargeError, "too large"),
    (ForbiddenAddressError, "forbidden address"),
    (BrokenTransferError, "broken transfer"),
    (FetchError, "fetch"),
    (ParseError, "parse"),
)


def word_for(error: TidingsError) -> str:
    """Return a word for programs, such as `http 404`, `dns`, `timeout`, `html` or `parse`."""
    if isinstance(error, StatusError):
        return f"http {error.status}"
    if isinstance(error, ParseError) and error.because.startswith(_PAGE):
        return "html"
    return next((word for kind, word in _WORDS if isinstance(error, kind)), "other")


def phrase_for(error: TidingsError) -> str:
    """Return what happened without where: `404 Not Found`."""
    return error.because if isinstance(error, FetchError | ParseError) else str(error)


def login_advice(slug: str) -> str:
    """Return what an operator does for a source that wants a login."""
    return f"it wants a login: `tidings source access {slug} --user NAME --password-file -`"


def is_dead(word: str | None, *, failures: int, worked_at: datetime, now: datetime) -> bool:
    """Tell whether a source seems to have nobody left who answers for it.

    Args:
        word: What its last poll failed with.
        failures: Polls that failed in a row.
        worked_at: The last success, failing that when it was added.
        now: When to tell.
    """
    long_lost = now - worked_at >= DEAD_AFTER and failures >= MIN_FAILURES
    return word in LOST and long_lost
