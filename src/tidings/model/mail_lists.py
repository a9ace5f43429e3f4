"""Mailing lists and newsletters that are followed by mail."""

from dataclasses import dataclass
from datetime import datetime

# What the addresses of sources begin with that come by mail; the key of their list follows.
SCHEME = "mail:"

# In place of the host that others are polled at; nothing is ever sent there.
HOST = "mail"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailList:
    """A list that has written to us.

    Attributes:
        key: Its List-Id, failing that the sender's address.
        name: As it gives it itself; may be empty.
        messages: How many have come.
        waiting: How many of them are kept, to be read once it is followed.
        refused: What it sends is dropped.
        source_id: Of the source that it is followed as.
    """

    id: int
    key: str
    name: str
    messages: int
    waiting: int
    first_at: datetime
    last_at: datetime
    refused: bool
    source_id: int | None


def shown_key(key: str) -> str:
    """Return a list's key as everybody may see it: not who writes, but from which host."""
    return key.rpartition("@")[2]


def is_by_mail(url: str) -> bool:
    """Tell whether a source of that address comes by mail."""
    return url.startswith(SCHEME)
