"""Pings to hubs, and the fingerprints of feeds by which changes are noticed."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, case, delete, func, or_, select, update

from tidings.catalog import change_log
from tidings.db.statements import upsert
from tidings.db.tables import feed_state, hub_ping
from tidings.model.service_status import HubStatus
from tidings.publishing.ping_rules import HubPing

_COLUMNS = [hub_ping.c[name] for name in HubPing.__dataclass_fields__]
STANDINGS = ("told", "waiting", "failing")
_STANDING = case(
    (hub_ping.c.last_error.is_not(None), "failing"),
    (hub_ping.c.next_try_at.is_not(None), "waiting"),
    else_="told",
).label("standing")
_STATE = (
    feed_state.c.scope,
    feed_state.c.change,
    feed_state.c.hashed_change,
    feed_state.c.body_hash,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedFeeds:
    """A scope's feeds when they were last compared.

    Attributes:
        change: The scope's last.
        hashed_change: The last one when the feeds were compared; None if they never were.
        body_hash: Of the feeds then.
    """

    scope: str
    change: int
    hashed_change: int | None
    body_hash: bytes | None

    def is_behind(self, change: int) -> bool:
        """Tell whether the feeds have not been compared since `change`."""
        return self.hashed_change is None or change > self.hashed_change


def changed_scopes(connection: Connection, *, limit: int) -> list[ComparedFeeds]:
    """Return scopes that changed since their feeds were compared.

    The last changed come first, and those that hubs may know of before those that were never
    compared.
    """
    # Newly known feeds last: nobody has an old copy of them, so nobody waits for a ping.
    is_changed = feed_state.c.change > func.coalesce(feed_state.c.hashed_change, -1)
    # The lists of sources, topics and issues have keys without a kind.
    has_feeds = or_(feed_state.c.scope == change_log.ALL, feed_state.c.scope.contains(":"))
    statement = (
        select(*_STATE)
        .where(is_changed, has_feeds)
        .order_by(feed_state.c.body_hash.is_(None), feed_state.c.change.desc(), feed_state.c.scope)
        .limit(limit)
    )
    return [ComparedFeeds(**row) for row in connection.execute(statement).mappings()]


def scopes(connection: Connection) -> list[str]:
    """Return all scopes."""
    return list(connection.scalars(select(feed_state.c.scope)))


def issues(connection: Connection) -> ComparedFeeds:
    """Return the feed of issues when it was last compared."""
    statement = select(*_STATE).where(feed_state.c.scope == change_log.ISSUES)
    return ComparedFeeds(**connection.execute(statement).mappings().one())


def store_fingerprints(connection: Connection, seen: ComparedFeeds, *, body_hash: bytes) -> bool:
    """Store the fingerprints in `seen`; False if another process was quicker."""
    # Compare and swap: of two processes that compared the same change one stores the pings.
    unmoved = (
        feed_state.c.scope == seen.scope,
        feed_state.c.body_hash.is_not_distinct_from(seen.body_hash),
        feed_state.c.hashed_change.is_not_distinct_from(seen.hashed_change),
    )
    noted = update(feed_state).where(*unmoved)
    return (
        connection.execute(noted.values(body_hash=body_hash, hashed_change=seen.change)).rowcount
        == 1
    )


def forget_fingerprints(connection: Connection) -> None:
    """Delete all fingerprints: there is no hub any more."""
    known = update(feed_state).where(feed_state.c.hashed_change.is_not(None))
    connection.execute(known.values(body_hash=None, hashed_change=None))


def find(connection: Connection, hub: str, feed_url: str) -> HubPing | None:
    """Return the ping of a feed at a hub, locked until the transaction ends."""
    statement = select(*_COLUMNS).where(hub_ping.c.hub == hub, hub_ping.c.feed_url == feed_url)
    row = connection.execute(statement.with_for_update()).mappings().first()
    return HubPing(**row) if row else None


def put(connection: Connection, ping: HubPing) -> None:
    """Store a ping."""
    row = asdict(ping)
    statement = upsert(connection.dialect.name, hub_ping).values(row)
    keys = [hub_ping.c.hub, hub_ping.c.feed_url]
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=row))


def find_due(connection: Connection, *, now: datetime, to_change: bool = False) -> HubPing | None:
    """Return the ping that is due longest.

    Args:
        connection: A writing one, if the ping is to be changed.
        now: Aware UTC.
        to_change: Lock it until the transaction ends.
    """
    due = select(*_COLUMNS).where(hub_ping.c.next_try_at <= now).order_by(hub_ping.c.next_try_at)
    due = due.limit(1)
    # Skipped, not waited for: another process that holds a ping is sending it.
    row = connection.execute(due.with_for_update(skip_locked=True) if to_change else due)
    found = row.mappings().first()
    return HubPing(**found) if found else None


def keep_only(connection: Connection, *, hubs: Collection[str], feed_urls: Collection[str]) -> None:
    """Delete pings of other hubs or feeds than these."""
    rows = connection.execute(select(hub_ping.c.hub, hub_ping.c.feed_url)).all()
    gone = [row for row in rows if row.hub not in hubs or row.feed_url not in feed_urls]
    for row in gone:
        is_meant = hub_ping.c.hub == row.hub, hub_ping.c.feed_url == row.feed_url
        connection.execute(delete(hub_ping).where(*is_meant))


def count_by_state(connection: Connection) -> dict[str, int]:
    """Return the number of pings by state: told, pending, failing."""
    counted = select(_STANDING, func.count().label("number")).group_by(_STANDING)
    found = {row.standing: row.number for row in connection.execute(counted)}
    return {standing: found.get(standing, 0) for standing in STANDINGS}


def hub_states(connection: Connection, *, since: datetime) -> list[HubStatus]:
    """Return the state of each hub, by address.

    Args:
        connection: A reading one.
        since: Successes before that do not count.
    """
    rules = {
        "told": and_(_STANDING == "told", hub_ping.c.accepted_at >= since),
        "waiting": _STANDING == "waiting",
        "failing": _STANDING == "failing",
    }
    sums = [func.sum(case((rule, 1), else_=0)).label(name) for name, rule in rules.items()]
    error = func.max(hub_ping.c.last_error).label("error")
    statement = (
        select(hub_ping.c.hub, *sums, error).group_by(hub_ping.c.hub).order_by(hub_ping.c.hub)
    )
    return [
        HubStatus(
            hub=row.hub,
            told=int(row.told),
            waiting=int(row.waiting),
            failing=int(row.failing),
            error=row.error,
        )
        for row in connection.execute(statement)
    ]
