"""The feeds of YouTube, which its addresses hold and its pages mention at best."""

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

from tidings.domain.documents import Link

FEEDS = "https://www.youtube.com/feeds/videos.xml"

_HOSTS = frozenset({"youtube.com", "www.youtube.com", "m.youtube.com"})
_CHANNEL = r"UC[\w-]{22}"
_CHANNEL_PATH = re.compile(rf"/channel/({_CHANNEL})(?:/|$)")
_PLAYLIST = re.compile(r"(?:PL|UU|FL|OL)[\w-]{8,60}")

# The first that is found names the channel whose page it is; the last, that of a video.
_CHANNEL_MARKS = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        rf'<link rel="canonical" href="https://www\.youtube\.com/channel/({_CHANNEL})"',
        rf'itemprop="(?:channelId|identifier)" content="({_CHANNEL})"',
        rf'"externalId":"({_CHANNEL})"',
        rf'"channelId":"({_CHANNEL})"',
    )
)


def is_there(url: str) -> bool:
    """Tell whether `url` is a page of YouTube."""
    return urlsplit(url).hostname in _HOSTS


def find_feed_of(url: str) -> Link | None:
    """Return the feed of the channel or playlist that `url` itself names."""
    if not is_there(url):
        return None
    parts = urlsplit(url)
    if channel := _CHANNEL_PATH.match(parts.path):
        return _feed("channel_id", channel[1])
    [playlist, *_] = parse_qs(parts.query).get("list") or [""]
    is_playlist = parts.path == "/playlist" and _PLAYLIST.fullmatch(playlist)
    return _feed("playlist_id", playlist) if is_playlist else None


def feeds_in_page(page: str, url: str) -> Iterator[Link]:
    """Yield the feed of the channel that a page of YouTube belongs to."""
    if is_there(url):
        found = (mark.search(page) for mark in _CHANNEL_MARKS)
        if channel := next(filter(None, found), None):
            yield _feed("channel_id", channel[1])


def _feed(parameter: str, name: str) -> Link:
    return Link(url=f"{FEEDS}?{parameter}={name}", type="application/atom+xml")
