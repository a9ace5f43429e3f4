"""Files and pictures of an entry: enclosures, Media RSS, iTunes."""

from collections.abc import Iterator, Sequence

from tidings.domain.documents import Enclosure, Image
from tidings.parsing.nodes import Node, nodes, text
from tidings.parsing.raw import length_of, pixels

TRACKING_PIXEL = 2
"""Sides up to this are no picture."""


def enclosures(node: Node) -> Iterator[Enclosure]:
    """Yield the files of an entry, URLs as written; some may come twice."""
    for link in nodes(node, "links"):
        if text(link, "rel") == "enclosure":
            url, size = text(link, "href"), text(link, "length")
            yield from _enclosure(url, kind=text(link, "type"), size=size)
    for content in nodes(node, "media_content"):
        kind, medium = text(content, "type"), text(content, "medium")
        if kind.startswith(("audio/", "video/")) or medium in {"audio", "video", "document"}:
            yield from _enclosure(text(content, "url"), kind=kind, size=text(content, "filesize"))


def images(node: Node, files: Sequence[Enclosure]) -> Iterator[Image]:
    """Yield the pictures that may stand for an entry, best first."""
    for content in nodes(node, "media_content"):
        if text(content, "type").startswith("image/") or text(content, "medium") == "image":
            yield from _image(content)
    for thumbnail in nodes(node, "media_thumbnail"):
        yield from _image(thumbnail)
    for picture in nodes(node, "image"):
        yield from _image(picture)
    for file in files:
        if file.type and file.type.startswith("image/"):
            yield Image(url=file.url)


def _enclosure(url: str, *, kind: str, size: str) -> Iterator[Enclosure]:
    if url:
        yield Enclosure(url=url, type=kind.lower() or None, length=length_of(size))


def _image(node: Node) -> Iterator[Image]:
    url = text(node, "url") or text(node, "href")
    width, height = pixels(text(node, "width")), pixels(text(node, "height"))
    if url and min(width or 100, height or 100) > TRACKING_PIXEL:
        yield Image(url=url, width=width, height=height)
