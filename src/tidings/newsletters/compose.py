"""Composing issues from entries, each known by a key of its content.

Also *editions*, a newsletter's own issues for the archive (all topics, its own schedule), and
previews, which are not stored.
"""

import hmac
from base64 import b32encode
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from tidings.catalog import change_log, entries
from tidings.catalog.newsletters import Edition
from tidings.db.database import Connection
from tidings.model.drafts import Draft, IssueEdits
from tidings.model.newsletters import Digest, Issue, Newsletter
from tidings.newsletters.digest_candidates import DigestCandidates, whole_audience
from tidings.newsletters.digests import compose, fold, issue_key, places
from tidings.newsletters.render import RenderedIssue
from tidings.newsletters.store import drafts
from tidings.newsletters.store.issues import NewIssue
from tidings.newsletters.windows import Slot, Window
from tidings.stories.store import records

# How many public entries a sample is first looked for among, and the factor by which that grows
# while none of them match: a newsletter on a rare topic may have to go back far.
SAMPLE_REACH, SAMPLE_REACH_FACTOR = 500, 10


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueRequest:
    """An issue to be composed."""

    newsletter: Newsletter
    language: str
    entry_ids: tuple[int, ...]
    edits: IssueEdits | None = None


class Composer:
    """Composes issues; the same entries give the same key, slug and Message-IDs each time.

    Args:
        render: Renders a digest whose page will have the given address.
        template_version: Part of the key: other templates make another issue.
        secret: Key of the HMAC behind slugs and Message-IDs.
        mail_domain: The right side of Message-IDs.
        site_url: Absolute, without a slash at the end.
    """

    def __init__(
        self,
        *,
        render: Callable[[Digest, str], RenderedIssue],
        template_version: str,
        secret: bytes,
        mail_domain: str,
        site_url: str,
    ) -> None:
        self._render_issue = render
        self._template_version = template_version
        self._secret = secret
        self._mail_domain = mail_domain
        self._site_url = site_url

    def key_of(self, wanted: IssueRequest) -> bytes:
        """Return the content key of an issue."""
        return issue_key(
            wanted.newsletter.id,
            wanted.entry_ids,
            language=wanted.language,
            template_version=self._template_version,
            edits=wanted.edits.fingerprint if wanted.edits else "",
        )

    def compose(
        self, connection: Connection, wanted: IssueRequest, *, key: bytes, listed: bool = False
    ) -> NewIssue:
        """Compose an issue that is not stored yet; `listed` puts it into the archive."""
        found = entries.by_ids(connection, wanted.entry_ids)
        digest = compose(wanted.newsletter, wanted.language, found, edits=wanted.edits)
        # Not a number: who can guess the address of an issue can read those of other people's
        # topics.
        slug = f"{wanted.newsletter.slug}-{self._name_of(key)[:16]}"
        rendered = self.write(connection, digest, slug=slug)
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
            draft_id=wanted.edits.draft_id if wanted.edits else None,
            entry_ids=[entry.id for section in digest.sections for entry in section.entries],
            subject=rendered.subject,
            text=rendered.text,
            html=rendered.html,
        )

    def write(self, connection: Connection, digest: Digest, *, slug: str) -> RenderedIssue:
        """Render a digest as a message; what does not fit is on the page of that slug."""
        folded = fold(digest)
        # Bodies are needed for the reading time alone, and are large: only of what can be shown.
        room = digest.newsletter.max_entries
        shares = places(folded.sections, room, lead_id=digest.lead_id)
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
        return self._render_issue(replace(folded, sections=sections), page_url)

    def message_id(self, subscription_id: int, window: Window) -> str:
        """Return the Message-ID of a window: the same however often it is planned.

        So mailboxes recognise a repetition (Sieve `duplicate`, RFC 7352).
        """
        what = f"v1|{subscription_id}|{window.slot}|{window.from_seq}|{window.to_seq}"
        return f"<{self._name_of(what.encode())}.d@{self._mail_domain}>"

    def _name_of(self, what: bytes) -> str:
        """Return 26 characters of a keyed hash: reproducible, and not to be guessed."""
        digest = hmac.digest(self._secret, what, "sha256")
        # Base32, since mail programs and people change the case of what they copy. 26 characters
        # are 130 bits; 20 bytes are encoded because that needs no padding.
        return b32encode(digest[:20]).decode()[:26].lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class DueEdition:
    """An edition with the slot it is planned for.

    Attributes:
        upto_seq: The upper bound of its window.
        draft: What was approved; None if nobody looks at it.
    """

    edition: Edition
    slot: Slot
    upto_seq: int
    draft: Draft | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EditionPlan:
    """The plan for a slot of an edition.

    Attributes:
        watermark: Its new one.
        issue: None if there are no new entries, or too few.
    """

    watermark: int
    issue: NewIssue | None


def fill_edition(
    connection: Connection, case: DueEdition, *, candidates: DigestCandidates
) -> tuple[Window, tuple[int, ...]]:
    """Return the window of an edition's next issue, and the ids of its entries."""
    newsletter, mark = case.edition.newsletter, case.edition.watermark
    whole = Window(slot=case.slot.key, from_seq=mark, to_seq=max(case.upto_seq, mark))
    candidates.read(connection, from_seq=mark, to_seq=whole.to_seq)
    told = records.stories_sent_by(connection, newsletter.id, candidates.stories())
    audience = whole_audience(newsletter, watermark=mark, told=told)
    return candidates.fill(connection, whole, case.slot, audience=audience)


def plan_edition(
    composer: Composer, connection: Connection, case: DueEdition, *, candidates: DigestCandidates
) -> EditionPlan:
    """Return an edition's next issue, and its new watermark."""
    newsletter = case.edition.newsletter
    window, chosen = fill_edition(connection, case, candidates=candidates)
    if not chosen:
        return EditionPlan(watermark=window.to_seq, issue=None)
    wanted = IssueRequest(
        newsletter=newsletter,
        language=newsletter.language,
        entry_ids=chosen,
        edits=case.draft.edits_for(newsletter.language, chosen) if case.draft else None,
    )
    issue = composer.compose(connection, wanted, key=composer.key_of(wanted), listed=True)
    return EditionPlan(watermark=window.to_seq, issue=issue)


def preview(
    composer: Composer, connection: Connection, edition: Edition, *, at: datetime
) -> Issue | None:
    """Return the issue that an edition would have at a time; None if empty. Stores nothing.

    Under review it is the draft, as editors have changed it.
    """
    newsletter, mark = edition.newsletter, edition.watermark
    draft = drafts.find_open(connection, newsletter.id)
    upto_seq = draft.to_seq if draft else change_log.last_seq(connection)
    candidates, span = DigestCandidates(), {"from_seq": mark, "to_seq": upto_seq}
    candidates.read(connection, **span)
    told = records.stories_sent_by(connection, newsletter.id, candidates.stories())
    audience = whole_audience(newsletter, watermark=mark, told=told)
    chosen = candidates.of(connection, audience, **span)
    found = entries.by_ids(connection, chosen)
    shown = [entry for entry in found if entry.first_seen_at <= at]
    if not shown:
        return None
    edits = draft.edits_for(newsletter.language, chosen) if draft else None
    digest = compose(newsletter, newsletter.language, shown, edits=edits)
    return _unsaved_issue(composer, connection, digest, at=at)


def sample(
    composer: Composer, connection: Connection, edition: Edition, *, at: datetime
) -> Issue | None:
    """Return an issue to look at: the next one, failing that one of the newest entries.

    None if the newsletter never had any. Stores nothing.
    """
    found = preview(composer, connection, edition, at=at)
    newsletter = edition.newsletter
    mark = upto_seq = change_log.last_seq(connection)
    reach, chosen = SAMPLE_REACH, tuple[int, ...]()
    while found is None and not chosen and mark > 0:
        candidates, mark = DigestCandidates(), max(upto_seq - reach, 0)
        candidates.read(connection, from_seq=mark, to_seq=upto_seq)
        audience = whole_audience(newsletter, watermark=mark)
        chosen = candidates.of(connection, audience, from_seq=mark, to_seq=upto_seq)
        reach *= SAMPLE_REACH_FACTOR
    if chosen:
        newest = entries.by_ids(connection, chosen[-newsletter.max_entries :])
        digest = compose(newsletter, newsletter.language, newest)
        found = _unsaved_issue(composer, connection, digest, at=at)
    return found


def _unsaved_issue(
    composer: Composer, connection: Connection, digest: Digest, *, at: datetime
) -> Issue:
    newsletter = digest.newsletter
    slug = f"{newsletter.slug}-preview"
    rendered = composer.write(connection, digest, slug=slug)
    return Issue(
        id=0,
        key=b"",
        slug=slug,
        newsletter=newsletter,
        language=digest.language,
        timezone=digest.timezone,
        listed=False,
        from_seq=digest.from_seq,
        to_seq=digest.to_seq,
        subject=rendered.subject,
        html=rendered.html,
        text=rendered.text,
        entries=sum(section.total for section in digest.sections),
        created_at=at,
    )
