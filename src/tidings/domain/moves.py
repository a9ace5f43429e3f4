"""Sources that move: whether a publisher's permanent redirect is believed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

CONFIRMATIONS = 5
"""Answers in a row that must lead to the same place."""

CONFIRMED_AFTER = timedelta(days=7)
"""How long they must have led there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Where permanent redirects have led since when, and how many times in a row."""

    to: str | None = None
    since: datetime | None = None
    times: int = 0

    def after(self, to: str | None, *, now: datetime) -> "Move":
        """Return where things stand after an answer from `to`; None if it did not move."""
        if to is None:
            return Move()
        if to != self.to:
            return Move(to=to, since=now, times=1)
        return Move(to=to, since=self.since, times=self.times + 1)

    def is_confirmed(self, now: datetime) -> bool:
        """Tell whether that was so often, and for so long, that it is no accident."""
        lasting = self.since is not None and now - self.since >= CONFIRMED_AFTER
        return lasting and self.times >= CONFIRMATIONS


def is_downgrade(old: str, new: str) -> bool:
    """Tell whether a move would give up the protection of TLS."""
    return old.startswith("https:") and not new.startswith("https:")
