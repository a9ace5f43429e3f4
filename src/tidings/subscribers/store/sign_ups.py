"""Sign-ups that are not confirmed yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, case, delete, or_, select

from tidings.catalog import newsletters
from tidings.catalog.newsletters import schedule_columns, to_schedule
from tidings.db.mail_tables import subscriber, subscription
from tidings.db.statements import upsert
from tidings.db.subscriber_tables import sign_up
from tidings.model.newsletters import Newsletter
from tidings.model.subscribers import CONFIRMATION_PERIOD, MAX_CONFIRMATIONS, Preferences, SignUp


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSignUp:
    """What is kept of a form; `network` is a keyed hash."""

    address: str
    key: str
    newsletter_id: int
    preferences: Preferences
    form: str
    wording: str
    network: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentSubscription:
    """The existing subscription of somebody who signs up again."""

    subscription_id: int
    address: str
    language: str


def ask(connection: Connection, new: NewSignUp, *, now: datetime) -> int | None:
    """Store a sign-up, replacing an earlier one of that address; return its id.

    None if the address has had `MAX_CONFIRMATIONS` messages: then nothing changes.
    """
    return ask_many(connection, [new], now=now).get(new.key)


def ask_many(
    connection: Connection, wanted: Sequence[NewSignUp], *, now: datetime
) -> dict[str, int]:
    """Store sign-ups to one newsletter, replacing earlier ones; return ids by key.

    No address may be there twice. Those that had `MAX_CONFIRMATIONS` messages are left out.
    """
    if not wanted:
        return {}
    row = upsert(connection.dialect.name, sign_up)
    rows = [_columns(new, now) for new in wanted]
    is_over = sign_up.c.expires_at <= now
    # Counted anew once the last one has expired: a purge runs now and then only.
    again = {
        **{name: row.excluded[name] for name in rows[0]},
        "asked_times": case((is_over, 1), else_=sign_up.c.asked_times + 1),
    }
    asked = row.on_conflict_do_update(
        # PostgreSQL refuses to change a row twice in one statement: hence no address twice.
        index_elements=[sign_up.c.key, sign_up.c.newsletter_id],
        set_=again,
        # In the statement itself: two forms at the same moment cannot both pass the limit.
        where=or_(is_over, sign_up.c.asked_times < MAX_CONFIRMATIONS),
    )
    returned = connection.execute(asked.returning(sign_up.c.key, sign_up.c.id), rows)
    return {one.key: one.id for one in returned}


def find_current(connection: Connection, new: NewSignUp) -> CurrentSubscription | None:
    """Return the existing subscription of somebody who signs up; None if they have none."""
    statement = (
        select(subscription.c.id, subscriber.c.address, subscription.c.language)
        .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
        .where(
            subscriber.c.key == new.key,
            subscription.c.newsletter_id == new.newsletter_id,
            subscription.c.ended_at.is_(None),
        )
    )
    row = connection.execute(statement).first()
    if row is None:
        return None
    return CurrentSubscription(subscription_id=row.id, address=row.address, language=row.language)


def lock(connection: Connection, sign_up_id: int) -> SignUp | None:
    """Return a sign-up, locked until the transaction ends: it is confirmed only once."""
    return _find(connection, select(sign_up).where(sign_up.c.id == sign_up_id).with_for_update())


def find(connection: Connection, sign_up_id: int) -> SignUp | None:
    """Return a sign-up; None if it was deleted."""
    return _find(connection, select(sign_up).where(sign_up.c.id == sign_up_id))


def pending(
    connection: Connection,
    newsletter_id: int | None,
    *,
    now: datetime,
    limit: int | None = None,
) -> list[SignUp]:
    """Return unconfirmed sign-ups, the latest first; to all newsletters if none is given."""
    statement = select(sign_up).where(sign_up.c.expires_at > now).limit(limit)
    if newsletter_id is not None:
        statement = statement.where(sign_up.c.newsletter_id == newsletter_id)
    rows = connection.execute(statement.order_by(sign_up.c.asked_at.desc(), sign_up.c.id)).all()
    series = newsletters.by_id(connection)
    return [_to_sign_up(row, series[row.newsletter_id]) for row in rows]


def remove(connection: Connection, key: str) -> None:
    """Delete the sign-ups of an address."""
    connection.execute(delete(sign_up).where(sign_up.c.key == key))


def purge(connection: Connection, *, now: datetime) -> int:
    """Delete sign-ups that were not confirmed in time; return how many."""
    return connection.execute(delete(sign_up).where(sign_up.c.expires_at <= now)).rowcount


def _columns(new: NewSignUp, now: datetime) -> dict[str, object]:
    return {
        "address": new.address,
        "key": new.key,
        "newsletter_id": new.newsletter_id,
        **schedule_columns(new.preferences.schedule),
        "language": new.preferences.language,
        "topics": list(new.preferences.topics),
        "form": new.form,
        "wording": new.wording,
        "network": new.network,
        "asked_at": now,
        "asked_times": 1,
        "expires_at": now + CONFIRMATION_PERIOD,
    }


def _find(connection: Connection, statement: Select[Any]) -> SignUp | None:
    row = connection.execute(statement).first()
    if row is None:
        return None
    return _to_sign_up(row, newsletters.by_id(connection)[row.newsletter_id])


def _to_sign_up(row: Row[*tuple[Any, ...]], series: Newsletter) -> SignUp:
    preferences = Preferences(
        schedule=to_schedule(row), language=row.language, topics=tuple(row.topics)
    )
    return SignUp(
        id=row.id,
        address=row.address,
        key=row.key,
        newsletter=series,
        preferences=preferences,
        form=row.form,
        wording=row.wording,
        network=row.network,
        asked_at=row.asked_at,
        asked_times=row.asked_times,
        expires_at=row.expires_at,
    )
