"""The archive of issues: pages, and a feed, which needs no mail address."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from uuid import UUID, uuid5

from tidings.catalog import change_log
from tidings.db.database import Connection
from tidings.errors import NotFoundError
from tidings.model.drafts import Draft
from tidings.model.entries import Entry, EntryState, SourceCredit
from tidings.model.newsletters import Digest, Issue
from tidings.model.scopes import FeedDocument
from tidings.newsletters.digests import compose
from tidings.newsletters.store import drafts, issues
from tidings.publishing.formats.atom import ATOM
from tidings.publishing.pagination import paginate
from tidings.publishing.site_context import ISSUES_IN_FEED
from tidings.publishing.views import Archive, IssueContent, IssuePage, IssuesPage, render
from tidings.templating.engine import Templates
from tidings.templating.site import ICON_PATH, Site

# Issues on a page of the list: each one is a line.
PAGE_SIZE = 20

PAGE_PATH = "/issues"

FEED_PATH = "/issues.atom"


def issues_page(
    connection: Connection, site: Site, *, number: int | None, href: Callable[[int | None], str]
) -> IssuesPage:
    """Return a page of the list of archived issues, by newsletter.

    Args:
        connection: A reading one.
        site: Where it is published.
        number: Of the page, from 1, the oldest; None for the newest.
        href: Gives the link to a page.

    Raises:
        NotFoundError: There is no such page, or not yet.
    """
    there = issues.count_listed(connection)
    count = count_of_pages(connection)
    # The newest page has no number in its address: it gets one when it is full.
    if number is not None and number >= count:
        raise NotFoundError("page", number)
    older = (number or count) - 1
    offset = 0 if number is None else there - number * PAGE_SIZE
    # The front holds up to two pages' worth less one, all others exactly one.
    limit = there - offset - older * PAGE_SIZE
    lines = issues.listed(connection, limit=limit, offset=offset)
    # `groupby` joins neighbours only; the sort is stable, so issues stay newest first.
    listed = sorted(lines, key=lambda line: line.newsletter.slug)
    archives = [
        Archive(newsletter=newsletter, issues=tuple(lines))
        for newsletter, lines in groupby(listed, key=lambda line: line.newsletter)
    ]
    pagination = paginate(older + 1, count=count, href=href)
    return IssuesPage(site=site, archives=tuple(archives), pagination=pagination)


def count_of_pages(connection: Connection) -> int:
    """Return how many pages the list of issues has, the newest included.

    Issues are only added at the front, so the pages behind never change.
    """
    return max(issues.count_listed(connection) // PAGE_SIZE, 1)


def issue_page(connection: Connection, slug: str, *, site: Site) -> IssuePage:
    """Return the page of an issue, listed or not.

    Raises:
        NotFoundError: There is no issue with that slug.
    """
    issue = issues.get_by_slug(connection, slug)
    told = issues.entries_of(connection, [issue.id])[issue.id]
    digest = _digest(issue, told, _edits(connection, [issue]))
    # Of an unlisted issue nobody should find the way to or from the others.
    newer, older = issues.neighbours(connection, issue) if issue.listed else (None, None)
    return IssuePage(site=site, issue=issue, digest=digest, newer=newer, older=older)


def newest_issues(connection: Connection, site: Site, *, templates: Templates) -> FeedDocument:
    """Return the feed of the newest archived issues.

    Raises:
        TemplateError: The template of an issue's content is broken.
    """
    newest = issues.latest(connection, only_listed=True, limit=ISSUES_IN_FEED)
    told = issues.entries_of(connection, [issue.id for issue in newest])
    edits = _edits(connection, newest)
    _, changed_at = change_log.get_change(connection, change_log.ISSUES)
    return issues_feed(
        [(issue, _digest(issue, told[issue.id], edits)) for issue in newest],
        site=site,
        instance=change_log.instance(connection),
        # Not the last change of the list: what moves that need not be seen in the feed.
        updated=max((issue.created_at for issue in newest), default=changed_at),
        templates=templates,
    )


def _edits(connection: Connection, shown: Sequence[Issue]) -> Mapping[int, Draft]:
    """Return the drafts that issues went through, by id."""
    return drafts.by_ids(connection, {one.draft_id for one in shown if one.draft_id})


def _digest(issue: Issue, told: Sequence[Entry], reviewed: Mapping[int, Draft]) -> Digest:
    """Return the digest of an issue, without entries that were hidden or removed since."""
    # The zone that the issue was sent in: its dates must not move when the newsletter's does.
    schedule = replace(issue.newsletter.schedule, timezone=issue.timezone)
    newsletter = replace(issue.newsletter, schedule=schedule)
    if not told:
        return _empty(issue)
    # With the hidden ones first: the period that the issue names is that of all its entries.
    draft = reviewed[issue.draft_id] if issue.draft_id else None
    edits = draft.edits_for(issue.language, [entry.id for entry in told]) if draft else None
    digest = compose(newsletter, issue.language, told, edits=edits)
    shown = [
        replace(section, entries=tuple(filter(_is_public, section.entries)))
        for section in digest.sections
    ]
    return replace(digest, sections=tuple(section for section in shown if section.entries))


def _empty(issue: Issue) -> Digest:
    return Digest(
        newsletter=issue.newsletter,
        language=issue.language,
        timezone=issue.timezone,
        from_seq=issue.from_seq,
        to_seq=issue.to_seq,
        since=None,
        until=issue.created_at,
        sections=(),
    )


def _is_public(entry: Entry) -> bool:
    return entry.state is EntryState.PUBLIC


def issues_feed(
    issues: Sequence[tuple[Issue, Digest]],
    *,
    site: Site,
    instance: UUID,
    updated: datetime,
    templates: Templates,
) -> FeedDocument:
    """Return the feed of `issues`, each with all of its entries.

    Args:
        issues: Newest first, each with its entries.
        site: Where they are published.
        instance: Of this installation; identifiers are made from it.
        updated: When the list last changed, aware UTC.
        templates: Of the pages.

    Raises:
        TemplateError: The template of an issue's content breaks its contract.
    """
    words = templates.words(site.language)
    return FeedDocument(
        # Not the address: a feed keeps its identity when the site moves (RFC 4287, 4.2.6).
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
