"""The consent record: what subscribers agreed to and withdrew; append-only."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict

from sqlalchemy import Connection, RowMapping, insert, select

from tidings.db.mail_tables import subscriber
from tidings.db.subscriber_tables import consent
from tidings.model.subscribers import Consent, ConsentEvent

# Rows that are fetched at a time while the whole record is read.
PAGE = 1000


def add(connection: Connection, subscriber_id: int, *lines: Consent) -> None:
    """Write lines for one subscriber."""
    add_many(connection, [(subscriber_id, line) for line in lines])


def add_many(connection: Connection, lines: Sequence[tuple[int, Consent]]) -> None:
    """Write lines, each for the subscriber with that id."""
    if lines:
        rows = [asdict(line) | {"subscriber_id": owner} for owner, line in lines]
        connection.execute(insert(consent), rows)


def of_subscriber(connection: Connection, subscriber_id: int) -> list[Consent]:
    """Return the record of one subscriber, the oldest line first."""
    theirs = select(consent).where(consent.c.subscriber_id == subscriber_id)
    # By time: the line of a sign-up is written when it is confirmed, with the time of the form.
    rows = connection.execute(theirs.order_by(consent.c.at, consent.c.id)).mappings()
    return [_to_consent(row) for row in rows]


def every(
    connection: Connection, *, key: str | None = None, newsletter: str | None = None
) -> Iterator[tuple[str, Consent]]:
    """Yield addresses with their lines, in the order they were written.

    Args:
        connection: Open until the last line has been read.
        key: A normalised address; None for everybody.
        newsletter: The slug of the newsletter they are about; None for all lines.
    """
    columns = [consent.c[name] for name in Consent.__dataclass_fields__]
    statement = (
        select(subscriber.c.address, *columns)
        .join(subscriber, subscriber.c.id == consent.c.subscriber_id)
        .order_by(consent.c.id)
    )
    if key is not None:
        statement = statement.where(subscriber.c.key == key)
    if newsletter is not None:
        statement = statement.where(consent.c.newsletter == newsletter)
    rows = connection.execution_options(yield_per=PAGE).execute(statement)
    for row in rows.mappings():
        yield row["address"], _to_consent(row)


def consent_evidence(
    connection: Connection, newsletter: str, keys: Collection[str]
) -> dict[str, Consent]:
    """Return the line of each address that documents its latest consent to a newsletter."""
    columns = [consent.c[name] for name in Consent.__dataclass_fields__]
    statement = (
        select(subscriber.c.key, *columns)
        .join(subscriber, subscriber.c.id == consent.c.subscriber_id)
        .where(
            consent.c.newsletter == newsletter,
            consent.c.event.in_([ConsentEvent.ASKED, ConsentEvent.IMPORTED, ConsentEvent.ADDED]),
            subscriber.c.key.in_(keys),
        )
        .order_by(consent.c.id)
    )
    rows = connection.execute(statement).mappings()
    # In the order of ids: the latest line of an address is the one that stays.
    return {row["key"]: _to_consent(row) for row in rows}


def _to_consent(row: RowMapping) -> Consent:
    values = {name: row[name] for name in Consent.__dataclass_fields__}
    return Consent(**values | {"event": ConsentEvent(row["event"])})
