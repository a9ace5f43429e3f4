"""WebSub subscriptions: their state, what hubs have pushed, which request is due next."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    bindparam,
    case,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)

from tidings.db import job_tickets
from tidings.db.intake_tables import source_text, websub
from tidings.db.statements import upsert
from tidings.db.tables import source
from tidings.errors import NotFoundError
from tidings.model.jobs import PUSHED
from tidings.model.sources import SourceState
from tidings.model.websub import (
    SUBSCRIBED,
    HubNote,
    HubOffer,
    HubState,
    HubStep,
    HubSubscription,
    Push,
)
from tidings.polling.hub_rules import MAX_MISSES

# How long after a poll a source is left alone, however often its hub says there is news.
PUSH_PAUSE = timedelta(minutes=1)

# How long a pushed document waits for `IntakeReader`, before its source is polled for it.
INTAKE = timedelta(seconds=10)

# When we subscribe again to a hub that has stopped pushing.
RESUBSCRIBE = timedelta(days=1)

_READ = [
    func.length(websub.c.pushed_body).label(name) if name == "pending_bytes" else websub.c[name]
    for name in HubSubscription.__dataclass_fields__
]
_STATE_COLUMNS = ("state", "asked_at", "act_at", "lease_until", "failures", "last_error")
_PUSHED = (websub.c.pushed_body, websub.c.pushed_type, websub.c.pushed_charset)
_IS_PENDING = websub.c.pushed_body.is_not(None)
_IS_ACTIVE = exists().where(source.c.id == websub.c.source_id, source.c.state == SourceState.ACTIVE)
# A token is a capability: who knows it can call back. A secret has at most 200 bytes (WebSub).
_TOKEN_BYTES, _SECRET_BYTES = 16, 32


def of_sources(connection: Connection, ids: Collection[int]) -> Mapping[int, HubSubscription]:
    """Return the subscriptions of these sources, by source; many have none."""
    if not ids:
        return {}
    rows = connection.execute(select(*_READ).where(websub.c.source_id.in_(ids))).mappings()
    return {row["source_id"]: _to_subscription(row) for row in rows}


def get(connection: Connection, token: str, *, to_change: bool = False) -> HubSubscription:
    """Return the subscription whose hub calls us with `token`.

    Args:
        connection: One that writes, if the subscription is to be changed.
        token: As in the address that the hub was given.
        to_change: Nobody else changes it until the transaction ends.

    Raises:
        NotFoundError: There is none.
    """
    statement = select(*_READ).where(websub.c.token == token)
    row = connection.execute(statement.with_for_update() if to_change else statement).mappings()
    found = row.first()
    if found is None:
        raise NotFoundError("subscription", "with that token")
    return _to_subscription(found)


def note(connection: Connection, notes: Mapping[int, HubNote], *, now: datetime) -> None:
    """Write what polls change in subscriptions, by source: a statement for each kind of step."""
    if not notes:
        return
    joining = {source_id: one.offer for source_id, one in notes.items() if one.offer}
    if joining:
        _subscribe(connection, joining, now=now)
    misses = websub.c.misses + 1
    gives_up = misses >= MAX_MISSES
    changes: dict[HubStep, dict[str, object]] = {
        HubStep.LEAVE: {"state": HubState.LEAVING, "act_at": now, "failures": 0},
        HubStep.TRUST: {"state": HubState.ACTIVE, "misses": 0},
        HubStep.MISS: {
            "misses": case((gives_up, 0), else_=misses),
            "state": case((gives_up, HubState.SILENT), else_=websub.c.state),
            "act_at": case((gives_up, now + RESUBSCRIBE), else_=websub.c.act_at),
        },
    }
    for step, change in changes.items():
        ids = [source_id for source_id, one in notes.items() if one.step is step]
        if ids:
            meant = update(websub).where(websub.c.source_id.in_(ids), _still_fits(step))
            connection.execute(meant.values(change))


def put(connection: Connection, known: HubSubscription) -> None:
    """Write the state of a subscription after a request of ours, or a callback of its hub."""
    columns = {name: getattr(known, name) for name in _STATE_COLUMNS}
    connection.execute(update(websub).where(websub.c.token == known.token).values(columns))


def note_answer(connection: Connection, token: str, error: str | None) -> None:
    """Store why a hub refused our request; None if it accepted."""
    connection.execute(update(websub).where(websub.c.token == token).values(last_error=error))


def remove(connection: Connection, token: str) -> None:
    """Delete a subscription; callbacks with its token are answered "gone" from now on."""
    connection.execute(delete(websub).where(websub.c.token == token))


def remove_all(connection: Connection) -> None:
    """Delete every subscription."""
    connection.execute(delete(websub))


def find_due(connection: Connection, *, now: datetime) -> HubSubscription | None:
    """Return the subscription whose request is due first, locked until the transaction ends."""
    due = select(*_READ).where(websub.c.act_at <= now).order_by(websub.c.act_at).limit(1)
    row = connection.execute(due.with_for_update(skip_locked=True)).mappings().first()
    return _to_subscription(row) if row else None


def has_work(connection: Connection, *, now: datetime) -> bool:
    """Tell whether there is anything for `leave_inactive`, `make_due` or `find_due` to do."""
    left = ~_IS_ACTIVE & (websub.c.state != HubState.LEAVING)
    work = select(websub.c.source_id).where(or_(websub.c.act_at <= now, _IS_PENDING, left))
    return connection.execute(work.limit(1)).first() is not None


def leave_inactive(connection: Connection, *, now: datetime) -> None:
    """Mark the subscriptions of sources that are not polled any more to be ended."""
    inactive = update(websub).where(~_IS_ACTIVE, websub.c.state != HubState.LEAVING)
    connection.execute(inactive.values(state=HubState.LEAVING, act_at=now, failures=0))


def put_push(connection: Connection, token: str, push: Push, *, now: datetime) -> None:
    """Keep a push for the next poll.

    If an earlier one is pending still, both become a hint: the next poll fetches the document,
    which has the entries of both.
    """
    body = bindparam("body", push.body, type_=websub.c.pushed_body.type)
    columns = {
        "pushed_at": now,
        "pushed_type": push.content_type,
        "pushed_charset": push.charset,
        "pushed_body": case((_IS_PENDING, bindparam("none", b"", type_=body.type)), else_=body),
    }
    connection.execute(update(websub).where(websub.c.token == token).values(columns))
    job_tickets.defer(connection, PUSHED)


def make_due(connection: Connection, *, now: datetime) -> None:
    """Make every source due that has a push pending, though none more often than `PUSH_PAUSE`."""
    # A document gets a moment to be ingested by itself; a hint is fetched at once.
    is_late = or_(func.length(websub.c.pushed_body) == 0, websub.c.pushed_at <= now - INTAKE)
    pending_sources = (
        select(source.c.id, is_late.label("is_late"))
        .join(websub, websub.c.source_id == source.c.id)
        .where(
            _IS_PENDING,
            source.c.state == SourceState.ACTIVE,
            source.c.next_poll_at > now,
            source.c.last_polled_at <= now - PUSH_PAUSE,
        )
        .with_for_update(of=source, skip_locked=True)
    )
    found = connection.execute(pending_sources).all()
    # The update does not touch sources that are being saved: they were skipped above.
    for at, is_late_now in ((now, True), (now + INTAKE, False)):
        ids = [row.id for row in found if bool(row.is_late) is is_late_now]
        due = update(source).where(source.c.id.in_(ids), source.c.next_poll_at > at)
        connection.execute(
            due.values(next_poll_at=at, next_poll_because="now: its hub sent something")
        )


def pending(connection: Connection, *, since: datetime) -> Mapping[int, Push]:
    """Return the documents pushed after `since` and not ingested yet, by source."""
    is_polled = exists().where(
        source.c.id == websub.c.source_id,
        source.c.state == SourceState.ACTIVE,
        source.c.last_polled_at.is_not(None),
        # A poll takes these pushes: it has the host, and the time, to fetch pages.
        source.c.id.not_in(select(source_text.c.source_id)),
    )
    columns = (websub.c.source_id, *_PUSHED)
    is_fresh = websub.c.pushed_at >= since
    found = select(*columns).where(func.length(websub.c.pushed_body) > 0, is_fresh, is_polled)
    return {row.source_id: _to_push(row) for row in connection.execute(found)}


def finish(connection: Connection, source_id: int, push: Push, *, fetches: bool) -> None:
    """Remove a push that was ingested, unless another came meanwhile: that is fetched.

    Args:
        connection: One that writes.
        source_id: Whose document it is.
        push: As it was found pending.
        fetches: It was of no use: leave a hint, so that a poll fetches the document.
    """
    is_same = websub.c.pushed_body == push.body
    same = update(websub).where(websub.c.source_id == source_id, is_same)
    gone: dict[str, object] = dict.fromkeys(column.name for column in _PUSHED)
    connection.execute(same.values(gone | {"pushed_body": b""} if fetches else gone))


def take_pushes(connection: Connection, ids: Collection[int]) -> Mapping[int, Push]:
    """Remove and return what was pushed for these sources.

    Hints are not returned: whoever does not find a document here fetches it.
    """
    mine = websub.c.source_id.in_(ids) & _IS_PENDING
    taken = select(websub.c.source_id, *_PUSHED).where(mine).with_for_update()
    pushes = {row.source_id: _to_push(row) for row in connection.execute(taken)}
    gone = dict.fromkeys(column.name for column in _PUSHED)
    connection.execute(update(websub).where(websub.c.source_id.in_(pushes)).values(gone))
    return {source_id: push for source_id, push in pushes.items() if push.body}


def count_by_state(connection: Connection) -> dict[HubState, int]:
    """Return how many subscriptions there are in each state."""
    counted = select(websub.c.state, func.count().label("number")).group_by(websub.c.state)
    return {HubState(row.state): row.number for row in connection.execute(counted)}


def _still_fits(step: HubStep) -> ColumnElement[bool]:
    """Return the condition that a step still fits: the hub may have called back meanwhile."""
    if step is HubStep.LEAVE:
        return websub.c.state != HubState.LEAVING
    return websub.c.state.in_(SUBSCRIBED)


def _subscribe(connection: Connection, offers: Mapping[int, HubOffer], *, now: datetime) -> None:
    rows = [
        {
            "source_id": source_id,
            "token": token_urlsafe(_TOKEN_BYTES),
            "secret": token_urlsafe(_SECRET_BYTES),
            "hub": offer.hubs[0],
            "topic": offer.topic,
            "state": HubState.PENDING,
            "act_at": now,
            "misses": 0,
            "failures": 0,
        }
        for source_id, offer in offers.items()
    ]
    connection.execute(upsert(connection.dialect.name, websub).on_conflict_do_nothing(), rows)


def _to_push(row: Row[*tuple[Any, ...]]) -> Push:
    return Push(body=row.pushed_body, content_type=row.pushed_type, charset=row.pushed_charset)


def _to_subscription(row: Mapping[Any, Any]) -> HubSubscription:
    return HubSubscription(**{**row, "state": HubState(row["state"])})
