"""Operators: how they sign in to the pages, and what they do there."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tidings.domain.entries import Entry
from tidings.domain.sources import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorToken:
    """What an operator signs in with, as far as is remembered of it.

    Attributes:
        label: What the operator calls it, to tell it from others; may be empty.
        last_used_at: When somebody last signed in with it, or did something.
        revoked_at: When it was taken back before its time; None if it was not.
    """

    id: int
    label: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None

    def state(self, *, now: datetime) -> str:
        """Say in a word whether one can sign in with it: `valid`, `revoked` or `expired`."""
        if self.revoked_at is not None:
            return "revoked"
        return "valid" if now < self.expires_at else "expired"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Session:
    """A browser that an operator is signed in with.

    Attributes:
        secret: What its cookie holds, and nobody else knows.
        proof: What its forms carry: a page of somebody else cannot know it.
    """

    secret: str
    token: OperatorToken
    proof: str


class EntryAct(StrEnum):
    """What an operator does with an entry."""

    HIDE = "hide"
    UNHIDE = "unhide"
    RELEASE = "release"
    PIN = "pin"
    UNPIN = "unpin"
    SPLIT = "split"
    """Take it out of its story."""


class SourceAct(StrEnum):
    """What an operator does with a source."""

    PAUSE = "pause"
    RESUME = "resume"
    POLL = "poll"
    RELEASE = "release"
    """All that is held of it."""
    EDIT = "edit"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceForm:
    """What an operator filled in about a source: text that nobody has checked.

    Attributes:
        title: Empty for what the source calls itself.
        topics: Their slugs.
        interval: Such as `3h`; empty for what is learned.
    """

    title: str
    topics: tuple[str, ...]
    interval: str
    republish: str
    noindex: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldSource:
    """A source of which entries wait, and how many."""

    slug: str
    title: str
    entries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModerationQueue:
    """What an operator finds to do.

    Attributes:
        held: What waits to be released, the newest first; no more than can be looked through.
        waiting: How much waits of each source, most first.
        pinned: What is pinned and public, the newest pin first.
        hidden: What was public and is hidden, the latest to be hidden first.
        resting: Sources that are not polled: paused or retired.
    """

    held: tuple[Entry, ...]
    waiting: tuple[HeldSource, ...]
    pinned: tuple[Entry, ...]
    hidden: tuple[Entry, ...]
    resting: tuple[Source, ...]
