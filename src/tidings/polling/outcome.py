"""From the outcome of a poll to the source's new state: health, schedule, history, changes.

Pure: takes the source as it was, what was fetched and the time; returns what is to be written.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from tidings.errors import FetchError, ParseError, StatusError, TidingsError
from tidings.fetching.outcomes import Fetched, NotModified, Validators
from tidings.model.durations import duration_in_words
from tidings.model.entries import EntryState
from tidings.model.feed import ParsedFeed
from tidings.model.service_status import PollOutcome, PollResult
from tidings.model.sources import (
    DEAD_AFTER,
    GONE,
    UNAUTHORIZED,
    DueSource,
    History,
    SourceState,
    failure_phrase,
    failure_word,
    is_dead,
    with_decision,
    with_news,
)
from tidings.model.websub import HubNote
from tidings.polling import redirects
from tidings.polling.compare import Changes, KnownEntry, compare
from tidings.polling.guid_changes import StoredEntry
from tidings.polling.hub_rules import find_offer, judge_news, judge_offer
from tidings.polling.new_entries import Circumstances, FirstPoll
from tidings.polling.polled_source import FEED_METADATA, KeptDocument, PolledSource
from tidings.polling.redirects import RedirectStreak
from tidings.polling.schedule import PollHistory, PollPolicy, PublishRate, next_poll

# How long after the first 410 another one retires the source; a single one may be a mistake.
GONE_FOR_GOOD = timedelta(days=1)

# How long a server says "not modified" before that is doubted.
STALE_AFTER = timedelta(days=7)

# Entries that should have come meanwhile, at the source's rate, before it is doubted.
MISSED_ENTRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Settings by which the outcome of a poll is judged.

    Attributes:
        first_poll: How many of a new source's entries become public.
        fold: How many entries of one poll are shown one by one on pages.
        interval_of: The shortest pause between two polls of a source, by its host.
        subscribes: Whether we subscribe to the hubs of sources (WebSub).
    """

    policy: PollPolicy
    first_poll: int
    fold: int
    interval_of: Callable[[str], timedelta]
    subscribes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedDocument:
    """A parsed document, with what is stored of its source by key.

    Attributes:
        packed: Its body, compressed, to be kept.
        duplicate_id: Another source that has the address to which this one was redirected.
        stored: The source's latest entries, if the document holds unknown keys.
        dropped: Why filters drop unknown entries, by key.
    """

    fetched: Fetched
    packed: bytes
    feed: ParsedFeed
    known: Mapping[bytes, KnownEntry]
    duplicate_id: int | None = None
    stored: Sequence[StoredEntry] = ()
    dropped: Mapping[bytes, str] = field(default_factory=dict)


def is_same(due: DueSource, fetched: Fetched) -> bool:
    """Tell whether a document is the one that was parsed last."""
    return not fetched.is_partial and fetched.body_hash == due.body_hash


def settle_failure(
    due: DueSource, error: TidingsError, *, now: datetime, rules: Rules
) -> PolledSource:
    """Return the source after a failed poll: its content stays, its next poll is put off."""
    word, failures = failure_word(error), due.failures + 1
    gone_at = _gone_at(due, error, now=now)
    is_gone = word == GONE and gone_at is not None and now - gone_at >= GONE_FOR_GOOD
    retires = is_gone and due.state is SourceState.ACTIVE
    failed = replace(
        _as_before(due, now=now),
        state=SourceState.RETIRED if retires else due.state,
        # A doubt is tried once: the next one waits for another week.
        read_at=now if is_doubtful(due) else due.read_at,
        failures=failures,
        last_error=shown_error(error, due),
        failing_with=word,
        gone_at=gone_at,
        outcome=PollOutcome.FAILED,
    )
    dead = is_dead(word, failures=failures, worked_at=due.last_ok_at or due.added_at, now=now)
    rate = PublishRate(entries=due.learned_entries, seconds=due.learned_seconds)
    validators = Validators(url=due.url, etag=due.etag, last_modified=due.last_modified)
    poll_history = replace(
        _poll_history(due, rules, rate=rate, validators=validators),
        failures=failures,
        failed_with=failure_phrase(error),
        retry_after=error.retry_after if isinstance(error, FetchError) else None,
        is_dead=dead,
    )
    history = history_after_failure(due, failed, failure_phrase(error), is_dead=dead)
    return _scheduled(failed, poll_history, rules, history=history)


def settle_unchanged(
    due: DueSource, outcome: Fetched | NotModified, *, now: datetime, rules: Rules
) -> PolledSource:
    """Return the source after a poll without news, with the validators given this time."""
    is_silent = isinstance(outcome, NotModified)
    rate = _learned(due, Changes(), now=now, rules=rules)
    poll_history = _poll_history(
        due, rules, rate=rate, validators=outcome.validators, fresh_for=outcome.fresh_for
    )
    history = _history_after_success(due, now=now, is_silent=is_silent)
    # Most polls end here: their outcome is made in one go.
    return _succeeded(
        due,
        outcome,
        now=now,
        **_schedule(due.state, poll_history, rules, now=now),
        history=None if history is due.history else history,
        read_at=due.read_at if is_silent else now,
        silent_polls=due.silent_polls + 1 if is_silent else 0,
        learned_entries=rate.entries,
        learned_seconds=rate.seconds,
        outcome=PollOutcome.NOT_MODIFIED if is_silent else PollOutcome.UNCHANGED,
        is_routine=history is due.history and _is_routine(due, outcome),
    )


def settle_read(
    due: DueSource, document: ComparedDocument, *, now: datetime, rules: Rules
) -> PolledSource:
    """Return the source after a document was parsed, with the changes it brings."""
    fetched, feed = document.fetched, document.feed
    changes = _compared(due, document, now=now, rules=rules)
    read = _as_read(due, document, changes, now=now, rules=rules)
    rate = PublishRate(entries=read.learned_entries, seconds=read.learned_seconds)
    poll_history = replace(
        _poll_history(due, rules, rate=rate, validators=fetched.validators),
        fresh_for=fetched.fresh_for,
        ttl=read.ttl,
        skip_hours=read.skip_hours,
        skip_days=read.skip_days,
    )
    settled = _scheduled(read, poll_history, rules, history=_history_after_reading(due, read))
    shares_entries = feed.unchanged > 0 or any(
        entry.key in document.known for entry in feed.entries
    )
    return redirects.decide_redirect(
        due, settled, shares_entries=shares_entries, duplicate_id=document.duplicate_id
    )


def shown_error(error: TidingsError, due: DueSource) -> str:
    """Return an error without the addresses in it, if these are private."""
    if due.hides_address and isinstance(error, FetchError | ParseError):
        return error.at(due.shown(due.url))
    return str(error)


def result_of(due: DueSource, polled: PolledSource) -> PollResult:
    """Return the result of a poll as it is reported to its caller."""
    moved = (
        (f"moved for good: polled at {due.shown(polled.new_url)} from now on",)
        if polled.new_url
        else ()
    )
    return PollResult(
        source_id=due.id,
        url=due.shown(due.url),
        outcome=polled.outcome,
        new=len(polled.changes.new) + polled.deferred,
        updated=polled.changes.updated,
        error=polled.last_error,
        problems=(*(polled.problems or ()), *moved),
        wants_login=polled.failing_with == UNAUTHORIZED,
    )


_CARRIED = tuple(
    name
    for name in PolledSource.__dataclass_fields__
    if name in DueSource.__dataclass_fields__
    if name not in {"last_polled_at", "history", *FEED_METADATA}
)


def _as_before(due: DueSource, *, now: datetime, **changed: Any) -> PolledSource:
    """Return the source as it was before this poll, but for what is `changed`."""
    fields = {
        **{name: getattr(due, name) for name in _CARRIED},
        "next_poll_at": now,
        "next_poll_because": "",
        "last_polled_at": now,
        "polled_before": due.last_polled_at,
        "last_error": None,
        "outcome": PollOutcome.UNCHANGED,
        "was_failing": due.failures > 0,
    }
    return PolledSource(**(fields | changed))


def _succeeded(
    due: DueSource, response: Fetched | NotModified, *, now: datetime, **changed: Any
) -> PolledSource:
    validators = response.validators
    before = RedirectStreak(to=due.moved_to, since=due.moved_since, times=due.moved_times)
    move = before.after(response.moved_to, now=now)
    is_settled = due.failures > 0 or before.to not in {None, move.to}
    fields = {
        "last_ok_at": now,
        "failures": 0,
        "failing_with": None,
        "gone_at": None,
        "looked_at": None,
        "notice": "" if is_settled else None,
        "moved_to": move.to,
        "moved_since": move.since,
        "moved_times": move.times,
        "validators_url": validators.url,
        "etag": validators.etag,
        "last_modified": validators.last_modified,
    }
    return _as_before(due, now=now, **(fields | changed))


def _is_routine(due: DueSource, response: Fetched | NotModified) -> bool:
    """Tell whether a success without news has nothing to take back, and nothing to remember."""
    was_well = not (due.failures or due.gone_at or due.looked_at)
    return was_well and due.moved_to is None and response.moved_to is None


def _gone_at(due: DueSource, error: TidingsError, *, now: datetime) -> datetime | None:
    """Return since when the publisher says "gone" (410); only another answer takes that back."""
    if failure_word(error) == GONE:
        return due.gone_at or now
    # A timeout or a DNS failure is no answer.
    return None if isinstance(error, StatusError | ParseError) else due.gone_at


def _learned(due: DueSource, changes: Changes, *, now: datetime, rules: Rules) -> PublishRate:
    """Return a source's publishing rate, with this poll taken into account."""
    # A first poll brings years of entries at once, and so does a flood: neither is a rate.
    known = PublishRate(entries=due.learned_entries, seconds=due.learned_seconds)
    states = [new.state for new in changes.new]
    if due.last_ok_at is None or EntryState.HELD in states:
        return known
    if states and due.first_polled_at is None:
        return PublishRate()
    return known.after(len(states), now - due.last_ok_at, at_once=rules.policy.interval)


def _poll_history(
    due: DueSource,
    rules: Rules,
    *,
    rate: PublishRate,
    validators: Validators,
    fresh_for: timedelta | None = None,
) -> PollHistory:
    return PollHistory(
        source_id=due.id,
        rate=rate,
        interval=due.given_interval,
        host_interval=rules.interval_of(due.host),
        has_validators=bool(validators.etag or validators.last_modified),
        fresh_for=fresh_for,
        ttl=due.ttl,
        skip_hours=due.skip_hours,
        skip_days=due.skip_days,
        is_pushed=due.is_pushed,
    )


def _scheduled(
    polled: PolledSource, poll_history: PollHistory, rules: Rules, *, history: History | None
) -> PolledSource:
    schedule = _schedule(polled.state, poll_history, rules, now=polled.last_polled_at)
    return replace(polled, **schedule, history=history)


def _schedule(
    state: SourceState, poll_history: PollHistory, rules: Rules, *, now: datetime
) -> dict[str, Any]:
    due = next_poll(poll_history, now=now, policy=rules.policy)
    because = due.because
    if state is SourceState.RETIRED:
        because = "never: its publisher says that it is gone for good"
    return {"next_poll_at": due.at, "next_poll_because": because}


def _compared(
    due: DueSource, document: ComparedDocument, *, now: datetime, rules: Rules
) -> Changes:
    is_first = due.first_polled_at is None
    first = FirstPoll(public=rules.first_poll, imported=due.imported)
    circumstances = Circumstances(
        source_url=due.url,
        now=now,
        last_ok_at=due.last_ok_at,
        first=first if is_first else None,
        flood_limit=rules.policy.outburst,
        fold=rules.fold,
        dropped=document.dropped,
    )
    return compare(
        document.feed, document.known, stored=document.stored, circumstances=circumstances
    )


def _hub_note(
    due: DueSource, fetched: Fetched, feed: ParsedFeed, *, has_news: bool, joins: bool
) -> HubNote | None:
    """Return what a document changes in the source's WebSub subscription; None for nothing.

    Args:
        due: The source as it was.
        fetched: The document.
        feed: The same, parsed.
        has_news: Whether it brought new entries.
        joins: Whether we may subscribe to its hub.
    """
    note = judge_news(due.hub, last_polled_at=due.last_polled_at) if has_news else None
    if note or fetched.is_partial:
        return note
    # Link headers win over the document (WebSub, section 4).
    said = fetched if fetched.hubs else feed
    offer = find_offer(fetched.url, hubs=said.hubs, self_url=said.self_url, known_as=due.url)
    return judge_offer(due.hub, offer if joins else None)


def _as_read(
    due: DueSource, document: ComparedDocument, changes: Changes, *, now: datetime, rules: Rules
) -> PolledSource:
    """Return the source after a document was parsed, but for its next poll and its history."""
    fetched, feed = document.fetched, document.feed
    is_first = due.first_polled_at is None
    rate = _learned(due, changes, now=now, rules=rules)
    # A hub would push the feed of the site, which is another document than the page.
    joins = rules.subscribes and not due.page
    guid = due.feed_guid or feed.guid  # the first one counts: some make a new one each time
    return replace(
        _succeeded(due, fetched, now=now),
        # What a watched element says first is nothing new, and what it says next is.
        first_polled_at=now if is_first and (changes.new or due.page) else due.first_polled_at,
        deferred=feed.deferred,
        read_at=due.read_at if fetched.is_partial else now,
        silent_polls=0,
        ttl=feed.ttl,
        skip_hours=sorted(feed.skip_hours),
        skip_days=sorted(feed.skip_days),
        learned_entries=rate.entries,
        learned_seconds=rate.seconds,
        problems=(*fetched.problems, *feed.problems),
        document=_kept(due, document, now=now),
        memo=None if fetched.is_partial else feed.memo,
        disagreement=feed.disagreement,
        seen=feed.seen,
        body_hash=due.body_hash if fetched.is_partial else fetched.body_hash,
        feed_title=feed.title or None,
        site_url=feed.site_url,
        language=feed.language,
        feed_guid=guid,
        rights=feed.rights,
        metadata_changed=_metadata_changed(due, feed, guid=guid),
        outcome=_outcome(changes),
        changes=changes,
        hub_note=_hub_note(due, fetched, feed, has_news=bool(changes.new), joins=joins),
    )


def _metadata_changed(due: DueSource, feed: ParsedFeed, *, guid: str | None) -> bool:
    said = (feed.title or None, feed.site_url, feed.language, guid, feed.rights)
    known = (due.feed_title, due.site_url, due.language, due.feed_guid, due.rights)
    return any(new not in {None, old} for new, old in zip(said, known, strict=True))


def _kept(due: DueSource, document: ComparedDocument, *, now: datetime) -> KeptDocument:
    fetched = document.fetched
    return KeptDocument(
        source_id=due.id,
        fetched_at=now,
        url=fetched.url,
        content_type=fetched.content_type,
        charset=fetched.charset,
        language=fetched.language,
        packed=document.packed,
    )


def _outcome(changes: Changes) -> PollOutcome:
    if changes.new:
        return PollOutcome.NEW
    return PollOutcome.UPDATED if changes.updated else PollOutcome.UNCHANGED


def _history_after_reading(due: DueSource, read: PolledSource) -> History | None:
    """Return the source's history after a document was read; None if there is nothing to add."""
    history = _history_after_success(due, now=read.last_polled_at, is_silent=False)
    if read.changes.new:
        history = _history_after_news(history, due, read)
    return None if history is due.history else history


def _history_after_success(due: DueSource, *, now: datetime, is_silent: bool) -> History:
    """Return the source's history after a poll that worked, whatever it brought."""
    history = due.history
    if due.failures:
        history = with_decision(history, f"works again, after {due.failures} failed", now=now)
    if not is_silent and is_doubtful(due):
        doubt = 'asked for the whole document: "not modified" for too long'
        history = with_decision(history, doubt, now=now)
    return history


def history_after_failure(
    due: DueSource, failed: PolledSource, words: str, *, is_dead: bool
) -> History:
    """Return the source's history after a poll that failed with `words`."""
    if failed.state is SourceState.RETIRED:
        decision = f"retired: {words}, for the second time"
    elif is_dead:
        decision = (
            f"seems dead, asked once a week: {words}, for {duration_in_words(DEAD_AFTER)} and more"
        )
    else:
        decision = f"failed: {words}"
    return with_decision(due.history, decision, now=failed.last_polled_at)


def _history_after_news(history: History, due: DueSource, polled: PolledSource) -> History:
    changes, now = polled.changes, polled.last_polled_at
    if due.first_polled_at is None:
        found = len(changes.new) + polled.deferred
        first = f"first poll: {found} entries, {changes.published} of them public"
        return with_decision(history, first, now=now)
    held = _count(changes, EntryState.HELD)
    if held:
        history = with_decision(history, f"{held} entries at once: held for the operator", now=now)
    found = len(changes.new) - held
    return with_news(history, found, now=now) if found else history


def _count(changes: Changes, state: EntryState) -> int:
    return sum(new.state is state for new in changes.new)


def is_doubtful(source: DueSource) -> bool:
    """Tell whether the next request is to be unconditional, because 304 is not believed.

    That is so once the server has answered nothing but "not modified" for `STALE_AFTER`, while
    at the source's rate `MISSED_ENTRIES` should have come.
    """
    # As of the last poll, not as of now: the request and the judgement of its outcome must agree.
    if not (source.read_at and source.last_polled_at and source.silent_polls):
        return False
    silence = source.last_polled_at - source.read_at
    rate = PublishRate(entries=source.learned_entries, seconds=source.learned_seconds)
    return silence >= STALE_AFTER and rate.expected(silence) >= MISSED_ENTRIES
