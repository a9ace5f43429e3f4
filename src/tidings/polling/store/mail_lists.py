"""Mailing lists that have written to us, and their messages until they are read."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from itertools import accumulate

from sqlalchemy import ColumnElement, Connection, delete, exists, func, insert, select, update

from tidings.db import job_tickets
from tidings.db.intake_tables import mail_list, mail_message
from tidings.db.statements import upsert
from tidings.db.tables import source
from tidings.errors import ConflictError, NotFoundError
from tidings.mail.list_messages import ListMessage
from tidings.model.jobs import PUSHED
from tidings.model.mail_lists import MailList
from tidings.model.sources import SourceState
from tidings.model.text import nearest
from tidings.model.websub import Push

# Messages that are kept of a list that nobody follows, the latest.
KEPT = 20

# Lists that nobody follows are forgotten after so long without a message; and the oldest of them,
# if there are more than so many: mailboxes get spam.
FORGOTTEN_AFTER, MAX_STRANGERS = timedelta(days=60), 1000

# Or if their messages have more bytes than that, all together.
MAX_HELD = 500_000_000

# Messages in one document, and characters of it.
A_DOCUMENT, MAX_DOCUMENT = 20, 8_000_000

_IS_STRANGER = mail_list.c.source_id.is_(None)


def put(connection: Connection, message: ListMessage, *, now: datetime) -> MailList:
    """Store a message, unless its list is refused, and return the list."""
    row = {"key": message.key, "name": message.name, "refused": False, "messages": 1}
    new = upsert(connection.dialect.name, mail_list).values(
        **row, first_at=now, last_at=now, source_id=None
    )
    # The latest name counts; a message without one keeps it.
    named = {"name": message.name} if message.name else {}
    counted = {"messages": mail_list.c.messages + 1, "last_at": now}
    connection.execute(new.on_conflict_do_update(index_elements=["key"], set_=named | counted))
    found = get(connection, message.key)
    if found.refused:
        return found
    size = len(message.text)
    waiting = {"list_id": found.id, "arrived_at": now, "has_failed": False, "size": size}
    connection.execute(insert(mail_message).values(**waiting, message=asdict(message)))
    if found.source_id is None:
        _forget_oldest(connection, found.id)
    else:
        job_tickets.defer(connection, PUSHED)
    return found


def _forget_oldest(connection: Connection, list_id: int) -> None:
    of_list = select(mail_message.c.id).where(mail_message.c.list_id == list_id)
    oldest = of_list.order_by(mail_message.c.id.desc()).offset(KEPT).limit(KEPT)
    ids = connection.scalars(oldest).all()
    if ids:
        connection.execute(delete(mail_message).where(mail_message.c.id.in_(ids)))


def forget_strangers(connection: Connection, *, now: datetime) -> None:
    """Forget lists that nobody follows: those that are silent, and the oldest of too many."""
    strangers = _IS_STRANGER & mail_list.c.refused.is_(False)
    is_silent = mail_list.c.last_at < now - FORGOTTEN_AFTER
    connection.execute(delete(mail_list).where(strangers, is_silent))
    held = func.coalesce(func.sum(mail_message.c.size), 0).label("held")
    latest_first = (
        select(mail_list.c.id, held)
        .outerjoin(mail_message)
        .where(strangers)
        .group_by(mail_list.c.id)
        .order_by(mail_list.c.last_at.desc(), mail_list.c.id)
    )
    rows = connection.execute(latest_first).all()
    sizes = accumulate(row.held for row in rows)
    too_much = [
        row.id
        for number, (row, size) in enumerate(zip(rows, sizes, strict=True))
        if number >= MAX_STRANGERS or size > MAX_HELD
    ]
    if too_much:
        connection.execute(delete(mail_list).where(mail_list.c.id.in_(too_much)))


def every(connection: Connection) -> list[MailList]:
    """Return all lists, the latest first."""
    return _select(connection)


def get(connection: Connection, key: str) -> MailList:
    """Return a list.

    Raises:
        NotFoundError: None of that key has written.
    """
    for found in _select(connection, mail_list.c.key == key.lower()):
        return found
    known = connection.scalars(select(mail_list.c.key)).all()
    raise NotFoundError("list", key, nearest=nearest(key, known))


def _select(connection: Connection, *conditions: ColumnElement[bool]) -> list[MailList]:
    waiting = (
        select(func.count())
        .where(mail_message.c.list_id == mail_list.c.id)
        .scalar_subquery()
        .label("waiting")
    )
    columns = [
        waiting if one.name == "waiting" else mail_list.c[one.name] for one in fields(MailList)
    ]
    in_turn = (mail_list.c.last_at.desc(), mail_list.c.id)
    rows = connection.execute(select(*columns).where(*conditions).order_by(*in_turn))
    return [MailList(**row) for row in rows.mappings()]


def follow(connection: Connection, list_id: int, source_id: int) -> None:
    """Note which source a list is followed as; what waits is read at once."""
    changed = {"source_id": source_id, "refused": False}
    connection.execute(update(mail_list).where(mail_list.c.id == list_id).values(changed))
    job_tickets.defer(connection, PUSHED)


def refuse(connection: Connection, key: str) -> None:
    """Drop what a list has sent, and will send.

    Raises:
        NotFoundError: No such list has written.
        ConflictError: It is followed.
    """
    found = get(connection, key)
    if found.source_id is not None:
        because = f"is followed: remove source {found.source_id} first"
        raise ConflictError("list", found.key, because=because)
    connection.execute(update(mail_list).where(mail_list.c.id == found.id).values(refused=True))
    connection.execute(delete(mail_message).where(mail_message.c.list_id == found.id))


def pending(connection: Connection) -> Mapping[int, Push]:
    """Return the oldest messages that wait for each source that is polled, as a document."""
    is_active = exists().where(
        source.c.id == mail_list.c.source_id, source.c.state == SourceState.ACTIVE
    )
    has_some = exists().where(mail_message.c.list_id == mail_list.c.id)
    lists = select(mail_list.c.id, mail_list.c.source_id).where(is_active, has_some)
    return {
        row.source_id: Push(body=_document(connection, row.id))
        for row in connection.execute(lists.order_by(mail_list.c.id)).all()
    }


def _document(connection: Connection, list_id: int) -> bytes:
    columns = (
        mail_message.c.id,
        mail_message.c.has_failed,
        mail_message.c.size,
        mail_message.c.message,
    )
    of_list = select(*columns).where(mail_message.c.list_id == list_id)
    taken: list[dict[str, object]] = []
    size = 0
    for row in connection.execute(of_list.order_by(mail_message.c.id).limit(A_DOCUMENT)):
        size += row.size
        # One that failed is read by itself, lest the others be lost with it.
        if taken and (row.has_failed or taken[-1]["has_failed"] or size > MAX_DOCUMENT):
            break
        taken.append({**row.message, "id": row.id, "has_failed": row.has_failed})
    return json.dumps(taken, ensure_ascii=False).encode()


def finish(connection: Connection, push: Push, *, is_read: bool) -> Sequence[str]:
    """Delete the messages of a document; what could not be read with others is tried alone.

    Returns:
        The subjects of those that are given up.
    """
    taken = json.loads(push.body)
    is_one = mail_message.c.id.in_([one["id"] for one in taken])
    if is_read or len(taken) == 1:
        connection.execute(delete(mail_message).where(is_one))
        return [] if is_read else [one["subject"] for one in taken]
    connection.execute(update(mail_message).where(is_one).values(has_failed=True))
    return []
