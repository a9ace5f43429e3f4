"""What did not change since a document was last read: its entries need not be read again.

A document is cut into the frame (all before the first entry and after the last one) and spans, one
for each entry. A memo of the last reading holds digests of both. While the frame stays the same,
a span that stays the same can only mean the same entry, for no entry says anything of another.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from operator import itemgetter
from struct import Struct

import feedparser

from tidings.model.feed import MAX_ENTRIES, REMOVED
from tidings.model.identity import digest, keys_by_precision
from tidings.parsing.clean_entries import EntryIdentity

# Version of everything that tells a raw hash or a key from an entry as it is written: to be raised
# when any of that changes, or entries that did not change would keep what the rules before made.
RULES = 1

# Bytes of a key that are enough to look for it: what they find by chance is only read once more.
_BEGINNING = 4

# The digest of a span, a key, a raw hash, and the beginnings of four keys.
_RECORD = Struct("16s16s16s4s4s4s4s")
_FINER = 4 * _BEGINNING

# What opens a section of text or a comment, or is a tag of the structure of feeds.
_TOKEN = re.compile(
    r"<(?:!\[CDATA\[|!--|(?P<end>/?)(?P<name>(?:[^\s<>/:\"'=]+:)?"
    r"(?:(?P<entry>item|entry)|rss|feed|rdf|channel|textinput))(?=[\s>/]))",
    re.IGNORECASE,
)

# What reaches beyond the entry it stands in ("xmlns", "base="), or might hide a tag from us. It
# starts with a set of characters: to those the engine jumps, which makes it five times as fast.
_FAR_REACHING = re.compile(r"[xXbB<](?:(?<=[xX])(?i:mlns)|(?<=[bB])(?i:ase)\s*=|(?<=<)[?!])")

_END_TAGS = re.compile(r"(?:\s*+</[^<>]*+>)++\s*+")

# Dates of a whole feed, which no entry depends on; many servers write the time of day.
_DATES = re.compile(
    r"(<((?:dc:)?date|lastBuildDate|pubDate|updated|(?:dcterms:)?modified)>)[^<]{0,64}(?=</\2>)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A document, cut between its entries.

    Attributes:
        header: All before the first one.
        spans: The entries, from start tag to end tag.
        tail: All after the last one: end tags and comments.
    """

    header: str
    spans: tuple[str, ...]
    tail: str

    @property
    def text(self) -> str:
        """The document as a whole again, without the comments at its end."""
        return "".join((self.header, *self.spans, self.tail))


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedEntry:
    """An entry of an earlier reading.

    Attributes:
        finer: Beginnings of the more precise keys, of which it has one as soon as that is known.
    """

    key: bytes
    raw_hash: bytes
    finer: tuple[bytes, ...]


Memory = dict[bytes, RememberedEntry]
"""The entries of a reading by the digests of their spans."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remainder:
    """What is left to be read of a document.

    Attributes:
        unchanged: The entries that are as they were.
        layout: The document without them.
    """

    unchanged: Memory
    layout: Layout

    def whole(self, read: Memory) -> Memory | None:
        """Return the entries of the whole document; None if some share a key after all.

        Args:
            read: Those that were read now.
        """
        keys = {entry.key for entry in read.values()}
        is_shared = any(entry.key in keys for entry in self.unchanged.values())
        return None if is_shared else self.unchanged | read


def lay_out(text: str) -> Layout | None:
    """Cut a document between its entries; None if it is not as plain as that takes."""
    if not text.lstrip("\ufeff \t\r\n\0").startswith("<"):
        return None
    bounds = _bounds(text)
    if not bounds:
        return None
    header, tail = text[: bounds[0][0]], _without_comments(text[bounds[-1][1] :])
    if "<!ENTITY" in header.upper() or not _END_TAGS.fullmatch(tail):
        return None
    spans = tuple(text[start:end] for start, end in bounds)
    # One name for all: entries of an unknown namespace change what others of that mean.
    if len({re.split(r"[\s>]", span, maxsplit=1)[0] for span in spans}) > 1:
        return None
    return Layout(header=header, spans=spans, tail=tail)


def frame_digest(layout: Layout, *context: str) -> bytes:
    """Return a digest of all that a reading depends on, save the entries.

    Args:
        layout: The document.
        context: What is known of it beside its text.
    """
    rules = f"{RULES} {feedparser.__version__}"
    return digest(rules, *context, *_without_dates(layout.header), layout.tail.strip())


def remainder(layout: Layout, memory: Memory, known: Mapping[bytes, bytes]) -> Remainder | None:
    """Return what is left to be read of a document; None if all of it is to be read.

    Args:
        layout: The document.
        memory: The entries of its last reading, from a document with the same frame.
        known: The raw hash of every stored entry of the source, by key.
    """
    spans = {_span_digest(span): span for span in layout.spans}
    unchanged = {
        span: memory[span]
        for span in spans.keys() & memory.keys()
        if known.get(memory[span].key) in (memory[span].raw_hash, REMOVED)
    }
    beginnings = {key[:_BEGINNING] for key in known}
    is_finer = any(not beginnings.isdisjoint(entry.finer) for entry in unchanged.values())
    if not unchanged or is_finer or len(spans) != len(layout.spans):
        return None
    rest = tuple(span for key, span in spans.items() if key not in unchanged)
    return Remainder(unchanged=unchanged, layout=replace(layout, spans=rest))


def remembered(layout: Layout, identities: Sequence[EntryIdentity]) -> Memory | None:
    """Return what to remember of a reading; None if its entries are not told apart by the first key.

    Args:
        layout: What was read.
        identities: Those of its entries.
    """
    if len(identities) != len(layout.spans):
        return None
    memory: Memory = {}
    for span, identity in zip(layout.spans, identities, strict=True):
        own, *finer = keys_by_precision(identity.identifiers)
        if identity.key != own:
            return None
        memory[_span_digest(span)] = RememberedEntry(
            key=own,
            raw_hash=identity.raw_hash,
            finer=tuple(key[:_BEGINNING] for key in finer),
        )
    return memory


def to_memo(frame: bytes, memory: Memory) -> bytes:
    """Return a reading in a form that can be stored: 16 bytes, and 64 for each entry.

    Equal readings make equal memos.
    """
    return frame + b"".join(
        span + entry.key + entry.raw_hash + b"".join(entry.finer).ljust(_FINER, b"\0")
        for span, entry in sorted(memory.items(), key=itemgetter(0))
    )


def from_memo(memo: bytes, frame: bytes) -> Memory:
    """Return the entries of a stored reading; none if that was of another frame."""
    if not memo.startswith(frame) or len(memo) % _RECORD.size != len(frame):
        return {}
    memory: Memory = {}
    for span, key, raw_hash, *finer in _RECORD.iter_unpack(memo[len(frame) :]):
        memory[span] = RememberedEntry(
            key=key, raw_hash=raw_hash, finer=tuple(one for one in finer if any(one))
        )
    return memory


def _bounds(text: str) -> list[tuple[int, int]]:
    """Return where each entry begins and ends, if they follow each other plainly; else nothing."""
    bounds: list[tuple[int, int]] = []
    opened = None
    for tag, is_beyond in _tags(text):
        if opened:
            end = text.find(">", tag.end())
            is_other = is_beyond or not tag["end"] or tag["name"] != opened["name"]
            is_last = len(bounds) == MAX_ENTRIES
            if is_other or is_last or end < 0 or text[tag.end() : end].strip():
                return []
            bounds.append((opened.start(), end + 1))
            opened = None
        elif tag["entry"]:
            gap = text[bounds[-1][1] : tag.start()] if bounds else ""
            is_empty = text[text.find(">", tag.end()) - 1] == "/"
            if tag["end"] or is_empty or gap.strip():
                return []
            opened = tag
        elif bounds:
            break
    return [] if opened else bounds


def _tags(text: str) -> Iterator[tuple[re.Match[str], bool]]:
    """Yield the tags of the structure, and whether something far-reaching stands before each.

    What stands in sections and comments is neither.
    """
    position = 0
    is_beyond = False
    while found := _TOKEN.search(text, position):
        is_beyond = is_beyond or bool(_FAR_REACHING.search(text, position, found.start()))
        position = found.end()
        if found["name"]:
            yield found, is_beyond
            is_beyond = False
        else:
            closing = "]]>" if found[0].endswith("[") else "-->"
            end = text.find(closing, position)
            position = end + len(closing) if end >= 0 else len(text)


def _without_dates(header: str) -> Iterator[str]:
    """Yield the parts of a header, the dates of the feed blanked but for what looks so in a text."""
    first, *sections = header.split("<![CDATA[")
    yield _DATES.sub(r"\1", first)
    for section in sections:
        text, _, rest = section.partition("]]>")
        yield text
        yield _DATES.sub(r"\1", rest)


def _without_comments(tail: str) -> str:
    """Return the end of a document without its comments; as it is, if one does not end."""
    kept = []
    position = 0
    while (start := tail.find("<!--", position)) >= 0:
        end = tail.find("-->", start + len("<!--"))
        if end < 0:
            break
        kept.append(tail[position:start])
        position = end + len("-->")
    return "".join((*kept, tail[position:]))


def _span_digest(span: str) -> bytes:
    return blake2b(span.encode(), digest_size=16).digest()
