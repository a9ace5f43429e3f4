"""Host leases: whoever holds one is alone with that host. And what polls read of sources.

All times are the database server's, so that machines whose clocks differ agree.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from secrets import token_hex

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    or_,
    select,
    update,
)

from tidings.catalog import page_sources, private_sources, text_sources
from tidings.db.intake_tables import source_access, source_page, source_text
from tidings.db.intake_tables import websub as websub_table
from tidings.db.statements import upsert
from tidings.db.tables import host, source
from tidings.db.types import Unindexed, UtcDateTime
from tidings.model.sources import DueSource, SourceState
from tidings.polling.store import push_subscriptions

# If its holder dies, a host is free again after this time.
LEASE = timedelta(minutes=1)

# How often a holder renews; a lease outlives three missed renewals.
RENEWAL = timedelta(seconds=15)

# How long a host is held for a redirect that leads to it; never renewed.
HOP_LEASE = timedelta(seconds=40)

# Due sources of a host that are polled under one lease; a host with more waits its turn again. They are
# asked one after the other, with a pause of a second, so that is what a round of a minute has time for.
# All 20,000 of a platform would keep it from ending for hours.
DUE_A_LEASE = 60

# How far this machine's clock may be from the database's. Answers may take a second or two.
MAX_DRIFT = timedelta(seconds=5)

SET_CLOCKS = "let both machines set their clocks by NTP"

_HAS_HUB = exists().where(websub_table.c.source_id == source.c.id)

_HAS_ACCESS = exists().where(source_access.c.source_id == source.c.id)

_IS_PAGE = exists().where(source_page.c.source_id == source.c.id)

_HAS_FULL_TEXT = exists().where(source_text.c.source_id == source.c.id)

_ASKED = {
    "hub": _HAS_HUB,
    "access": _HAS_ACCESS,
    "page": _IS_PAGE,
    "full_text": _HAS_FULL_TEXT,
}

# When a host can be claimed, as its index has it.
_READY = {
    "sqlite": "max(due_at, coalesce(lease_until, ''), coalesce(cooldown_until, ''))",
    "postgresql": "greatest(due_at, lease_until, cooldown_until)",
}

_COLUMNS = [
    _ASKED[name].label(name) if name in _ASKED else source.c[name]
    for name in DueSource.__dataclass_fields__
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRequest:
    """Which sources a round is to poll.

    Attributes:
        due_at: Those that are due by then; None for all that are active.
        only: Nothing but these, due or not, paused or not.
    """

    due_at: datetime | None = None
    only: Collection[int] | None = None

    def rule(self) -> ColumnElement[bool]:
        """Return the condition on the `source` table."""
        if self.only is not None:
            return source.c.id.in_(self.only)
        active = source.c.state == SourceState.ACTIVE
        return active if self.due_at is None else and_(active, source.c.next_poll_at <= self.due_at)


def clock(connection: Connection) -> datetime:
    """Return the current time by the clock that all processes on the database share, in UTC."""
    if connection.dialect.name == "sqlite":
        return datetime.now(UTC)  # a file is used on one machine only
    # Not `now()`, which stands still during a transaction.
    now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return now.astimezone(UTC)


def find_drift(connection: Connection, ours: Callable[[], datetime]) -> timedelta | None:
    """Return how far our clock is ahead of the database's, or behind; None if they agree."""
    drift = ours() - clock(connection)
    return drift if abs(drift) > MAX_DRIFT else None


def requested_ids(connection: Connection, wanted: LeaseRequest) -> list[int]:
    """Return the ids of the sources that a round would poll."""
    return list(connection.scalars(select(source.c.id).where(wanted.rule()).order_by(source.c.id)))


def due(connection: Connection, source_ids: Collection[int]) -> list[DueSource]:
    """Return what a poll needs to know of these sources, in order of id; those that exist."""
    found = due_sources(connection, source.c.id.in_(source_ids))
    return sorted(found, key=attrgetter("id"))


def claim(
    connection: Connection, owner: str, *, wanted: LeaseRequest, limit: int
) -> list[list[DueSource]]:
    """Lease up to `limit` free hosts, the longest due first, each with its wanted sources.

    Of those that are due, no more than `DUE_A_LEASE` of each host, the longest due.
    """
    now = clock(connection)
    # Hosts that another process is claiming just now are skipped, not waited for.
    free = (
        _free_hosts(connection, wanted, now).limit(limit).with_for_update(of=host, skip_locked=True)
    )
    taken = (
        update(host)
        .where(host.c.name.in_(free.scalar_subquery()))
        .values(lease_owner=owner, lease_until=now + LEASE)
        .returning(host.c.name)
    )
    names = list(connection.scalars(taken))
    if not names:
        return []
    by_host: dict[str, list[DueSource]] = {name: [] for name in names}
    theirs = [source.c.host.in_(names), wanted.rule()]
    if wanted.due_at is not None:
        theirs = [source.c.id.in_(_first_of_each_host(*theirs))]
    for due in due_sources(connection, *theirs):
        by_host[due.host].append(due)
    # What was due may have been paused or removed since the hosts were taken.
    return [dues for dues in by_host.values() if dues]


def _first_of_each_host(*rules: ColumnElement[bool]) -> Select[int]:
    """Select, of the sources that meet the rules, those of each host that are due longest."""
    in_turn = (source.c.next_poll_at, source.c.id)
    place = func.row_number().over(partition_by=source.c.host, order_by=in_turn)
    ranked = select(source.c.id, place.label("place")).where(*rules).subquery()
    return select(ranked.c.id).where(ranked.c.place <= DUE_A_LEASE)


def has_free(connection: Connection, wanted: LeaseRequest) -> bool:
    """Tell whether a claim would find a host."""
    free = _free_hosts(connection, wanted, clock(connection))
    return connection.execute(free.limit(1)).first() is not None


def count_free(connection: Connection, *, due_at: datetime, most: int) -> int:
    """Return how many hosts a claim would find; not above `most`."""
    free = _free_hosts(connection, LeaseRequest(due_at=due_at), clock(connection)).limit(most)
    return connection.execute(select(func.count()).select_from(free.subquery())).scalar_one()


def claim_one(connection: Connection, owner: str, name: str, *, lease: timedelta = LEASE) -> bool:
    """Lease one host, known or not; return whether `owner` holds it now."""
    now = clock(connection)
    row = upsert(connection.dialect.name, host).values(
        name=name, lease_owner=owner, lease_until=now + lease
    )
    mine = and_(host.c.lease_owner == owner, _has_cooled_down(now))
    taken = row.on_conflict_do_update(
        index_elements=[host.c.name],
        set_={"lease_owner": owner, "lease_until": now + lease},
        where=or_(_is_free(now), mine),
    )
    return connection.execute(taken.returning(host.c.name)).first() is not None


def claim_hop(connection: Connection, owner: str, name: str) -> bool:
    """Lease the host that a redirect leads to; return whether it may be asked.

    It may as well if a round of `owner` holds it: the hop then is one more request of that round.
    """
    is_ours = host.c.lease_owner.startswith(f"{owner}:", autoescape=True)
    held = select(host.c.name).where(host.c.name == name, is_ours)
    if connection.execute(held).first():
        return True
    return claim_one(connection, borrower(owner), name, lease=HOP_LEASE)


def borrower(owner: str) -> str:
    """Return the lease owner under which `owner` holds hosts beside those of its rounds."""
    return f"{owner} (borrowed)"


def name_of_round(process: str) -> str:
    """Return a lease owner for one round of a process, which no other round releases."""
    return f"{process}:{token_hex(4)}"


def renew(connection: Connection, owner: str) -> None:
    """Extend every lease that `owner` holds."""
    until = clock(connection) + LEASE
    connection.execute(update(host).where(host.c.lease_owner == owner).values(lease_until=until))


def release(connection: Connection, owner: str, pauses: Mapping[str, timedelta]) -> None:
    """Release hosts; each may be claimed again after its pause."""
    if not pauses:
        return
    now = clock(connection)
    statement = (
        update(host)
        .where(host.c.name == bindparam("host_name"), host.c.lease_owner == owner)
        .values(lease_owner=None, lease_until=None, cooldown_until=bindparam("until"))
    )

    rows = [{"host_name": name, "until": now + pause} for name, pause in sorted(pauses.items())]
    connection.execute(statement, rows)


def release_all(connection: Connection, owner: str) -> None:
    """Release whatever `owner` still holds."""
    statement = update(host).where(host.c.lease_owner == owner)
    connection.execute(statement.values(lease_owner=None, lease_until=None))


def resting(connection: Connection, source_ids: Collection[int], *, after: timedelta) -> set[int]:
    """Return those of these sources whose host cools down for longer than `after`."""
    rests = host.c.cooldown_until > clock(connection) + after
    its_host = source.c.host == host.c.name
    statement = select(source.c.id).join(host, its_host).where(source.c.id.in_(source_ids), rests)
    return set(connection.scalars(statement))


def find_obstacle(connection: Connection, name: str) -> str | None:
    """Return what keeps a host from being claimed, for the operator; None if nothing does."""
    now = clock(connection)
    row = connection.execute(select(host).where(host.c.name == name)).first()
    if row is None:
        return None
    if row.cooldown_until and row.cooldown_until > now:
        return f"{name} asked for a pause until {row.cooldown_until:%Y-%m-%d %H:%M:%SZ}"
    if row.lease_until and row.lease_until > now:
        return f"{name} is being polled by {row.lease_owner}"
    return None


def _free_hosts(connection: Connection, wanted: LeaseRequest, now: datetime) -> Select[tuple[str]]:
    """Select the free hosts of wanted sources, the longest due first."""
    if wanted.due_at is None:
        its_host = source.c.host == host.c.name
        named = select(host.c.name).join(source, its_host).where(wanted.rule(), _is_free(now))
        return named.order_by(source.c.next_poll_at, source.c.id)
    # By what is indexed: a search by source would step over all that is due on hosts that are
    # held or cool down, which are thousands where a platform is slow.
    ready = literal_column(_READY[connection.dialect.name], UtcDateTime())
    # Clocks may differ: leases end by the database's, sources are due by that of the round.
    at = max(now, wanted.due_at)
    due = host.c.due_at <= wanted.due_at
    return select(host.c.name).where(ready <= at, due, _is_free(now)).order_by(ready, host.c.name)


def _is_free(now: datetime) -> ColumnElement[bool]:
    unheld = or_(host.c.lease_until.is_(None), host.c.lease_until <= now)
    return and_(unheld, _has_cooled_down(now))


def _has_cooled_down(now: datetime) -> ColumnElement[bool]:
    return or_(host.c.cooldown_until.is_(None), host.c.cooldown_until <= now)


def due_sources(connection: Connection, *conditions: ColumnElement[bool]) -> list[DueSource]:
    """Return the sources that meet all `conditions`, the longest due first."""
    # Else SQLite would read all that is due in this order, to pick a few hosts from it.
    in_turn = (Unindexed(source.c.next_poll_at), source.c.id)
    statement = select(*_COLUMNS).where(*conditions).order_by(*in_turn)
    rows = connection.execute(statement).mappings().all()
    own = private_sources.of_sources(connection, [row["id"] for row in rows if row["access"]])
    hubs = push_subscriptions.of_sources(connection, [row["id"] for row in rows if row["hub"]])
    pages = page_sources.of_sources(connection, [row["id"] for row in rows if row["page"]])
    texts = text_sources.of_sources(connection, [row["id"] for row in rows if row["full_text"]])
    return [
        DueSource(
            **{
                **row,
                "state": SourceState(row["state"]),
                "access": own.get(row["id"]),
                "hub": hubs.get(row["id"]),
                "page": pages.get(row["id"]),
                "full_text": texts.get(row["id"]),
            }
        )
        for row in rows
    ]
