"""Our feeds as JSON Feed 1.1."""

import json
from collections.abc import Iterator, Mapping

from tidings.model.entries import AlsoAt, Entry, SourceCredit, headline
from tidings.model.feed import Enclosure
from tidings.model.scopes import FeedDocument
from tidings.publishing.formats.values import (
    UNKNOWN_TYPE,
    FeedFormat,
    author_names,
    picture_type,
    publishable,
    published_at,
    updated_at,
)

VERSION = "https://jsonfeed.org/version/1.1"


def render_json(feed: FeedDocument) -> bytes:
    """Return `feed` as a JSON document; the same feed gives the same bytes."""
    feed = publishable(feed)
    document = _without_blanks(
        {
            "version": VERSION,
            "title": feed.title,
            "home_page_url": feed.page_url,
            "feed_url": feed.url_of(JSON_FEED.name),
            "description": feed.subtitle,
            "favicon": feed.icon,
            "language": feed.language,
            "hubs": [{"type": "WebSub", "url": hub} for hub in feed.hubs],
        }
    )
    # After blanks are dropped: `items` is required even if there are none.
    document["items"] = [json_item(entry) for entry in feed.entries]
    # As UTF-8, since a Chinese character takes three bytes, escaped six; and without blanks.
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


JSON_FEED = FeedFormat(
    name="json", title="JSON Feed", media_type="application/feed+json", render=render_json
)


def json_item(entry: Entry) -> dict[str, object]:
    """Return an entry as an item of a JSON feed."""
    mates = [_also_at(mate) for mate in entry.also_at]
    return _without_blanks(
        {
            "id": entry.atom_id,
            "url": entry.url,
            # No headline in its place: an item may go without a title here, as short posts do.
            "title": entry.title,
            "content_html": entry.content,
            # An item must have one of the two contents.
            "content_text": "" if entry.content else entry.excerpt or headline(entry),
            "summary": entry.excerpt,
            "image": entry.image.url if entry.image else None,
            "date_published": published_at(entry).isoformat(),
            "date_modified": updated_at(entry).isoformat(),
            "authors": [{"name": name} for name in author_names(entry)],
            "tags": entry.categories,
            "language": entry.language,
            "attachments": [*map(_attachment, entry.enclosures), *_pictures(entry)],
            "_source": _source(entry.source),
            # Extensions have to be objects.
            "_also_at": {"sources": mates} if mates else None,
        }
    )


def _source(credit: SourceCredit) -> dict[str, object]:
    return _without_blanks(
        {
            "title": credit.title,
            "home_page_url": credit.site_url,
            "feed_url": credit.url,
            "rights": credit.rights,
        }
    )


def _also_at(mate: AlsoAt) -> dict[str, object]:
    return _without_blanks({"url": mate.url, "title": mate.title, "source": mate.source.title})


def _attachment(enclosure: Enclosure) -> dict[str, object]:
    return _without_blanks(
        {
            "url": enclosure.url,
            # Required of an attachment.
            "mime_type": enclosure.type or UNKNOWN_TYPE,
            "size_in_bytes": enclosure.length,
            "duration_in_seconds": enclosure.duration,
        }
    )


def _pictures(entry: Entry) -> Iterator[dict[str, object]]:
    """Yield the pictures beside the text as attachments, which may have a title."""
    attached = {enclosure.url for enclosure in entry.enclosures}
    for picture in entry.pictures:
        if picture.url not in attached:
            kind = picture_type(picture) or UNKNOWN_TYPE
            yield _without_blanks({"url": picture.url, "mime_type": kind, "title": picture.alt})


def _without_blanks(members: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in members.items() if value}
