"""The stage all formats share: which entries are new, and their fields made clean."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from tidings.model.feed import MAX_ENTRIES, REMOVED, Enclosure, Image, ParsedEntry, ParsedFeed
from tidings.model.identity import Marks, digest, entry_keys
from tidings.parsing import formulas
from tidings.parsing.dates import parse_date
from tidings.parsing.entry_body import CleanBody, clean_body, plain_to_html, visible_text
from tidings.parsing.newest import newest_positions
from tidings.parsing.pictures import distinct, key_of
from tidings.parsing.raw import EarlierReading, RawEntry, RawFeed, Text
from tidings.parsing.revisions import first_revision, revision, seen
from tidings.parsing.text import clean_line, clean_text, guess_language, language_tag
from tidings.parsing.urls import absolute_url, canonical_url, exact_url

# Characters of a body, with its markup, that are read.
MAX_BODY = 1_000_000

# Characters of a guid that are kept; the whole of it tells entries apart.
MAX_GUID = 2048

# Characters of a title, with its markup, that are read.
MAX_LINE = 16_000

# Characters of what a document says of copyright.
MAX_RIGHTS = 500

# Characters of an author's name, a category, or a date as written.
MAX_NAME = 200

# Text between tags, or a picture.
_SOMETHING = re.compile(r"(?:\A|>)\s*[^\s<]|\bsrc\s*=", re.IGNORECASE)

_ADDRESS = re.compile(r"(?:mailto:)?[^\s@]+@[^\s@]+\.[^\s@]+", re.IGNORECASE)
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placed:
    """An entry and where it stands.

    Attributes:
        url: Its page, absolute.
        bases: What its relative addresses are relative to, innermost first.
        language: That of the feed.
        around: What is said of its language outside of it.
    """

    raw: RawEntry
    url: str | None
    bases: tuple[str, ...]
    language: str | None
    around: str | None


def clean_feed(
    feed: RawFeed, known: Mapping[bytes, bytes], *, url: str, around: str | None = None
) -> ParsedFeed:
    """Return `feed` with those of its entries that are unknown or changed, clean.

    Args:
        feed: The document as read.
        known: The raw hash of every entry we have of this source, by key; `REMOVED` for one
            that we had.
        url: Where the document came from.
        around: The language that whoever sent it names, BCP 47.
    """
    site_url = absolute_url(feed.site_url, url)
    language = language_tag(feed.language)
    read = _newest(feed.entries)
    # RSS does not say what addresses are relative to, and publishers mean their site.
    bases = [site_url, url] if site_url and feed.format.startswith("rss") else [url]
    placed = [_place(raw, bases, language=language, around=around) for raw in read]

    keys = entry_keys([_marks(entry) for entry in placed], known)
    entries, unchanged = [], set()
    for key, entry in _latest_of_each(keys, placed).items():
        raw_hash = digest(*_written(entry))
        if known.get(key) in (raw_hash, REMOVED):
            unchanged.add(key)
        else:
            entries.append(_clean(entry, key=key, raw_hash=raw_hash))
    return ParsedFeed(
        title=_line(feed.title),
        subtitle=_line(feed.subtitle),
        guid=_guid(feed.guid),
        rights=clean_line(feed.rights.value, html=feed.rights.html, limit=MAX_RIGHTS) or None,
        site_url=site_url,
        language=language or around,
        format=feed.format,
        entries=tuple(entries),
        unchanged_keys=frozenset(unchanged),
        unchanged=len(unchanged),
        cut=feed.cut + len(feed.entries) - len(read),
        problems=feed.problems,
        ttl=feed.ttl,
        hubs=tuple(filter(None, (exact_url(hub, url) for hub in feed.hubs))),
        self_url=exact_url(feed.self_url, url),
        skip_hours=feed.skip_hours,
        skip_days=feed.skip_days,
    )


def _newest(entries: Sequence[RawEntry]) -> Sequence[RawEntry]:
    if len(entries) <= MAX_ENTRIES:
        return entries
    return [
        entries[position] for position in newest_positions([_published(entry) for entry in entries])
    ]


def _place(
    raw: RawEntry, bases: Sequence[str], *, language: str | None, around: str | None
) -> _Placed:
    inner = [raw.base] if raw.base else []
    url = absolute_url(raw.url, *inner, *bases)
    if not raw.url and raw.guid.startswith(("http://", "https://")):
        url = absolute_url(raw.guid)
    page = [url] if url else []
    placed = (*inner, *page, *bases)
    return _Placed(raw=raw, url=url, bases=placed, language=language, around=around)


def _marks(entry: _Placed) -> Marks:
    raw, first = entry.raw, entry.raw.first_reading
    link = canonical_url(entry.url) if entry.url else None
    if link and entry.url and not raw.guid:
        # Archives that hold many entries on one page tell them apart by fragments only.
        link += "#" + entry.url.partition("#")[2]
    return Marks(
        guid=raw.guid or None,
        link=link,
        title=_plain(first.title),
        date=raw.published or raw.updated or None,
        # Where it makes the key, markup does not count; elsewhere, nor is it to be had for nothing.
        text=_written_text(first.body) if raw.guid or link else visible_text(_html(first.body)),
    )


def _written_text(body: Text) -> str:
    """Return a body as written; nothing if there is nothing in its markup."""
    return body.value if not body.html or _SOMETHING.search(body.value) else ""


def _latest_of_each(keys: Sequence[bytes], entries: Sequence[_Placed]) -> dict[bytes, _Placed]:
    """Return what each key stands for: of several the one that changed last, or stands first."""
    chosen: dict[bytes, _Placed] = {}
    for key, entry in zip(keys, entries, strict=True):
        rival = chosen.setdefault(key, entry)
        if rival is not entry and _changed(entry.raw) > _changed(rival.raw):
            chosen[key] = entry
    return chosen


def _changed(raw: RawEntry) -> datetime:
    return parse_date(raw.updated) or parse_date(raw.published) or _NEVER


def _written(entry: _Placed) -> Iterator[str]:
    """Yield everything that makes a difference to how an entry comes out."""
    raw = entry.raw
    yield from (raw.guid, entry.url or "", raw.language, entry.language or "")
    yield from (raw.published, raw.updated, *entry.bases)
    yield from ("base", raw.body.base) if raw.body.base else ()
    for text in (raw.title, raw.body, *raw.authors, *raw.categories):
        yield text.value
        yield "html" if text.html else "plain"
    for image in raw.images:
        yield from ("image", image.url, str(image.width), str(image.height))
    for picture in raw.pictures:
        yield from ("picture", picture.url, picture.alt)
    for file in raw.enclosures:
        yield from ("enclosure", file.url, file.type or "", str(file.length))


def _clean(entry: _Placed, *, key: bytes, raw_hash: bytes) -> ParsedEntry:
    raw = entry.raw
    html = _html(raw.body)
    title = _line(raw.title)
    language = _language(entry, title, html)
    body = clean_body(html, bases=_bases_of_body(entry), language=language)
    enclosures = tuple(_enclosures(raw.enclosures, entry))
    shown = seen(_plain(raw.title), _cut(raw.body), enclosures)
    return ParsedEntry(
        key=key,
        raw_hash=raw_hash,
        revision=revision(shown),
        first_revision=first_revision(
            shown if _is_same(raw, raw.first_reading) else _seen(entry, raw.first_reading)
        ),
        revision_before=_revision_before(entry),
        guid=_guid(raw.guid),
        title=title,
        url=entry.url,
        authors=_people(raw.authors),
        categories=_names(raw.categories),
        published=_published(raw, language),
        published_raw=clean_line(raw.published or raw.updated, html=False, limit=MAX_NAME) or None,
        updated=parse_date(raw.updated, language),
        content=body.html,
        excerpt=body.excerpt,
        language=language,
        image=_image(entry) or body.image,
        pictures=_pictures(entry, body),
        enclosures=enclosures,
    )


def _is_same(raw: RawEntry, reading: EarlierReading) -> bool:
    body = replace(raw.body, base="")
    found = (reading.title, replace(reading.body, base=""), reading.enclosures)
    return found == (raw.title, body, raw.enclosures)


def _seen(entry: _Placed, reading: EarlierReading) -> tuple[str, ...]:
    files = tuple(_enclosures(reading.enclosures, entry))
    return seen(_plain(reading.title), _cut(reading.body), files)


def _revision_before(entry: _Placed) -> bytes:
    before = entry.raw.reading_before
    return b"" if before is None or _is_same(entry.raw, before) else revision(_seen(entry, before))


def _language(entry: _Placed, title: str, html: str) -> str | None:
    if stated := language_tag(entry.raw.language) or entry.language:
        return stated
    guessed = guess_language(f"{title} {visible_text(html)}")
    # What a server names is often the same for all it has: the script of a text knows better.
    agrees = not guessed or (entry.around or "").partition("-")[0] == guessed
    return (entry.around or guessed) if agrees else guessed


def _bases_of_body(entry: _Placed) -> tuple[str, ...]:
    base = entry.raw.body.base
    return (base, *entry.bases) if base else entry.bases


def _cut(body: Text) -> Text:
    return body if len(body.value) <= MAX_BODY else replace(body, value=body.value[:MAX_BODY])


def _html(body: Text) -> str:
    value = _cut(body).value
    return value if body.html else plain_to_html(value)


def _plain(text: Text) -> str:
    return visible_text(text.value) if text.html else " ".join(text.value.split())


def _line(text: Text) -> str:
    value = formulas.with_sources(text.value[:MAX_LINE]) if text.html else text.value
    return clean_line(value, html=text.html)


def _guid(written: str) -> str | None:
    return clean_text(written)[:MAX_GUID] or None


def _names(texts: Sequence[Text]) -> tuple[str, ...]:
    names = (clean_line(text.value, html=text.html, limit=MAX_NAME) for text in texts)
    return tuple(dict.fromkeys(filter(None, names)))


def _people(texts: Sequence[Text]) -> tuple[str, ...]:
    """Return who wrote an entry: an address only where nobody is named."""
    found = _names(texts)
    return tuple(name for name in found if not _ADDRESS.fullmatch(name)) or found


def _published(raw: RawEntry, language: str | None = None) -> datetime | None:
    """Return the publication date, failing that the date of the last change: often all there is."""
    return parse_date(raw.published, language) or parse_date(raw.updated, language)


def _image(entry: _Placed) -> Image | None:
    for image in entry.raw.images:
        if url := absolute_url(image.url, *entry.bases):
            return replace(image, url=url)
    return None


def _pictures(entry: _Placed, body: CleanBody) -> tuple[Image, ...]:
    """Return the pictures beside the text, but for those that stand in it already."""
    placed = [
        replace(picture, url=url)
        for picture in entry.raw.pictures
        if (url := absolute_url(picture.url, *entry.bases))
    ]
    inside = {key_of(url) for url in body.pictures}
    return tuple(picture for picture in distinct(placed) if key_of(picture.url) not in inside)


def _enclosures(files: Sequence[Enclosure], entry: _Placed) -> Iterator[Enclosure]:
    for enclosure in files:
        if url := absolute_url(enclosure.url, *entry.bases):
            kind = clean_line(enclosure.type or "", html=False, limit=MAX_NAME) or None
            yield replace(enclosure, url=url, type=kind)
