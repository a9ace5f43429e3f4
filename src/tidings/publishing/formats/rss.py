"""Our feeds as RSS 2.0, after the profile of the RSS Advisory Board; and Media RSS for pictures."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import partial
from html import escape
from typing import Literal

from feedgen.feed import FeedGenerator
from lxml import etree

from tidings.model.entries import Entry, headline
from tidings.model.feed import Enclosure
from tidings.model.scopes import FeedDocument
from tidings.publishing.formats.values import (
    GENERATOR,
    UNKNOWN_TYPE,
    FeedFormat,
    author_names,
    picture_type,
    publishable,
    published_at,
)

ATOM_LINK = "{http://www.w3.org/2005/Atom}link"

DUBLIN_CORE = "http://purl.org/dc/elements/1.1/"

# A host with a dotted name: validators refuse enclosures at any other.
_HOST = re.compile(r"https?://(?:[a-z0-9-]+\.)+[a-z0-9][a-z0-9-]*(?::[0-9]+)?/", re.IGNORECASE)

_TITLE = re.compile(rb"<title>[^<]+")

MEDIA_RSS = "http://search.yahoo.com/mrss/"

ITUNES = "http://www.itunes.com/dtds/podcast-1.0.dtd"


def render_rss(feed: FeedDocument) -> bytes:
    """Return `feed` as an RSS document; the same feed gives the same bytes."""
    feed = publishable(feed)
    document = FeedGenerator()
    document.register_extension("tidings", partial(RssChannelElements, feed))
    document.title(feed.title)
    # Descriptions are HTML to RSS readers, and required of a channel.
    document.description(escape(feed.subtitle or feed.title, quote=False))
    document.lastBuildDate(_OmittedDate.fromtimestamp(0, UTC))
    if feed.language:
        document.language(feed.language)
    document.generator(GENERATOR)
    document.link(href=feed.page_url)
    for entry in feed.entries:
        _add_item(document, entry)
    return _TITLE.sub(_with_numeric_references, document.rss_str(pretty=True))


RSS = FeedFormat(name="rss", title="RSS", media_type="application/rss+xml", render=render_rss)


def _add_item(document: FeedGenerator, entry: Entry) -> None:
    item = document.add_entry(order="append")
    item.register_extension("tidings", partial(RssItemElements, entry))
    # Without `isPermaLink="false"` readers would open the id as a page.
    item.guid(entry.atom_id, permalink=entry.atom_id == entry.url)
    item.title(headline(entry))
    item.category([{"term": category} for category in entry.categories])
    if entry.source.url and _has_host_name(entry.source.url):
        item.source(url=entry.source.url, title=entry.source.title)
    if entry.url and _has_host_name(entry.url):
        item.link(href=entry.url)
    if entry.excerpt:
        item.summary(escape(entry.excerpt, quote=False))
    if entry.content:
        item.content(entry.content)
    # One at most, as the profile says: readers differ in which of several they take. A length that
    # is not known is 0.
    for enclosure in list(filter(_is_allowed_enclosure, entry.enclosures))[:1]:
        item.enclosure(enclosure.url, enclosure.length or 0, enclosure.type or UNKNOWN_TYPE)


@dataclass(frozen=True, slots=True)
class RssChannelElements:
    """Elements of a channel that feedgen cannot write: its date, links to other formats."""

    feed: FeedDocument

    def extend_ns(self) -> dict[str, str]:
        """Return the namespaces beyond those that feedgen declares."""
        return {"dc": DUBLIN_CORE} | namespace_of(self.feed)

    def extend_rss(self, rss: etree._Element) -> etree._Element:
        """Add to the channel in `rss` what feedgen cannot write."""
        channel = rss[0]
        # In English whatever the locale is, unlike strftime.
        _add_text(channel, "lastBuildDate", format_datetime(self.feed.updated))
        for link in self.feed.forms:
            rel = "self" if link.form == RSS.name else "alternate"
            attributes = {"href": link.url, "rel": rel, "type": link.media_type}
            etree.SubElement(channel, ATOM_LINK, attributes)
        for hub in self.feed.hubs:
            etree.SubElement(channel, ATOM_LINK, {"href": hub, "rel": "hub"})
        return rss


@dataclass(frozen=True, slots=True)
class RssItemElements:
    """Elements of an item that feedgen cannot write: date, authors, rights, language."""

    entry: Entry

    def extend_rss(self, item: etree._Element) -> etree._Element:
        """Add to `item` what feedgen cannot write."""
        _add_text(item, "pubDate", format_datetime(published_at(self.entry)))
        for name in author_names(self.entry):
            # RSS's own `author` is an e-mail address.
            _add_text(item, f"{{{DUBLIN_CORE}}}creator", name)
        if self.entry.language:
            _add_text(item, f"{{{DUBLIN_CORE}}}language", self.entry.language)
        if self.entry.source.rights:
            _add_text(item, f"{{{DUBLIN_CORE}}}rights", self.entry.source.rights)
        add_pictures(item, self.entry)
        add_duration(item, self.entry)
        return item


class _OmittedDate(datetime):
    """A date that feedgen takes for missing.

    It always writes one, and to do so switches the locale of the whole process, for every other
    thread as well. So we write the dates.
    """

    def __bool__(self) -> Literal[False]:
        return False


def _has_host_name(url: str) -> bool:
    """Tell whether an address may be in RSS, which knows no literal IPv6 addresses."""
    return "[" not in url


def _is_allowed_enclosure(enclosure: Enclosure) -> bool:
    """Tell whether an enclosure may be in RSS, which wants a dotted host name."""
    return _HOST.match(enclosure.url) is not None


def _add_text(parent: etree._Element, name: str, text: str) -> None:
    etree.SubElement(parent, name).text = text


def _with_numeric_references(title: re.Match[bytes]) -> bytes:
    """Write a title as the profile advises: many readers take named references for HTML."""
    return title[0].replace(b"&lt;", b"&#x3C;").replace(b"&amp;", b"&#x26;")


def namespace_of(feed: FeedDocument) -> dict[str, str]:
    """Return the namespaces of pictures and of durations, if a feed has any."""
    has_pictures = any(entry.pictures for entry in feed.entries)
    is_heard = any(_duration(entry) for entry in feed.entries)
    return ({"media": MEDIA_RSS} if has_pictures else {}) | ({"itunes": ITUNES} if is_heard else {})


def add_duration(element: etree._Element, entry: Entry) -> None:
    """Add how long the recording of `entry` lasts, in seconds, as podcasts say it."""
    if duration := _duration(entry):
        etree.SubElement(element, f"{{{ITUNES}}}duration").text = str(duration)


def _duration(entry: Entry) -> int | None:
    return next((file.duration for file in entry.enclosures if file.duration), None)


def add_pictures(element: etree._Element, entry: Entry) -> None:
    """Add the pictures of `entry` as `media:content`, with their texts."""
    for picture in entry.pictures:
        if "[" in picture.url:
            continue  # validators know no literal IPv6 addresses here
        sizes = {"width": picture.width, "height": picture.height}
        known = {name: str(size) for name, size in sizes.items() if size}
        kind = picture_type(picture)
        typed = {"url": picture.url, "medium": "image"} | ({"type": kind} if kind else {})
        content = etree.SubElement(element, f"{{{MEDIA_RSS}}}content", typed | known)
        if picture.alt:
            words = etree.SubElement(content, f"{{{MEDIA_RSS}}}description", type="plain")
            words.text = picture.alt
