"""What waits for times that a clock has named which was set back since."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, update

from tidings.domain.newsletters import DeliveryState
from tidings.domain.retries import DOUBT
from tidings.storage.leases import LEASE, clock
from tidings.storage.mail_tables import delivery, newsletter, relay, subscription
from tidings.storage.reader_tables import notice
from tidings.storage.tables import host, source

LONGEST_PERIOD = timedelta(days=32)
"""No slot of a newsletter is further away than that."""

SHORT = timedelta(minutes=1)
"""Hosts are left alone for less than that, unless they asked for more."""


def bring_forward(connection: Connection, *, now: datetime, by: timedelta) -> None:
    """Let nothing wait for longer because the clock was set back.

    What was done "later than now" is due: asking a source once more, or trying a letter sooner,
    does no harm. A letter in doubt keeps its pause, and a slot its place in the calendar.

    Args:
        connection: One that writes.
        now: By the clock as it is.
        by: How far it was set back.
    """
    polled_later = update(source).where(source.c.last_polled_at > now, source.c.next_poll_at > now)
    connection.execute(
        polled_later.values(next_poll_at=now, next_poll_because="now: the clock was set back")
    )
    rested = update(host).where(host.c.cooldown_until.between(now, now + by + SHORT))
    connection.execute(rested.values(cooldown_until=None))
    paused = update(relay).where(relay.c.paused_until.between(now, now + by + SHORT))
    connection.execute(paused.values(paused_until=now))
    for table in (newsletter, subscription):
        is_beyond = table.c.next_issue_at > now + LONGEST_PERIOD
        connection.execute(update(table).where(is_beyond).values(next_issue_at=now))
    again = (DeliveryState.READY, DeliveryState.DEFERRED)
    for letters in (delivery, notice):
        waits = update(letters).where(letters.c.finished_at.is_(None), letters.c.next_try_at > now)
        connection.execute(waits.where(letters.c.state.in_(again)).values(next_try_at=now))
        in_doubt = letters.c.state == DeliveryState.UNCERTAIN
        is_beyond = letters.c.next_try_at > now + DOUBT
        connection.execute(waits.where(in_doubt, is_beyond).values(next_try_at=now + DOUBT))
    # Whoever lives renews its leases; those of the dead end as soon as they always do.
    end = clock(connection) + LEASE
    for leased in (host, delivery, notice):
        is_beyond = leased.c.lease_until > end
        connection.execute(update(leased).where(is_beyond).values(lease_until=end))
