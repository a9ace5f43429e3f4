"""Composing: what is to be told becomes an issue, known by what it tells of.

Editions: a newsletter's own issues, of everything, by its own slots, for the archive.
"""

import hmac
from base64 import b32encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tidings.catalog import change_log, entries
from tidings.catalog.newsletters import Edition
from tidings.db.database import Connection
from tidings.model.entries import Entry
from tidings.model.newsletters import Digest, Issue, Newsletter
from tidings.newsletters.digest_candidates import DigestCandidates, whole_audience
from tidings.newsletters.digests import compose, fair_shares, fold, issue_key
from tidings.newsletters.render import Composed
from tidings.newsletters.store.issues import NewIssue
from tidings.newsletters.windows import Slot, Window
from tidings.stories.store import records

# Public entries that are looked back on for what a newsletter last told of, and so many times
# more each time that there was nothing.
REACH, REACH_FURTHER = 500, 10


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueRequest:
    """An issue that is to be: what it tells of, in what language."""

    newsletter: Newsletter
    language: str
    entry_ids: tuple[int, ...]


class Composer:
    """Makes issues of what is to be told; what is made twice of the same has the same names.

    Args:
        write_letter: Composes a digest whose page will have the given address.
        template_version: Moves with the templates, and so does the key of an issue.
        secret: From which names are made that nobody else can make.
        mail_domain: The right side of Message-IDs.
        site_url: Absolute, without a slash at the end.
    """

    def __init__(
        self,
        *,
        write_letter: Callable[[Digest, str], Composed],
        template_version: str,
        secret: bytes,
        mail_domain: str,
        site_url: str,
    ) -> None:
        self._write_letter = write_letter
        self._template_version = template_version
        self._secret = secret
        self._mail_domain = mail_domain
        self._site_url = site_url

    def key_of(self, wanted: IssueRequest) -> bytes:
        """Return the key of an issue: what it tells of, in which words."""
        return issue_key(
            wanted.newsletter.id,
            wanted.entry_ids,
            language=wanted.language,
            template_version=self._template_version,
        )

    def compose(
        self, connection: Connection, wanted: IssueRequest, *, key: bytes, listed: bool = False
    ) -> NewIssue:
        """Write an issue that is not stored yet; `listed` where everybody may find it."""
        found = entries.by_ids(connection, wanted.entry_ids)
        digest = compose(wanted.newsletter, wanted.language, found)
        slug = f"{wanted.newsletter.slug}-{self._name_of(key)[:16]}"
        letter = self.write(connection, digest, slug=slug)
        return NewIssue(
            key=key,
            slug=slug,
            newsletter_id=wanted.newsletter.id,
            listed=listed,
            language=wanted.language,
            timezone=digest.timezone,
            from_seq=digest.from_seq,
            to_seq=digest.to_seq,
            since=digest.since,
            entry_ids=[entry.id for section in digest.sections for entry in section.entries],
            subject=letter.subject,
            text=letter.text,
            html=letter.html,
        )

    def write(self, connection: Connection, digest: Digest, *, slug: str) -> Composed:
        """Write a digest as a letter, the rest of which stands on the page of that slug.

        Bodies, which tell how long it takes to read, are fetched of what can stand in it only.
        """
        folded = fold(digest)
        wanted = [len(section.entries) for section in folded.sections]
        shares = fair_shares(wanted, digest.newsletter.max_entries)
        shown = [
            entry.id
            for section, share in zip(folded.sections, shares, strict=True)
            for entry in section.entries[:share]
        ]
        read = {one.id: one for one in entries.by_ids(connection, shown, with_content=True)}
        sections = tuple(
            replace(section, entries=tuple(read.get(entry.id, entry) for entry in section.entries))
            for section in folded.sections
        )
        page_url = f"{self._site_url}/issues/{slug}"
        return self._write_letter(replace(folded, sections=sections), page_url)

    def message_id(self, subscription_id: int, window: Window) -> str:
        """Return what is the same however often the same window is planned."""
        what = f"v1|{subscription_id}|{window.slot}|{window.from_seq}|{window.to_seq}"
        return f"<{self._name_of(what.encode())}.d@{self._mail_domain}>"

    def _name_of(self, what: bytes) -> str:
        """Return a name that is the same each time, and that nobody else can make."""
        digest = hmac.digest(self._secret, what, "sha256")
        return b32encode(digest[:20]).decode()[:26].lower()  # of 20 bytes it takes 17


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
    told = records.stories_sent_by(connection, newsletter.id, news.stories())
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
    news, span = DigestCandidates(), {"from_seq": mark, "to_seq": change_log.last_seq(connection)}
    news.read(connection, **span)
    told = records.stories_sent_by(connection, newsletter.id, news.stories())
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
    mark = cut = change_log.last_seq(connection)
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
