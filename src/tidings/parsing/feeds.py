"""RSS, Atom and CDF: what feedparser makes of a document, read for what it really says."""

import re
from collections.abc import Iterator
from datetime import timedelta

from tidings.domain.documents import Enclosure
from tidings.parsing import bounds, media
from tidings.parsing.bounds import MAX_AUTHOR, Found
from tidings.parsing.mending import Mended
from tidings.parsing.nodes import Node, nodes, text
from tidings.parsing.raw import MAX_HUBS, MAX_PARTS, RawEntry, RawFeed, Text

MAX_TTL = timedelta(days=31)

_ADDRESS_FIRST = re.compile(r"(?:mailto:)?[^\s()<>]+@[^\s()<>]+\s*\(([^()]+)\)")
_NAME_FIRST = re.compile(r"([^()<>@]+)[(<](?:mailto:)?[^\s()<>]+@[^\s()<>]+[)>]")
_XHTML = "application/xhtml+xml"
_HTML_TYPES = ("text/html", _XHTML)
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
    return RawFeed(
        title=_detailed(feed, "title"),
        subtitle=_detailed(feed, "subtitle"),
        site_url=_page_url(feed),
        language=text(feed, "language"),
        format=form,
        entries=tuple(_entry(node, inherited) for node in found.entries),
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
    """Return the link of a feed or entry: the original one behind a proxy's, then HTML ones.

    feedparser takes the guid for a link where there is none. So do we, if it looks like one.
    """
    alternates = [link for link in nodes(node, "links") if text(link, "rel") == "alternate"]
    pages = [link for link in alternates if text(link, "type") in _HTML_TYPES]
    hrefs = [text(link, "href") for link in pages + alternates]
    link = text(node, "link")
    last = link if "/" in link or link != text(node, "id") else ""
    candidates = [text(node, "feedburner_origlink"), *hrefs, last]
    return next(filter(None, candidates), "")


def _related(node: Node, relation: str) -> Iterator[str]:
    for link in nodes(node, "links"):
        if relation in text(link, "rel").lower().split() and (href := text(link, "href")):
            yield href


def _detailed(node: Node, key: str) -> Text:
    plain = Text(value=text(node, key))
    for detail in nodes(node, f"{key}_detail"):
        typed = _typed(detail)
        # They differ where an element further in, like an image, has a title of its own.
        return typed if text(detail, "value") == plain.value else plain
    return plain


def _typed(detail: Node) -> Text:
    kind, value = text(detail, "type").partition(";")[0].strip(), text(detail, "value")
    if kind == _XHTML:
        value = value.replace("</br>", "")  # HTML reads it as one more line break
    return Text(value=value, html=kind in _HTML_TYPES)


def _body(node: Node) -> Text:
    """Return the longest of what may be the body.

    Which element holds the full text differs from publisher to publisher, and captions
    of pictures come as descriptions too: length tells, labels do not.
    """
    details = nodes(node, "content") + nodes(node, "summary_detail")
    candidates = [_typed(detail) for detail in details if _is_text(text(detail, "type"))]
    summary = text(node, "summary")
    if summary not in [text(detail, "value") for detail in details]:
        candidates.append(Text(value=summary, html=True))
    return max(candidates, key=lambda candidate: len(candidate.value), default=Text())


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
    people = nodes(node, "authors")
    names = [_name_in(text(person, "name")) or text(person, "email") for person in people]
    for name in dict.fromkeys(filter(None, names)):
        yield Text(value=name, html=True)


def _name_in(author: str) -> str:
    """Return the name in "ann@example.org (Ann)" or "Ann <ann@example.org>"; all of it if none."""
    author = author[:MAX_AUTHOR]
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
