"""Values that all formats share: cleaned, with defaults for missing ones."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from html import escape
from types import MappingProxyType

from tidings.model.entries import AlsoAt, Entry, SourceCredit
from tidings.model.feed import Enclosure, Image
from tidings.model.scopes import FeedDocument, FeedLink
from tidings.model.urls import is_stable_iri
from tidings.templating.plain_text import LOST, find_uri, xml_line, xml_text

GENERATOR = "tidings"

# The media type of an enclosure whose publisher names none, where a form requires one.
UNKNOWN_TYPE = "application/octet-stream"

# Feeds are not older; an earlier claim is a clock that was never set.
EARLIEST_YEAR = 1995

_NEVER = datetime.min.replace(tzinfo=UTC)

_LANGUAGES = (
    "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy"
    " da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu"
    " hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb"
    " lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om"
    " or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw"
    " ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu"
)
# Those of ISO 639-1. Publishers write "cn" and "jp", which are countries, and validators refuse
# them.
LANGUAGES = frozenset(_LANGUAGES.split())

PICTURE_TYPES = MappingProxyType(
    {"jpg": "image/jpeg", "svg": "image/svg+xml"}
    | {name: f"image/{name}" for name in ("avif", "gif", "jpeg", "png", "webp")}
)

_PICTURE_NAME = re.compile(rf"[^?#]*\.({'|'.join(PICTURE_TYPES)})(?:[?#]|\Z)", re.IGNORECASE)
_LANGUAGE = re.compile(r"([a-z]{2})(?:-[a-z0-9]{1,8})*", re.IGNORECASE)
_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedFormat:
    """A format of feeds.

    Attributes:
        name: The suffix of its addresses.
        title: For people.
        render: The same feed gives the same bytes.
    """

    name: str
    title: str
    media_type: str
    render: Callable[[FeedDocument], bytes]

    @property
    def content_type(self) -> str:
        """The header; JSON is UTF-8 by definition and knows no such parameter (RFC 8259)."""
        charset = "; charset=utf-8" if self.media_type.endswith("+xml") else ""
        return self.media_type + charset

    def at(self, url: str) -> FeedLink:
        """Return the link to a feed in this format at `url`."""
        return FeedLink(form=self.name, url=url, media_type=self.media_type)


def publishable(feed: FeedDocument) -> FeedDocument:
    """Return `feed` with texts that XML allows and addresses that are URIs."""
    return replace(
        feed,
        title=xml_line(feed.title) or feed.page_url,
        subtitle=xml_line(feed.subtitle),
        language=_find_language(feed.language) or "",
        entries=tuple(_with_also_at(one, feed) for one in feed.entries),
    )


def publishable_entry(entry: Entry, *, entries_url: str) -> Entry:
    """Return `entry` with texts that XML allows and addresses that are URIs.

    Args:
        entry: As it is stored.
        entries_url: As in `FeedDocument`.
    """
    return replace(
        entry,
        source=_publishable_source(entry.source),
        atom_id=xml_text(entry.atom_id),
        title=xml_line(entry.title),
        # RSS and Atom readers need a link: without a publisher's page it leads to ours.
        url=find_uri(entry.url) or (entries_url and f"{entries_url}{entry.id}") or None,
        authors=_lines(entry.authors),
        categories=_lines(entry.categories),
        excerpt=xml_line(entry.excerpt),
        language=_find_language(entry.language),
        image=_find_image(entry.image),
        pictures=tuple(filter(None, map(_find_image, entry.pictures))),
        enclosures=_publishable_enclosures(entry.enclosures),
        # Validators take a bare U+FFFD for a fault of our encoding; a reference to it they allow.
        content=xml_text(entry.content or "").strip().replace(LOST, f"&#{ord(LOST)};"),
        also_at=tuple(_publishable_also_at(mate) for mate in entry.also_at),
    )


def published_at(entry: Entry) -> datetime:
    """Return the publisher's date if it is plausible, else when we first saw the entry."""
    claim = entry.published
    # A date to come would keep an entry on top of every reader until then.
    if claim and claim.year >= EARLIEST_YEAR and claim <= entry.changed_at:
        return claim
    return entry.first_seen_at


def picture_type(picture: Image) -> str | None:
    """Return the media type of a picture by the suffix of its name."""
    found = _PICTURE_NAME.match(picture.url)
    return PICTURE_TYPES[found[1].lower()] if found else None


def author_names(entry: Entry) -> tuple[str, ...]:
    """Return the authors, or the source: every entry needs one."""
    # Atom demands an author of every entry or of the feed (RFC 4287, 4.1.1); readers show it.
    return entry.authors or (entry.source.title,)


def updated_at(entry: Entry) -> datetime:
    """Return when an entry last changed: by its publisher's clock, if that is plausible."""
    # Many entries are first seen at one moment: the publisher's dates tell them apart. Once we
    # have seen an entry change, no date from before we first saw it counts.
    # Feed readers sort by `updated`, and show an entry again if it grows: it must never go back.
    edited = entry.changed_at > entry.first_seen_at
    claims = [entry.updated] if edited else [entry.updated, entry.published]
    earliest = entry.first_seen_at if edited else _NEVER
    believable = [
        claim
        for claim in claims
        if claim and claim.year >= EARLIEST_YEAR and earliest <= claim <= entry.changed_at
    ]
    return max(believable, default=entry.changed_at)


def _publishable_source(source: SourceCredit) -> SourceCredit:
    url = find_uri(source.url) or xml_text(source.url)
    return replace(
        source,
        title=xml_line(source.title) or url,
        url=url,
        site_url=find_uri(source.site_url),
        # Atom wants an absolute IRI as `id`; feeds have bare numbers as well.
        guid=source.guid if source.guid and is_stable_iri(source.guid) else None,
        rights=xml_line(source.rights or "") or None,
    )


def _publishable_also_at(mate: AlsoAt) -> AlsoAt:
    return replace(
        mate,
        title=xml_line(mate.title),
        url=find_uri(mate.url),
        source=_publishable_source(mate.source),
    )


def _with_also_at(entry: Entry, feed: FeedDocument) -> Entry:
    """Return an entry for a feed: other sources are a line in its content.

    No reader shows them otherwise.
    """
    clean = publishable_entry(entry, entries_url=feed.entries_url)
    if not clean.also_at:
        return clean
    content = clean.content or (f"<p>{escape(clean.excerpt)}</p>" if clean.excerpt else "")
    names = ", ".join(map(_link_to, clean.also_at))
    return replace(clean, content=f"{content}<p>{escape(feed.also_at)}{names}</p>")


def _link_to(mate: AlsoAt) -> str:
    name = escape(mate.source.title)
    return f'<a href="{escape(mate.url)}">{name}</a>' if mate.url else name


def _publishable_enclosures(enclosures: tuple[Enclosure, ...]) -> tuple[Enclosure, ...]:
    return tuple(
        replace(
            enclosure,
            url=url,
            type=_find(_MEDIA_TYPE, enclosure.type),
            length=max(enclosure.length, 0) if enclosure.length is not None else None,
        )
        for enclosure in enclosures
        if (url := find_uri(enclosure.url))
    )


def _find_image(image: Image | None) -> Image | None:
    url = find_uri(image.url) if image else None
    return replace(image, url=url, alt=xml_line(image.alt)) if image and url else None


def _lines(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(line for text in texts if (line := xml_line(text)))


def _find_language(tag: str | None) -> str | None:
    found = _LANGUAGE.fullmatch(tag or "")
    return tag if found and found[1].lower() in LANGUAGES else None


def _find(pattern: re.Pattern[str], text: str | None) -> str | None:
    return text if text and pattern.fullmatch(text) else None
