"""Planning: what a channel is to be told becomes messages, each once.

Issues are known by themselves. Of entries the channel has a watermark, which moves in the same
transaction as the messages are made, and only from where it was read.
"""

from collections.abc import Sequence
from datetime import datetime

from tidings.catalog import change_log
from tidings.channels.pace import share_out
from tidings.channels.store import channel_messages
from tidings.channels.store.channel_messages import ChannelPlace
from tidings.db.database import Database


def plan_messages(database: Database, *, now: datetime) -> None:
    """Make messages of all that channels were not told of yet."""
    with database.read() as connection:
        places = channel_messages.places(connection)
        last = change_log.last_seq(connection)
    for place in places:
        if place.newsletter_id is not None:
            _plan_issues(database, place, now=now)
        elif place.watermark < last:
            _plan_entries(database, place, now=now)


def _plan_issues(database: Database, place: ChannelPlace, *, now: datetime) -> None:
    with database.read() as connection:
        new = channel_messages.new_issues(connection, place, now=now)
    if new:
        with database.write() as connection:
            channel_messages.make_of_issues(connection, place, new, now=now)


def _plan_entries(database: Database, place: ChannelPlace, *, now: datetime) -> None:
    with database.read() as connection:
        last = change_log.last_seq(connection)
        seqs: Sequence[int] = channel_messages.new_seqs(connection, place)
        room = place.per_hour - channel_messages.count_made(connection, place, now=now)
    spans = share_out(seqs, watermark=place.watermark, room=room)
    if seqs and not spans:
        return  # no room: they wait, and go together
    with database.write() as connection:
        channel_messages.make_of_entries(connection, place, spans, watermark=last, now=now)
