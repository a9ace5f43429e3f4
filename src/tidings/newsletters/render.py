"""Rendering a digest as subject, HTML and plain text, and the context that its templates get."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from tidings.errors import TemplateError
from tidings.model.newsletters import PREFERENCES_URL, UNSUBSCRIBE_URL, Digest, Section
from tidings.newsletters.digest_items import (
    MAX_NAME,
    DigestAlsoAt,
    DigestAudio,
    DigestImage,
    DigestItem,
    item_of,
    without_placeholders,
)
from tidings.newsletters.digests import fair_shares, places
from tidings.templating.engine import Templates, styled, subject_line
from tidings.templating.markdown import markdown_to_html
from tidings.templating.plain_text import clipped, one_line

# Of HTML. Gmail clips a message near 102 kB, and hides the unsubscribe link with the rest.
MAX_BYTES = 100_000

SUBJECT = "digest/subject.txt"

HTML = "digest/body.html"

TEXT = "digest/body.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestSection:
    """Items under one heading.

    Attributes:
        title: None for those without a topic.
        items: The lead among them, if it is of this section, as the first.
        total: How many entries it has, those on the issue's page only as well.
    """

    title: str | None
    items: tuple[DigestItem, ...]
    total: int

    @property
    def remaining(self) -> int:
        """How many of its entries are shown on the issue's page only."""
        return self.total - sum(1 + item.more for item in self.items)


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestContext:
    """The context of a digest's templates.

    Attributes:
        newsletter: Its title.
        language: Of the message, BCP 47.
        timezone: In which dates are shown, an IANA name.
        since: Where the period begins; None if it is a single day.
        until: The day of the issue.
        sections: Each with all of its items, so that a template without a lead misses nothing.
        lead: The item to open with, which is in its section as well; None if there is none.
        logo: https, for the head; None if there is none.
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
    lead: DigestItem | None = None
    logo: str | None = None
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
    digest: Digest, *, site_url: str, issue_url: str, templates: Templates, logo: str | None = None
) -> RenderedIssue:
    """Render a digest; the same arguments give the same bytes.

    Of a long one each section shows its share, the newest first; the page at `issue_url` has
    the rest.

    Args:
        digest: What to tell.
        site_url: Our first page.
        issue_url: The page of the issue.
        templates: Of messages.
        logo: An https address of a picture; None for none.

    Raises:
        TemplateError: A template uses what its values do not have, or has no room for entries.
    """
    whole = context_of(digest, site_url=site_url, issue_url=issue_url)
    context, html = _fitting(replace(whole, logo=logo), templates)
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
    full, plain = _sample_items()
    bare = DigestContext(
        newsletter="-",
        language=language,
        timezone="UTC",
        since=None,
        until=plain.moment,
        sections=(DigestSection(title=None, items=(plain,), total=1),),
        total=1,
        remaining=0,
        issue_url="https://-",
        site_url="https://-",
        postal_address=None,
    )
    lead = replace(full, is_lead=True)
    small = replace(full, language="-", image=DigestImage(url="https://-", alt="-", beside=True))
    # Alone in its section: a template may leave that out, or look for what is beside it.
    alone = DigestSection(title="-", items=(lead,), total=10)
    topic = DigestSection(title="-", items=(full, small), total=99)
    return replace(
        bare,
        since=datetime(2025, 1, 1, tzinfo=UTC),
        sections=(alone, topic, *bare.sections),
        lead=lead,
        logo="https://-",
        note_html=markdown_to_html("-"),
        note_text="-",
        total=110,
        remaining=79,
        postal_address="-",
    ), bare


def _sample_items() -> tuple[DigestItem, DigestItem]:
    """Return an item with all that one can have, and one with nothing."""
    full = DigestItem(
        title="-",
        url="https://-",
        source="-",
        source_url="https://-",
        moment=datetime(2026, 1, 1, tzinfo=UTC),
        dated=True,
        minutes=9,
        excerpt="-",
        image=DigestImage(url="https://-", alt="-", width=9, height=9),
        audio=DigestAudio(url="https://-", kind="-", megabytes=9, minutes=9),
        more=9,
        language=None,
        also_at=(DigestAlsoAt(source="-", url="https://-"),),
    )
    return full, replace(
        full,
        dated=False,
        minutes=None,
        excerpt="",
        image=None,
        audio=None,
        more=0,
        also_at=(),
    )


def context_of(digest: Digest, *, site_url: str, issue_url: str) -> DigestContext:
    """Return the context of a digest: of each section its share of the newest entries."""
    shares = places(digest.sections, digest.newsletter.max_entries, lead_id=digest.lead_id)
    sections = _with_days(
        [
            _section(digest, section, share, site_url=site_url)
            for section, share in zip(digest.sections, shares, strict=True)
            if share
        ],
        ZoneInfo(digest.timezone),
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
        lead=_find_lead(sections),
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
    return replace(
        context,
        sections=sections,
        lead=_find_lead(sections),
        remaining=context.total - _count_shown(sections),
    )


def _find_lead(sections: Sequence[DigestSection]) -> DigestItem | None:
    return next((item for section in sections for item in section.items if item.is_lead), None)


def _count_shown(sections: Sequence[DigestSection]) -> int:
    return sum(1 + item.more for section in sections for item in section.items)


def _section(digest: Digest, section: Section, share: int, *, site_url: str) -> DigestSection:
    shown = section.entries[:share]
    last = {entry.source.id: entry.id for entry in shown}
    more = {
        last[fold.source.id]: len(fold.entries) for fold in section.folds if fold.source.id in last
    }
    items = [
        replace(
            item_of(
                entry,
                images=digest.newsletter.images,
                site_url=site_url,
                is_lead=entry.id == digest.lead_id,
            ),
            more=more.get(entry.id, 0),
        )
        for entry in shown
    ]
    title = clipped(without_placeholders(section.topic.title), MAX_NAME) if section.topic else None
    return DigestSection(title=title, items=tuple(items), total=section.total)


def _with_days(sections: Sequence[DigestSection], zone: ZoneInfo) -> tuple[DigestSection, ...]:
    """Mark the items whose day is told: where it changes, if there are several."""
    days = [[item.moment.astimezone(zone).date() for item in section.items] for section in sections]
    if len({day for some in days for day in some}) < 2:
        return tuple(sections)
    told = []
    for section, some in zip(sections, days, strict=True):
        # The lead stands elsewhere, so its day is not that of what comes before.
        before, items = None, []
        for item, day in zip(section.items, some, strict=True):
            items.append(replace(item, dated=item.is_lead or day != before))
            before = before if item.is_lead else day
        told.append(replace(section, items=tuple(items)))
    return tuple(told)
