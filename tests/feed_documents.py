"""Feeds as publishers write them: name what matters, leave out the rest."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape

from parsed_entries import DAY, NOON


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    guid: str
    title: str
    text: str
    url: str
    published: object


def an_item(number=1, **fields):
    """Return an entry as one writes it; the higher its number, the newer it is."""
    defaults = {
        "guid": f"urn:example:{number}",
        "title": f"Entry {number}",
        "text": f"What entry {number} says.",
        "url": f"https://example.org/{number}",
        "published": NOON - 20 * DAY + number * DAY / 100,
    }
    return Item(**defaults | fields)


def items(count):
    """Return that many entries, newest first."""
    return [an_item(number) for number in range(count, 0, -1)]


def recent_items(count):
    """Return that many entries of today, newest first: digests tell of nothing that is old."""
    now = datetime.now(UTC).replace(microsecond=0)
    return [an_item(number, published=now - DAY / (1 + number)) for number in range(count, 0, -1)]


def atom(*entries, title="A feed", extra="", language="en"):
    written = "".join(
        f"<entry><id>{escape(item.guid)}</id><title>{escape(item.title)}</title>"
        f'<link href="{escape(item.url)}"/><updated>{item.published.isoformat()}</updated>'
        f"<published>{item.published.isoformat()}</published>"
        f'<content type="html">{escape(f"<p>{item.text}</p>")}</content></entry>'
        for item in entries
    )
    return (
        f'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom" xml:lang="{language}">'
        f"<id>urn:example:feed</id><title>{escape(title)}</title>"
        f'<link href="https://example.org/"/>{extra}{written}</feed>'
    ).encode()


def rss(*entries, title="A feed", extra=""):
    written = "".join(
        f'<item><guid isPermaLink="false">{escape(item.guid)}</guid>'
        f"<title>{escape(item.title)}</title><link>{escape(item.url)}</link>"
        f"<pubDate>{format_datetime(item.published)}</pubDate>"
        f"<description>{escape(f'<p>{item.text}</p>')}</description></item>"
        for item in entries
    )
    return (
        f'<?xml version="1.0"?><rss version="2.0"><channel><title>{escape(title)}</title>'
        f"<link>https://example.org/</link><description/>{extra}{written}</channel></rss>"
    ).encode()


def json_feed(*entries, title="A feed"):
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": title,
        "items": [
            {
                "id": item.guid,
                "url": item.url,
                "title": item.title,
                "content_html": f"<p>{item.text}</p>",
                "date_published": item.published.isoformat(),
            }
            for item in entries
        ],
    }
    return json.dumps(feed).encode()
