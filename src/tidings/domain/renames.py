"""Which of a document's unknown entries are stored ones that their publisher renamed."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from tidings.domain.documents import ParsedEntry
from tidings.domain.urls import place_of

MIN_BACKING = 5
"""Entries of a document that have to be recognised before title and date alone are believed."""


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

    Publishers change the scheme of their guids, go to https, move to another host and back.
    Two entries are the same if they agree in two of three: the place of their page on its
    site, their title, and the time of publication. Nobody else may agree as much with either
    of them: twins stay apart.

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
    stored_by_pair, unknown_by_pair = _by_pair(stored), _by_pair(unknown)
    renames = []
    for entry in unknown:
        if namesake := _only_one(entry, stored_by_pair):
            is_wanted_once = _only_one(namesake, unknown_by_pair) is not None
            renames += [_rename(entry, namesake)] if is_wanted_once else []
    sure = [rename for rename in renames if _is_told_as_it_was(rename)]
    is_backed = recognised + len(sure) >= MIN_BACKING
    return {one.entry.key: one for one in sure if is_backed or not one.moved}


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
