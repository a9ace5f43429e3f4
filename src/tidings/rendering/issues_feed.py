"""The feed of issues, for those who would rather not give an address."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid5

from tidings.model.entries import Entry, EntryState, SourceCredit
from tidings.model.newsletters import Digest, Issue
from tidings.model.scopes import FeedDocument
from tidings.rendering.atom import ATOM
from tidings.rendering.pages import IssueContent, render
from tidings.templating.site import ICON_PATH, Site
from tidings.templating.templates import Templates

PAGE_PATH = "/issues"
FEED_PATH = "/issues.atom"


def issues_feed(
    issues: Sequence[tuple[Issue, Digest]],
    *,
    site: Site,
    instance: UUID,
    updated: datetime,
    templates: Templates,
) -> FeedDocument:
    """Return the feed of `issues`, which are in every case whole: no entry is left out.

    Args:
        issues: Newest first, each with what it tells of.
        site: Where they are published.
        instance: Of this installation; identifiers are made from it.
        updated: When the list last changed, aware UTC.
        templates: Of the pages.

    Raises:
        TemplateError: The template of an issue's content breaks its contract.
    """
    words = templates.words(site.language)
    return FeedDocument(
        id=uuid5(instance, "issues").urn,
        title=f"{words('issues')} · {site.title}",
        subtitle="",
        page_url=site.base_url + PAGE_PATH,
        forms=(ATOM.at(site.base_url + FEED_PATH),),
        updated=updated,
        entries=tuple(
            _entry(issue, site=site, instance=instance, content=_content(digest, site, templates))
            for issue, digest in issues
        ),
        language=site.language,
        icon=site.base_url + ICON_PATH,
        hubs=site.hubs,
    )


def _content(digest: Digest, site: Site, templates: Templates) -> str:
    return render(IssueContent(site=site, digest=digest), templates).decode()


def _entry(issue: Issue, *, site: Site, instance: UUID, content: str) -> Entry:
    return Entry(
        id=issue.id,
        seq=None,
        source=SourceCredit(
            id=issue.newsletter.id,
            slug=issue.newsletter.slug,
            title=issue.newsletter.title,
            url=site.base_url + FEED_PATH,
            site_url=site.base_url + PAGE_PATH,
        ),
        atom_id=uuid5(instance, f"issue {issue.slug}").urn,
        title=issue.subject,
        url=f"{site.base_url}{PAGE_PATH}/{issue.slug}",
        published=issue.created_at,
        first_seen_at=issue.created_at,
        changed_at=issue.created_at,
        sort_at=issue.created_at,
        state=EntryState.PUBLIC,
        language=issue.language,
        content=content,
    )
