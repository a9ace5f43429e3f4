"""Following a source to where it moved.

Sources that move: whether a publisher's permanent redirect is believed.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tidings.model.sources import DueSource, with_decision
from tidings.model.urls import is_private, masked
from tidings.polling.polled_source import PolledSource

# Answers in a row that must lead to the same place.
CONFIRMATIONS = 5

# How long they must have led there.
CONFIRMED_AFTER = timedelta(days=7)


def decide_redirect(
    due: DueSource, polled: PolledSource, *, shares: bool, rival: int | None
) -> PolledSource:
    """Adopt the address where a document was found, if it is time to.

    Args:
        due: The source as it was.
        polled: Where it stands after a document was read.
        shares: Whether that document has entries that are stored of the source.
        rival: Another source that has that address.
    """
    now, to = polled.last_polled_at, polled.moved_to
    move = Move(to=to, since=polled.moved_since, times=polled.moved_times)
    if to is None or due.keeps_url or not (shares and move.is_confirmed(now)):
        return polled
    history = polled.history or due.history
    if is_downgrade(due.url, to):
        notice = f"moved to {due.shown(to)}, which is not followed: it gives up TLS"
        return replace(polled, notice=notice)
    if rival is not None:
        notice = f"moved to {due.shown(to)}, which is source {rival} already: remove one of them"
        return replace(polled, notice=notice)
    shown = masked(to) if is_private(to) else due.shown(to)
    return replace(
        polled,
        adopts=to,
        former_url=due.url,
        hides_address=due.hides_address or is_private(to),
        moved_to=None,
        moved_since=None,
        moved_times=0,
        retitled=True,
        history=with_decision(
            history, f"moved from {due.shown(due.url)} to {shown}, for good", now=now
        ),
    )


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
