"""What every form of our feeds says of an entry: clean values, and what stands in for missing ones."""

import re
from dataclasses import replace
from datetime import datetime

from tidings.domain.documents import Enclosure, Image
from tidings.domain.entries import Entry, SourceCredit
from tidings.domain.publishing import FeedDocument
from tidings.rendering.xml_text import find_uri, xml_line, xml_text

GENERATOR = "tidings"

UNKNOWN_TYPE = "application/octet-stream"
"""The media type of an enclosure whose publisher names none, where a form requires one."""

HEADLINE_LENGTH = 80
"""Characters of the excerpt that head an entry without a title."""

EARLIEST_YEAR = 1995
"""Feeds are not older; an earlier claim is a clock that was never set."""

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{1,8})*", re.IGNORECASE)
_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+", re.ASCII)


def publishable(feed: FeedDocument) -> FeedDocument:
    """Return `feed` with texts that XML allows, addresses that are URIs, and nothing malformed."""
    return replace(
        feed,
        title=xml_line(feed.title) or feed.page_url,
        subtitle=xml_line(feed.subtitle),
        entries=tuple(_publishable_entry(entry) for entry in feed.entries),
    )


def headline(entry: Entry) -> str:
    """Return the title, failing that the begin of the excerpt, failing that the source's title."""
    if entry.title or not entry.excerpt:
        return entry.title or entry.source.title
    if len(entry.excerpt) <= HEADLINE_LENGTH:
        return entry.excerpt
    head = entry.excerpt[:HEADLINE_LENGTH]
    blank = head.rfind(" ", HEADLINE_LENGTH // 2)
    return (head if blank < 0 else head[:blank]) + "…"


def published_at(entry: Entry) -> datetime:
    """Return the publisher's date if it can be true, else when we first saw the entry."""
    claim = entry.published
    if claim and claim.year >= EARLIEST_YEAR and claim <= entry.changed_at:
        return claim
    return entry.first_seen_at


def author_names(entry: Entry) -> tuple[str, ...]:
    """Return the authors, failing that the source: somebody always answers for an entry."""
    return entry.authors or (entry.source.title,)


def _publishable_entry(entry: Entry) -> Entry:
    return replace(
        entry,
        source=_publishable_source(entry.source),
        atom_id=xml_text(entry.atom_id),
        title=xml_line(entry.title),
        url=find_uri(entry.url),
        authors=_lines(entry.authors),
        categories=_lines(entry.categories),
        excerpt=xml_line(entry.excerpt),
        language=_find(_LANGUAGE, entry.language),
        image=_find_image(entry.image),
        enclosures=_publishable_enclosures(entry.enclosures),
        content=xml_text(entry.content or "").strip(),
    )


def _publishable_source(source: SourceCredit) -> SourceCredit:
    url = find_uri(source.url) or xml_text(source.url)
    return replace(
        source, title=xml_line(source.title) or url, url=url, site_url=find_uri(source.site_url)
    )


def _publishable_enclosures(enclosures: tuple[Enclosure, ...]) -> tuple[Enclosure, ...]:
    return tuple(
        Enclosure(
            url=url,
            type=_find(_MEDIA_TYPE, enclosure.type),
            length=max(enclosure.length, 0) if enclosure.length is not None else None,
        )
        for enclosure in enclosures
        if (url := find_uri(enclosure.url))
    )


def _find_image(image: Image | None) -> Image | None:
    url = find_uri(image.url) if image else None
    return Image(url=url) if url else None


def _lines(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(line for text in texts if (line := xml_line(text)))


def _find(pattern: re.Pattern[str], text: str | None) -> str | None:
    return text if text and pattern.fullmatch(text) else None
