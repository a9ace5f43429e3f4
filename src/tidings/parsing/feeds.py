"""RSS, Atom and CDF: what feedparser makes of a document, read for what it really says."""

import re
from collections.abc import Iterator
from datetime import timedelta

from tidings.domain.documents import Enclosure
from tidings.parsing import bodies, bounds, media
from tidings.parsing.bounds import MAX_AUTHOR, Found
from tidings.parsing.mending import Mended
from tidings.parsing.nodes import Node, nodes, text
from tidings.parsing.raw import MAX_HUBS, MAX_PARTS, FirstReading, RawEntry, RawFeed, Text

MAX_TTL = timedelta(days=31)

_ADDRESS_FIRST = re.compile(r"[^\s()<>]+@[^\s()<>]+\s*\(([^()]+)\)")
_MAIL_SCHEME = re.compile(r"\A\s*mailto:\s*", re.IGNORECASE)
_NAME_FIRST = re.compile(r"([^()<>@]+)[(<](?:mailto:)?[^\s()<>]+@[^\s()<>]+[)>]")
_PAGE_TYPES = ("text/html", "application/xhtml+xml")
_PERIODS = {
    "hourly": timedelta(hours=1),
    "daily": timedelta(days=1),
    "weekly": timedelta(weeks=1),
    "monthly": timedelta(days=30),
    "yearly": timedelta(days=365),
}


def read(document: Mended, *, url: str) -> RawFeed | None:
    """Return the feed that `document` is; None if it has neither entries nor a known format.

    Args:
        document: As it is, put right.
        url: Where it came from.
    """
    found = bounds.read(document.text, url=url)
    if not found.entries and not found.version:
        return None

    feed, form = found.feed, found.version
    inherited = tuple(_authors(feed)) if form.startswith("atom") else ()
    cover = next((text(image, "href") for image in nodes(feed, "image")), "")
    return RawFeed(
        title=_detailed(feed, "title"),
        subtitle=bodies.find_body(nodes(feed, "texts")),
        site_url=_page_url(feed),
        language=text(feed, "language"),
        format=form,
        entries=tuple(_entry(node, inherited, cover) for node in found.entries),
        guid=text(feed, "id"),
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
    body = bodies.find_body(nodes(node, "texts"))
    first = FirstReading(
        title=_first_title(node),
        body=bodies.longest(node),
        enclosures=_files(media.typed_enclosures(node)),
    )
    authors = tuple(_authors(node)) or tuple(_authors_of_source(node)) or inherited_authors
    return RawEntry(
        guid=text(node, "id"),
        url=_page_url(node),
        base=text(node, "base"),
        title=_title(node),
        body=body if body.value else bodies.find_body(media.said_of_films(node)),
        language=text(node, "language") or _inherited_language(node),
        authors=authors[:MAX_PARTS],
        categories=tuple(_categories(node))[:MAX_PARTS],
        published=text(node, "published") or text(node, "created"),
        updated=text(node, "updated"),
        images=tuple(media.images(node, enclosures)),
        pictures=tuple(media.pictures(node, enclosures, cover=cover))[:MAX_PARTS],
        enclosures=enclosures,
        first_reading=first,
    )


def _page_url(node: Node) -> str:
    """Return the link of a feed or entry: the original one behind a proxy's, then HTML ones.

    feedparser takes the guid for a link where there is none. So do we, if it looks like one.
    """
    alternates = [link for link in nodes(node, "links") if text(link, "rel") == "alternate"]
    pages = [link for link in alternates if text(link, "type") in _PAGE_TYPES]
    hrefs = [text(link, "href") for link in pages + alternates]
    link = text(node, "link")
    last = link if "/" in link or link != text(node, "id") else ""
    candidates = [text(node, "feedburner_origlink"), *hrefs, last]
    return next(filter(None, candidates), "")


def _related(node: Node, relation: str) -> Iterator[str]:
    for link in nodes(node, "links"):
        if relation in text(link, "rel").lower().split() and (href := text(link, "href")):
            yield href


def _title(node: Node) -> Text:
    """Return the title, unless all there is belongs to a picture or a film in the entry."""
    return _detailed(node, "title") if dict.get(node, "has_title") else Text()


def _detailed(node: Node, key: str) -> Text:
    plain = Text(value=text(node, key))
    for detail in nodes(node, f"{key}_detail"):
        # They differ where an element further in, like an image, has a title of its own.
        is_own = text(detail, "value") == plain.value
        return (bodies.find_typed(detail) or plain) if is_own else plain
    return plain


def _first_title(node: Node) -> Text:
    plain = Text(value=text(node, "title"))
    for detail in nodes(node, "title_detail"):
        return bodies.first_typed(detail) if text(detail, "value") == plain.value else plain
    return plain


def _inherited_language(node: Node) -> str:
    """Return what `xml:lang` says in the scope of an entry's texts."""
    for part in ("content", "summary_detail", "title_detail"):
        for detail in nodes(node, part):
            if value := text(detail, "language"):
                return value
    return ""


def _authors_of_source(node: Node) -> Iterator[Text]:
    """Yield who wrote the feed that an entry was taken from (RFC 4287, section 4.2.1)."""
    for source in nodes(node, "source"):
        yield from _authors(source)


def _authors(node: Node) -> Iterator[Text]:
    people = nodes(node, "authors")
    names = [_name_in(text(person, "name")) or text(person, "email") for person in people]
    for name in dict.fromkeys(filter(None, names)):
        yield Text(value=name, html=True)


def _name_in(author: str) -> str:
    """Return the name in "ann@example.org (Ann)" or "Ann <ann@example.org>"; all of it if none."""
    author = _MAIL_SCHEME.sub("", author[:MAX_AUTHOR])
    found = _ADDRESS_FIRST.fullmatch(author) or _NAME_FIRST.fullmatch(author)
    # A name with a comma stands in quotes beside its address, as in mail (RFC 5322, section 3.4).
    return found[1].strip(' "') if found else author


def _categories(node: Node) -> Iterator[Text]:
    names = [text(tag, "label") or text(tag, "term") for tag in nodes(node, "tags")]
    for name in dict.fromkeys(names):
        # Terms without a label may be identifiers, which mean nothing to people.
        if name and not name.startswith(("http://", "https://")):
            yield Text(value=name, html=True)


def _files(enclosures: Iterator[Enclosure]) -> tuple[Enclosure, ...]:
    """Return each file once."""
    by_url: dict[str, Enclosure] = {}
    for enclosure in enclosures:
        by_url.setdefault(enclosure.url, enclosure)
    return tuple(by_url.values())[:MAX_PARTS]


def _malformations(found: Found, document: Mended) -> tuple[str, ...]:
    if found.error is None:
        return ()
    message, line = found.error
    return (f"not well-formed: {message} in line {line - 1 + document.first_line}",)


def _ttl(feed: Node) -> timedelta | None:
    """Return the pause that `ttl` or the syndication module asks for, the longer one."""
    pauses = []
    minutes = text(feed, "ttl")
    if minutes.isdecimal() and len(minutes) < 8:
        pauses.append(timedelta(minutes=int(minutes)))
    period = _PERIODS.get(text(feed, "sy_updateperiod").lower())
    frequency = text(feed, "sy_updatefrequency") or "1"
    if period and frequency.isdecimal() and len(frequency) < 8 and int(frequency):
        pauses.append(period / int(frequency))
    return min(max(pauses), MAX_TTL) if any(pauses) else None
