"""The stage all formats share: which entries are new, and their fields made clean."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from tidings.domain.documents import MAX_ENTRIES, Enclosure, Image, ParsedEntry, ParsedFeed
from tidings.domain.identity import Marks, digest, entry_keys, first_of_each
from tidings.parsing.body import clean_body, plain_to_html, visible_text
from tidings.parsing.dates import parse_date
from tidings.parsing.languages import guess_language, language_tag
from tidings.parsing.raw import RawEntry, RawFeed, Text
from tidings.parsing.text import clean_line, clean_text
from tidings.parsing.urls import absolute_url, canonical_url

MAX_BODY = 1_000_000
"""Characters of a body, with its markup, that are read."""

MAX_GUID = 2048
"""Characters of a guid that are kept; the whole of it tells entries apart."""

MAX_NAME = 200
"""Characters of an author's name, a category, or a date as written."""

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placed:
    """An entry and where it stands.

    Attributes:
        url: Its page, absolute.
        bases: What its relative addresses are relative to, innermost first.
        language: That of the feed.
    """

    raw: RawEntry
    url: str | None
    bases: tuple[str, ...]
    language: str | None


def clean_feed(feed: RawFeed, known: Mapping[bytes, bytes], *, url: str) -> ParsedFeed:
    """Return `feed` with those of its entries that are unknown or changed, clean.

    Args:
        feed: The document as read.
        known: The raw hash of every entry we have of this source, by key.
        url: Where the document came from.
    """
    site_url = absolute_url(feed.site_url, url)
    language = language_tag(feed.language)
    newest = _newest(feed.entries)
    # RSS does not say what addresses are relative to, and publishers mean their site.
    bases = [site_url, url] if site_url and feed.format.startswith("rss") else [url]
    placed = [_place(raw, bases, language) for raw in newest]

    keys = entry_keys([_marks(entry) for entry in placed])
    entries, unchanged = [], 0
    for position in first_of_each(keys):
        entry, key = placed[position], keys[position]
        raw_hash = digest(*_written(entry))
        if known.get(key) == raw_hash:
            unchanged += 1
        else:
            entries.append(_clean(entry, key=key, raw_hash=raw_hash))
    return ParsedFeed(
        title=_line(feed.title),
        subtitle=_line(feed.subtitle),
        site_url=site_url,
        language=language,
        format=feed.format,
        entries=tuple(entries),
        unchanged=unchanged,
        cut=len(feed.entries) - len(newest),
        problems=feed.problems,
        ttl=feed.ttl,
    )


def _newest(entries: Sequence[RawEntry]) -> Sequence[RawEntry]:
    """Return the newest `MAX_ENTRIES`, in their order; one without date is as old as the one before."""
    if len(entries) <= MAX_ENTRIES:
        return entries
    dates, date = [], None
    for entry in entries:
        date = _published(entry) or date
        dates.append(date or _NEVER)
    by_age = sorted(range(len(entries)), key=dates.__getitem__, reverse=True)
    return [entries[position] for position in sorted(by_age[:MAX_ENTRIES])]


def _place(raw: RawEntry, bases: Sequence[str], language: str | None) -> _Placed:
    around = [raw.base, *bases] if raw.base else bases
    url = absolute_url(raw.url, *around)
    if not raw.url and raw.guid.startswith(("http://", "https://")):
        url = absolute_url(raw.guid)
    inner = [raw.base] if raw.base else []
    page = [url] if url else []
    return _Placed(raw=raw, url=url, bases=(*inner, *page, *bases), language=language)


def _marks(entry: _Placed) -> Marks:
    raw = entry.raw
    link = canonical_url(entry.url) if entry.url else None
    if link and entry.url and not raw.guid:
        # Archives that hold many entries on one page tell them apart by fragments only.
        link += "#" + entry.url.partition("#")[2]
    return Marks(
        guid=raw.guid or None,
        link=link,
        title=_plain(raw.title),
        date=raw.published or raw.updated or None,
        # It counts only where nothing else does, and is not to be had for nothing.
        text="" if raw.guid or link else visible_text(_html(raw.body)),
    )


def _written(entry: _Placed) -> Iterator[str]:
    """Yield everything that makes a difference to how an entry comes out."""
    raw = entry.raw
    yield from (raw.guid, entry.url or "", raw.language, entry.language or "")
    yield from (raw.published, raw.updated, *entry.bases)
    for text in (raw.title, raw.body, *raw.authors, *raw.categories):
        yield text.value
        yield "html" if text.html else "plain"
    for image in raw.images:
        yield from ("image", image.url, str(image.width), str(image.height))
    for file in raw.enclosures:
        yield from ("enclosure", file.url, file.type or "", str(file.length))


def _clean(entry: _Placed, *, key: bytes, raw_hash: bytes) -> ParsedEntry:
    raw = entry.raw
    html = _html(raw.body)
    text = visible_text(html)
    title = _line(raw.title)
    language = language_tag(raw.language) or entry.language or guess_language(f"{title} {text}")
    body = clean_body(html, bases=entry.bases, language=language)
    enclosures = tuple(_enclosures(entry))
    return ParsedEntry(
        key=key,
        raw_hash=raw_hash,
        revision=_revision(entry, text, enclosures),
        guid=clean_text(raw.guid)[:MAX_GUID] or None,
        title=title,
        url=entry.url,
        authors=_names(raw.authors),
        categories=_names(raw.categories),
        published=_published(raw),
        published_raw=clean_line(raw.published or raw.updated, html=False, limit=MAX_NAME) or None,
        updated=parse_date(raw.updated),
        content=body.html,
        excerpt=body.excerpt,
        language=language,
        image=_image(entry) or body.image,
        enclosures=enclosures,
    )


def _revision(entry: _Placed, text: str, enclosures: Sequence[Enclosure]) -> bytes:
    """Hash what a reader sees: neither dates nor pictures, which publishers touch at will."""
    link = canonical_url(entry.url) if entry.url else ""
    files = [enclosure.url.partition("?")[0] for enclosure in enclosures]
    return digest(_plain(entry.raw.title), link, text, *files)


def _html(body: Text) -> str:
    value = body.value[:MAX_BODY]
    return value if body.html else plain_to_html(value)


def _plain(text: Text) -> str:
    return visible_text(text.value) if text.html else " ".join(text.value.split())


def _line(text: Text) -> str:
    return clean_line(text.value, html=text.html)


def _names(texts: Sequence[Text]) -> tuple[str, ...]:
    names = (clean_line(text.value, html=text.html, limit=MAX_NAME) for text in texts)
    return tuple(dict.fromkeys(filter(None, names)))


def _published(raw: RawEntry) -> datetime | None:
    """Return the publication date, failing that the date of the last change: often all there is."""
    return parse_date(raw.published) or parse_date(raw.updated)


def _image(entry: _Placed) -> Image | None:
    for image in entry.raw.images:
        if url := absolute_url(image.url, *entry.bases):
            return replace(image, url=url)
    return None


def _enclosures(entry: _Placed) -> Iterator[Enclosure]:
    for enclosure in entry.raw.enclosures:
        if url := absolute_url(enclosure.url, *entry.bases):
            kind = clean_line(enclosure.type or "", html=False, limit=MAX_NAME) or None
            yield replace(enclosure, url=url, type=kind)
