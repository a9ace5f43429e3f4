"""Drafts: issues under review, and what editors change in them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from zlib import crc32


class DraftAct(StrEnum):
    """What an editor does to an entry of a draft."""

    DROP = "drop"
    """Never told by this newsletter."""
    POSTPONE = "postpone"
    """Told by the next issue instead."""
    RAISE = "raise"
    """Stands above the others of its section."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EditorText:
    """What an editor writes for the issues in one language.

    Attributes:
        subject: In the place of the template's; None to leave it.
        note: Markdown (CommonMark), above the entries; None for none.
    """

    subject: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueEdits:
    """What of an editor's changes shows in one issue.

    Attributes:
        draft_id: Where they were made.
        lead_id: The entry that stands first; None if it is not in this issue.
        raised: Ids of entries of this issue, in their order.
    """

    draft_id: int
    lead_id: int | None
    raised: tuple[int, ...]
    text: EditorText

    @property
    def fingerprint(self) -> str:
        """What tells its issue from another with the same entries; empty if nothing shows."""
        shown = (self.lead_id, self.raised, self.text.subject, self.text.note)
        return repr(shown) if any(shown) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edits:
    """All that editors have changed in a draft.

    Attributes:
        lead_id: The entry that opens the issues which have it; None to leave the choice.
        raised: Ids of entries, the first on top.
        dropped: Ids of entries that are never told.
        postponed: Ids of entries that the next issue tells.
        texts: By language.
    """

    lead_id: int | None = None
    raised: tuple[int, ...] = ()
    dropped: frozenset[int] = frozenset()
    postponed: frozenset[int] = frozenset()
    texts: Mapping[str, EditorText] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An issue under review: everything of its newsletter up to `to_seq` that was not told yet.

    Subscribers get of it what they chose, at their own slots, once it is done.

    Attributes:
        deadline_at: When it goes as it is; None if it waits for approval.
        approved_at: When nothing more could be changed; None while it is open.
        done_at: When its issue was planned; None before.
    """

    id: int
    newsletter_id: int
    to_seq: int
    opened_at: datetime
    deadline_at: datetime | None
    approved_at: datetime | None
    done_at: datetime | None
    edits: Edits

    @property
    def version(self) -> str:
        """What changes with every edit, and whenever the draft grows."""
        changed = self.edits
        shown = (
            self.to_seq,
            changed.lead_id,
            changed.raised,
            sorted(changed.dropped),
            sorted(changed.postponed),
            sorted(changed.texts.items(), key=lambda one: one[0]),
        )
        return f"{self.id}-{crc32(repr(shown).encode()):08x}"

    def edits_for(self, language: str, entry_ids: Collection[int]) -> IssueEdits:
        """Return what shows in an issue with these entries."""
        there = set(entry_ids)
        return IssueEdits(
            draft_id=self.id,
            lead_id=self.edits.lead_id if self.edits.lead_id in there else None,
            raised=tuple(one for one in self.edits.raised if one in there),
            text=self.edits.texts.get(language, EditorText()),
        )
