"""Tokens of operators, and the sessions that are begun with them."""

import pytest

from parsed_entries import DAY, HOUR, NOON
from tidings.errors import NotFoundError
from tidings.model.operators import Role
from tidings.operator.store import sessions
from tidings.operator.store.sessions import NewToken

TOKEN, OTHER, SESSION = b"t" * 32, b"o" * 32, b"s" * 32


def a_token(hashed, *, until):
    return NewToken(hash=hashed, label="laptop", role=Role.ALL, expires_at=until)


@pytest.fixture
def token(database):
    """Store a token that lasts a day."""
    with database.write() as connection:
        return sessions.add(connection, a_token(TOKEN, until=NOON + DAY), now=NOON)


@pytest.fixture
def signed_in(database, token):
    with database.write() as connection:
        sessions.begin_session(connection, SESSION, token.id, now=NOON + HOUR)
    return token


def found(database, *, now):
    """Return whether the token is good, and whether the session is."""
    with database.read() as connection:
        return (
            sessions.find(connection, TOKEN, now=now) is not None,
            sessions.find_session(connection, SESSION, now=now) is not None,
        )


def test_a_token_and_its_session_last_to_the_same_moment(database, signed_in):
    moments = (NOON + HOUR, NOON + DAY - HOUR, NOON + DAY)

    assert [found(database, now=now) for now in moments] == [(True, True)] * 2 + [(False, False)]


def test_what_nobody_issued_is_not_found(database, signed_in):
    with database.read() as connection:
        assert sessions.find(connection, OTHER, now=NOON) is None
        assert sessions.find_session(connection, OTHER, now=NOON) is None


def test_a_token_that_is_taken_back_ends_its_sessions_at_once(database, signed_in):
    with database.write() as connection:
        times = [sessions.revoke(connection, signed_in.id, now=NOON + n * HOUR) for n in (2, 3)]

    with database.read() as connection:
        [told] = sessions.every(connection)
    assert times == [True, False]
    assert found(database, now=NOON + HOUR) == (False, False)
    assert told.revoked_at == NOON + 2 * HOUR
    assert told.state(now=NOON + HOUR) == "revoked"


def test_a_token_that_is_not_there_cannot_be_taken_back(database):
    with database.write() as connection, pytest.raises(NotFoundError):
        sessions.revoke(connection, 7, now=NOON)


def test_a_session_ends_alone(database, signed_in):
    with database.write() as connection:
        sessions.end_session(connection, SESSION)

    assert found(database, now=NOON + HOUR) == (True, False)


def test_sessions_of_tokens_that_are_over_are_forgotten(database, signed_in):
    later = NOON + 2 * DAY
    with database.write() as connection:
        new = sessions.add(connection, a_token(OTHER, until=later + DAY), now=later)
        sessions.begin_session(connection, b"n" * 32, new.id, now=later)

        assert sessions.find_session(connection, b"n" * 32, now=later) is not None
        assert sessions.find_session(connection, SESSION, now=NOON + HOUR) is None


def test_the_list_tells_when_a_token_was_used(database, signed_in):
    with database.read() as connection:
        [told] = sessions.every(connection)

    assert (told.label, told.last_used_at) == ("laptop", NOON + HOUR)
    assert [told.state(now=NOON), told.state(now=NOON + DAY)] == ["valid", "expired"]
