"""Pictures and players in a body: lazy-loading, tracking pixels, emoji, icons, embedded videos."""

import re
from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

from tidings.model.feed import Image
from tidings.parsing.absolute_urls import absolute_url
from tidings.parsing.sanitizer import Attributes
from tidings.parsing.text_cleaning import clean_line

# Pixels of either side; a smaller picture cannot be an entry's main one.
SMALLEST_IMAGE = 64
MAX_SIZE = 10_000

# Characters of the text in place of an emoji picture.
MAX_EMOJI = 40

_LAZY = ("data-src", "data-original", "data-lazy-src", "data-actualsrc", "data-original-src")
_LAZY_SETS = ("srcset", "data-srcset", "data-lazy-srcset")
# URL of a picture in any other `data-` attribute: lazy-loading scripts have dozens of names.
_OTHER_LAZY = re.compile(
    r"(?:https?:/)?/[^\s,]+\.(?:avif|gif|jpe?g|png|webp)(?:\?\S*)?", re.IGNORECASE
)
_CANDIDATE = re.compile(r"([^\s,]\S*?)(?:,+(?=\s|\Z)|\s+([^,]*)(?:,|\Z)|\Z)")
_FORM_SIZE = re.compile(r"(\d{1,5}(?:\.\d{1,3})?)[wx]\b")
# Pixels beyond which a larger form of a picture is no better.
_WIDEST = 2000
_PLACEHOLDER = re.compile(
    r"data:|about:|(?:.*/)?(?:1x1|blank|clear|gr[ae]y|lazy|lazyload|loading|placeholder|spacer|transparent)"
    r"[\w.-]{0,20}\.(?:gif|png|svg|jpe?g|webp)(?:[?#]|\Z)",
    re.IGNORECASE,
)
_SIZE = re.compile(r"\s*(\d{1,5})(?:\.\d*)?(?:px)?\s*")
_TINY = re.compile(r"(?<![\w-])(?:width|height)\s*:\s*[01]px", re.IGNORECASE)
_TRACKERS = re.compile(
    r"https?://(?:[^/?#]*\.)?(?:"
    r"feeds\.feedburner\.com/~|feedproxy\.google\.com/~|feedsportal\.com/|pixel\.wp\.com/"
    r"|stats\.wordpress\.com/|pixel\.quantserve\.com/|scorecardresearch\.com/|doubleclick\.net/"
    r"|google-analytics\.com/|googletagmanager\.com/|medium\.com/_/stat|facebook\.com/tr[/?]"
    r"|analytics\.twitter\.com/|bat\.bing\.com/|counter\.yadro\.ru/|mc\.yandex\.ru/|hm\.baidu\.com/"
    r"|api\.follow\.it/track|rss\.buysellads\.com/|blogger\.googleusercontent\.com/tracker/"
    r"|hits\.dwyl\.com/|hits\.seeyoufarm\.com/)"
    r"|https?://[^?#]*/(?:matomo|piwik)\.php",
    re.IGNORECASE,
)
_DECORATION = re.compile(
    r"/(?:emoji|emoticons?|smile?ys?|smilies|avatars?|icons?|badges?)/|gravatar\.com/|shields\.io/"
    r"|/(?:favicon|icon|badge|button|spinner)[\w-]*\.\w+(?:[?#]|\Z)",
    re.IGNORECASE,
)
_EMOJI_CLASSES = re.compile(
    r"(?<![a-z])(?:(?:tw|joy)?emoji(?:one)?|joypixels|emote|emoticon|smil(?:ey|ie)s?)(?![a-z])",
    re.IGNORECASE,
)
_EMOJI_PLACES = re.compile(r"emoji|emoticon|smil(?:ie|ey)", re.IGNORECASE)
_EMOJI = re.compile(
    "[\u00a9\u00ae\u203c-\u3299\U0001f000-\U0001faff]|[:;8=xX][-'^o]?[()DPpO/|]|:\\w+:"
)
_DECORATIVE_CLASSES = re.compile(r"\b(?:emoji|smiley|icon|avatar|badge|latex)\b", re.IGNORECASE)
_SCHEME_OR_PROXY = re.compile(r"https?://(?:i\d\.wp\.com/)?", re.IGNORECASE)
_FILE = re.compile(
    r"(?P<name>[^?#]*?)(?:-\d{2,4}x\d{2,4}|-scaled|@\dx)?(?P<ending>\.(?:avif|gif|jpe?g|png|webp))(?:[?#]|\Z)",
    re.IGNORECASE,
)

_EMBEDS = (
    (
        re.compile(r"(?:www\.)?youtube(?:-nocookie)?\.com/embed/([\w-]{11})"),
        "https://www.youtube.com/watch?v={}",
    ),
    (re.compile(r"player\.vimeo\.com/video/(\d+)"), "https://vimeo.com/{}"),
    (
        re.compile(r"(?:www\.)?dailymotion\.com/embed/video/(\w+)"),
        "https://www.dailymotion.com/video/{}",
    ),
    (re.compile(r"player\.youku\.com/embed/([\w=]+)"), "https://v.youku.com/v_show/id_{}.html"),
)
_BILIBILI = "player.bilibili.com"
_PLAYERS = frozenset(
    {"embed.ted.com", "open.spotify.com", "player.twitch.tv", "v.qq.com", "w.soundcloud.com"}
    | {"embed.music.apple.com", "bandcamp.com", "embed.podcasts.apple.com", "www.arte.tv"}
    | {"archive.org", "www.slideshare.net", "rutube.ru", "www.facebook.com", "fast.wistia.net"}
)


def find_picture(attributes: Attributes, base: str | None) -> Image | None:
    """Return the picture of an `<img>`; None if it has no URL or is a tracking pixel."""
    width, height = size(attributes.get("width")), size(attributes.get("height"))
    tiny = (width is not None and width <= 1) or (height is not None and height <= 1)
    if tiny or len(_TINY.findall(attributes.get("style") or "")) > 1:
        return None
    url = absolute_url(_address(attributes), base)
    if url is None or _TRACKERS.match(url):
        return None
    alt = clean_line(attributes.get("alt") or "", html=False)
    return Image(url=url, width=width, height=height, alt=alt)


def find_emoji(attributes: Attributes) -> str | None:
    """Return the text of an emoji or smiley picture; None if it is none."""
    said = attributes.get("alt") or attributes.get("title") or ""
    word = clean_line(said, html=False, limit=MAX_EMOJI)
    is_emoji = _EMOJI_CLASSES.search(attributes.get("class") or "") or (
        _EMOJI_PLACES.search(attributes.get("src") or "") and _EMOJI.match(word)
    )
    return word if word and is_emoji else None


def can_be_main_picture(image: Image, attributes: Attributes) -> bool:
    """Tell whether a picture is large enough, and neither icon, emoji nor avatar."""
    sizes = [length for length in (image.width, image.height) if length is not None]
    return (
        min(sizes, default=SMALLEST_IMAGE) >= SMALLEST_IMAGE
        and not is_decoration(image)
        and not _DECORATIVE_CLASSES.search(attributes.get("class") or "")
    )


def is_decoration(image: Image) -> bool:
    """Tell by its URL whether a picture is an icon, emoji or avatar."""
    return _DECORATION.search(image.url) is not None


def picture_key(url: str) -> str:
    """Return a key that is the same for URLs of one picture in several sizes."""
    place = _SCHEME_OR_PROXY.sub("", url)
    found = _FILE.match(place)
    return found["name"] + found["ending"].lower() if found else place


def distinct(found: Iterable[Image]) -> list[Image]:
    """Return each picture once, in its largest size, with its text; no avatars and no icons."""
    by_key: dict[str, Image] = {}
    for picture in found:
        if is_decoration(picture):
            continue
        known = by_key.setdefault(picture_key(picture.url), picture)
        larger = max(known, picture, key=lambda one: one.width or 0)
        by_key[picture_key(picture.url)] = replace(larger, alt=known.alt or picture.alt)
    return list(by_key.values())


def size(value: str | None) -> int | None:
    """Return a width or height in pixels, if it is one."""
    found = _SIZE.fullmatch(value) if value else None
    pixels = int(found[1]) if found else MAX_SIZE + 1
    return pixels if pixels <= MAX_SIZE else None


def find_player_page(src: str | None, base: str | None) -> str | None:
    """Return the page of an embedded player, if it is a well-known one."""
    url = absolute_url(src, base)
    if url is None:
        return None
    _, _, address = url.partition("://")
    for player, page in _EMBEDS:
        if found := player.match(address):
            return page.format(found[1])
    parts = urlsplit(url)
    if parts.hostname == _BILIBILI:
        return _bilibili_page(parse_qs(parts.query)) or url
    return url if parts.hostname in _PLAYERS else None


def _address(attributes: Attributes) -> str | None:
    src = attributes.get("src")
    if src and src.strip() and not _PLACEHOLDER.match(src):
        return src
    for name in _LAZY:
        if attributes.get(name):
            return attributes[name]
    for name in _LAZY_SETS:
        if chosen := _best_of(attributes.get(name) or ""):
            return chosen
    others = (value for name, value in attributes.items() if name.startswith("data-") and value)
    return next(filter(_OTHER_LAZY.fullmatch, others), src)


def _best_of(candidates: str) -> str | None:
    """Return the largest form of a picture in a `srcset`, unless it is larger than any screen."""
    forms = [
        (float(found[1]) if (found := _FORM_SIZE.match(size)) else 1.0, url)
        for url, size in _CANDIDATE.findall(candidates)
    ]
    fitting = [form for form in forms if form[0] <= _WIDEST]
    return max(fitting or forms[:1], key=lambda form: form[0], default=(0, None))[1]


def _bilibili_page(query: dict[str, list[str]]) -> str | None:
    video = query.get("bvid") or [f"av{number}" for number in query.get("aid", [])]
    return absolute_url(f"https://www.bilibili.com/video/{video[0]}") if video else None
