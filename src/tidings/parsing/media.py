"""Files and pictures of an entry: enclosures, Media RSS, iTunes."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from tidings.model.feed import Enclosure, Image
from tidings.parsing import entry_body
from tidings.parsing.pictures import distinct
from tidings.parsing.raw import Node, duration_of, length_of, node_text, nodes, pixels
from tidings.parsing.text_cleaning import clean_line

# Pixels of a side up to which a picture is only there for tracking.
TRACKING_PIXEL = 2

# Media of one entry that are searched for pictures.
MAX_MEDIA = 100

_NAME = re.compile(
    r"[^?#]*\.(?:(?P<image>avif|bmp|gif|heic|jpe?g|jfif|png|svg|webp)"
    r"|(?P<file>aac|flac|m4[abv]|mov|mp[34]|mpe?g|og[agv]|opus|wav|webm))(?:[?#]|\Z)",
    re.IGNORECASE,
)
_FILES = frozenset({"audio", "video", "document"})


def enclosures(node: Node) -> Iterator[Enclosure]:
    """Yield the files of an entry, URLs as written; some may come twice."""
    yield from typed_enclosures(node)
    for content in nodes(node, "media_content"):
        if _is_untyped(content) and _kind_by_name(node_text(content, "url")) == "file":
            yield from _enclosure(content, kind="")


def typed_enclosures(node: Node) -> Iterator[Enclosure]:
    """Yield the files of an entry that have a type or medium; file names do not count."""
    # Of the entry: its files are the same recording in several forms, if they are recordings.
    duration = duration_of(node_text(node, "itunes_duration"))
    for link in nodes(node, "links"):
        if node_text(link, "rel") == "enclosure" and (url := node_text(link, "href")):
            kind = node_text(link, "type").lower()
            yield Enclosure(
                url=url,
                type=kind or None,
                length=length_of(node_text(link, "length")),
                duration=None if kind.startswith("image/") else duration,
            )
    for content in nodes(node, "media_content"):
        kind, medium = node_text(content, "type"), node_text(content, "medium")
        if kind.startswith(("audio/", "video/")) or medium in _FILES:
            yield from _enclosure(content, kind=kind)


def images(node: Node, files: Sequence[Enclosure]) -> Iterator[Image]:
    """Yield candidates for the main picture of an entry, best first."""
    yield from _contents(node)
    for thumbnail in nodes(node, "media_thumbnail"):
        yield from _image(thumbnail)
    for picture in nodes(node, "image"):
        yield from _image(picture)
    yield from files_as_pictures(files)


def pictures(node: Node, files: Sequence[Enclosure], *, cover: str) -> list[Image]:
    """Return the pictures to be shown beside the text, each once, in the order of the document.

    Of a group (one picture in several sizes) only the largest; so of thumbnails, which count
    only where there is no picture itself.

    Args:
        node: An entry.
        files: Its enclosures.
        cover: The picture of the whole feed, which all episodes of a podcast share.
    """
    thumbnails = nodes(node, "media_thumbnail")[:MAX_MEDIA]
    found = [*_contents(node)] or [*_largest(thumbnails, node)]
    found += [*_linked(node), *files_as_pictures(files)]
    if not found:
        covers = [picture for one in nodes(node, "image") for picture in _image(one)]
        found = [picture for picture in covers if picture.url != cover]
    return distinct(found)


def film_descriptions(node: Node) -> list[Node]:
    """Return what is said of single films and recordings: it serves where nothing else is said."""
    films = [one for one in nodes(node, "media_content") if not _is_picture(one)]
    return [detail for film in films for detail in nodes(film, "description")]


def files_as_pictures(files: Sequence[Enclosure]) -> Iterator[Image]:
    """Yield those of the files of an entry that are pictures."""
    for file in files:
        kind = file.type or ""
        # "application/octet-stream" is what servers say of a file that they do not know.
        is_untyped = "/" not in kind or kind.endswith("/octet-stream")
        if kind.startswith("image/") or (is_untyped and _kind_by_name(file.url) == "image"):
            yield Image(url=file.url)


def _linked(node: Node) -> Iterator[Image]:
    """Yield the pictures that an Atom entry links to with words of their own."""
    for link in nodes(node, "links")[:MAX_MEDIA]:
        if node_text(link, "rel") == "enclosure" and node_text(link, "type").startswith("image/"):
            alt = clean_line(node_text(link, "title"), html=False)
            yield from (replace(picture, alt=alt) for picture in _image(link))


def _contents(node: Node) -> Iterator[Image]:
    """Yield the pictures among the media of an entry, of each group the largest.

    What has words of its own is no other form of anything.
    """
    grouped: dict[object, list[Node]] = {}
    for position, content in enumerate(nodes(node, "media_content")[:MAX_MEDIA]):
        if _is_picture(content):
            group = dict.get(content, "group")
            is_alone = not group or nodes(content, "description")
            grouped.setdefault(f"alone {position}" if is_alone else group, []).append(content)
    for members in grouped.values():
        yield from _largest(members, node)


def _largest(members: Sequence[Node], node: Node) -> Iterator[Image]:
    found = [
        replace(picture, alt=_caption(member, node))
        for member in members
        for picture in _image(member)
    ]
    if found:
        yield max(found, key=lambda one: one.width or 0)


def _caption(medium: Node, node: Node) -> str:
    """Return the alternative text of a picture: its own, failing that its group's."""
    # The description of a group with a video in it describes the video.
    groups = nodes(node, "media_groups")
    number = dict.get(medium, "group")
    [group, *_] = [one for one in groups if dict.get(one, "number") == number] or [{}]
    media = nodes(node, "media_content")[:MAX_MEDIA]
    others = [one for one in media if dict.get(one, "group") == number]
    is_of_pictures = bool(others) and all(map(_is_picture, others))
    said = nodes(medium, "description") + nodes(medium, "title")
    said += nodes(group, "description") if is_of_pictures else []
    if media == [medium]:  # some write beside a single picture what belongs into it
        said += [
            one for one in nodes(node, "texts") if node_text(one, "element") == "media:description"
        ]
    # A film's title is that of its entry, too: there is no need to say it twice.
    said += [
        one for one in nodes(group, "title") if node_text(one, "value") != node_text(node, "title")
    ]
    typed = filter(None, map(entry_body.typed_text, said))
    lines = (clean_line(one.value, html=one.html) for one in typed)
    return next(filter(None, lines), "")


def _is_picture(content: Node) -> bool:
    if _is_untyped(content):
        return _kind_by_name(node_text(content, "url")) == "image"
    return (
        node_text(content, "type").startswith("image/") or node_text(content, "medium") == "image"
    )


def _is_untyped(content: Node) -> bool:
    return "/" not in node_text(content, "type") and not node_text(content, "medium")


def _kind_by_name(url: str) -> str:
    found = _NAME.match(url)
    return (found.lastgroup or "") if found else ""


def _enclosure(content: Node, *, kind: str) -> Iterator[Enclosure]:
    if url := node_text(content, "url"):
        yield Enclosure(
            url=url,
            type=kind.lower() or None,
            length=length_of(node_text(content, "filesize")),
            duration=duration_of(node_text(content, "duration")),
        )


def _image(node: Node) -> Iterator[Image]:
    url = node_text(node, "url") or node_text(node, "href")
    width, height = pixels(node_text(node, "width")), pixels(node_text(node, "height"))
    if url and min(width or 100, height or 100) > TRACKING_PIXEL:
        yield Image(url=url, width=width, height=height)
