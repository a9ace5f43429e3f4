"""The pictures beside a text, in the words of Media RSS: in RSS and in Atom alike."""

from lxml import etree

from tidings.domain.entries import Entry
from tidings.domain.publishing import FeedDocument
from tidings.rendering.publishable import picture_type

MEDIA_RSS = "http://search.yahoo.com/mrss/"


def namespace_of(feed: FeedDocument) -> dict[str, str]:
    """Return the namespace of pictures, if a feed has any."""
    return {"media": MEDIA_RSS} if any(entry.pictures for entry in feed.entries) else {}


def add_pictures(element: etree._Element, entry: Entry) -> None:
    """Add the pictures of `entry` to its element, with the words that stand for them."""
    for picture in entry.pictures:
        if "[" in picture.url:
            continue  # validators know no literal IPv6 addresses here
        sizes = {"width": picture.width, "height": picture.height}
        known = {name: str(size) for name, size in sizes.items() if size}
        kind = picture_type(picture)
        typed = {"url": picture.url, "medium": "image"} | ({"type": kind} if kind else {})
        content = etree.SubElement(element, f"{{{MEDIA_RSS}}}content", typed | known)
        if picture.alt:
            words = etree.SubElement(content, f"{{{MEDIA_RSS}}}description", type="plain")
            words.text = picture.alt
