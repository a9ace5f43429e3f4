"""Tokens of operators and their sessions, both stored as hashes only."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, not_, select, update

from tidings.db.tables import audit, operator_session, operator_token
from tidings.errors import NotFoundError
from tidings.model.operators import AuditLine, OperatorToken, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """A token to be stored, by its hash."""

    hash: bytes
    label: str
    role: Role
    expires_at: datetime


def add(connection: Connection, new: NewToken, *, now: datetime) -> OperatorToken:
    """Store a new token."""
    statement = insert(operator_token).values(**asdict(new), created_at=now)
    statement = statement.returning(*operator_token.c)
    return _to_token(connection.execute(statement).one())


def every(connection: Connection) -> list[OperatorToken]:
    """Return all tokens there ever were, the newest first."""
    newest_first = select(operator_token).order_by(operator_token.c.id.desc())
    return [_to_token(row) for row in connection.execute(newest_first)]


def find(connection: Connection, token_hash: bytes, *, now: datetime) -> OperatorToken | None:
    """Return the token with a hash, if it is valid."""
    by_hash = select(operator_token).where(operator_token.c.hash == token_hash, *_is_valid(now))
    row = connection.execute(by_hash).first()
    return _to_token(row) if row else None


def revoke(connection: Connection, token_id: int, *, now: datetime) -> bool:
    """Revoke a token and end its sessions; return whether it was valid.

    Raises:
        NotFoundError: There is no such token.
    """
    is_it = operator_token.c.id == token_id
    if connection.execute(select(operator_token.c.id).where(is_it)).first() is None:
        raise NotFoundError("operator token", token_id)
    taken_back = update(operator_token).where(is_it, *_is_valid(now)).values(revoked_at=now)
    was_valid = connection.execute(taken_back).rowcount > 0
    connection.execute(delete(operator_session).where(operator_session.c.token_id == token_id))
    return was_valid


def revoke_every(connection: Connection, *, now: datetime) -> None:
    """Revoke all tokens and end all sessions."""
    taken_back = update(operator_token).where(*_is_valid(now)).values(revoked_at=now)
    connection.execute(taken_back)
    connection.execute(delete(operator_session))


def begin_session(
    connection: Connection, session_hash: bytes, token_id: int, *, now: datetime
) -> None:
    """Store a session; expired ones are deleted."""
    ended = select(operator_token.c.id).where(not_(and_(*_is_valid(now))))
    connection.execute(delete(operator_session).where(operator_session.c.token_id.in_(ended)))
    begun = {"hash": session_hash, "token_id": token_id, "began_at": now}
    connection.execute(insert(operator_session).values(begun))
    note_use(connection, token_id, now=now)


def find_session(
    connection: Connection, session_hash: bytes, *, now: datetime
) -> OperatorToken | None:
    """Return the token of a session: one indexed read."""
    statement = (
        select(operator_token)
        .join(operator_session, operator_session.c.token_id == operator_token.c.id)
        # Of the token, at each request: a session ends with it.
        .where(operator_session.c.hash == session_hash, *_is_valid(now))
    )
    row = connection.execute(statement).first()
    return _to_token(row) if row else None


def end_session(connection: Connection, session_hash: bytes) -> None:
    """End a session."""
    connection.execute(delete(operator_session).where(operator_session.c.hash == session_hash))


def note_use(connection: Connection, token_id: int, *, now: datetime) -> None:
    """Record the time at which a token was used."""
    by_id = update(operator_token).where(operator_token.c.id == token_id)
    connection.execute(by_id.values(last_used_at=now))


def record(
    connection: Connection, token: OperatorToken, act: str, what: str, *, now: datetime
) -> None:
    """Record what an operator did, and that their token was used."""
    connection.execute(insert(audit).values(at=now, who=token.name, act=act, what=what))
    note_use(connection, token.id, now=now)


def latest_acts(connection: Connection, *, limit: int | None) -> list[AuditLine]:
    """Return what operators did, the latest first."""
    latest = select(audit).order_by(audit.c.id.desc()).limit(limit)
    return [
        AuditLine(at=row.at, who=row.who, act=row.act, what=row.what)
        for row in connection.execute(latest)
    ]


def _is_valid(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return operator_token.c.revoked_at.is_(None), operator_token.c.expires_at > now


def _to_token(row: Row[*tuple[Any, ...]]) -> OperatorToken:
    return OperatorToken(
        id=row.id,
        label=row.label,
        role=Role(row.role),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )
