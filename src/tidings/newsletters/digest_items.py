"""Entries as letters show them: clipped, with a picture that fits, and no link but their own."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from tidings.model.entries import AlsoAt, Entry, SourceCredit, headline
from tidings.model.feed import Enclosure, Image
from tidings.model.newsletters import PREFERENCES_URL, UNSUBSCRIBE_URL
from tidings.model.text import minutes_to_read
from tidings.templating.plain_text import clipped, find_uri, fitted, one_line, readable

MAX_TITLE = 200

MAX_NAME = 100

# What is read of an excerpt, before its formulas are written as text.
MAX_EXCERPT = 1000

# Columns, of which a Chinese character takes two: three lines in either language, and four of the
# larger type of a lead.
EXCERPT_COLUMNS = 200
LEAD_COLUMNS = 260

MAX_URL = 2000

# Sources named as "also at".
MAX_ALSO_AT = 5

# Shorter reading times are not shown: a minute says nothing, and may be that of a mere summary.
MIN_READING_MINUTES = 2

# Pixels: the width of the text, and the greatest height of a picture. Outlook ignores `max-width`,
# so the size that is shown must stand in the attributes.
MAX_IMAGE_SIDE = 560

# Pixels: from so wide on a picture stands above the text; a narrower one beside it.
MIN_IMAGE_ABOVE = 400

# Pixels; a narrower picture is a logo.
MIN_IMAGE_WIDTH = 64

# Pixels: how wide a picture beside the text is at most.
MAX_IMAGE_BESIDE = 96

# Taller pictures, by so many times their width, are posters of text or strips of screenshots.
MAX_IMAGE_RATIO = 1.5

# What people call the files of podcasts.
AUDIO_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "audio/mpeg": "MP3",
        "audio/mp3": "MP3",
        "audio/mp4": "M4A",
        "audio/x-m4a": "M4A",
        "audio/aac": "AAC",
        "audio/ogg": "Ogg",
        "audio/opus": "Opus",
        "audio/flac": "FLAC",
    }
)

_PLACEHOLDER = re.compile(
    "|".join(re.escape(url.rstrip("/")) for url in (UNSUBSCRIBE_URL, PREFERENCES_URL))
)

# What stands in an excerpt for what has no plain form (`parsing.excerpts`), at its end.
_LABEL_AT_END = re.compile(r"\[(?:code|formula|代码|公式)\][\s.…。]*\Z")

_END_OF_SENTENCE = re.compile(r"[.!?…](?=\s)|[。！？]")  # noqa: RUF001


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestAlsoAt:
    """Another source with the same story as an item.

    Attributes:
        source: Its name, one line.
        url: Absolute: what it publishes, failing that our page of it.
    """

    source: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestImage:
    """A picture in a message.

    Attributes:
        url: https.
        alt: The publisher's text, failing that the entry's title; never empty.
        width: In pixels, as it is shown, never enlarged; None if its size is unknown.
        height: Likewise.
        beside: Whether it is small, and stands beside the text.
    """

    url: str
    alt: str
    width: int | None = None
    height: int | None = None
    beside: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestAudio:
    """What of an item can be heard.

    Attributes:
        url: The file.
        kind: Such as `MP3`; empty if it is of a kind without a common name.
        megabytes: At least 1; None if its publisher does not say.
        minutes: How long it lasts, likewise.
    """

    url: str
    kind: str
    megabytes: int | None
    minutes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestItem:
    """An entry in a message.

    Attributes:
        title: Never empty, one line.
        url: Absolute: the publisher's page, failing that ours.
        source: Who published it.
        source_url: Our page of all that is from there, absolute.
        moment: For the date shown, aware UTC.
        dated: Whether its day is told: another than that of the item before it in its section.
            Never in a letter of one day; always, of several, for the lead.
        minutes: Reading time; None if it is unknown or too short to be shown.
        excerpt: Empty where there is none beyond the title.
        image: Where the newsletter shows images, and there is one large enough; else None.
        audio: None if there is nothing to hear.
        more: How many entries of its source are folded into a line below it.
        also_at: Other sources with the same story, the earliest first.
        language: BCP 47, if known.
        is_lead: Whether it is what the message opens with.
    """

    title: str
    url: str
    source: str
    source_url: str
    moment: datetime
    minutes: int | None
    excerpt: str
    image: DigestImage | None
    more: int
    language: str | None
    also_at: tuple[DigestAlsoAt, ...] = ()
    audio: DigestAudio | None = None
    dated: bool = False
    is_lead: bool = False


def item_of(entry: Entry, *, images: bool, site_url: str, is_lead: bool = False) -> DigestItem:
    """Return an entry as templates get it."""
    source = _source_name(entry.source)
    text = readable(clipped(without_placeholders(entry.excerpt), MAX_EXCERPT))
    named = replace(
        entry,
        title=readable(clipped(without_placeholders(entry.title), MAX_TITLE)),
        excerpt=_well_ended(fitted(text, LEAD_COLUMNS if is_lead else EXCERPT_COLUMNS)),
        source=replace(entry.source, title=source),
    )
    title = headline(named)
    return DigestItem(
        title=title,
        url=_find_link(entry.url) or f"{site_url}/entries/{entry.id}",
        source=source,
        source_url=f"{site_url}/sources/{entry.source.slug}",
        moment=entry.sort_at,
        minutes=_minutes(entry.content),
        excerpt=named.excerpt if named.excerpt != title else "",
        image=_find_image(entry.image, title) if images and entry.image else None,
        more=0,
        language=entry.language or entry.source.language,
        also_at=tuple(_also_at(one, site_url=site_url) for one in entry.also_at[:MAX_ALSO_AT]),
        audio=_find_audio(entry.enclosures),
        is_lead=is_lead,
    )


def without_placeholders(text: str) -> str:
    """Return a publisher's text as one line, without our placeholders for links."""
    # A title that holds the placeholder would show each recipient's own unsubscribe link as text.
    return _PLACEHOLDER.sub("…", one_line(text))


def _well_ended(text: str) -> str:
    """Return an excerpt without the sentence at its end that leads to code or a formula."""
    label = _LABEL_AT_END.search(text)
    if label is None:
        return text
    head = text[: label.start()].rstrip()
    if ends := [end.end() for end in _END_OF_SENTENCE.finditer(head)]:
        return head[: ends[-1]]
    return head.rstrip(" :：,，") + "…" if head else ""  # noqa: RUF001


def _also_at(mate: AlsoAt, *, site_url: str) -> DigestAlsoAt:
    return DigestAlsoAt(
        source=_source_name(mate.source),
        url=_find_link(mate.url) or f"{site_url}/entries/{mate.id}",
    )


def _source_name(source: SourceCredit) -> str:
    return clipped(without_placeholders(source.title or source.url), MAX_NAME)


def _minutes(content: str | None) -> int | None:
    minutes = minutes_to_read(content) if content else 0
    return minutes if minutes >= MIN_READING_MINUTES else None


def _find_image(image: Image, title: str) -> DigestImage | None:
    url, width, height = _find_link(image.url), image.width, image.height
    if not url or not url.startswith("https:"):
        return None
    alt = clipped(without_placeholders(image.alt), MAX_TITLE) or title
    # Of unknown size: mail programs see for themselves. Of unknown height it may be a strip.
    if not width or not height:
        is_small = width is not None and width < MIN_IMAGE_ABOVE
        return None if is_small else DigestImage(url=url, alt=alt)
    if width < MIN_IMAGE_WIDTH or height > MAX_IMAGE_RATIO * width:
        return None
    is_small = width < MIN_IMAGE_ABOVE
    scale = min(1, (MAX_IMAGE_BESIDE if is_small else MAX_IMAGE_SIDE) / max(width, height))
    sides = {"width": max(1, round(width * scale)), "height": max(1, round(height * scale))}
    return DigestImage(url=url, alt=alt, beside=is_small, **sides)


def _find_audio(enclosures: Iterable[Enclosure]) -> DigestAudio | None:
    for one in enclosures:
        if one.is_audio and (url := _find_link(one.url)):
            return DigestAudio(
                url=url,
                kind=AUDIO_KINDS.get(one.type or "", ""),
                megabytes=max(1, round(one.length / 1e6)) if one.length else None,
                minutes=max(1, round(one.duration / 60)) if one.duration else None,
            )
    return None


def _find_link(url: str | None) -> str | None:
    uri = find_uri(url)
    return uri if uri and len(uri) <= MAX_URL and not _PLACEHOLDER.search(uri) else None
