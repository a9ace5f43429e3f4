"""Rendering a digest as subject, HTML and plain text, and the context that its templates get."""

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime

from tidings.errors import TemplateError
from tidings.model.entries import AlsoAt, Entry, SourceCredit, headline
from tidings.model.feed import Image
from tidings.model.newsletters import PREFERENCES_URL, UNSUBSCRIBE_URL, Digest, Section
from tidings.model.text import minutes_to_read
from tidings.newsletters.digests import fair_shares
from tidings.templating.engine import Templates, styled, subject_line
from tidings.templating.markdown import markdown_to_html
from tidings.templating.plain_text import clipped, find_uri, one_line, readable

# Of HTML. Gmail clips a message near 102 kB, and hides the unsubscribe link with the rest.
MAX_BYTES = 100_000

SUBJECT = "digest/subject.txt"

HTML = "digest/body.html"

TEXT = "digest/body.txt"

MAX_TITLE = 200

MAX_NAME = 100

MAX_EXCERPT = 1000

MAX_URL = 2000

# Sources named as "also at".
MAX_ALSO_AT = 5

# Shorter reading times are not shown: a minute says nothing, and may be that of a mere summary.
MIN_READING_MINUTES = 2

# Pixels: the width of the text, and the greatest height of a picture. Outlook ignores `max-width`,
# so the size that is shown must stand in the attributes.
MAX_IMAGE_SIDE = 560

# Pixels; a narrower picture is a logo or a thumbnail.
MIN_IMAGE_WIDTH = 200

_PLACEHOLDER = re.compile(
    "|".join(re.escape(url.rstrip("/")) for url in (UNSUBSCRIBE_URL, PREFERENCES_URL))
)


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
    """

    url: str
    alt: str
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestItem:
    """An entry in a message.

    Attributes:
        title: Never empty, one line.
        url: Absolute: the publisher's page, failing that ours.
        source: Who published it.
        source_url: Our page of all that is from there, absolute.
        moment: For the date shown, aware UTC.
        minutes: Reading time; None if it is unknown or too short to be shown.
        excerpt: Empty where there is none beyond the title.
        image: Where the newsletter shows images, and there is one large enough; else None.
        more: How many entries of its source are folded into a line below it.
        also_at: Other sources with the same story, the earliest first.
        language: BCP 47, if known.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestSection:
    """Items under one heading; `title` is None for those without a topic."""

    title: str | None
    items: tuple[DigestItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestContext:
    """The context of a digest's templates.

    Attributes:
        newsletter: Its title.
        language: Of the message, BCP 47.
        timezone: In which dates are shown, an IANA name.
        since: Where the period begins; None if it is a single day.
        until: The day of the issue.
        note_html: What an editor writes above the entries, safe HTML; empty for nothing.
        note_text: The same for the plain text.
        total: How many entries the issue has.
        remaining: How many of those are shown on its page only.
        issue_url: That page, absolute.
        site_url: Our first page, absolute.
        unsubscribe_url: A placeholder; each recipient's own link takes its place.
        preferences_url: Likewise.
    """

    newsletter: str
    language: str
    timezone: str
    since: datetime | None
    until: datetime
    sections: tuple[DigestSection, ...]
    note_html: str = ""
    note_text: str = ""
    total: int
    remaining: int
    issue_url: str
    site_url: str
    unsubscribe_url: str = UNSUBSCRIBE_URL
    preferences_url: str = PREFERENCES_URL
    postal_address: str | None

    @property
    def shown(self) -> int:
        """How many entries the message shows."""
        return sum(len(section.items) for section in self.sections)


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedIssue:
    """A rendered issue, with placeholders for each recipient's own links.

    Attributes:
        shown: How many entries it shows.
    """

    subject: str
    html: str
    text: str
    shown: int


def contracts() -> Mapping[str, frozenset[str]]:
    """Return the names that each template of a digest may use."""
    known = frozenset(field.name for field in fields(DigestContext))
    return dict.fromkeys((SUBJECT, HTML, TEXT), known)


def try_digests(templates: Templates) -> None:
    """Render a full sample and a bare one in every language, to check the operator's templates.

    Raises:
        TemplateError: A template uses what its values do not have, or has no room for entries; a
            part lacks the unsubscribe link, or the subject is empty.
    """
    for language in templates.languages:
        for sample in _samples(language):
            _try(sample, templates)


def compose(
    digest: Digest, *, site_url: str, issue_url: str, templates: Templates
) -> RenderedIssue:
    """Render a digest; the same arguments give the same bytes.

    Of a long one each section shows its share, the newest first; the page at `issue_url` has
    the rest.

    Raises:
        TemplateError: A template uses what its values do not have, or has no room for entries.
    """
    context, html = _fitting(context_of(digest, site_url=site_url, issue_url=issue_url), templates)
    given = digest.edits.text.subject if digest.edits else None
    return RenderedIssue(
        subject=subject_line(given or _render(SUBJECT, context, templates), SUBJECT),
        html=html,
        text=_render(TEXT, context, templates).strip("\n") + "\n",
        shown=context.shown,
    )


def _fitting(context: DigestContext, templates: Templates) -> tuple[DigestContext, str]:
    """Return as much of `context` as `MAX_BYTES` of HTML can hold, and that HTML."""
    html = _html(context, templates)
    if len(html.encode()) <= MAX_BYTES:
        return context, html

    def is_too_large(shown: int) -> bool:
        return len(_html(truncated(context, shown), templates).encode()) > MAX_BYTES

    # Bisection: only rendering tells how many bytes a template takes, and each try is a rendering.
    shown = bisect_left(range(context.shown), True, key=is_too_large) - 1
    if shown < 0:
        raise TemplateError(HTML, f"takes more than {MAX_BYTES} bytes without any entry")
    fitting = truncated(context, shown)
    return fitting, _html(fitting, templates)


def _html(context: DigestContext, templates: Templates) -> str:
    """Return the HTML part, its styles in its elements, where all mail programs look for them."""
    return styled(_render(HTML, context, templates))


def _render(name: str, context: DigestContext, templates: Templates) -> str:
    values = {field.name: getattr(context, field.name) for field in fields(context)}
    return templates.render(name, values, language=context.language).decode()


def _try(sample: DigestContext, templates: Templates) -> None:
    subject_line(_render(SUBJECT, sample, templates), SUBJECT)
    _, html = _fitting(sample, templates)
    for name, part in {HTML: html, TEXT: _render(TEXT, sample, templates)}.items():
        if UNSUBSCRIBE_URL not in part:
            raise TemplateError(name, "lacks unsubscribe_url: nobody could leave")


def _samples(language: str) -> tuple[DigestContext, DigestContext]:
    """Return a full sample and a bare one."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    item = DigestItem(
        title="-",
        url="https://-",
        source="-",
        source_url="https://-",
        moment=moment,
        minutes=9,
        excerpt="-",
        image=DigestImage(url="https://-", alt="-", width=9, height=9),
        more=9,
        language=None,
        also_at=(DigestAlsoAt(source="-", url="https://-"),),
    )
    plain = replace(item, excerpt="", image=None, minutes=None, more=0, also_at=())
    bare = DigestContext(
        newsletter="-",
        language=language,
        timezone="UTC",
        since=None,
        until=moment,
        sections=(DigestSection(title=None, items=(plain,)),),
        total=1,
        remaining=0,
        issue_url="https://-",
        site_url="https://-",
        postal_address=None,
    )
    topic = DigestSection(title="-", items=(item, replace(item, language="-")))
    full = replace(
        bare,
        since=datetime(2025, 1, 1, tzinfo=UTC),
        sections=(topic, *bare.sections),
        note_html=markdown_to_html("-"),
        note_text="-",
        total=22,
        remaining=1,
        postal_address="-",
    )
    return full, bare


def context_of(digest: Digest, *, site_url: str, issue_url: str) -> DigestContext:
    """Return the context of a digest: of each section its share of the newest entries."""
    room = digest.newsletter.max_entries
    shares = fair_shares([len(section.entries) for section in digest.sections], room)
    sections = tuple(
        _section(section, share, images=digest.newsletter.images, site_url=site_url)
        for section, share in zip(digest.sections, shares, strict=True)
        if share
    )
    total = sum(section.total for section in digest.sections)
    note = (digest.edits.text.note if digest.edits else None) or ""
    return DigestContext(
        newsletter=one_line(digest.newsletter.title),
        language=digest.language,
        timezone=digest.timezone,
        since=digest.since,
        until=digest.until,
        sections=sections,
        note_html=markdown_to_html(note),
        note_text=note.strip(),
        total=total,
        remaining=total - _count_shown(sections),
        issue_url=issue_url,
        site_url=site_url,
        postal_address=digest.newsletter.postal_address,
    )


def truncated(context: DigestContext, shown: int) -> DigestContext:
    """Return `context` with so many items only, of each section its share."""
    shares = fair_shares([len(section.items) for section in context.sections], shown)
    sections = tuple(
        replace(section, items=section.items[:share])
        for section, share in zip(context.sections, shares, strict=True)
        if share
    )
    return replace(context, sections=sections, remaining=context.total - _count_shown(sections))


def _count_shown(sections: Sequence[DigestSection]) -> int:
    return sum(1 + item.more for section in sections for item in section.items)


def _section(section: Section, share: int, *, images: bool, site_url: str) -> DigestSection:
    shown = section.entries[:share]
    last = {entry.source.id: entry.id for entry in shown}
    more = {
        last[fold.source.id]: len(fold.entries) for fold in section.folds if fold.source.id in last
    }
    items = (
        replace(_item(entry, images=images, site_url=site_url), more=more.get(entry.id, 0))
        for entry in shown
    )
    title = clipped(_without_placeholders(section.topic.title), MAX_NAME) if section.topic else None
    return DigestSection(title=title, items=tuple(items))


def _item(entry: Entry, *, images: bool, site_url: str) -> DigestItem:
    source = _source_name(entry.source)
    excerpt = readable(clipped(_without_placeholders(entry.excerpt), MAX_EXCERPT))
    named = replace(
        entry,
        title=readable(clipped(_without_placeholders(entry.title), MAX_TITLE)),
        excerpt=excerpt,
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
        excerpt=excerpt if excerpt != title else "",
        image=_find_image(entry.image, title) if images and entry.image else None,
        more=0,
        language=entry.language or entry.source.language,
        also_at=tuple(_also_at(one, site_url=site_url) for one in entry.also_at[:MAX_ALSO_AT]),
    )


def _also_at(mate: AlsoAt, *, site_url: str) -> DigestAlsoAt:
    return DigestAlsoAt(
        source=_source_name(mate.source),
        url=_find_link(mate.url) or f"{site_url}/entries/{mate.id}",
    )


def _source_name(source: SourceCredit) -> str:
    return clipped(_without_placeholders(source.title or source.url), MAX_NAME)


def _minutes(content: str | None) -> int | None:
    minutes = minutes_to_read(content) if content else 0
    return minutes if minutes >= MIN_READING_MINUTES else None


def _find_image(image: Image, title: str) -> DigestImage | None:
    url, width, height = _find_link(image.url), image.width, image.height
    if not url or not url.startswith("https:") or (width and width < MIN_IMAGE_WIDTH):
        return None
    alt = clipped(_without_placeholders(image.alt), MAX_TITLE) or title
    if not width or not height:
        return DigestImage(url=url, alt=alt)
    scale = min(1, MAX_IMAGE_SIDE / width, MAX_IMAGE_SIDE / height)
    sides = {"width": max(1, round(width * scale)), "height": max(1, round(height * scale))}
    return DigestImage(url=url, alt=alt, **sides)


def _find_link(url: str | None) -> str | None:
    uri = find_uri(url)
    return uri if uri and len(uri) <= MAX_URL and not _PLACEHOLDER.search(uri) else None


def _without_placeholders(text: str) -> str:
    """Return a publisher's text as one line, without our placeholders for links."""
    # A title that holds the placeholder would show each recipient's own unsubscribe link as text.
    return _PLACEHOLDER.sub("…", one_line(text))
