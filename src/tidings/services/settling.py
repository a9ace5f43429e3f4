"""Where a source stands after a poll: from an outcome to what is written of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from tidings.domain.compare import Changes, FirstPoll, KnownEntry, compare
from tidings.domain.documents import ParsedFeed
from tidings.domain.polls import PollOutcome, PollResult
from tidings.domain.schedule import PollPolicy, next_poll_at
from tidings.domain.sources import DueSource
from tidings.errors import FetchError, TidingsError
from tidings.fetching.outcomes import Fetched, NotModified
from tidings.storage.polls import PolledSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What decides over a poll's result, beside the result itself.

    Attributes:
        first_poll: How many of a new source's entries become public.
    """

    policy: PollPolicy
    first_poll: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A document that was read, beside what is stored of its source by key."""

    fetched: Fetched
    feed: ParsedFeed
    known: Mapping[bytes, KnownEntry]


def body_hash(fetched: Fetched) -> bytes:
    """Return what tells one body from another."""
    return sha256(fetched.body).digest()


def settle_failure(
    due: DueSource, error: TidingsError, *, now: datetime, rules: Rules
) -> PolledSource:
    """Keep what there is, note the error, and wait longer each time."""
    delay = error.retry_after if isinstance(error, FetchError) else None
    failures = due.failures + 1
    stands = _stands(due, now=now, failures=failures, delay=delay or timedelta(0), rules=rules)
    return replace(stands, last_error=str(error), outcome=PollOutcome.FAILED)


def settle_unchanged(
    due: DueSource, outcome: Fetched | NotModified, *, now: datetime, rules: Rules
) -> PolledSource:
    """Note that there is nothing new, with the validators the server gave this time."""
    delay = outcome.fresh_for or timedelta(0)
    is_silent = isinstance(outcome, NotModified)
    return replace(
        _stands(due, now=now, failures=0, delay=delay, rules=rules),
        last_ok_at=now,
        problems=None,
        outcome=PollOutcome.NOT_MODIFIED if is_silent else PollOutcome.UNCHANGED,
        validators_url=outcome.validators.url,
        etag=outcome.validators.etag,
        last_modified=outcome.validators.last_modified,
    )


def settle_read(due: DueSource, reading: Reading, *, now: datetime, rules: Rules) -> PolledSource:
    """Decide what the document brings."""
    fetched, feed = reading.fetched, reading.feed
    is_first = due.first_polled_at is None
    first = FirstPoll(public=rules.first_poll, imported=due.imported) if is_first else None
    changes = compare(feed, reading.known, source_url=due.url, first=first, now=now)
    delay = max(fetched.fresh_for or timedelta(0), feed.ttl or timedelta(0))
    said = (feed.title or None, feed.site_url, feed.language)
    return replace(
        _stands(due, now=now, failures=0, delay=delay, rules=rules),
        last_ok_at=now,
        first_polled_at=now if is_first and changes.new else due.first_polled_at,
        problems=feed.problems,
        body_hash=body_hash(fetched),
        feed_title=feed.title or None,
        site_url=feed.site_url,
        language=feed.language,
        retitled=said != (due.feed_title, due.site_url, due.language),
        outcome=_outcome(changes),
        changes=changes,
        validators_url=fetched.validators.url,
        etag=fetched.validators.etag,
        last_modified=fetched.validators.last_modified,
    )


def result_of(due: DueSource, polled: PolledSource) -> PollResult:
    """Return what to tell of a poll."""
    return PollResult(
        source_id=due.id,
        url=due.url,
        outcome=polled.outcome,
        new=len(polled.changes.new),
        updated=len(polled.changes.updated),
        error=polled.last_error,
        problems=tuple(polled.problems or ()),
    )


def _stands(
    due: DueSource, *, now: datetime, failures: int, delay: timedelta, rules: Rules
) -> PolledSource:
    return PolledSource(
        id=due.id,
        first_polled_at=due.first_polled_at,
        next_poll_at=next_poll_at(
            due.id, now=now, failures=failures, server_delay=delay, policy=rules.policy
        ),
        last_polled_at=now,
        last_ok_at=due.last_ok_at,
        failures=failures,
        last_error=None,
        problems=None,
        validators_url=due.validators_url,
        etag=due.etag,
        last_modified=due.last_modified,
        body_hash=due.body_hash,
        outcome=PollOutcome.UNCHANGED,
        was_failing=due.failures > 0,
    )


def _outcome(changes: Changes) -> PollOutcome:
    if changes.new:
        return PollOutcome.NEW
    return PollOutcome.UPDATED if changes.updated else PollOutcome.UNCHANGED
