"""What was decided about a source or an entry, kept in words for the operator who asks why."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from tidings.domain.sources import MAX_DECISIONS

MAX_WORDS = 300
"""Characters of a decision: a hostile server writes part of some."""

Stored = Sequence[tuple[str, str]]
"""Times in ISO 8601 and decisions, the latest last."""

_REPEATED = re.compile(r"(?P<words>.*) \((?P<times>\d+) times\)", re.DOTALL)
_NEW = re.compile(r"(?P<found>\d+) new entr(?:y|ies)(?: in (?P<polls>\d+) polls)?")


def with_decision(history: Stored, words: str, *, now: datetime) -> Stored:
    """Return `history` with one more decision; the same again is counted on the last line."""
    words = words[:MAX_WORDS]
    earlier, last = _split(history)
    match = _REPEATED.fullmatch(last)
    said, times = (match["words"], int(match["times"])) if match else (last, 1)
    if said == words:
        return _with(earlier, f"{words} ({times + 1} times)", now=now)
    return _with(history, words, now=now)


def noted_all(history: Stored, decisions: Iterable[str], *, now: datetime) -> Stored:
    """Return `history` with several decisions of one moment."""
    for words in decisions:
        history = with_decision(history, words, now=now)
    return history


def with_news(history: Stored, found: int, *, now: datetime) -> Stored:
    """Return `history` with a poll that found new entries; polls in a row share a line."""
    earlier, last = _split(history)
    match = _NEW.fullmatch(last)
    if match is None:
        return _with(history, f"{found} new {'entry' if found == 1 else 'entries'}", now=now)
    total, polls = int(match["found"]) + found, int(match["polls"] or 1) + 1
    return _with(earlier, f"{total} new entries in {polls} polls", now=now)


def _split(history: Stored) -> tuple[Stored, str]:
    return (history[:-1], history[-1][1]) if history else ((), "")


def _with(history: Stored, words: str, *, now: datetime) -> Stored:
    return [*history, (now.isoformat(timespec="seconds"), words)][-MAX_DECISIONS:]
