"""Recognise stored entries whose publisher changed their guids or links."""

from collections import defaultdict, deque
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import TypeVar

from tidings.model.feed import ParsedEntry
from tidings.model.urls import path_of

# Recognised entries of a document from which on title and date alone are believed for others.
MIN_RECOGNISED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEntry:
    """A stored entry, as far as it can be recognised without its key."""

    id: int
    url: str | None
    title: str
    published: datetime | None
    revision: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Rename:
    """A stored entry that came back under an unknown key.

    Attributes:
        moved: The path or query of its page changed, too.
    """

    entry: ParsedEntry
    stored: StoredEntry
    moved: bool


Marked = TypeVar("Marked", ParsedEntry, StoredEntry)


def find_renames(
    unknown: Sequence[ParsedEntry], stored: Sequence[StoredEntry], *, recognised: int
) -> dict[bytes, Rename]:
    """Return by key the unknown entries that are stored ones.

    Publishers change the scheme of their guids, go to https, move to another host and back,
    and put session tokens into their links. What has no guid, but the title, the text and the
    time of a stored entry, is that entry: no visitor could tell the two apart.

    Otherwise two entries are the same if they agree in two of three: path and query of their
    page, title, and time of publication. If a third entry agrees as much with either of them,
    neither is renamed.

    - Page and time: the title was edited.
    - Page and title: only if the text is the same, too. "Daily picks" stands on one page, under
      one title, every day.
    - Title and time: the page moved. One entry can be a coincidence, so that `MIN_RECOGNISED`
      of the document have to be recognised, this way or by their keys.

    Args:
        unknown: Entries of the document under unknown keys.
        stored: What may have been renamed: not in the document under a key of its own.
        recognised: How many of the document's entries are known by their keys.
    """
    identical = _identical(unknown, stored)
    found = {rename.stored.id for rename in identical.values()}
    others = [entry for entry in unknown if entry.key not in identical]
    left = [candidate for candidate in stored if candidate.id not in found]
    stored_by_pair, unknown_by_pair = _by_pair(left), _by_pair(others)
    renames = []
    for entry in others:
        if candidate := _find_unique(entry, stored_by_pair):
            is_wanted_once = _find_unique(candidate, unknown_by_pair) is not None
            renames += [_rename(entry, candidate)] if is_wanted_once else []
    certain = [rename for rename in renames if _is_certain(rename)]
    is_backed = recognised + len(identical) + len(certain) >= MIN_RECOGNISED
    return identical | {one.entry.key: one for one in certain if is_backed or not one.moved}


def _identical(
    unknown: Iterable[ParsedEntry], stored: Iterable[StoredEntry]
) -> dict[bytes, Rename]:
    """Return by key the unknown entries that read like stored ones; of several alike, in order.

    An entry stored by an earlier version has a revision by that version's rules, so that it is
    looked for under those, too.
    """
    by_mark: dict[Hashable, deque[StoredEntry]] = defaultdict(deque)
    for candidate in stored:
        for mark in _marks_of(candidate):
            by_mark[mark].append(candidate)
    renames = {}
    taken: set[int] = set()
    for entry in unknown:
        earlier = (entry.first_revision, entry.revision_before)
        readings = [entry, *(replace(entry, revision=one) for one in earlier if one)]
        for mark in chain.from_iterable(map(_believed_marks, readings)):
            alike = by_mark.get(mark, deque())
            while alike and alike[0].id in taken:
                alike.popleft()
            if alike and entry.key not in renames:
                renames[entry.key] = _rename(entry, alike[0])
                taken.add(alike[0].id)
    return renames


def _marks_of(entry: ParsedEntry | StoredEntry) -> tuple[Hashable, Hashable]:
    """Return what a visitor sees of an entry, with the address of its page and without."""
    said = (entry.title, entry.revision, entry.published)
    return (*said, (entry.url or "").partition("?")[0]), said


def _believed_marks(entry: ParsedEntry) -> Sequence[Hashable]:
    """Return the marks that are proof enough that an entry is the stored one with that mark."""
    if not (entry.published or entry.excerpt):
        return ()  # a title alone says too little
    marks = _marks_of(entry)
    if entry.guid is None:
        return marks
    # Another guid means another entry, unless it is a URL that differs in its query only:
    # that is where session tokens stand.
    return marks[:1] if entry.guid.startswith(("http://", "https://")) else ()


def _by_pair(entries: Iterable[Marked]) -> Mapping[Hashable, Sequence[Marked]]:
    by_pair = defaultdict(list)
    for entry in entries:
        for pair in _pairs(entry):
            by_pair[pair].append(entry)
    return by_pair


def _pairs(entry: ParsedEntry | StoredEntry) -> Iterator[Hashable]:
    place, title, time = path_of(entry.url), entry.title, entry.published
    if place and time:
        yield "place, time", place, time
    if place and title:
        yield "place, title", place, title
    if title and time:
        yield "title, time", title, time


def _find_unique(
    entry: ParsedEntry | StoredEntry, by_pair: Mapping[Hashable, Sequence[Marked]]
) -> Marked | None:
    """Return the only one that agrees with `entry` in a pair of marks, if there is just one."""
    # Two of a pair are enough to know that it is not unique.
    found = [one for pair in _pairs(entry) for one in by_pair.get(pair, ())[:2]]
    return found[0] if found and all(one is found[0] for one in found) else None


def _rename(entry: ParsedEntry, stored: StoredEntry) -> Rename:
    has_moved = path_of(entry.url) != path_of(stored.url)
    return Rename(entry=entry, stored=stored, moved=has_moved)


def _is_certain(rename: Rename) -> bool:
    entry, stored = rename.entry, rename.stored
    has_same_time = entry.published is not None and entry.published == stored.published
    return has_same_time or entry.reads_like(stored.revision)
