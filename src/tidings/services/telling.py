"""What a poll leaves in a source's history: what an operator would ask for, and no more."""

from tidings.domain.compare import Changes
from tidings.domain.entries import EntryState
from tidings.domain.polled import PolledSource
from tidings.domain.silence import is_doubtful
from tidings.domain.sources import (
    DEAD_AFTER,
    DueSource,
    SourceState,
    Stored,
    with_decision,
    with_news,
)
from tidings.domain.spans import duration_in_words


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
