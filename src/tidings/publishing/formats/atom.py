"""Our feeds as Atom (RFC 4287)."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from html import escape

from feedgen.feed import FeedGenerator
from lxml import etree

from tidings.model.entries import Entry, headline
from tidings.model.scopes import ArchiveLinks, FeedDocument
from tidings.publishing.formats.rss import add_duration, add_pictures, namespace_of
from tidings.publishing.formats.values import (
    GENERATOR,
    FeedFormat,
    author_names,
    publishable,
    published_at,
    updated_at,
)

FEED_HISTORY = "http://purl.org/syndication/history/1.0"
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def render_atom(feed: FeedDocument) -> bytes:
    """Return `feed` as an Atom document; the same feed gives the same bytes."""
    feed = publishable(feed)
    document = FeedGenerator()
    document.register_extension("tidings", partial(AtomFeedElements, feed))
    document.id(feed.id)
    document.title(feed.title)
    document.subtitle(feed.subtitle)
    document.updated(feed.updated)
    document.generator(GENERATOR)
    if feed.language:
        document.language(feed.language)
    if feed.icon:
        document.icon(feed.icon)
    for link in _links(feed):
        document.link(link)
    for entry in feed.entries:
        _add_entry(document, entry)
    body: bytes = document.atom_str(pretty=True)
    return body


ATOM = FeedFormat(name="atom", title="Atom", media_type="application/atom+xml", render=render_atom)


def _links(feed: FeedDocument) -> Iterator[dict[str, str]]:
    for link in feed.forms:
        rel = "self" if link.form == ATOM.name else "alternate"
        yield {"href": link.url, "rel": rel, "type": link.media_type}
    yield {"href": feed.page_url, "rel": "alternate", "type": "text/html"}
    for hub in feed.hubs:
        yield {"href": hub, "rel": "hub"}
    archive = feed.archive or ArchiveLinks()
    neighbours = {
        "prev-archive": archive.previous,
        "next-archive": archive.following,
        "current": archive.current,
    }
    for rel, neighbour in neighbours.items():
        if neighbour:
            yield {"href": neighbour, "rel": rel, "type": ATOM.media_type}


def _add_entry(document: FeedGenerator, entry: Entry) -> None:
    # feedgen prepends by default, which would turn the order round.
    written = document.add_entry(order="append")
    written.register_extension("tidings", partial(AtomEntryElements, entry))
    written.id(entry.atom_id)
    written.title(headline(entry))
    written.updated(updated_at(entry))
    written.published(published_at(entry))
    written.author([{"name": name} for name in author_names(entry)])
    written.category([{"term": category} for category in entry.categories])
    if entry.url:
        written.link(href=entry.url)
    if entry.excerpt:
        written.summary(entry.excerpt)
    # An entry without content must have a link (RFC 4287, 4.1.2): without either, the text stands
    # in.
    if entry.content or not entry.url:
        text = entry.content or escape(entry.excerpt or headline(entry), quote=False)
        written.content(text, type="html")


@dataclass(frozen=True, slots=True)
class AtomFeedElements:
    """Elements of a feed that feedgen cannot write: escaped text, `fh:archive` (RFC 5005)."""

    feed: FeedDocument

    def extend_ns(self) -> dict[str, str]:
        """Return the namespaces beyond Atom's own."""
        history = {"fh": FEED_HISTORY} if self.feed.is_archive else {}
        return history | namespace_of(self.feed)

    def extend_atom(self, element: etree._Element) -> etree._Element:
        """Add to the feed `element` what feedgen cannot write."""
        # feedgen has no way to set `type` on these.
        _declare_markup(element, "title", "subtitle")
        if self.feed.is_archive:
            etree.SubElement(element, f"{{{FEED_HISTORY}}}archive")
        return element


@dataclass(frozen=True, slots=True)
class AtomEntryElements:
    """Elements of an entry that feedgen cannot write: language, links, a full `source`."""

    entry: Entry

    def extend_atom(self, element: etree._Element) -> etree._Element:
        """Add to `element` what feedgen loses or cannot write."""
        _declare_markup(element, "title", "summary")
        if self.entry.language:
            element.set(XML_LANG, self.entry.language)
        # feedgen writes the links of entries with their address alone.
        for page in element.iterchildren("link"):
            page.set("rel", "alternate")
        for mate in self.entry.also_at:
            if mate.url:
                _add_link(element, "related", href=mate.url)
        for enclosure in self.entry.enclosures:
            length = str(enclosure.length) if enclosure.length is not None else None
            _add_link(element, "enclosure", href=enclosure.url, type=enclosure.type, length=length)
        self._add_source(element)
        add_pictures(element, self.entry)
        add_duration(element, self.entry)
        return element

    def _add_source(self, element: etree._Element) -> None:
        credit = self.entry.source
        source = etree.SubElement(element, "source")
        # The id that the source's own feed has, or readers that merge feeds take it for another
        # feed.
        _add_text(source, "id", credit.guid or credit.url)
        _add_text(source, "title", credit.title)
        _add_text(source, "updated", self.entry.changed_at.isoformat())
        if credit.url:
            _add_link(source, "self", href=credit.url)
        if credit.site_url:
            _add_link(source, "alternate", href=credit.site_url)
        if credit.rights:
            _add_text(source, "rights", credit.rights)
        _declare_markup(source, "title", "rights")


def _add_text(parent: etree._Element, name: str, text: str) -> None:
    etree.SubElement(parent, name).text = text


def _add_link(parent: etree._Element, rel: str, **attributes: str | None) -> None:
    # lxml takes no None as the value of an attribute.
    known = {name: value for name, value in attributes.items() if value is not None}
    etree.SubElement(parent, "link", {"rel": rel, **known})


def _declare_markup(parent: etree._Element, *names: str) -> None:
    """Write plain text with `<` or `&` as type="html", escaped twice.

    Some readers render text as HTML whatever its type says.
    """
    for element in parent.iterchildren(*names):
        if element.text and ("<" in element.text or "&" in element.text):
            element.text = escape(element.text, quote=False)
            element.set("type", "html")
