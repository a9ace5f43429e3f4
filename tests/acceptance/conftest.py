"""The program as an operator meets it, and publishers for it on loopback."""

from contextlib import ExitStack

import pytest

from fake_publisher import FakePublisher
from installation import Installation


@pytest.fixture
def web():
    """Publishers on loopback, each a host of its own."""
    with Web() as web:
        yield web


class Web:
    def __init__(self):
        self.publishers = []
        self._open = ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._open.close()

    @property
    def hosts(self):
        return [publisher.host for publisher in self.publishers]

    def publisher(self):
        return self.enter(FakePublisher())

    def enter(self, publisher):
        """Have a publisher of another kind, until the end."""
        self.publishers.append(self._open.enter_context(publisher))
        return publisher

    def serve(self, *answers):
        """Have a publisher of its own answer with these in turn; return the address."""
        return self.publisher().serve("/feed", *answers)

    def requests(self, url):
        """Return what was asked of the publisher at `url`, in that order."""
        [publisher] = [one for one in self.publishers if url.startswith(one.url())]
        return publisher.received


@pytest.fixture
def install(tmp_path, monkeypatch, capsys, web):
    """Set the program up on a database."""

    def install(url):
        monkeypatch.chdir(tmp_path)
        return Installation(url, tmp_path, web=web, monkeypatch=monkeypatch, capsys=capsys)

    return install


@pytest.fixture
def tidings(install, database_url):
    """The program, on a database of each kind."""
    return install(database_url)


@pytest.fixture
def tidings_on_sqlite(install, sqlite_database_url):
    """The program where the kind of database makes no difference."""
    return install(sqlite_database_url)
