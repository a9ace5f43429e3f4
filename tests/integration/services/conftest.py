"""A newsletter's house, on a database of each kind."""

import pytest

from newsroom import Newsroom, Outbox


@pytest.fixture
def newsroom(database):
    return Newsroom(database)


@pytest.fixture
def outbox():
    return Outbox()
