"""RSS, Atom and CDF: what feedparser makes of a document, read for what it really says."""

import re
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from xml.sax import SAXParseException

import feedparser

from tidings.domain.documents import Enclosure
from tidings.parsing import media
from tidings.parsing.mending import Mended
from tidings.parsing.nodes import Node, nodes, text
from tidings.parsing.raw import MAX_PARTS, RawEntry, RawFeed, Text

MAX_TTL = timedelta(days=31)

_ADDRESS_FIRST = re.compile(r"(?:mailto:)?[^\s()<>]+@[^\s()<>]+\s*\(([^()]+)\)")
_NAME_FIRST = re.compile(r"([^()<>@]+)[(<](?:mailto:)?[^\s()<>]+@[^\s()<>]+[)>]")
_HTML_TYPES = ("text/html", "application/xhtml+xml")
_PERIODS = {
    "hourly": timedelta(hours=1),
    "daily": timedelta(days=1),
    "weekly": timedelta(weeks=1),
    "monthly": timedelta(days=30),
    "yearly": timedelta(days=365),
}


def read(document: Mended) -> RawFeed | None:
    """Return the feed that `document` is; None if it has neither entries nor a known format.

    May raise whatever feedparser raises: the caller guards the whole reading of a document.
    """
    found = feedparser.parse(
        BytesIO(document.text.encode()),
        sanitize_html=False,
        resolve_relative_uris=False,
        response_headers={"content-type": "application/xml; charset=utf-8"},
    )
    if not found["entries"] and not found.get("version"):
        return None

    feed: Node = found["feed"]
    form = found.get("version") or ""
    inherited = tuple(_authors(feed)) if form.startswith("atom") else ()
    return RawFeed(
        title=_detailed(feed, "title"),
        subtitle=_detailed(feed, "subtitle"),
        site_url=_page_url(feed),
        language=text(feed, "language"),
        format=form,
        entries=tuple(_entry(node, inherited) for node in found["entries"]),
        problems=_malformations(found, document),
        ttl=_ttl(feed),
    )


def _entry(node: Node, inherited_authors: tuple[Text, ...]) -> RawEntry:
    enclosures = tuple(_enclosures(node))[:MAX_PARTS]
    return RawEntry(
        guid=text(node, "id"),
        url=_page_url(node),
        base=_inherited(node, "base"),
        title=_detailed(node, "title"),
        body=_body(node),
        language=text(node, "language") or _inherited(node, "language"),
        authors=tuple(_authors(node))[:MAX_PARTS] or inherited_authors,
        categories=tuple(_categories(node))[:MAX_PARTS],
        published=text(node, "published") or text(node, "created"),
        updated=text(node, "updated"),
        images=tuple(media.images(node, enclosures)),
        enclosures=enclosures,
    )


def _page_url(node: Node) -> str:
    """Return the link of a feed or entry: the original one behind a proxy's, then HTML ones."""
    alternates = [link for link in nodes(node, "links") if text(link, "rel") == "alternate"]
    pages = [link for link in alternates if text(link, "type") in _HTML_TYPES]
    hrefs = [text(link, "href") for link in pages + alternates]
    candidates = [text(node, "feedburner_origlink"), *hrefs, text(node, "link")]
    return next(filter(None, candidates), "")


def _detailed(node: Node, key: str) -> Text:
    for detail in nodes(node, f"{key}_detail"):
        return _typed(detail)
    return Text(value=text(node, key))


def _typed(detail: Node) -> Text:
    kind = text(detail, "type").partition(";")[0].strip()
    return Text(value=text(detail, "value"), html=kind in _HTML_TYPES)


def _body(node: Node) -> Text:
    """Return the longest of what may be the body.

    Which element holds the full text differs from publisher to publisher, and captions
    of pictures come as descriptions too: length tells, labels do not.
    """
    details = nodes(node, "content") + nodes(node, "summary_detail")
    candidates = [_typed(detail) for detail in details if _is_text(text(detail, "type"))]
    candidates.append(Text(value=text(node, "summary"), html=True))
    return max(candidates, key=lambda candidate: len(candidate.value))


def _is_text(kind: str) -> bool:
    return not kind or kind.startswith("text/") or kind.partition(";")[0] in _HTML_TYPES


def _inherited(node: Node, key: str) -> str:
    """Return what `xml:base` or `xml:lang` says in the scope of an entry's texts."""
    for part in ("content", "summary_detail", "title_detail"):
        for detail in nodes(node, part):
            if value := text(detail, key):
                return value
    return ""


def _authors(node: Node) -> Iterator[Text]:
    names = [text(author, "name") or text(author, "email") for author in nodes(node, "authors")]
    # The last one also stands as written: feedparser cuts names and addresses apart in the
    # wrong place where a top-level domain has more than four letters.
    if last := text(node, "author"):
        names[-1:] = [_name_in(last)]
    for name in dict.fromkeys(names):
        if name:
            yield Text(value=name, html=True)


def _name_in(author: str) -> str:
    """Return the name in "ann@example.org (Ann)" or "Ann <ann@example.org>"; all of it if none."""
    found = _ADDRESS_FIRST.fullmatch(author) or _NAME_FIRST.fullmatch(author)
    return found[1].strip() if found else author


def _categories(node: Node) -> Iterator[Text]:
    names = [text(tag, "label") or text(tag, "term") for tag in nodes(node, "tags")]
    for name in dict.fromkeys(names):
        # Terms without a label may be identifiers, which mean nothing to people.
        if name and not name.startswith(("http://", "https://")):
            yield Text(value=name, html=True)


def _enclosures(node: Node) -> Iterator[Enclosure]:
    taken = set()
    for enclosure in media.enclosures(node):
        if enclosure.url not in taken:
            taken.add(enclosure.url)
            yield enclosure


def _malformations(found: Node, document: Mended) -> tuple[str, ...]:
    error = dict.get(found, "bozo_exception")
    if not isinstance(error, SAXParseException):
        return ()
    # feedparser puts a declaration on a line of its own before what it is given.
    line = (error.getLineNumber() or 2) - 2 + document.first_line
    return (f"not well-formed: {error.getMessage()} in line {line}",)


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
