"""When a permanent redirect (301, 308) is believed, and a source polled at its new address."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tidings.model.sources import DueSource, with_decision
from tidings.model.urls import is_private, mask
from tidings.polling.polled_source import PolledSource

# Redirects in a row that must lead to the same place: parked and hijacked domains answer "moved
# permanently" as well.
CONFIRMATIONS = 5

# How long they must have led there, besides.
CONFIRMED_AFTER = timedelta(days=7)


def decide_redirect(
    due: DueSource, polled: PolledSource, *, shares_entries: bool, duplicate_id: int | None
) -> PolledSource:
    """Return the source with its new address, or a notice why it is not taken; else unchanged.

    Args:
        due: The source as it was.
        polled: The source after a document was parsed.
        shares_entries: Whether that document has entries that are stored of the source.
        duplicate_id: Another source that has the new address already.
    """
    now, to = polled.last_polled_at, polled.moved_to
    move = RedirectStreak(to=to, since=polled.moved_since, times=polled.moved_times)
    if to is None or due.keeps_url or not (shares_entries and move.is_confirmed(now)):
        return polled
    history = polled.history or due.history
    if is_downgrade(due.url, to):
        notice = f"moved to {due.shown(to)}, which is not followed: it gives up TLS"
        return replace(polled, notice=notice)
    if duplicate_id is not None:
        notice = (
            f"moved to {due.shown(to)}, which is source {duplicate_id} already: remove one of them"
        )
        return replace(polled, notice=notice)
    shown = mask(to) if is_private(to) else due.shown(to)
    return replace(
        polled,
        new_url=to,
        former_url=due.url,
        hides_address=due.hides_address or is_private(to),
        moved_to=None,
        moved_since=None,
        moved_times=0,
        metadata_changed=True,
        history=with_decision(
            history, f"moved from {due.shown(due.url)} to {shown}, for good", now=now
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RedirectStreak:
    """Permanent redirects to one place: since when, and how many in a row."""

    to: str | None = None
    since: datetime | None = None
    times: int = 0

    def after(self, to: str | None, *, now: datetime) -> "RedirectStreak":
        """Return the streak after one more poll, which was redirected to `to`, or was not: None."""
        if to is None:
            return RedirectStreak()
        if to != self.to:
            return RedirectStreak(to=to, since=now, times=1)
        return RedirectStreak(to=to, since=self.since, times=self.times + 1)

    def is_confirmed(self, now: datetime) -> bool:
        """Tell whether the redirect has come often enough, for long enough."""
        lasting = self.since is not None and now - self.since >= CONFIRMED_AFTER
        return lasting and self.times >= CONFIRMATIONS


def is_downgrade(old: str, new: str) -> bool:
    """Tell whether a move would give up TLS."""
    return old.startswith("https:") and not new.startswith("https:")
