"""Where a source stands after a poll: from an outcome to what is written of it.

What a poll leaves in a source's history: what an operator would ask for, and no more.

Servers that say "not modified" for ever, although there is news.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256

from tidings.errors import FetchError, ParseError, StatusError, TidingsError
from tidings.fetching.outcomes import Fetched, NotModified
from tidings.model.durations import duration_in_words
from tidings.model.entries import EntryState
from tidings.model.feed import ParsedFeed
from tidings.model.sources import (
    DEAD_AFTER,
    GONE,
    LOGIN_WANTED,
    DueSource,
    SourceState,
    Stored,
    is_dead,
    phrase_for,
    with_decision,
    with_news,
    word_for,
)
from tidings.model.status import PollOutcome, PollResult
from tidings.model.websub import HubNote
from tidings.polling import redirects
from tidings.polling.compare import Changes, KnownEntry, compare
from tidings.polling.guid_changes import Namesake
from tidings.polling.hub_requests import find_offer, judge_news, judge_offer
from tidings.polling.new_entries import FirstPoll, Occasion
from tidings.polling.polled_source import SAID, KeptDocument, PolledSource
from tidings.polling.redirects import Move
from tidings.polling.schedule import PollHistory, PollPolicy, Rhythm, next_poll

# How long after the first "gone" a second one is believed.
GONE_FOR_GOOD = timedelta(days=1)

STALE = timedelta(days=7)

# Entries that should have come meanwhile, before "not modified" is doubted.
MISSED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What decides over a poll's result, beside the result itself.

    Attributes:
        first_poll: How many of a new source's entries become public.
        fold: How many entries of one poll stand on pages by themselves.
        interval_of: The least pause between two polls of a source on that host.
        subscribes: Whether hubs are asked to tell us what is new.
    """

    policy: PollPolicy
    first_poll: int
    fold: int
    interval_of: Callable[[str], timedelta]
    subscribes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedDocument:
    """A document that was read, beside what is stored of its source by key.

    Attributes:
        rival: Another source that has the address where the document was found.
        stored: The source's latest entries, if the document holds unknown keys.
        dropped: Why filters drop unknown entries, by key.
    """

    fetched: Fetched
    feed: ParsedFeed
    known: Mapping[bytes, KnownEntry]
    rival: int | None = None
    stored: Sequence[Namesake] = ()
    dropped: Mapping[bytes, str] = field(default_factory=dict)


def body_hash(fetched: Fetched) -> bytes:
    """Return what tells one body from another."""
    return sha256(fetched.body).digest()


def is_same(due: DueSource, fetched: Fetched) -> bool:
    """Tell whether a document is the one that was read last."""
    return not fetched.is_partial and body_hash(fetched) == due.body_hash


def settle_failure(
    due: DueSource, error: TidingsError, *, now: datetime, rules: Rules
) -> PolledSource:
    """Keep what there is, note the error, and wait longer each time."""
    word, failures = word_for(error), due.failures + 1
    gone_at = _gone_at(due, error, now=now)
    is_gone = word == GONE and gone_at is not None and now - gone_at >= GONE_FOR_GOOD
    retires = is_gone and due.state is SourceState.ACTIVE
    failed = replace(
        _as_before(due, now=now),
        state=SourceState.RETIRED if retires else due.state,
        read_at=now if is_doubtful(due) else due.read_at,
        failures=failures,
        last_error=shown_error(error, due),
        failing_with=word,
        gone_at=gone_at,
        outcome=PollOutcome.FAILED,
    )
    dead = is_dead(word, failures=failures, worked_at=due.last_ok_at or due.added_at, now=now)
    standing = replace(
        _standing(due, failed, rules),
        failed_with=phrase_for(error),
        retry_after=error.retry_after if isinstance(error, FetchError) else None,
        is_dead=dead,
    )
    told = told_of_failure(due, failed, phrase_for(error), is_dead=dead)
    return _scheduled(failed, standing, rules, history=told)


def settle_unchanged(
    due: DueSource, outcome: Fetched | NotModified, *, now: datetime, rules: Rules
) -> PolledSource:
    """Note that there is nothing new, with the validators the server gave this time."""
    is_silent = isinstance(outcome, NotModified)
    rhythm = _learned(due, Changes(), now=now, rules=rules)
    unchanged = replace(
        _succeeded(due, outcome, now=now),
        read_at=due.read_at if is_silent else now,
        silent_polls=due.silent_polls + 1 if is_silent else 0,
        learned_entries=rhythm.entries,
        learned_seconds=rhythm.seconds,
        outcome=PollOutcome.NOT_MODIFIED if is_silent else PollOutcome.UNCHANGED,
    )
    standing = replace(_standing(due, unchanged, rules), fresh_for=outcome.fresh_for)
    return _scheduled(unchanged, standing, rules, history=told_of_success(due, unchanged))


def settle_read(
    due: DueSource, reading: ComparedDocument, *, now: datetime, rules: Rules
) -> PolledSource:
    """Decide what the document brings."""
    fetched, feed = reading.fetched, reading.feed
    is_first = due.first_polled_at is None
    changes = _compared(due, reading, now=now, rules=rules)
    rhythm = _learned(due, changes, now=now, rules=rules)
    guid = due.feed_guid or feed.guid  # the first one counts: some make a new one each time
    said = (feed.title or None, feed.site_url, feed.language, guid, feed.rights)
    known = (due.feed_title, due.site_url, due.language, due.feed_guid, due.rights)
    read = replace(
        _succeeded(due, fetched, now=now),
        first_polled_at=now if is_first and changes.new else due.first_polled_at,
        read_at=due.read_at if fetched.is_partial else now,
        silent_polls=0,
        ttl=feed.ttl,
        skip_hours=sorted(feed.skip_hours),
        skip_days=sorted(feed.skip_days),
        learned_entries=rhythm.entries,
        learned_seconds=rhythm.seconds,
        problems=(*fetched.problems, *feed.problems),
        document=_kept(due, fetched, now=now),
        body_hash=due.body_hash if fetched.is_partial else body_hash(fetched),
        feed_title=feed.title or None,
        site_url=feed.site_url,
        language=feed.language,
        feed_guid=guid,
        rights=feed.rights,
        retitled=any(new not in {None, old} for new, old in zip(said, known, strict=True)),
        outcome=_outcome(changes),
        changes=changes,
        hub_note=_hub_note(due, fetched, feed, has_news=bool(changes.new), joins=rules.subscribes),
    )
    standing = replace(_standing(due, read, rules), fresh_for=fetched.fresh_for)
    settled = _scheduled(read, standing, rules, history=told_of_success(due, read))
    shares = feed.unchanged > 0 or any(entry.key in reading.known for entry in feed.entries)
    return redirects.decide_redirect(due, settled, shares=shares, rival=reading.rival)


def shown_error(error: TidingsError, due: DueSource) -> str:
    """Return an error without the addresses in it, if these are private."""
    if due.hides_address and isinstance(error, FetchError | ParseError):
        return error.at(due.shown(due.url))
    return str(error)


def result_of(due: DueSource, polled: PolledSource) -> PollResult:
    """Return what to tell of a poll."""
    moved = (
        (f"moved for good: polled at {due.shown(polled.adopts)} from now on",)
        if polled.adopts
        else ()
    )
    return PollResult(
        source_id=due.id,
        url=due.shown(due.url),
        outcome=polled.outcome,
        new=len(polled.changes.new),
        updated=polled.changes.updated,
        error=polled.last_error,
        problems=(*(polled.problems or ()), *moved),
        wants_login=polled.failing_with == LOGIN_WANTED,
    )


_CARRIED = tuple(
    name
    for name in PolledSource.__dataclass_fields__
    if name in DueSource.__dataclass_fields__
    if name not in {"last_polled_at", "history", *SAID}
)


def _as_before(due: DueSource, *, now: datetime) -> PolledSource:
    return PolledSource(
        **{name: getattr(due, name) for name in _CARRIED},
        next_poll_at=now,
        next_poll_because="",
        last_polled_at=now,
        polled_before=due.last_polled_at,
        last_error=None,
        outcome=PollOutcome.UNCHANGED,
        was_failing=due.failures > 0,
    )


def _succeeded(due: DueSource, outcome: Fetched | NotModified, *, now: datetime) -> PolledSource:
    validators = outcome.validators
    before = Move(to=due.moved_to, since=due.moved_since, times=due.moved_times)
    move = before.after(outcome.moved_to, now=now)
    is_settled = due.failures > 0 or before.to not in {None, move.to}
    return replace(
        _as_before(due, now=now),
        last_ok_at=now,
        failures=0,
        failing_with=None,
        gone_at=None,
        looked_at=None,
        notice="" if is_settled else None,
        moved_to=move.to,
        moved_since=move.since,
        moved_times=move.times,
        validators_url=validators.url,
        etag=validators.etag,
        last_modified=validators.last_modified,
    )


def _gone_at(due: DueSource, error: TidingsError, *, now: datetime) -> datetime | None:
    """Return since when the publisher says "gone"; only another answer takes that back."""
    if word_for(error) == GONE:
        return due.gone_at or now
    return None if isinstance(error, StatusError | ParseError) else due.gone_at


def _learned(due: DueSource, changes: Changes, *, now: datetime, rules: Rules) -> Rhythm:
    """Return a source's rhythm; its first entries, and those that are held, teach nothing."""
    known = Rhythm(entries=due.learned_entries, seconds=due.learned_seconds)
    states = [new.state for new in changes.new]
    if due.last_ok_at is None or EntryState.HELD in states:
        return known
    if states and due.first_polled_at is None:
        return Rhythm()
    return known.after(len(states), now - due.last_ok_at, at_once=rules.policy.interval)


def _standing(due: DueSource, polled: PolledSource, rules: Rules) -> PollHistory:
    return PollHistory(
        source_id=due.id,
        rhythm=Rhythm(entries=polled.learned_entries, seconds=polled.learned_seconds),
        given=due.given_interval,
        host_interval=rules.interval_of(due.host),
        has_validators=bool(polled.etag or polled.last_modified),
        ttl=polled.ttl,
        skip_hours=polled.skip_hours,
        skip_days=polled.skip_days,
        is_pushed=due.is_pushed,
        failures=polled.failures,
    )


def _scheduled(
    polled: PolledSource, standing: PollHistory, rules: Rules, *, history: Stored | None
) -> PolledSource:
    due = next_poll(standing, now=polled.last_polled_at, policy=rules.policy)
    because = due.because
    if polled.state is SourceState.RETIRED:
        because = "never: its publisher says that it is gone for good"
    return replace(polled, next_poll_at=due.at, next_poll_because=because, history=history)


def _compared(due: DueSource, reading: ComparedDocument, *, now: datetime, rules: Rules) -> Changes:
    is_first = due.first_polled_at is None
    first = FirstPoll(public=rules.first_poll, imported=due.imported)
    occasion = Occasion(
        source_url=due.url,
        now=now,
        last_ok_at=due.last_ok_at,
        first=first if is_first else None,
        outburst=rules.policy.outburst,
        fold=rules.fold,
        dropped=reading.dropped,
    )
    return compare(reading.feed, reading.known, stored=reading.stored, occasion=occasion)


def _hub_note(
    due: DueSource, fetched: Fetched, feed: ParsedFeed, *, has_news: bool, joins: bool
) -> HubNote | None:
    """Return what a document leads to between the hub of its source and us.

    Args:
        due: The source as it was.
        fetched: The document; what its headers say of hubs counts before what it says itself.
        feed: What it holds.
        has_news: Whether it brought new entries.
        joins: Whether a hub may be asked to tell us what is new.
    """
    note = judge_news(due.hub, last_polled_at=due.last_polled_at) if has_news else None
    if note or fetched.is_partial:
        return note
    said = fetched if fetched.hubs else feed
    offer = find_offer(fetched.url, hubs=said.hubs, self_url=said.self_url, known_as=due.url)
    return judge_offer(due.hub, offer if joins else None)


def _kept(due: DueSource, fetched: Fetched, *, now: datetime) -> KeptDocument:
    return KeptDocument(
        source_id=due.id,
        fetched_at=now,
        url=fetched.url,
        content_type=fetched.content_type,
        charset=fetched.charset,
        body=fetched.body,
    )


def _outcome(changes: Changes) -> PollOutcome:
    if changes.new:
        return PollOutcome.NEW
    return PollOutcome.UPDATED if changes.updated else PollOutcome.UNCHANGED


def told_of_success(due: DueSource, polled: PolledSource) -> Stored | None:
    """Return the history after a poll that worked; None if there is nothing to tell."""
    history, now = due.history, polled.last_polled_at
    if due.failures:
        history = with_decision(history, f"works again, after {due.failures} failed", now=now)
    if is_doubtful(due) and polled.silent_polls == 0:
        doubt = 'asked for the whole document: "not modified" for too long'
        history = with_decision(history, doubt, now=now)
    if polled.changes.new:
        history = _told_of_new(history, due, polled)
    return None if history is due.history else history


def told_of_failure(due: DueSource, failed: PolledSource, words: str, *, is_dead: bool) -> Stored:
    """Return the history after a poll that failed with `words`."""
    if failed.state is SourceState.RETIRED:
        decision = f"retired: {words}, for the second time"
    elif is_dead:
        decision = (
            f"seems dead, asked once a week: {words}, for {duration_in_words(DEAD_AFTER)} and more"
        )
    else:
        decision = f"failed: {words}"
    return with_decision(due.history, decision, now=failed.last_polled_at)


def _told_of_new(history: Stored, due: DueSource, polled: PolledSource) -> Stored:
    changes, now = polled.changes, polled.last_polled_at
    if due.first_polled_at is None:
        first = f"first poll: {len(changes.new)} entries, {changes.published} of them public"
        return with_decision(history, first, now=now)
    held = _count(changes, EntryState.HELD)
    if held:
        history = with_decision(history, f"{held} entries at once: held for the operator", now=now)
    found = len(changes.new) - held
    return with_news(history, found, now=now) if found else history


def _count(changes: Changes, state: EntryState) -> int:
    return sum(new.state is state for new in changes.new)


def is_doubtful(source: DueSource) -> bool:
    """Tell whether the whole document is to be asked for, without conditions.

    That is so once its server has said nothing but "not modified" for a week or longer, and at
    the source's rhythm `MISSED` entries should have come. It is the stored row that decides, as
    of its last poll, so that asking and settling agree.
    """
    if not (source.read_at and source.last_polled_at and source.silent_polls):
        return False
    silence = source.last_polled_at - source.read_at
    rhythm = Rhythm(entries=source.learned_entries, seconds=source.learned_seconds)
    return silence >= STALE and rhythm.expected(silence) >= MISSED
