"""Search on a site of files: an index that pages load in parts, when somebody searches.

Entries are indexed in segments by their ids, each for itself. The newest ids are a small segment;
full ones are joined, two and two, so that a new entry changes few files and there are few segments.
In a segment the words are spread over files by how they begin. Each file is small, however many
entries there are, and a word is in one file of each segment.
"""

import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from itertools import groupby, pairwise
from typing import ClassVar, NamedTuple

from tidings.catalog import change_log, entries
from tidings.db.database import Connection, Database
from tidings.db.statements import chunks
from tidings.model.cjk import UNSPACED
from tidings.model.entries import Entry, Republish, headline
from tidings.model.text import readable
from tidings.model.words import (
    COMBINING,
    FILLER,
    LEAD,
    MAX_CONTENT,
    is_character,
    truncate,
    words_of,
)
from tidings.publishing.store import pages
from tidings.templating import plain_text
from tidings.templating.site import Site

# Ids in the smallest segment, and in the largest.
SMALLEST, LARGEST = 256, 4096

# Entries of a segment for each of its files: so these have some ten or twenty kilobytes.
ENTRIES_A_FILE = 16

# Ids in a file of what is shown of entries.
SHOWN_TOGETHER = 64

# Characters of an excerpt.
EXCERPT = 200

# Letters that words share which stand in one file: no fewer are looked for with an asterisk.
BEGINNING = 3

# Where all words stand, as the index says it.
IN_BODY, IN_LEAD, IN_TITLE = 1, 2, 3

Shard = dict[str, list[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSearchPage:
    """The page that searches in files."""

    template: ClassVar[str] = "file_search.html"

    site: Site


class IndexFile(NamedTuple):
    """A file of the index.

    Attributes:
        path: Below the folder of the site.
        stamp: Differs if the content may.
        render: Makes the content.
    """

    path: str
    stamp: str
    render: Callable[[], bytes]


class SearchFiles:
    """The index of a site of files."""

    def __init__(self, database: Database, site: Site) -> None:
        self._database = database
        self._site = site
        # The segment that was indexed last: its files are asked for one after the other.
        self._indexed: tuple[range, list[Shard]] = range(0), []

    def every(self, connection: Connection) -> Iterator[IndexFile]:
        """Yield all files, those that are named in others before these."""
        changes = sorted(pages.export_entry_changes(connection))
        # The names of sources are shown as well.
        whole, _ = change_log.get_change(connection, change_log.SITE)
        for number, some in groupby(changes, key=lambda one: one[0] // SHOWN_TOGETHER):
            known = list(some)
            ids = [entry_id for entry_id, _ in known]
            path = f"search/entries/{number}.json"
            yield IndexFile(path, _stamp(whole, known), partial(self._shown, ids))
        listed = []
        for segment in segments_of(changes[-1][0] if changes else 0):
            first, end = (bisect_left(changes, (one,)) for one in (segment.start, segment.stop))
            known = changes[first:end]
            if not known:
                continue
            count = max(len(known) // ENTRIES_A_FILE, 1)
            listed.append([segment.start, count])
            ids, stamp = [entry_id for entry_id, _ in known], _stamp(whole, known)
            for number in range(count):
                path = f"search/{segment.start}-{count}/{number}.json"
                make = partial(self._shard, segment, ids, count=count, number=number)
                yield IndexFile(path, stamp, make)
        body = _json({"marks": COMBINING, "unspaced": UNSPACED, "segments": listed})
        yield IndexFile("search/index.json", sha256(body).hexdigest(), lambda: body)

    def _shown(self, ids: Sequence[int]) -> bytes:
        with self._database.read() as connection:
            found = entries.by_ids(connection, ids)
        return _json({str(one.id): self._record(one) for one in sorted(found, key=lambda e: e.id)})

    def _record(self, entry: Entry) -> dict[str, str | None]:
        excerpt = plain_text.readable(entry.excerpt)
        is_ours = entry.source.republish is Republish.FULL or not entry.url
        return {
            "title": plain_text.readable(headline(entry)),
            "url": self._site.href(f"/entries/{entry.id}") if is_ours else entry.url,
            "excerpt": excerpt if len(excerpt) <= EXCERPT else f"{excerpt[: EXCERPT - 1]}…",
            "language": entry.language,
            "source": entry.source.title,
            "page": self._site.href(f"/sources/{entry.source.slug}"),
            "day": entry.sort_at.date().isoformat(),
        }

    def _shard(self, segment: range, ids: Sequence[int], *, count: int, number: int) -> bytes:
        if self._indexed[0] != segment:
            self._indexed = segment, self._index(segment, ids, count=count)
        return _json(self._indexed[1][number])

    def _index(self, segment: range, ids: Sequence[int], *, count: int) -> list[Shard]:
        places: Shard = defaultdict(list)
        with self._database.read() as connection:
            for some in chunks(ids):
                found = entries.by_ids(connection, some, with_content=True)
                for one in sorted(found, key=lambda entry: entry.id):
                    for word, zone in zones_of(one).items():
                        places[word].append((one.id - segment.start) * 4 + zone)
        shards: list[Shard] = [{} for _ in range(count)]
        for word in sorted(places):
            # Differences are short.
            own = places[word]
            steps = [own[0], *(after - before for before, after in pairwise(own))]
            shards[shard_of(word, count)][word] = steps
        return shards


def segments_of(last_id: int) -> Iterator[range]:
    """Yield the segments of all ids up to one, the oldest first."""
    full = last_id // SMALLEST * SMALLEST
    start, size = 0, LARGEST
    while start < full:
        while start + size > full:
            size //= 2
        yield range(start, start + size)
        start += size
    yield range(full, full + SMALLEST)


def zones_of(entry: Entry) -> dict[str, int]:
    """Return the words of what may be shown of an entry, with where each stands at best."""
    title = truncate(words_of(entry.title))
    text = readable((entry.content or "")[:MAX_CONTENT]) or entry.excerpt
    body = truncate(words_of(text))
    zones = dict.fromkeys(body, IN_BODY) | dict.fromkeys(body[:LEAD], IN_LEAD)
    zones |= dict.fromkeys(title, IN_TITLE)
    zones.pop(FILLER, None)
    return zones


def shard_of(word: str, count: int) -> int:
    """Return which of `count` files has a word: by its beginning, so that those alike are together."""
    # FNV-1a, of characters: in the script it is a line as well.
    value = 2_166_136_261
    for character in word[: 1 if is_character(word[0]) else BEGINNING]:
        value = (value ^ ord(character)) * 16_777_619 % 2**32
    return value % count


def _stamp(whole: int, changes: Sequence[tuple[int, int]]) -> str:
    # Of the ids as well: one that was hidden has no change any more.
    return sha256(repr((whole, changes)).encode()).hexdigest()[:16]


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
