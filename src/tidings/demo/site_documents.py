"""What the publishers of the demo's world serve: feeds from files, pages, pictures and sound."""

import json
import re
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import cached_property
from html import escape
from importlib import resources
from io import BytesIO
from math import cos, hypot, radians, sin, sqrt
from pathlib import PurePosixPath
from types import MappingProxyType
from urllib.parse import urljoin, urlsplit

import feedparser

from tidings.model.page_rules import PageRules

MEDIA_TYPES = MappingProxyType(
    {
        ".svg": "image/svg+xml",
        ".png": "image/png",
        ".mp3": "audio/mpeg",
        ".html": "text/html; charset=utf-8",
    }
)

PLACEHOLDER = re.compile(
    r"\{\{(?:base(?::(?P<other>[a-z-]+))?"
    r"|(?P<form>iso|rfc822):-(?P<count>\d+)(?P<unit>[mhd]))\}\}"
)
UNITS = MappingProxyType(
    {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
)

PAGE = """<!doctype html>
<html lang="{language}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="alternate" type="{media_type}" href="{feed}" title="{site}">
<style>
:root {{ color-scheme: light dark }}
body {{ font: 1.05rem/1.6 Georgia, serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem }}
img {{ max-width: 100% }}
pre {{ overflow-x: auto; font-size: .85rem; line-height: 1.45 }}
</style>
<p><a href="/">{site}</a></p>
<h1>{title}</h1>
{body}
</html>
"""

# MPEG-1 layer III, 32 kbit/s, 44.1 kHz, mono: a header, and side information that says "nothing".
SILENT_FRAME = b"\xff\xfb\x10\xc0" + bytes(100)
FRAMES_PER_SECOND = 44_100 / 1152


@dataclass(frozen=True, slots=True, kw_only=True)
class Imprint:
    """A publisher: its name, topics and language, and the form of its feed.

    Attributes:
        name: The folder of its documents.
        topics: Slugs.
        feed: File name of the feed, and its path on the site.
        encoding: What the feed is sent in, whatever it declares; its file is UTF-8.
        page: How it is read, if it is no feed but a page.
        teases: The feed has only the beginning of each entry; the rest is on the pages.
    """

    name: str
    title: str
    topics: tuple[str, ...]
    language: str = "en"
    feed: str = "feed.xml"
    media_type: str = "application/rss+xml"
    encoding: str = "utf-8"
    page: PageRules | None = None
    teases: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticDocument:
    """What stands at one address."""

    body: bytes
    media_type: str


class PublisherSite:
    """Everything one publisher serves.

    Args:
        imprint: Who publishes.
        bases: The address of every site, by name, without a slash at the end.
        now: What the dates in the documents are counted back from.
    """

    def __init__(self, imprint: Imprint, *, bases: Mapping[str, str], now: datetime) -> None:
        self.now = now
        self._imprint = imprint
        self._bases = bases

    def find_document(self, path: str) -> StaticDocument | None:
        """Return what stands at `path`, if anything does."""
        return self._files.get(path) or self._computed.get(path) or self._pages.get(path)

    @cached_property
    def _files(self) -> dict[str, StaticDocument]:
        """The feed, the drawings, and the pages that have more than the feed, by path."""
        folder = resources.files("tidings.demo") / "world" / self._imprint.name
        texts = {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()}
        feed = fill(
            texts.pop(self._imprint.feed),
            now=self.now,
            bases=self._bases,
            own=self._imprint.name,
        )
        return {
            f"/{self._imprint.feed}": StaticDocument(
                body=feed.encode(self._imprint.encoding), media_type=self._imprint.media_type
            ),
            **_documents({name: text.encode() for name, text in texts.items()}),
        }

    @cached_property
    def _computed(self) -> dict[str, StaticDocument]:
        """Pictures and sound, made when the first visitor asks for more than the feed."""
        return _documents(computed_files(self._imprint.name))

    @cached_property
    def _pages(self) -> dict[str, StaticDocument]:
        """The page of each entry and the one that lists them, made when the first is visited."""
        feed = self._files[f"/{self._imprint.feed}"].body
        base = self._bases[self._imprint.name]
        pages = {}
        contents = []
        for url, title, content in _entries(feed, url=f"{base}/{self._imprint.feed}"):
            contents.append(f'<li><a href="{escape(url)}">{escape(title)}</a></li>')
            # Some entries link to pages of other publishers.
            if url.startswith(f"{base}/"):
                pages[urlsplit(url).path] = self._page(title, content)
        pages["/"] = self._page(self._imprint.title, f"<ul>{''.join(contents)}</ul>")
        return pages

    def _page(self, title: str, body: str) -> StaticDocument:
        page = PAGE.format(
            title=escape(title),
            site=escape(self._imprint.title),
            language=self._imprint.language,
            feed=f"/{self._imprint.feed}",
            media_type=self._imprint.media_type,
            body=body,
        )
        return StaticDocument(body=page.encode(), media_type="text/html; charset=utf-8")


def fill(template: str, *, now: datetime, bases: Mapping[str, str], own: str) -> str:
    """Return `template` with its addresses and dates filled in.

    `{{base}}` is the address of the site `own`, `{{base:kestrel}}` that of another;
    `{{iso:-3h}}` and `{{rfc822:-2d}}` are times before `now`, in minutes, hours or days.
    """

    def value(match: re.Match[str]) -> str:
        if match["form"] is None:
            return bases[match["other"] or own]
        moment = now - int(match["count"]) * UNITS[match["unit"]]
        if match["form"] == "rfc822":
            return format_datetime(moment)
        return moment.isoformat(timespec="seconds")

    return PLACEHOLDER.sub(value, template)


def computed_files(name: str) -> dict[str, bytes]:
    """Return the pictures and the sound of the publisher `name` that no file holds."""
    match name:
        case "dark-sky":
            return {"moon.png": crescent_moon(260)}
        case "room-tone":
            seconds = {"anechoic": 9, "stairwell": 12, "snow": 15, "reeds": 10, "kitchen": 8}
            sound = {f"{title}.mp3": silence(length) for title, length in seconds.items()}
            return {"cover.png": rings(300), **sound}
    return {}


def silence(seconds: int) -> bytes:
    """Return an MP3 of that length."""
    return SILENT_FRAME * round(seconds * FRAMES_PER_SECOND)


def crescent_moon(size: int) -> bytes:
    """Return a picture of a thin moon with earthshine: a sphere lit from behind its limb."""
    radius = size * 0.42
    sun_x, sun_z = sin(radians(140)), cos(radians(140))

    def brightness(x: float, y: float) -> int:
        x, y = x / radius, y / radius
        if hypot(x, y) > 1:
            return 0
        z = sqrt(1 - x * x - y * y)
        return min(255, round(22 + 14 * z + 480 * max(0.0, x * sun_x + z * sun_z)))

    middle = size / 2
    rows = (bytes(brightness(x - middle, y - middle) for x in range(size)) for y in range(size))
    return png(rows, width=size, height=size, darkest=(9, 11, 20), brightest=(255, 246, 224))


def rings(size: int) -> bytes:
    """Return a picture of waves that spread from two points and meet."""

    def height(x: int, y: int) -> int:
        near, far = hypot(x - size * 0.3, y - size * 0.4), hypot(x - size * 0.75, y - size * 0.65)
        return round(127.5 + 63.7 * (cos(near / 5) + cos(far / 5)))

    rows = (bytes(height(x, y) for x in range(size)) for y in range(size))
    return png(rows, width=size, height=size, darkest=(18, 52, 71), brightest=(242, 233, 210))


def png(
    rows: Iterable[bytes],
    *,
    width: int,
    height: int,
    darkest: tuple[int, int, int],
    brightest: tuple[int, int, int],
) -> bytes:
    """Return a PNG of `rows` of one byte per pixel, on a scale between two colours."""
    palette = b"".join(
        bytes(round(a + (b - a) * step / 255) for a, b in zip(darkest, brightest, strict=True))
        for step in range(256)
    )
    # Each row begins with its filter; 0 is none.
    unfiltered = b"".join(b"\0" + row for row in rows)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (
            # Eight bits for a pixel, as an index into the palette (colour type 3).
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", palette),
            _chunk(b"IDAT", zlib.compress(unfiltered)),
            _chunk(b"IEND", b""),
        )
    )


def _documents(files: Mapping[str, bytes]) -> dict[str, StaticDocument]:
    return {
        f"/{name}": StaticDocument(body=body, media_type=MEDIA_TYPES[PurePosixPath(name).suffix])
        for name, body in files.items()
    }


def _chunk(kind: bytes, payload: bytes) -> bytes:
    checksum = zlib.crc32(kind + payload)
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", checksum)


def _entries(feed: bytes, *, url: str) -> Iterator[tuple[str, str, str]]:
    """Yield address, title and HTML of each entry; nothing if this is no feed."""
    # feedparser reads no JSON Feed.
    if feed.startswith(b"{"):
        for item in json.loads(feed)["items"]:
            yield item["url"], item["title"], item["content_html"]
        return
    # As a file, since feedparser opens a text that looks like an address; which base it had is told
    # by the header.
    parsed = feedparser.parse(BytesIO(feed), response_headers={"content-location": url})
    for entry in parsed.entries:
        content = entry.content[0].value if "content" in entry else entry.get("summary", "")
        yield urljoin(url, entry.get("link", "")), entry.get("title", ""), content
