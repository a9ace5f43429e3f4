"""Feed candidates of a page: advertised, linked, at well-known paths; and those of YouTube."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, urljoin, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from tidings.model.feed import Link
from tidings.parsing.absolute_urls import absolute_url, canonical_url
from tidings.parsing.page_tree import base_of, page_text, page_tree
from tidings.parsing.text_cleaning import clean_line

# Feeds of one page that are returned.
MAX_FEEDS = 20

MAX_LINKS = 5000

# Where publishing software serves feeds, the most common first.
WELL_KNOWN_PATHS = (
    *("feed", "rss.xml", "feed.xml", "atom.xml", "index.xml"),
    *("rss", "feed/", "feeds/all.atom.xml", "feed.json", "index.rdf"),
)

_GENERIC_TYPES = frozenset({"application/json", "application/xml", "text/json", "text/xml"})

_FEED_TYPE = re.compile(r"\b(?:atom|rdf|rss)\b|\bfeed\+json")

_NO_FEED = re.compile(r"/wp-json/|oembed|opensearch|sitemap", re.IGNORECASE)

_COMMENTS = re.compile(r"\bcomments?\b", re.IGNORECASE)

_FEED_PATH = re.compile(
    r"/(?:feeds?|rss2?|atom|rdf)(?:/?|\.(?:php\d?|aspx?|ashx|jsp|cfm|cgi|pl|do))$"
    r"|/(?:feeds?|rss2?|atom)/[^/]+/?$|\.(?:rss|atom|rdf)$",
    re.IGNORECASE,
)

_FEED_WORD = re.compile(r"feed|rss|atom|/index\.xml", re.IGNORECASE)

_FEED_QUERY = re.compile(r"(?:^|&)(?:feed|format|type|alt)=(?:rss|atom|feed|rdf)", re.IGNORECASE)

_FEED_HOSTS = frozenset({"feedpress.me", "feedpress.it", "anchor.fm"})

_FEED_SERVERS = frozenset({"feed", "feeds", "feeds2", "rss"})

_PAGE_TYPES = frozenset({"text/html", "application/xhtml+xml"})

_PAGE_START = re.compile(rb"<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)

YOUTUBE_FEEDS = "https://www.youtube.com/feeds/videos.xml"

_YOUTUBE_HOSTS = frozenset({"youtube.com", "www.youtube.com", "m.youtube.com"})

_CHANNEL = r"UC[\w-]{22}"

_CHANNEL_PATH = re.compile(rf"/channel/({_CHANNEL})(?:/|$)")

_PLAYLIST = re.compile(r"(?:PL|UU|FL|OL)[\w-]{8,60}")

# The first that matches counts: the channel of a channel's page, then that of a video.
_CHANNEL_MARKS = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        rf'<link rel="canonical" href="https://www\.youtube\.com/channel/({_CHANNEL})"',
        rf'itemprop="(?:channelId|identifier)" content="({_CHANNEL})"',
        rf'"externalId":"({_CHANNEL})"',
        rf'"channelId":"({_CHANNEL})"',
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HtmlPage:
    """The feed candidates of a page; feeds of comments come last.

    Attributes:
        advertised: By `link rel=alternate` in the page, or by headers.
        linked: Links on it that look like feeds.
        well_known: Well-known paths of feeds on the site.
    """

    advertised: tuple[Link, ...] = ()
    linked: tuple[Link, ...] = ()
    well_known: tuple[Link, ...] = ()


def is_page(body: bytes, content_type: str | None) -> bool:
    """Tell whether a document that is no feed is an HTML page."""
    return content_type in _PAGE_TYPES or _PAGE_START.search(body[:1000]) is not None


def read_page(
    body: bytes, url: str, *, charset: str | None = None, alternates: Sequence[Link] = ()
) -> HtmlPage:
    """Return the feed candidates of a page; takes time linear in its size.

    Args:
        body: The page.
        url: Where it was found.
        charset: The label in the HTTP header.
        alternates: The links in headers with `rel=alternate`.
    """
    text = page_text(body, charset)
    tree = page_tree(text)
    base_url = base_of(tree, url)
    bases = (base_url, url)

    in_headers = filter(_is_of_feed, alternates)
    advertised = [*in_headers, *_advertised(tree, bases), *feeds_in_page(text, url)]
    linked = _linked(tree, bases)
    well_known = () if is_youtube(url) else _well_known(url)
    return HtmlPage(
        advertised=_ordered(advertised), linked=_ordered(linked), well_known=_ordered(well_known)
    )


def _advertised(tree: LexborHTMLParser, bases: tuple[str | None, str]) -> Iterator[Link]:
    for node in tree.css("link[rel][href], a[rel][href]")[:MAX_LINKS]:
        rel = (node.attributes.get("rel") or "").lower().split()
        if "alternate" not in rel and "feed" not in rel:
            continue
        link = _link(node, bases)
        if link and _is_of_feed(link):
            yield link


def _linked(tree: LexborHTMLParser, bases: tuple[str | None, str]) -> Iterator[Link]:
    home = (urlsplit(bases[1]).hostname or "").removeprefix("www.")
    for node in tree.css("a[href]")[:MAX_LINKS]:
        link = _link(node, bases)
        if (
            link
            and _is_same_site(urlsplit(link.url).hostname or "", home)
            and _looks_like_feed(link.url)
        ):
            yield link


def _well_known(url: str) -> Iterator[Link]:
    """Yield the well-known paths, each beside the page and at the root of its site."""
    folders = dict.fromkeys((urljoin(url, "."), urljoin(url, "/")))
    for path in WELL_KNOWN_PATHS:
        for folder in folders:
            yield Link(url=urljoin(folder, path))


def _link(node: LexborNode, bases: tuple[str | None, str]) -> Link | None:
    href = (node.attributes.get("href") or "").strip()
    if href[:5].lower() == "feed:":  # feed:https://… and feed://…: what opened feed readers once
        href = href[5:]
    target = absolute_url(href, *bases)
    if target is None:
        return None
    words = node.attributes.get("title") or (node.text(deep=False) if node.tag == "a" else "")
    kind = (node.attributes.get("type") or "").split(";")[0].strip().lower()
    return Link(url=target, title=clean_line(words, html=False, limit=200), type=kind or None)


def _is_of_feed(link: Link) -> bool:
    """Tell whether an alternate of a page is a feed, by its type, failing that by its URL."""
    if link.type is None:
        return _looks_like_feed(link.url)
    if link.type in _GENERIC_TYPES:
        return not _NO_FEED.search(link.url)
    return _FEED_TYPE.search(link.type) is not None


def _looks_like_feed(url: str) -> bool:
    parts = urlsplit(url)
    if _is_feed_server(parts.hostname or "") and len(parts.path) > 1:
        return True
    is_file = parts.path.lower().endswith((".xml", ".json"))
    return bool(
        _FEED_PATH.search(parts.path)
        or _FEED_QUERY.search(parts.query)
        or (is_file and _FEED_WORD.search(parts.path))
    )


def _is_same_site(host: str, home: str) -> bool:
    """Tell whether a link to `host` may be to a page's own feed."""
    return host == home or host.endswith(f".{home}") or _is_feed_server(host)


def _is_feed_server(host: str) -> bool:
    return host in _FEED_HOSTS or (host.count(".") > 1 and host.partition(".")[0] in _FEED_SERVERS)


def _ordered(links: Iterable[Link]) -> tuple[Link, ...]:
    """Return each link once, feeds of comments last."""
    unique: dict[str, Link] = {}
    for link in links:
        unique.setdefault(canonical_url(link.url), link)
    ordered = sorted(unique.values(), key=_is_of_comments)
    return tuple(ordered[:MAX_FEEDS])


def _is_of_comments(link: Link) -> bool:
    parts = urlsplit(link.url)
    return _COMMENTS.search(f"{parts.path}?{parts.query} {link.title}") is not None


def is_youtube(url: str) -> bool:
    """Tell whether `url` is a page of YouTube."""
    return urlsplit(url).hostname in _YOUTUBE_HOSTS


def find_feed_of(url: str) -> Link | None:
    """Return the feed of the channel or playlist that `url` itself names."""
    if not is_youtube(url):
        return None
    parts = urlsplit(url)
    if channel := _CHANNEL_PATH.match(parts.path):
        return _feed("channel_id", channel[1])
    [playlist, *_] = parse_qs(parts.query).get("list") or [""]
    is_playlist = parts.path == "/playlist" and _PLAYLIST.fullmatch(playlist)
    return _feed("playlist_id", playlist) if is_playlist else None


def feeds_in_page(page: str, url: str) -> Iterator[Link]:
    """Yield the feed of the channel that a page of YouTube belongs to."""
    if is_youtube(url):
        found = (mark.search(page) for mark in _CHANNEL_MARKS)
        if channel := next(filter(None, found), None):
            yield _feed("channel_id", channel[1])


def _feed(parameter: str, name: str) -> Link:
    return Link(url=f"{YOUTUBE_FEEDS}?{parameter}={name}", type="application/atom+xml")
