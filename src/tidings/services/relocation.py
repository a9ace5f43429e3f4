"""Following a source to where it moved."""

from dataclasses import replace

from tidings.domain.moves import Move, is_downgrade
from tidings.domain.polled import PolledSource
from tidings.model.sources import DueSource, with_decision
from tidings.model.urls import is_private, masked


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
