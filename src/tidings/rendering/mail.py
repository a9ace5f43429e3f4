"""The letter: a digest as subject, HTML and plain text."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path

import css_inline

from tidings.domain.entries import Entry
from tidings.domain.newsletters import UNSUBSCRIBE_URL, Digest
from tidings.errors import TemplateError
from tidings.rendering.plain_text import clipped, one_line
from tidings.rendering.publishable import headline
from tidings.rendering.templates import Templates
from tidings.rendering.xml_text import find_uri

MAX_BYTES = 100_000
"""Of HTML; some mail programs hide what follows, and with it the way to leave."""
MAX_ENTRIES = 50

MAX_SUBJECT = 120
MAX_TITLE = 200
MAX_NAME = 100
MAX_EXCERPT = 1000
MAX_URL = 2000

SUBJECT = "digest/subject.txt"
HTML = "digest/body.html"
TEXT = "digest/body.txt"

_PLACEHOLDER = UNSUBSCRIBE_URL.rstrip("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestItem:
    """An entry in a letter.

    Attributes:
        title: Never empty, one line.
        url: Absolute: the publisher's page, failing that ours.
        source: Who published it.
        moment: For the date shown, aware UTC.
        excerpt: Empty where there is none beyond the title.
        language: BCP 47, if known.
    """

    title: str
    url: str
    source: str
    moment: datetime
    excerpt: str
    language: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestSection:
    """Items under one heading; `title` is None for those without a topic."""

    title: str | None
    items: tuple[DigestItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestContext:
    """What the templates of a digest have.

    Attributes:
        newsletter: Its title.
        language: Of the letter, BCP 47.
        timezone: In which dates are shown, an IANA name.
        since: Where the period begins; None if it is a single day.
        until: The day of the issue.
        total: How many entries the issue tells of.
        remaining: How many of those are left to its page.
        issue_url: That page, absolute.
        site_url: Our first page, absolute.
        unsubscribe_url: A placeholder; each recipient's own link takes its place.
    """

    newsletter: str
    language: str
    timezone: str
    since: datetime | None
    until: datetime
    sections: tuple[DigestSection, ...]
    total: int
    remaining: int
    issue_url: str
    site_url: str
    unsubscribe_url: str = UNSUBSCRIBE_URL
    postal_address: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """A letter for many; the recipient's own link is still to be put into it.

    Attributes:
        shown: How many entries stand in it.
    """

    subject: str
    html: str
    text: str
    shown: int


def load_mail_templates(directories: Sequence[Path]) -> Templates:
    """Read the templates of all letters, the operator's folder first, and try them.

    Raises:
        TemplateError: A file is missing, broken, or uses what a letter does not have; or a
            part lacks the way to leave.
    """
    known = frozenset(field.name for field in fields(DigestContext))
    templates = Templates(directories, contracts=dict.fromkeys((SUBJECT, HTML, TEXT), known))
    for language in templates.languages:
        for sample in _samples(language):
            _try(sample, templates)
    return templates


def compose(digest: Digest, *, site_url: str, issue_url: str, templates: Templates) -> Composed:
    """Write a digest as a letter; the same arguments give the same bytes.

    Of a long one the first entries stand in it, the rest is left to the page at `issue_url`.

    Raises:
        TemplateError: A template uses what its values do not have, or has no room for entries.
    """
    context, html = _fitting(_context(digest, site_url=site_url, issue_url=issue_url), templates)
    subject = one_line(_render(SUBJECT, context, templates)).replace("=?", "= ?")
    return Composed(
        subject=clipped(subject, MAX_SUBJECT),
        html=html,
        text=_render(TEXT, context, templates).strip("\n") + "\n",
        shown=context.total - context.remaining,
    )


def _context(digest: Digest, *, site_url: str, issue_url: str) -> DigestContext:
    """Return what the letter may say: the first `MAX_ENTRIES` entries."""
    sections, room = [], MAX_ENTRIES
    for section in digest.sections:
        entries = section.entries[:room]
        room -= len(entries)
        items = tuple(_item(entry, site_url=site_url) for entry in entries)
        title = clipped(_harmless(section.topic.title), MAX_NAME) if section.topic else None
        sections.append(DigestSection(title=title, items=items))
    total = sum(len(section.entries) for section in digest.sections)
    return DigestContext(
        newsletter=one_line(digest.newsletter.title),
        language=digest.language,
        timezone=digest.timezone,
        since=digest.since,
        until=digest.until,
        sections=tuple(section for section in sections if section.items),
        total=total,
        remaining=total - (MAX_ENTRIES - room),
        issue_url=issue_url,
        site_url=site_url,
        postal_address=digest.newsletter.postal_address,
    )


def _item(entry: Entry, *, site_url: str) -> DigestItem:
    source = clipped(_harmless(entry.source.title or entry.source.url), MAX_NAME)
    excerpt = clipped(_harmless(entry.excerpt), MAX_EXCERPT)
    named = replace(
        entry,
        title=clipped(_harmless(entry.title), MAX_TITLE),
        excerpt=excerpt,
        source=replace(entry.source, title=source),
    )
    title = headline(named)
    return DigestItem(
        title=title,
        url=_link(entry, site_url=site_url),
        source=source,
        moment=entry.sort_at,
        excerpt=excerpt if excerpt != title else "",
        language=entry.language or entry.source.language,
    )


def _link(entry: Entry, *, site_url: str) -> str:
    url = find_uri(entry.url)
    if url and len(url) <= MAX_URL and _PLACEHOLDER not in url:
        return url
    return f"{site_url}/entries/{entry.id}"


def _harmless(text: str) -> str:
    """Return a publisher's text as one line in which nobody's link will be put."""
    return one_line(text).replace(_PLACEHOLDER, "…")


def _fitting(context: DigestContext, templates: Templates) -> tuple[DigestContext, str]:
    """Return as much of `context` as `MAX_BYTES` of HTML can hold, and that HTML."""
    html = _html(context, templates)
    if len(html.encode()) <= MAX_BYTES:
        return context, html
    most = context.total - context.remaining

    def is_too_large(shown: int) -> bool:
        return len(_html(_shortened(context, shown), templates).encode()) > MAX_BYTES

    shown = bisect_left(range(most), True, key=is_too_large) - 1
    if shown < 0:
        raise TemplateError(HTML, f"takes more than {MAX_BYTES} bytes without any entry")
    fitting = _shortened(context, shown)
    return fitting, _html(fitting, templates)


def _shortened(context: DigestContext, shown: int) -> DigestContext:
    """Return `context` with its first items only."""
    sections, room = [], shown
    for section in context.sections:
        if items := section.items[:room]:
            sections.append(replace(section, items=items))
            room -= len(items)
    return replace(context, sections=tuple(sections), remaining=context.total - shown)


def _html(context: DigestContext, templates: Templates) -> str:
    """Return the HTML part, its styles in its elements, where all mail programs look for them."""
    return css_inline.inline(
        _render(HTML, context, templates),
        keep_at_rules=True,
        minify_css=True,
        load_remote_stylesheets=False,
    )


def _render(name: str, context: DigestContext, templates: Templates) -> str:
    values = {field.name: getattr(context, field.name) for field in fields(context)}
    return templates.render(name, values, language=context.language).decode()


def _try(sample: DigestContext, templates: Templates) -> None:
    _render(SUBJECT, sample, templates)
    _, html = _fitting(sample, templates)
    for name, part in {HTML: html, TEXT: _render(TEXT, sample, templates)}.items():
        if UNSUBSCRIBE_URL not in part:
            raise TemplateError(name, "lacks unsubscribe_url: nobody could leave")


def _samples(language: str) -> tuple[DigestContext, DigestContext]:
    """Return a full letter and a bare one, for templates to be tried with."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    item = DigestItem(
        title="-", url="https://-", source="-", moment=moment, excerpt="-", language=None
    )
    bare = DigestContext(
        newsletter="-",
        language=language,
        timezone="UTC",
        since=None,
        until=moment,
        sections=(DigestSection(title=None, items=(replace(item, excerpt=""),)),),
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
        total=4,
        remaining=1,
        postal_address="-",
    )
    return full, bare
