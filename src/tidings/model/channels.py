"""Channels: chats and services that are told what is new, and what they are told."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from tidings.errors import InvalidError
from tidings.model.urls import DEFAULT_PORTS, host_of, mask

# Failures in a row from which on the operator is told: some minutes, which most outages do not last.
FAILING_AFTER = 3

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+", re.ASCII)


class ChannelState(StrEnum):
    """How a channel does."""

    ACTIVE = "active"
    FAILING = "failing"
    """It did not take the last message, which is tried again."""
    PAUSED = "paused"


class ChannelMessageState(StrEnum):
    """What became of a message to a channel."""

    WAITING = "waiting"
    SENT = "sent"
    EXPIRED = "expired"
    """It was not taken for so long that it is no news any more."""
    WITHDRAWN = "withdrawn"
    """Whatever it would have told of was hidden meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A chat or a service that is told of a newsletter's issues, or of entries.

    Attributes:
        url: Of a webhook, else as Apprise has it; it gives access to whoever knows it.
        secret: What webhooks are signed with.
        newsletter: The slug; with None for this and the topic it is told of every entry.
        topic: The slug.
        per_hour: Messages at most, of entries.
        paused_at: By the operator, or because the webhook said that it is gone.
        failures: In a row, up to now.
        accepted_at: The last success.
        last_error: Of the last attempt, if that failed.
        waiting: Messages that are to be sent.
    """

    id: int
    name: str
    url: str = field(repr=False)
    secret: str | None = field(repr=False)
    newsletter: str | None
    topic: str | None
    per_hour: int
    added_at: datetime
    paused_at: datetime | None
    failures: int
    accepted_at: datetime | None
    last_error: str | None
    waiting: int

    @property
    def shown_url(self) -> str:
        """What may be shown of its address."""
        return shown_address(self.url)

    @property
    def state(self) -> ChannelState:
        """How it does."""
        if self.paused_at:
            return ChannelState.PAUSED
        return ChannelState.FAILING if self.failures else ChannelState.ACTIVE

    @property
    def subject(self) -> str:
        """What it is told of, in words."""
        if self.newsletter:
            return f"newsletter {self.newsletter}"
        return f"topic {self.topic}" if self.topic else "every entry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """What a channel is told, for people and for programs.

    Attributes:
        kind: `issue.published`, `entries.published` or `test`.
        title: Plain text, as are the lines.
        lines: One for each entry, or about the only one.
        link: Where to read on.
        at: When it became known, aware UTC.
        data: The same for programs, as JSON has it.
    """

    kind: str
    title: str
    lines: Sequence[str]
    link: str
    at: datetime
    data: Mapping[str, object]


def is_webhook(url: str) -> bool:
    """Tell whether an address is that of a webhook of our own kind, and not Apprise's."""
    return url.partition("://")[0].lower() in DEFAULT_PORTS


def checked_address(url: str) -> str:
    """Return the address of a channel.

    Raises:
        InvalidError: It is none; the message holds no secret.
    """
    if is_webhook(url):
        try:
            host_of(url)
        except ValueError as error:
            raise InvalidError("address", "…", "expected one like https://host/path") from error
    if not _ADDRESS.fullmatch(url):
        raise InvalidError(
            "address", "…", "expected https://… or one of Apprise's, like matrix://…"
        )
    return url


def shown_address(url: str) -> str:
    """Return what may be shown of an address."""
    # Of Apprise's only the scheme: with many services the place of the host is that of a token.
    return mask(url) if is_webhook(url) else f"{url.partition('://')[0]}://…"
