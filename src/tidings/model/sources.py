"""Sources: their state and health, kinds of failures, and the history of decisions about them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

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
from tidings.model.access import Access
from tidings.model.entries import Republish, TopicCredit
from tidings.model.full_text import FullText, TextMode
from tidings.model.mail_lists import is_by_mail
from tidings.model.page_rules import PageRules
from tidings.model.urls import mask, without_credentials
from tidings.model.websub import HubState, HubSubscription

GONE = "http 410"

# Failures of a source that is gone, rather than out of order.
NOT_FOUND = frozenset({"http 404", "dns"})

UNAUTHORIZED = "http 401"

DEAD_AFTER = timedelta(days=30)

# With fewer failures in that time it is our service that was down.
MIN_FAILURES = 10

_PAGE = "an HTML page"

# The first that fits counts: subclasses stand before their base.
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

# Characters of a decision; some quote the server, which may be hostile.
MAX_WORDS = 300

# Decisions that are kept of a source or an entry.
MAX_DECISIONS = 20

# Decisions as (time in ISO 8601, text), the latest last.
History = Sequence[tuple[str, str]]

_REPEATED = re.compile(r"(?P<words>.*) \((?P<times>\d+) times\)", re.DOTALL)

_NEW = re.compile(r"(?P<found>\d+) new entr(?:y|ies)(?: in (?P<polls>\d+) polls)?")


class SourceState(StrEnum):
    """Whether a source is polled."""

    ACTIVE = "active"
    PAUSED = "paused"
    """By the operator."""
    RETIRED = "retired"
    """The publisher says it is gone for good (410, twice)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Something that was decided, in words, for the operator who asks why."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source as the operator sees it.

    Attributes:
        title: Set by the operator, failing that the feed's, failing that the host's name.
        failures: Polls that failed in a row.
        last_error: Why the last poll failed; None if it did not.
        problems: What was wrong with the last document, although it could be parsed.
        entries: How many are stored, in whatever state.
        deferred: How many older ones of its first document are still to be stored.
        latest_at: `sort_at` of its newest public entry.
        next_poll_because: Why `next_poll_at` is when it is, in a sentence.
        failing_with: What kind of failure `last_error` was: see `failure_word`.
        given_interval: Set by the operator, instead of what is learned.
        former_url: Its address before it moved.
        notice: What the operator should know.
        history: The last decisions about it, oldest first.
        given_title: Set by the operator, instead of the feed's.
        republish: How much of its entries we may show.
        noindex: Search engines are asked to leave its pages out.
        language: With `rights`, as in its last document.
        hides_address: Its URL is private: it holds a token, say.
        page: How it is read, if it is a page without a feed.
        full_text: How its articles are fetched from their pages, if they are.
    """

    id: int
    slug: str
    url: str
    title: str
    site_url: str | None
    topics: tuple[TopicCredit, ...]
    state: SourceState
    added_at: datetime
    next_poll_at: datetime
    last_polled_at: datetime | None
    last_ok_at: datetime | None
    failures: int
    last_error: str | None
    problems: tuple[str, ...] = ()
    entries: int = 0
    deferred: int = 0
    latest_at: datetime | None = None
    next_poll_because: str | None = None
    failing_with: str | None = None
    given_interval: timedelta | None = None
    former_url: str | None = None
    notice: str | None = None
    history: tuple[Decision, ...] = ()
    given_title: str | None = None
    republish: Republish = Republish.FULL
    noindex: bool = False
    language: str | None = None
    rights: str | None = None
    hides_address: bool = False
    page: PageRules | None = None
    full_text: FullText | None = None

    @property
    def shown_url(self) -> str:
        """Its address as it may be shown: masked if it is private."""
        return mask(self.url) if self.hides_address and not is_by_mail(self.url) else self.url

    @property
    def text_mode(self) -> TextMode | None:
        """Of which new entries the articles are fetched; None for none."""
        return self.full_text.mode if self.full_text else None

    @property
    def is_dead(self) -> bool:
        """Whether its publisher seems to be gone; then it is polled once a week."""
        return is_dead(
            self.failing_with,
            failures=self.failures,
            worked_at=self.last_ok_at or self.added_at,
            now=self.last_polled_at or self.added_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DueSource:
    """What a poll needs to know of a source.

    Attributes:
        host: The `hostname:port` of its URL.
        imported: Came from an OPML list: its first poll makes no news for digests.
        first_polled_at: The first success that held entries; None until then.
        deferred: How many older entries of its first document are still to be stored.
        body_hash: SHA-256 of the last whole document; None if there is none.
        etag: With `last_modified`, opaque, and valid for `validators_url` only.
        read_at: When a whole document last came, changed or not, or an unconditional request
            for it failed.
        silent_polls: Responses "not modified" in a row since then.
        ttl: With `skip_hours` (UTC) and `skip_days` (0 is Monday), as the last document asked.
        learned_entries: With `learned_seconds`, the publishing rate: new entries and the time in
            which they came, both decayed.
        failing_with: What kind of failure the last poll was; None if it did not fail.
        gone_at: When the publisher first answered 410; None if the last answer was another.
        moved_to: Where permanent redirects have led since `moved_since`, `moved_times` in a row.
        keeps_url: The operator wants its address to stay, whatever redirects say.
        looked_at: When it was searched for elsewhere, once in each row of failures.
        feed_title: With the four fields behind it, as in the last document that had it.
        hides_address: Its URL is private.
        history: The last decisions, as stored.
        access: Login, headers, proxy and so on, if it has any.
        hub: Its WebSub subscription, if it has one.
        page: How it is read, if it is a page without a feed.
        full_text: How its articles are fetched from their pages, if they are.
    """

    id: int
    url: str
    host: str
    imported: bool
    first_polled_at: datetime | None
    deferred: int
    failures: int
    last_ok_at: datetime | None
    body_hash: bytes | None
    validators_url: str | None
    etag: str | None
    last_modified: str | None
    read_at: datetime | None
    silent_polls: int
    given_interval: timedelta | None
    ttl: timedelta | None
    skip_hours: Sequence[int]
    skip_days: Sequence[int]
    learned_entries: float
    learned_seconds: float
    last_polled_at: datetime | None
    failing_with: str | None
    gone_at: datetime | None
    moved_to: str | None
    moved_since: datetime | None
    moved_times: int
    former_url: str | None
    keeps_url: bool
    added_at: datetime
    state: SourceState
    looked_at: datetime | None
    feed_title: str | None
    site_url: str | None
    language: str | None
    feed_guid: str | None
    rights: str | None
    hides_address: bool
    history: Sequence[tuple[str, str]]
    access: Access | None = None
    hub: HubSubscription | None = None
    page: PageRules | None = None
    full_text: FullText | None = None

    def shown(self, url: str) -> str:
        """Return one of its addresses as it may be shown."""
        if is_by_mail(url):
            return url
        return mask(url) if self.hides_address else without_credentials(url)

    @property
    def is_pushed(self) -> bool:
        """Whether its hub pushes what is new before polls find it."""
        return self.hub is not None and self.hub.state is HubState.ACTIVE


class SourceHealth(StrEnum):
    """The health of a source; the phrase for it is in the message catalogue."""

    FINE = "fine"
    NEW = "new"
    """Never polled so far."""
    FAILING = "failing"
    PAUSED = "paused"
    """By the operator."""
    RETIRED = "retired"
    """Not polled any more."""


def health_of(state: SourceState, *, fails: bool, has_worked: bool) -> SourceHealth:
    """Return the health of a source.

    Args:
        state: Whether it is polled.
        fails: Whether its last poll failed.
        has_worked: Whether any poll succeeded.
    """
    if state is not SourceState.ACTIVE:
        return SourceHealth(state.value)
    if fails:
        return SourceHealth.FAILING
    return SourceHealth.FINE if has_worked else SourceHealth.NEW


def failure_word(error: TidingsError) -> str:
    """Return the kind of a failure, for programs: `http 404`, `dns`, `timeout`, `html`, `parse`."""
    if isinstance(error, StatusError):
        return f"http {error.status}"
    if isinstance(error, ParseError) and error.because.startswith(_PAGE):
        return "html"
    return next((word for kind, word in _WORDS if isinstance(error, kind)), "other")


def failure_phrase(error: TidingsError) -> str:
    """Return what went wrong, without the address: `404 Not Found`."""
    return error.because if isinstance(error, FetchError | ParseError) else str(error)


def login_advice(slug: str) -> str:
    """Return the advice for a source whose server wants a login."""
    return f"it wants a login: `tidings source access {slug} --user NAME --password-file -`"


def is_dead(word: str | None, *, failures: int, worked_at: datetime, now: datetime) -> bool:
    """Tell whether a source seems to be gone: not found, or without DNS, for `DEAD_AFTER`.

    Args:
        word: The kind of its last failure.
        failures: Polls that failed in a row.
        worked_at: The last success, failing that when it was added.
        now: As of when.
    """
    long_lost = now - worked_at >= DEAD_AFTER and failures >= MIN_FAILURES
    return word in NOT_FOUND and long_lost


def with_decision(history: History, words: str, *, now: datetime) -> History:
    """Return `history` with one more decision; a repeated one is counted on the last line."""
    words = words[:MAX_WORDS]
    earlier, last = _split_last(history)
    match = _REPEATED.fullmatch(last)
    said, times = (match["words"], int(match["times"])) if match else (last, 1)
    if said == words:
        return _append(earlier, f"{words} ({times + 1} times)", now=now)
    return _append(history, words, now=now)


def with_decisions(history: History, decisions: Iterable[str], *, now: datetime) -> History:
    """Return `history` with several decisions of one moment."""
    for words in decisions:
        history = with_decision(history, words, now=now)
    return history


def with_news(history: History, found: int, *, now: datetime) -> History:
    """Return `history` with a poll that found new entries; polls in a row share a line."""
    earlier, last = _split_last(history)
    match = _NEW.fullmatch(last)
    if match is None:
        return _append(history, f"{found} new {'entry' if found == 1 else 'entries'}", now=now)
    total, polls = int(match["found"]) + found, int(match["polls"] or 1) + 1
    return _append(earlier, f"{total} new entries in {polls} polls", now=now)


def _split_last(history: History) -> tuple[History, str]:
    return (history[:-1], history[-1][1]) if history else ((), "")


def _append(history: History, words: str, *, now: datetime) -> History:
    return [*history, (now.isoformat(timespec="seconds"), words)][-MAX_DECISIONS:]
