"""Pruning old entries, and repairing due times after the clock was set back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    union,
    update,
)

from tidings.catalog import change_log
from tidings.db.channel_tables import channel, channel_message
from tidings.db.intake_tables import alias
from tidings.db.mail_tables import delivery, issue_entry, newsletter, relay, subscription
from tidings.db.subscriber_tables import notice
from tidings.db.tables import counter, entry, host, source, tombstone
from tidings.db.types import UtcDateTime
from tidings.model.entries import EntryState
from tidings.model.newsletters import DeliveryState
from tidings.newsletters.retries import RESEND_DELAY
from tidings.polling.store.leases import LEASE, clock
from tidings.stories.store import stories

# No slot is further away than that: what is must have been computed by a wrong clock.
LONGEST_PERIOD = timedelta(days=32)

# Pauses of hosts are shorter, unless they asked for more (Retry-After): those stay.
SHORT = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What is kept; an entry is removed if nothing here keeps it.

    Attributes:
        seen_since: Entries first seen at that time or later; None to ignore their age.
        newest: How many of each source's newest; 0 to ignore their number.
        public: Everything that is public or held. Even without it, entries stay that are in an
            issue or that a subscription has yet to get.
    """

    seen_since: datetime | None
    newest: int
    public: bool


def removable(connection: Connection, retention: Retention) -> list[int]:
    """Return the ids of the entries that may be removed, the oldest first."""
    rules: list[ColumnElement[bool]] = []
    if retention.seen_since is not None:
        rules.append(entry.c.first_seen_at < retention.seen_since)
    if retention.newest:
        rules.append(entry.c.id.not_in(_newest(retention.newest)))
    if retention.public:
        rules.append(entry.c.state.in_([EntryState.BACKFILL, EntryState.HIDDEN]))
    rules.append(or_(entry.c.seq.is_(None), _has_been_had()))
    # Pages of issues show their entries for good.
    rules.append(entry.c.id.not_in(select(issue_entry.c.entry_id)))
    return list(connection.scalars(select(entry.c.id).where(*rules).order_by(entry.c.id)))


def remove(connection: Connection, entry_ids: Sequence[int], *, now: datetime) -> int:
    """Remove entries, leave tombstones for all their keys, and return how many went."""
    going = entry.c.id.in_(entry_ids)
    at = literal(now, UtcDateTime())
    # Aliases too: whichever key the publisher uses next time, the entry does not come back as new.
    keys = select(entry.c.source_id, entry.c.key_version, entry.c.key, at).where(going)
    renamed = select(alias.c.source_id, alias.c.key_version, alias.c.key, at).where(
        alias.c.entry_id.in_(entry_ids)
    )
    connection.execute(insert(tombstone).from_select(list(tombstone.c), union(keys, renamed)))
    # Before they go: afterwards nothing says which stories they were in.
    told = stories.of_entries(connection, going)
    removed = connection.execute(delete(entry).where(going)).rowcount
    change_log.touch_everything(connection, now=now)
    stories.detach(connection, told, now=now)
    return removed


def _newest(number: int) -> Select[int]:
    order = (entry.c.sort_at.desc(), entry.c.id.desc())
    rank = func.row_number().over(partition_by=entry.c.source_id, order_by=order)
    ranked = select(entry.c.id, rank.label("rank")).subquery()
    return select(ranked.c.id).where(ranked.c.rank <= number)


def _has_been_had() -> ColumnElement[bool]:
    """Return the condition that all watermarks are past an entry."""
    readers = select(func.min(subscription.c.watermark)).where(subscription.c.ended_at.is_(None))
    editions = select(func.min(newsletter.c.watermark))
    # Without any subscription or newsletter MIN is NULL, and nobody waits for anything.
    everything = select(counter.c.seq).scalar_subquery()
    return and_(
        *(
            entry.c.seq <= func.coalesce(least.scalar_subquery(), everything)
            for least in (readers, editions)
        )
    )


def bring_forward(connection: Connection, *, now: datetime, by: timedelta) -> None:
    """Make due what would wait too long because the clock was set back.

    Polling a source once more, or trying a message sooner, does no harm. A doubtful message keeps
    its pause, and a slot its place in the calendar.

    Args:
        connection: A writing one.
        now: By the current clock.
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
        # In doubt, a repetition keeps its distance: the relay may still be working on the first.
        in_doubt = letters.c.state == DeliveryState.UNCERTAIN
        is_beyond = letters.c.next_try_at > now + RESEND_DELAY
        connection.execute(waits.where(in_doubt, is_beyond).values(next_try_at=now + RESEND_DELAY))
    rested = update(channel).where(channel.c.wait_until.between(now, now + by + SHORT))
    connection.execute(rested.values(wait_until=None))
    waits = update(channel_message).where(channel_message.c.finished_at.is_(None))
    connection.execute(waits.where(channel_message.c.next_try_at > now).values(next_try_at=now))
    # Leases that end too late: live owners renew theirs anyway, those of dead ones must run out.
    end = clock(connection) + LEASE
    for leased in (host, delivery, notice, channel):
        is_beyond = leased.c.lease_until > end
        connection.execute(update(leased).where(is_beyond).values(lease_until=end))
