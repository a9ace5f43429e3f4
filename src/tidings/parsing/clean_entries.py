"""The stage that all formats share: find out which entries changed, and clean their fields."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from tidings.model.feed import (
    MAX_ENTRIES,
    REMOVED,
    Enclosure,
    Image,
    Newest,
    ParsedEntry,
    ParsedFeed,
    believable_date,
)
from tidings.model.identity import Identifiers, digest, entry_keys
from tidings.parsing import formulas
from tidings.parsing.absolute_urls import absolute_url, canonical_url, exact_url
from tidings.parsing.dates import parse_date
from tidings.parsing.entry_body import (
    CleanBody,
    beginning_of_text,
    clean_body,
    plain_to_html,
    visible_text,
)
from tidings.parsing.newest import newest_positions
from tidings.parsing.pictures import distinct, picture_key
from tidings.parsing.raw import EarlierVersion, RawEntry, RawFeed, Text
from tidings.parsing.revisions import first_revision, revision, visible_parts
from tidings.parsing.text_cleaning import (
    SAMPLE,
    clean_line,
    clean_text,
    guess_language,
    language_tag,
)

# Characters of a body, with its markup, that are read.
MAX_BODY = 1_000_000

# Characters of a guid that are stored; the key is made of all of it.
MAX_GUID = 2048

# Characters of a title, with its markup, that are read.
MAX_LINE = 16_000

# Characters of a copyright notice.
MAX_RIGHTS = 500

# Characters of an author's name, a category, or a date as written.
MAX_NAME = 200

# Text between tags, or a picture.
_VISIBLE = re.compile(r"(?:\A|>)\s*[^\s<]|\bsrc\s*=", re.IGNORECASE)

_ADDRESS = re.compile(r"(?:mailto:)?[^\s@]+@[^\s@]+\.[^\s@]+", re.IGNORECASE)
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ResolvedEntry:
    """An entry with its link and base URLs resolved.

    Attributes:
        url: Its page, absolute.
        bases: What its relative URLs are relative to, innermost first.
        language: That of the feed.
        fallback_language: The language by Content-Language, or as stored.
    """

    raw: RawEntry
    url: str | None
    bases: tuple[str, ...]
    language: str | None
    fallback_language: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryIdentity:
    """What an entry is known by, and what tells whether it changed."""

    key: bytes
    raw_hash: bytes
    identifiers: Identifiers


def clean_feed(
    feed: RawFeed,
    known: Mapping[bytes, bytes],
    *,
    url: str,
    fallback_language: str | None = None,
    newest: Newest | None = None,
) -> tuple[ParsedFeed, list[EntryIdentity]]:
    """Return `feed` with those of its entries that are unknown or changed, clean; and who all are.

    Args:
        feed: The uncleaned document.
        known: The raw hash of every stored entry of the source, by key; `REMOVED` for a removed
            one.
        url: Where the document came from.
        fallback_language: The language by Content-Language, or as stored; BCP 47.
        newest: Which entries are wanted, the others being deferred; None for all.
    """
    placed = _resolve_all(feed, url=url, fallback_language=fallback_language)
    identifiers = [_identifiers(entry) for entry in placed]
    keys = entry_keys(identifiers, known)
    by_key = dict(zip(keys, identifiers, strict=True))
    latest = _latest_of_each(keys, placed)
    wanted = _newest_of(latest, newest) if newest else latest
    entries, unchanged, identities = [], set(), []
    for key, entry in wanted.items():
        raw_hash = digest(*_written(entry))
        identities.append(EntryIdentity(key=key, raw_hash=raw_hash, identifiers=by_key[key]))
        if known.get(key) in (raw_hash, REMOVED):
            unchanged.add(key)
        else:
            entries.append(_clean(entry, key=key, raw_hash=raw_hash))
    parsed = ParsedFeed(
        title=_line(feed.title),
        subtitle=_line(feed.subtitle),
        guid=_guid(feed.guid),
        rights=clean_line(feed.rights.value, html=feed.rights.html, limit=MAX_RIGHTS) or None,
        site_url=absolute_url(feed.site_url, url),
        language=language_tag(feed.language) or fallback_language,
        format=feed.format,
        entries=tuple(entries),
        unchanged_keys=frozenset(unchanged),
        unchanged=len(unchanged),
        deferred=len(latest) - len(wanted),
        cut=feed.cut + len(feed.entries) - len(placed),
        problems=feed.problems,
        ttl=feed.ttl,
        hubs=tuple(filter(None, (exact_url(hub, url) for hub in feed.hubs))),
        self_url=exact_url(feed.self_url, url),
        skip_hours=feed.skip_hours,
        skip_days=feed.skip_days,
    )
    return parsed, identities


def _resolve_all(feed: RawFeed, *, url: str, fallback_language: str | None) -> list[_ResolvedEntry]:
    """Return the newest entries of a feed with the URLs that tell them apart absolute."""
    site_url = absolute_url(feed.site_url, url)
    # RSS does not say what URLs are relative to; publishers mean their site.
    bases = [site_url, url] if site_url and feed.format.startswith("rss") else [url]
    language = language_tag(feed.language)
    return [
        _resolve(raw, bases, language=language, fallback_language=fallback_language)
        for raw in _newest(feed.entries)
    ]


def _newest(entries: Sequence[RawEntry]) -> Sequence[RawEntry]:
    if len(entries) <= MAX_ENTRIES:
        return entries
    return [
        entries[position] for position in newest_positions([_published(entry) for entry in entries])
    ]


def _resolve(
    raw: RawEntry, bases: Sequence[str], *, language: str | None, fallback_language: str | None
) -> _ResolvedEntry:
    inner = [raw.base] if raw.base else []
    url = absolute_url(raw.url, *inner, *bases)
    if not raw.url and raw.guid.startswith(("http://", "https://")):
        url = absolute_url(raw.guid)
    page = [url] if url else []
    placed = (*inner, *page, *bases)
    return _ResolvedEntry(
        raw=raw, url=url, bases=placed, language=language, fallback_language=fallback_language
    )


def _identifiers(entry: _ResolvedEntry) -> Identifiers:
    raw, first = entry.raw, entry.raw.by_first_rule
    link = canonical_url(entry.url) if entry.url else None
    if link and entry.url and not raw.guid:
        # On pages with many entries only fragments differ.
        link += "#" + entry.url.partition("#")[2]
    return Identifiers(
        guid=raw.guid or None,
        link=link,
        title=_plain(first.title),
        date=raw.published or raw.updated or None,
        # Where it makes the key, markup must not count; elsewhere stripping it would cost time.
        text=_written_text(first.body) if raw.guid or link else visible_text(_html(first.body)),
    )


def _written_text(body: Text) -> str:
    """Return a body as written; empty if its markup has no content."""
    return body.value if not body.html or _VISIBLE.search(body.value) else ""


def _latest_of_each(
    keys: Sequence[bytes], entries: Sequence[_ResolvedEntry]
) -> dict[bytes, _ResolvedEntry]:
    """Return the entry of each key: of several, the one that changed last, or stands first."""
    chosen: dict[bytes, _ResolvedEntry] = {}
    for key, entry in zip(keys, entries, strict=True):
        known = chosen.setdefault(key, entry)
        if known is not entry and _changed(entry.raw) > _changed(known.raw):
            chosen[key] = entry
    return chosen


def _newest_of(
    latest: Mapping[bytes, _ResolvedEntry], newest: Newest
) -> Mapping[bytes, _ResolvedEntry]:
    """Return the newest entries; all, if there are few others, or if it is not certain which."""
    if len(latest) <= 2 * newest.count:
        return latest
    dates = {key: _dated(entry, now=newest.now) for key, entry in latest.items()}
    by_age = sorted(latest, key=lambda key: dates[key] or _NEVER, reverse=True)
    first, next_one = by_age[: newest.count], by_age[newest.count]
    # Those of one moment are stored together, in the order of their document; and what has no page
    # may turn out to say nothing.
    is_certain = dates[first[-1]] != dates[next_one] and all(latest[key].url for key in first)
    return {key: latest[key] for key in latest if key in first} if is_certain else latest


def _dated(entry: _ResolvedEntry, *, now: datetime) -> datetime | None:
    return believable_date(_published(entry.raw, _language(entry)), now=now)


def _changed(raw: RawEntry) -> datetime:
    return parse_date(raw.updated) or parse_date(raw.published) or _NEVER


def _written(entry: _ResolvedEntry) -> Iterator[str]:
    """Yield everything that the cleaned entry depends on, to be hashed."""
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
        # Only where there is one: what has none stays as it was before durations were read.
        yield from ("duration", str(file.duration)) if file.duration else ()


def _clean(entry: _ResolvedEntry, *, key: bytes, raw_hash: bytes) -> ParsedEntry:
    raw = entry.raw
    html = _html(raw.body)
    title = _line(raw.title)
    language = _language(entry)
    body = clean_body(html, bases=_bases_of_body(entry), language=language)
    enclosures = tuple(_enclosures(raw.enclosures, entry))
    shown = visible_parts(_plain(raw.title), _truncate(raw.body), enclosures)
    return ParsedEntry(
        key=key,
        raw_hash=raw_hash,
        revision=revision(shown),
        first_revision=first_revision(
            shown if _is_same(raw, raw.by_first_rule) else _visible_parts(entry, raw.by_first_rule)
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


def _is_same(raw: RawEntry, reading: EarlierVersion) -> bool:
    body, earlier = raw.body, reading.body
    found = (reading.title, earlier.value, earlier.html, reading.enclosures)
    return found == (raw.title, body.value, body.html, raw.enclosures)


def _visible_parts(entry: _ResolvedEntry, reading: EarlierVersion) -> tuple[str, ...]:
    files = tuple(_enclosures(reading.enclosures, entry))
    return visible_parts(_plain(reading.title), _truncate(reading.body), files)


def _revision_before(entry: _ResolvedEntry) -> bytes:
    before = entry.raw.by_previous_rule
    return (
        b""
        if before is None or _is_same(entry.raw, before)
        else revision(_visible_parts(entry, before))
    )


def _language(entry: _ResolvedEntry) -> str | None:
    raw = entry.raw
    if stated := language_tag(raw.language) or entry.language:
        return stated
    beginning = beginning_of_text(_html(raw.body), SAMPLE)
    guessed = guess_language(f"{_line(raw.title)} {beginning}")
    # Servers often name one language for all they have: the script of the text wins.
    agrees = not guessed or (entry.fallback_language or "").partition("-")[0] == guessed
    return (entry.fallback_language or guessed) if agrees else guessed


def _bases_of_body(entry: _ResolvedEntry) -> tuple[str, ...]:
    base = entry.raw.body.base
    return (base, *entry.bases) if base else entry.bases


def _truncate(body: Text) -> Text:
    return body if len(body.value) <= MAX_BODY else replace(body, value=body.value[:MAX_BODY])


def _html(body: Text) -> str:
    value = _truncate(body).value
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
    """Return the authors of an entry; mail addresses only if there are no names."""
    found = _names(texts)
    return tuple(name for name in found if not _ADDRESS.fullmatch(name)) or found


def _published(raw: RawEntry, language: str | None = None) -> datetime | None:
    """Return the publication date, failing that the date of the last change: often all there is."""
    return parse_date(raw.published, language) or parse_date(raw.updated, language)


def _image(entry: _ResolvedEntry) -> Image | None:
    for image in entry.raw.images:
        if url := absolute_url(image.url, *entry.bases):
            return replace(image, url=url)
    return None


def _pictures(entry: _ResolvedEntry, body: CleanBody) -> tuple[Image, ...]:
    """Return the pictures beside the text, without those that are in it already."""
    placed = [
        replace(picture, url=url)
        for picture in entry.raw.pictures
        if (url := absolute_url(picture.url, *entry.bases))
    ]
    inside = {picture_key(url) for url in body.pictures}
    return tuple(picture for picture in distinct(placed) if picture_key(picture.url) not in inside)


def _enclosures(files: Sequence[Enclosure], entry: _ResolvedEntry) -> Iterator[Enclosure]:
    for enclosure in files:
        if url := absolute_url(enclosure.url, *entry.bases):
            kind = clean_line(enclosure.type or "", html=False, limit=MAX_NAME) or None
            yield replace(enclosure, url=url, type=kind)
