"""JSON Feed 1.0 and 1.1, tolerant of fields with wrong types and of truncated documents."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from math import isfinite

from tidings.model.feed import Enclosure, Image
from tidings.parsing import entry_body, media
from tidings.parsing.raw import (
    MAX_HUBS,
    MAX_PARTS,
    EarlierVersion,
    RawEntry,
    RawFeed,
    Text,
    duration_of,
    length_of,
)
from tidings.parsing.text_cleaning import clean_line

# Digits of an integer; Python raises an error on thousands of them.
MAX_DIGITS = 20

# Ends of objects at which a truncated document is tried to be closed.
MAX_CUTS = 20

_NUMBER = re.compile(r"(?:json ?feed[ /-]?)?v?\d(?:\.\d)?")
_FIRST = re.compile(r"(?:^|[^.\d])1(?:\.0)?/?$")

Object = dict[str, object]


def read(document: str) -> RawFeed | None:
    """Return the feed in the JSON text `document`; None if it is another kind of JSON.

    Raises:
        ValueError: It is not JSON.
        RecursionError: It nests too deep.
    """
    feed, problems = _loaded(document)
    if not isinstance(feed, dict) or not isinstance(feed.get("items"), list):
        return None
    version = _text(feed, "version").lower()
    if version and "jsonfeed.org" not in version and not _NUMBER.fullmatch(version):
        return None

    items = [item for item in feed["items"] if isinstance(item, dict)]
    if not version:
        problems.append("no version")
    if len(items) < len(feed["items"]):
        problems.append(f"{len(feed['items']) - len(items)} items are no objects")
    return RawFeed(
        title=Text(value=_text(feed, "title")),
        subtitle=Text(value=_text(feed, "description")),
        site_url=_text(feed, "home_page_url"),
        language=_text(feed, "language"),
        format="json1" if _FIRST.search(version) else "json11",
        entries=tuple(_entry(item, inherited=tuple(_authors(feed))) for item in items),
        problems=tuple(problems),
        hubs=tuple(_hubs(feed))[:MAX_HUBS],
        self_url=_text(feed, "feed_url"),
    )


def _loaded(document: str) -> tuple[object, list[str]]:
    """Return the value of a JSON text, and what was wrong with it.

    If it is truncated, it is read up to its last complete item.
    """
    try:
        # Not strict: line breaks within strings are common, if invalid.
        return json.loads(document, parse_int=_integer, strict=False), []
    except json.JSONDecodeError as error:
        end = len(document)
        for _ in range(MAX_CUTS):
            end = document.rfind("}", 0, end)
            if end < 0:
                break
            with suppress(json.JSONDecodeError):
                whole = f"{document[: end + 1]}]}}"
                return json.loads(whole, parse_int=_integer, strict=False), [f"broken: {error}"]
        raise


def _entry(item: Object, *, inherited: tuple[Text, ...]) -> RawEntry:
    html = Text(value=_text(item, "content_html"), html=True)
    plain = Text(value=_text(item, "content_text") or _text(item, "summary"))
    title = Text(value=_text(item, "title"))
    images = [Image(url=url) for key in ("image", "banner_image") if (url := _text(item, key))]
    enclosures = tuple(_attachments(item))[:MAX_PARTS]
    return RawEntry(
        guid=_text(item, "id"),
        url=_text(item, "url") or _text(item, "external_url"),
        title=title,
        body=html if entry_body.is_visible(html) else plain,
        language=_text(item, "language"),
        authors=tuple(_authors(item))[:MAX_PARTS] or inherited[:MAX_PARTS],
        categories=tuple(_tags(item))[:MAX_PARTS],
        published=_text(item, "date_published"),
        updated=_text(item, "date_modified"),
        images=tuple(images),
        pictures=(*images[:1], *_pictures(item), *media.files_as_pictures(enclosures)),
        enclosures=enclosures,
        by_first_rule=EarlierVersion(
            title=title, body=html if html.value else plain, enclosures=enclosures
        ),
    )


def _integer(digits: str) -> int | str:
    """Return a number; its digits if there are more than any number in a feed has."""
    return int(digits) if len(digits) <= MAX_DIGITS else digits


def _text(node: Object, key: str) -> str:
    """Return the text under `key`; a number counts as its digits, anything else as missing."""
    value = node.get(key)
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return repr(value) if isfinite(value) else ""


def _objects(node: Object, key: str) -> Iterator[Object]:
    value = node.get(key)
    for element in value if isinstance(value, list) else [value]:
        if isinstance(element, dict):
            yield element


def _hubs(feed: Object) -> Iterator[str]:
    for hub in _objects(feed, "hubs"):
        if _text(hub, "type").lower() == "websub" and (url := _text(hub, "url")):
            yield url


def _authors(node: Object) -> Iterator[Text]:
    """Yield the names of `authors` (1.1), failing that of `author` (1.0)."""
    for author in [*_objects(node, "authors")] or _objects(node, "author"):
        if name := _text(author, "name"):
            yield Text(value=name)


def _tags(item: Object) -> Iterator[Text]:
    tags = item.get("tags")
    for tag in (
        dict.fromkeys(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else ()
    ):
        yield Text(value=tag)


def _pictures(item: Object) -> Iterator[Image]:
    """Yield the attached pictures that have a title, which is their alternative text."""
    for attachment in _objects(item, "attachments"):
        url, title = _text(attachment, "url"), _text(attachment, "title")
        if url and title and _text(attachment, "mime_type").lower().startswith("image/"):
            yield Image(url=url, alt=clean_line(title, html=False))


def _attachments(item: Object) -> Iterator[Enclosure]:
    for attachment in _objects(item, "attachments"):
        if url := _text(attachment, "url"):
            kind = _text(attachment, "mime_type").lower() or None
            length = length_of(attachment.get("size_in_bytes"))
            duration = duration_of(attachment.get("duration_in_seconds"))
            yield Enclosure(url=url, type=kind, length=length, duration=duration)
