"""Values for tests: name what matters, leave out the rest."""

from datetime import UTC, datetime, timedelta

from tidings.model.feed import ParsedEntry, ParsedFeed
from tidings.model.identity import digest

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def an_entry(guid="urn:example:1", *, title="An entry", text="Its text.", **fields) -> ParsedEntry:
    defaults = {
        "key": digest("guid", guid),
        "raw_hash": digest(guid, title, text, str(fields)),
        "revision": digest(title, text),
        "guid": guid,
        "title": title,
        "url": f"https://example.org/{guid.removeprefix('urn:').replace(':', '/')}",
        "content": f"<p>{text}</p>",
        "excerpt": text,
        "published": NOON - HOUR,
    }
    return ParsedEntry(**(defaults | fields))


def a_feed(*entries: ParsedEntry, **fields) -> ParsedFeed:
    return ParsedFeed(**({"title": "A feed", "format": "atom10", "entries": entries} | fields))
