"""RSS, Atom and CDF: from feedparser's result to `RawFeed`, without its guesses."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from datetime import timedelta

from tidings.model.feed import Enclosure
from tidings.parsing import entry_body, fast_reader, feedparser_limits, media
from tidings.parsing.feedparser_limits import MAX_AUTHOR, ParsedByFeedparser
from tidings.parsing.raw import (
    MAX_HUBS,
    MAX_PARTS,
    EarlierVersion,
    Node,
    RawEntry,
    RawFeed,
    Text,
    node_text,
    nodes,
)
from tidings.parsing.xml_repair import RepairedXml

MAX_TTL = timedelta(days=31)

_MAIL = re.compile(r"(?:(?i:mailto):\s*)?[^\s()<>\[\],;@]+@[^\s()<>\[\],;@]+\.[^\s()<>\[\],;@]+")
# What no address of a page has in it (RFC 3986, section 2).
_NO_URL = re.compile(r"[\s<>\"{}|\\^`]")
_AROUND = {("<", ">"), ("(", ")"), ("[", "]")}
_PAGE_TYPES = ("text/html", "application/xhtml+xml")
_PERIODS = {
    "hourly": timedelta(hours=1),
    "daily": timedelta(days=1),
    "weekly": timedelta(weeks=1),
    "monthly": timedelta(days=30),
    "yearly": timedelta(days=365),
}


def read(document: RepairedXml, *, url: str) -> RawFeed | None:
    """Return the feed in `document`; None if it has neither entries nor a known format.

    Args:
        document: Repaired XML.
        url: Where it came from.
    """
    found = fast_reader.read(document.text, url=url)
    if found is None:
        return read_by_feedparser(document, url=url)
    return _raw_feed(found, document)


def read_by_feedparser(document: RepairedXml, *, url: str) -> RawFeed | None:
    """Return the same by feedparser alone: the slow way, and the judge of the fast one."""
    return _raw_feed(feedparser_limits.read(document.text, url=url), document)


def read_twice(document: RepairedXml, *, url: str) -> RawFeed | None:
    """Return the same by feedparser, and in which field the fast reader differs from it."""
    found = fast_reader.read(document.text, url=url)
    judged = read_by_feedparser(document, url=url)
    if found is None or judged is None:
        return judged
    feed = _raw_feed(found, document)
    return judged if feed == judged else replace(judged, disagreement=_difference(feed, judged))


def _difference(feed: RawFeed | None, judged: RawFeed) -> str:
    """Return the first field in which two feeds differ, or that of their entries."""
    if feed is None:
        return "format"
    if len(feed.entries) == len(judged.entries):
        for one, other in zip(feed.entries, judged.entries, strict=True):
            if one != other:
                return f"entries.{_field(one, other)}"
    return _field(feed, judged)


def _field(one: RawEntry | RawFeed, other: RawEntry | RawFeed) -> str:
    names = (field.name for field in fields(one))
    return next(name for name in names if getattr(one, name) != getattr(other, name))


def _raw_feed(found: ParsedByFeedparser, document: RepairedXml) -> RawFeed | None:
    if not found.entries and not found.version:
        return None

    feed, form = found.feed, found.version
    inherited = tuple(_authors(feed)) if form.startswith("atom") else ()
    cover = next((node_text(image, "href") for image in nodes(feed, "image")), "")
    return RawFeed(
        title=_detailed(feed, "title"),
        subtitle=entry_body.find_body(nodes(feed, "texts")),
        site_url=_page_url(feed),
        language=node_text(feed, "language"),
        format=form,
        entries=tuple(_entry(node, inherited, cover) for node in found.entries),
        guid=node_text(feed, "id"),
        rights=_detailed(feed, "rights"),
        cut=found.surplus,
        problems=_malformations(found, document),
        ttl=_ttl(feed),
        hubs=tuple(_related(feed, "hub"))[:MAX_HUBS],
        self_url=next(_related(feed, "self"), ""),
        skip_hours=found.skip_hours,
        skip_days=found.skip_days,
    )


def _entry(node: Node, inherited_authors: tuple[Text, ...], cover: str) -> RawEntry:
    enclosures = _files(media.enclosures(node))
    title, texts = _title(node), nodes(node, "texts")
    body = _body(node, texts)
    is_read_anew = any("before" in detail for detail in texts)
    first = EarlierVersion(
        title=_first_title(node),
        body=entry_body.find_body_by_first_rule(node),
        enclosures=_files(media.typed_enclosures(node)),
    )
    authors = tuple(_authors(node)) or tuple(_authors_of_source(node)) or inherited_authors
    return RawEntry(
        guid=node_text(node, "id"),
        url=_page_url(node),
        base=node_text(node, "base"),
        title=title if title.value else Text(value=node_text(node, "itunes_title")),
        body=body,
        language=node_text(node, "language") or _inherited_language(node),
        authors=authors[:MAX_PARTS],
        categories=tuple(_categories(node))[:MAX_PARTS],
        published=node_text(node, "published") or node_text(node, "created"),
        updated=node_text(node, "updated"),
        images=tuple(media.images(node, enclosures)),
        pictures=tuple(media.pictures(node, enclosures, cover=cover))[:MAX_PARTS],
        enclosures=enclosures,
        by_first_rule=first,
        by_previous_rule=EarlierVersion(
            title=_detailed(node, "title") if dict.get(node, "titled_file") else title,
            body=_body(node, entry_body.as_previously_parsed(texts)) if is_read_anew else body,
            enclosures=enclosures,
        ),
    )


def _body(node: Node, texts: Sequence[Node]) -> Text:
    body = entry_body.find_body(texts)
    return body if body.value else entry_body.find_body(media.film_descriptions(node))


def _page_url(node: Node) -> str:
    """Return the link of a feed or entry: the original behind FeedBurner's, then HTML ones."""
    # feedparser takes the guid for a link where there is none. So do we, if it looks like one.
    alternates = [link for link in nodes(node, "links") if node_text(link, "rel") == "alternate"]
    pages = [link for link in alternates if node_text(link, "type") in _PAGE_TYPES]
    hrefs = [node_text(link, "href") for link in pages + alternates]
    link = node_text(node, "link")
    is_page = "/" in link and not _NO_URL.search(link)
    last = link if is_page or link != node_text(node, "id") else ""
    candidates = [node_text(node, "feedburner_origlink"), *hrefs, last]
    return next(filter(None, candidates), "")


def _related(node: Node, relation: str) -> Iterator[str]:
    for link in nodes(node, "links"):
        if relation in node_text(link, "rel").lower().split() and (href := node_text(link, "href")):
            yield href


def _title(node: Node) -> Text:
    """Return the title, unless it belongs to a picture or video in the entry."""
    return _detailed(node, "title") if dict.get(node, "has_title") else Text()


def _detailed(node: Node, key: str) -> Text:
    plain = Text(value=node_text(node, key))
    for detail in nodes(node, f"{key}_detail"):
        # They differ where a nested element, like an image, has a title of its own.
        is_own = node_text(detail, "value") == plain.value
        return (entry_body.typed_text(detail) or plain) if is_own else plain
    return plain


def _first_title(node: Node) -> Text:
    plain = Text(value=node_text(node, "title"))
    for detail in nodes(node, "title_detail"):
        return (
            entry_body.typed_text_by_first_rule(detail)
            if node_text(detail, "value") == plain.value
            else plain
        )
    return plain


def _inherited_language(node: Node) -> str:
    """Return the `xml:lang` that is in scope at an entry's texts."""
    for part in ("content", "summary_detail", "title_detail"):
        for detail in nodes(node, part):
            if value := node_text(detail, "language"):
                return value
    return ""


def _authors_of_source(node: Node) -> Iterator[Text]:
    """Yield the authors of the feed that an entry was taken from (RFC 4287, section 4.2.1)."""
    for source in nodes(node, "source"):
        yield from _authors(source)


def _authors(node: Node) -> Iterator[Text]:
    people = nodes(node, "authors")
    names = [_name_in(node_text(person, "name")) or node_text(person, "email") for person in people]
    for name in dict.fromkeys(filter(None, names)):
        yield Text(value=name, html=True)


def _name_in(author: str) -> str:
    """Return the name beside a mail address: "Ann" of "ann@example.org (Ann)"; else all of it."""
    author = author[:MAX_AUTHOR].replace("&lt;", "<").replace("&gt;", ">").strip()
    addresses = _MAIL.findall(author)
    if len(addresses) != 1:
        return author
    before, after = (part.strip() for part in author.split(addresses[0]))
    if before and after and (before[-1], after[0]) in _AROUND:
        before, after = before[:-1].rstrip(), after[1:].lstrip()
    if before and after:
        return author  # an address within a sentence
    name = (before or after).strip(" ,;:-")
    if after and name.startswith("(") and name.endswith(")"):
        name = name[1:-1]
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = name[1:-1]
    return name.strip() or addresses[0].rpartition(":")[2].strip()


def _categories(node: Node) -> Iterator[Text]:
    names = [node_text(tag, "label") or node_text(tag, "term") for tag in nodes(node, "tags")]
    for name in dict.fromkeys(names):
        # Terms without a label may be URIs, which mean nothing to people.
        if name and not name.startswith(("http://", "https://")):
            yield Text(value=name, html=True)


def _files(enclosures: Iterator[Enclosure]) -> tuple[Enclosure, ...]:
    """Return each file once."""
    by_url: dict[str, Enclosure] = {}
    for enclosure in enclosures:
        by_url.setdefault(enclosure.url, enclosure)
    return tuple(by_url.values())[:MAX_PARTS]


def _malformations(found: ParsedByFeedparser, document: RepairedXml) -> tuple[str, ...]:
    if found.error is None:
        return ()
    message, line = found.error
    return (f"not well-formed: {message} in line {line - 1 + document.first_line}",)


def _ttl(feed: Node) -> timedelta | None:
    """Return the pause that `ttl` or RSS's syndication module asks for, the longer one."""
    pauses = []
    minutes = node_text(feed, "ttl")
    if minutes.isdecimal() and len(minutes) < 8:
        pauses.append(timedelta(minutes=int(minutes)))
    period = _PERIODS.get(node_text(feed, "sy_updateperiod").lower())
    frequency = node_text(feed, "sy_updatefrequency") or "1"
    if period and frequency.isdecimal() and len(frequency) < 8 and int(frequency):
        pauses.append(period / int(frequency))
    return min(max(pauses), MAX_TTL) if any(pauses) else None
