"""The feeds that a page advertises."""

from selectolax.lexbor import LexborHTMLParser

from tidings.domain.documents import Link
from tidings.parsing.text import clean_line
from tidings.parsing.urls import absolute_url

FEED_TYPES = frozenset(
    {
        "application/atom+xml",
        "application/feed+json",
        "application/json",
        "application/rdf+xml",
        "application/rss+xml",
        "application/xml",
        "text/xml",
    }
)

MAX_FEEDS = 20
"""Feeds of one page that are named."""


def advertised_feeds(page: bytes, url: str) -> tuple[Link, ...]:
    """Return what an HTML page offers by `link rel=alternate`, in its order, each once."""
    tree = LexborHTMLParser(page)
    base = tree.css_first("base[href]")
    base_url = absolute_url(base.attributes.get("href"), url) if base else None
    found: dict[str, Link] = {}
    for node in tree.css("link[rel][href]"):
        attributes = node.attributes
        kind = (attributes.get("type") or "").split(";")[0].strip().lower()
        if (
            "alternate" not in (attributes.get("rel") or "").lower().split()
            or kind not in FEED_TYPES
        ):
            continue
        target = absolute_url(attributes.get("href"), base_url, url)
        if target:
            title = clean_line(attributes.get("title") or "", html=False)
            found.setdefault(target, Link(url=target, title=title, type=kind))
    return tuple(found.values())[:MAX_FEEDS]
