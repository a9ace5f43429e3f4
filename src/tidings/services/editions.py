"""Editions: a newsletter's own issues, of everything, by its own slots, for the archive."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tidings.domain.digests import compose
from tidings.domain.entries import Entry
from tidings.domain.newsletters import Issue, Newsletter
from tidings.domain.planning import Slot, Window
from tidings.services.composing import Composer, IssueRequest
from tidings.services.news import DigestCandidates, whole_audience
from tidings.storage import entries, publishing, story_records
from tidings.storage.database import Connection
from tidings.storage.issues import NewIssue
from tidings.storage.newsletters import Edition

REACH, REACH_FURTHER = 500, 10
"""Public entries that are looked back on for what a newsletter last told of, and so many times more
each time that there was nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueEdition:
    """An edition with the slot it is planned for.

    Attributes:
        cut: The upper bound of its window.
    """

    edition: Edition
    slot: Slot
    cut: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EditionPlan:
    """What a slot brings a newsletter's own edition.

    Attributes:
        watermark: How far the edition has come then.
        issue: None if there is no news, or too little.
    """

    watermark: int
    issue: NewIssue | None


def plan_edition(
    composer: Composer, connection: Connection, case: DueEdition, *, news: DigestCandidates
) -> EditionPlan:
    """Return a newsletter's own next issue, and how far the edition comes with it."""
    newsletter, mark = case.edition.newsletter, case.edition.watermark
    whole = Window(slot=case.slot.key, from_seq=mark, to_seq=max(case.cut, mark))
    news.read(connection, from_seq=mark, to_seq=whole.to_seq)
    told = story_records.stories_sent_by(connection, newsletter.id, news.stories())
    reader = whole_audience(newsletter, watermark=mark, told=told)
    window, chosen = news.fill(connection, whole, case.slot, reader=reader)
    if not chosen:
        return EditionPlan(watermark=window.to_seq, issue=None)
    wanted = IssueRequest(newsletter=newsletter, language=newsletter.language, entry_ids=chosen)
    issue = composer.compose(connection, wanted, key=composer.key_of(wanted), listed=True)
    return EditionPlan(watermark=window.to_seq, issue=issue)


def preview(
    composer: Composer, connection: Connection, edition: Edition, *, at: datetime
) -> Issue | None:
    """Return what the edition would be at a time; None if it had nothing. Stores nothing."""
    newsletter, mark = edition.newsletter, edition.watermark
    news, span = DigestCandidates(), {"from_seq": mark, "to_seq": publishing.last_seq(connection)}
    news.read(connection, **span)
    told = story_records.stories_sent_by(connection, newsletter.id, news.stories())
    reader = whole_audience(newsletter, watermark=mark, told=told)
    chosen = news.of(connection, reader, **span)
    found = entries.by_ids(connection, chosen)
    shown = [entry for entry in found if entry.first_seen_at <= at]
    return _made_up(composer, connection, newsletter, shown, at=at) if shown else None


def sample(
    composer: Composer, connection: Connection, edition: Edition, *, at: datetime
) -> Issue | None:
    """Return an issue to look at: the next one, failing that the newest entries once more.

    None if there was never anything to tell.
    """
    found = preview(composer, connection, edition, at=at)
    newsletter = edition.newsletter
    mark = cut = publishing.last_seq(connection)
    reach, chosen = REACH, tuple[int, ...]()
    while found is None and not chosen and mark > 0:
        news, mark = DigestCandidates(), max(cut - reach, 0)
        news.read(connection, from_seq=mark, to_seq=cut)
        reader = whole_audience(newsletter, watermark=mark)
        chosen = news.of(connection, reader, from_seq=mark, to_seq=cut)
        reach *= REACH_FURTHER
    if chosen:
        newest = entries.by_ids(connection, chosen[-newsletter.max_entries :])
        found = _made_up(composer, connection, newsletter, newest, at=at)
    return found


def _made_up(
    composer: Composer,
    connection: Connection,
    newsletter: Newsletter,
    shown: Sequence[Entry],
    *,
    at: datetime,
) -> Issue:
    digest = compose(newsletter, newsletter.language, shown)
    slug = f"{newsletter.slug}-preview"
    letter = composer.write(connection, digest, slug=slug)
    return Issue(
        id=0,
        key=b"",
        slug=slug,
        newsletter=newsletter,
        language=newsletter.language,
        timezone=digest.timezone,
        listed=False,
        from_seq=digest.from_seq,
        to_seq=digest.to_seq,
        subject=letter.subject,
        html=letter.html,
        text=letter.text,
        entries=len(shown),
        created_at=at,
    )
