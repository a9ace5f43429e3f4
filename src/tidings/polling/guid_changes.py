"""Which of a document's unknown entries are stored ones that their publisher renamed."""

from collections import defaultdict, deque
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import TypeVar

from tidings.model.feed import ParsedEntry
from tidings.model.urls import place_of

# Entries of a document that have to be recognised before title and date alone are believed.
MIN_BACKING = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Namesake:
    """A stored entry, as far as it can be recognised without its key."""

    id: int
    url: str | None
    title: str
    published: datetime | None
    revision: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Rename:
    """A stored entry that came under an unknown key.

    Attributes:
        moved: Its page is at another place now, too.
    """

    entry: ParsedEntry
    stored: Namesake
    moved: bool


Marked = TypeVar("Marked", ParsedEntry, Namesake)


def find_renames(
    unknown: Sequence[ParsedEntry], stored: Sequence[Namesake], *, recognised: int
) -> dict[bytes, Rename]:
    """Return by key the unknown entries that are stored ones.

    Publishers change the scheme of their guids, go to https, move to another host and back,
    and put the token of a session into their links. What has no guid of its own, but the title,
    the text and the time of a stored entry, is that entry: no reader could tell the two apart.

    Of the others, two entries are the same if they agree in two of three: the place of their
    page on its site, their title, and the time of publication. Nobody else may agree as much
    with either of them: twins stay apart.

    - Place and time: the title was edited.
    - Place and title: only if the text is the same, too. A page where something new stands
      every day has the same title every day.
    - Title and time: their page moved. One entry can be a coincidence, so that enough others
      of the document have to be recognised, this way or by their keys.

    Args:
        unknown: What the document brought under unknown keys.
        stored: What may have been renamed: it is not in the document under a key of its own.
        recognised: How many of the document's entries are known by their keys.
    """
    identical = _identical(unknown, stored)
    found = {rename.stored.id for rename in identical.values()}
    others = [entry for entry in unknown if entry.key not in identical]
    left = [namesake for namesake in stored if namesake.id not in found]
    stored_by_pair, unknown_by_pair = _by_pair(left), _by_pair(others)
    renames = []
    for entry in others:
        if namesake := _only_one(entry, stored_by_pair):
            is_wanted_once = _only_one(namesake, unknown_by_pair) is not None
            renames += [_rename(entry, namesake)] if is_wanted_once else []
    sure = [rename for rename in renames if _is_told_as_it_was(rename)]
    is_backed = recognised + len(identical) + len(sure) >= MIN_BACKING
    return identical | {one.entry.key: one for one in sure if is_backed or not one.moved}


def _identical(unknown: Iterable[ParsedEntry], stored: Iterable[Namesake]) -> dict[bytes, Rename]:
    """Return by key the unknown entries that read like stored ones; of several alike, in order."""
    waiting: dict[Hashable, deque[Namesake]] = defaultdict(deque)
    for namesake in stored:
        for mark in _marks_of(namesake):
            waiting[mark].append(namesake)
    renames = {}
    taken: set[int] = set()
    for entry in unknown:
        earlier = (entry.first_revision, entry.revision_before)
        readings = [entry, *(replace(entry, revision=one) for one in earlier if one)]
        for mark in chain.from_iterable(map(_believed_marks, readings)):
            alike = waiting.get(mark, deque())
            while alike and alike[0].id in taken:
                alike.popleft()
            if alike and entry.key not in renames:
                renames[entry.key] = _rename(entry, alike[0])
                taken.add(alike[0].id)
    return renames


def _marks_of(entry: ParsedEntry | Namesake) -> tuple[Hashable, Hashable]:
    """Return what a reader sees of an entry, with the address of its page and without."""
    said = (entry.title, entry.revision, entry.published)
    return (*said, (entry.url or "").partition("?")[0]), said


def _believed_marks(entry: ParsedEntry) -> Sequence[Hashable]:
    """Return the marks by which an entry that reads like a stored one can only be that.

    A title alone, without text and date, tells too little. A guid says that it is another one,
    unless it is an address that differs in its query only: there tokens of sessions stand.
    """
    if not (entry.published or entry.excerpt):
        return ()
    marks = _marks_of(entry)
    if entry.guid is None:
        return marks
    return marks[:1] if entry.guid.startswith(("http://", "https://")) else ()


def _by_pair(entries: Iterable[Marked]) -> Mapping[Hashable, Sequence[Marked]]:
    by_pair = defaultdict(list)
    for entry in entries:
        for pair in _pairs(entry):
            by_pair[pair].append(entry)
    return by_pair


def _pairs(entry: ParsedEntry | Namesake) -> Iterator[Hashable]:
    place, title, time = place_of(entry.url), entry.title, entry.published
    if place and time:
        yield "place, time", place, time
    if place and title:
        yield "place, title", place, title
    if title and time:
        yield "title, time", title, time


def _only_one(
    entry: ParsedEntry | Namesake, by_pair: Mapping[Hashable, Sequence[Marked]]
) -> Marked | None:
    """Return what agrees with `entry` in a pair of marks, if that is only one."""
    found = [one for pair in _pairs(entry) for one in by_pair.get(pair, ())[:2]]
    return found[0] if found and all(one is found[0] for one in found) else None


def _rename(entry: ParsedEntry, stored: Namesake) -> Rename:
    has_moved = place_of(entry.url) != place_of(stored.url)
    return Rename(entry=entry, stored=stored, moved=has_moved)


def _is_told_as_it_was(rename: Rename) -> bool:
    entry, stored = rename.entry, rename.stored
    has_same_time = entry.published is not None and entry.published == stored.published
    return has_same_time or entry.reads_like(stored.revision)
