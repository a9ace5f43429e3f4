"""The letter: a digest as subject, HTML and plain text."""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime

from tidings.domain.newsletters import UNSUBSCRIBE_URL, Digest
from tidings.errors import TemplateError
from tidings.rendering.digest_parts import (
    DigestAlsoAt,
    DigestContext,
    DigestImage,
    DigestItem,
    DigestSection,
    context_of,
    shortened,
)
from tidings.rendering.letters import styled, subject_line
from tidings.rendering.templates import Templates

MAX_BYTES = 100_000
"""Of HTML; some mail programs hide what follows, and with it the way to leave."""

SUBJECT = "digest/subject.txt"
HTML = "digest/body.html"
TEXT = "digest/body.txt"


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


def contracts() -> Mapping[str, frozenset[str]]:
    """Return what the templates of a digest may use, by template."""
    known = frozenset(field.name for field in fields(DigestContext))
    return dict.fromkeys((SUBJECT, HTML, TEXT), known)


def try_digests(templates: Templates) -> None:
    """Write a full digest and a bare one in every language.

    Raises:
        TemplateError: A template uses what its values do not have, or has no room for entries; a
            part lacks the way to leave, or the subject is empty.
    """
    for language in templates.languages:
        for sample in _samples(language):
            _try(sample, templates)


def compose(digest: Digest, *, site_url: str, issue_url: str, templates: Templates) -> Composed:
    """Write a digest as a letter; the same arguments give the same bytes.

    Of a long one each section has its share in it, the newest first, and the rest is left to
    the page at `issue_url`.

    Raises:
        TemplateError: A template uses what its values do not have, or has no room for entries.
    """
    context, html = _fitting(context_of(digest, site_url=site_url, issue_url=issue_url), templates)
    return Composed(
        subject=subject_line(_render(SUBJECT, context, templates), SUBJECT),
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
        return len(_html(shortened(context, shown), templates).encode()) > MAX_BYTES

    shown = bisect_left(range(context.shown), True, key=is_too_large) - 1
    if shown < 0:
        raise TemplateError(HTML, f"takes more than {MAX_BYTES} bytes without any entry")
    fitting = shortened(context, shown)
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
    """Return a full letter and a bare one, for templates to be tried with."""
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
        total=22,
        remaining=1,
        postal_address="-",
    )
    return full, bare
