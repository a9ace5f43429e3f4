"""Planning: what a channel is to be told becomes messages, each once.

The watermark of a channel moves in the same transaction, and only from where it was read.
"""

from datetime import datetime

from tidings.catalog import change_log
from tidings.channels.pace import ChannelPlan, share_out
from tidings.channels.store import channel_messages
from tidings.channels.store.channel_messages import ChannelPlace
from tidings.db.database import Connection, Database


def plan_messages(database: Database, *, now: datetime) -> None:
    """Make messages of all that channels were not told of yet."""
    with database.read() as connection:
        last = change_log.last_seq(connection)
        instance = change_log.instance(connection)
        behind = [one for one in channel_messages.places(connection) if one.watermark < last]
        plans = [(place, _plan(connection, place, last=last, now=now)) for place in behind]
    for place, plan in plans:
        if plan.watermark > place.watermark:
            with database.write() as connection:
                channel_messages.make(connection, place, plan, instance=instance, now=now)


def _plan(connection: Connection, place: ChannelPlace, *, last: int, now: datetime) -> ChannelPlan:
    if place.newsletter_id is not None:
        issues = channel_messages.new_issues(connection, place, now=now)
        spans = share_out(list(issues), watermark=place.watermark, room=len(issues))
        # Not further: an issue that is under review has an earlier end than the latest entry.
        return ChannelPlan(
            spans=spans, watermark=max(issues, default=place.watermark), issues=issues
        )
    seqs = channel_messages.new_seqs(connection, place)
    room = place.per_hour - channel_messages.count_made(connection, place, now=now)
    spans = share_out(seqs, watermark=place.watermark, room=room)
    # What there is no room for waits, and goes together.
    return ChannelPlan(
        spans=spans, watermark=last if spans or not seqs else place.watermark, issues={}
    )
