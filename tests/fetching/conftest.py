"""Publishers on loopback, and fetches of one document each."""

import socket
from datetime import timedelta
from queue import Queue

import pytest

from fake_publisher import FakePublisher
from tidings.fetching.fetcher import Fetcher
from tidings.fetching.outcomes import BodyPost, FormPost, Request
from tidings.fetching.policy import FetchPolicy


@pytest.fixture
def publisher():
    with FakePublisher() as publisher:
        yield publisher


@pytest.fixture
def elsewhere():
    """A second publisher: another host."""
    with FakePublisher() as publisher:
        yield publisher


@pytest.fixture
def canary():
    """Listeners that nobody may reach: one port of loopback, IPv4 and IPv6."""
    with Canary() as canary:
        yield canary


@pytest.fixture
def a_policy(publisher, elsewhere):
    def a_policy(**changes):
        limits = {
            "contact_url": "https://tidings.example/about",
            "allow": (publisher.host, elsewhere.host),
            "host_interval": timedelta(0),
            "concurrency": 8,
            "connect_timeout": timedelta(seconds=5),
            "first_byte_timeout": timedelta(seconds=5),
            "read_timeout": timedelta(seconds=5),
            "total_timeout": timedelta(seconds=5),
            "max_size": 4_000_000,
            "max_ratio": 50,
            "max_redirects": 5,
            "hosts": {},
        }
        return FetchPolicy(**limits | changes)

    return a_policy


@pytest.fixture
def a_fetcher(a_policy):
    def a_fetcher(lease=lambda _host: True, **changes):
        return Fetcher(a_policy(**changes), version="1.2.3", lease=lease)

    return a_fetcher


@pytest.fixture
def fetch(a_fetcher):
    """Fetch one URL, and return the outcome."""

    def fetch(url, *, validators=None, access=None, **changes):
        outcomes = Queue()
        with a_fetcher(**changes) as fetcher:
            request = Request(source_id=1, url=url, validators=validators, access=access)
            fetcher.submit([request], lambda _, outcome: outcomes.put(outcome))
            return outcomes.get(timeout=10)

    return fetch


@pytest.fixture
def post(a_fetcher):
    """Post one form or document, and return what came back."""

    def post(url, data, *, headers=None, **changes):
        is_form = isinstance(data, dict)
        what = (
            FormPost(url=url, fields=data)
            if is_form
            else BodyPost(url=url, body=data, headers=headers or {})
        )
        outcomes = Queue()
        with a_fetcher(**changes) as fetcher:
            fetcher.post(what, outcomes.put)
            return outcomes.get(timeout=10)

    return post


@pytest.fixture
def seconds():
    return lambda number: timedelta(seconds=number)


@pytest.fixture
def gather():
    """Fetch URLs of one host in one round; return outcomes in the order they came."""

    def gather(fetcher, urls):
        outcomes = Queue()
        requests = [Request(source_id=n, url=url) for n, url in enumerate(urls)]
        fetcher.submit(requests, lambda _, outcome: outcomes.put(outcome))
        return [outcomes.get(timeout=10) for _ in requests]

    return gather


class Canary:
    def __enter__(self):
        self._listeners = [socket.create_server(("127.0.0.1", 0))]
        self.port = self._listeners[0].getsockname()[1]
        if socket.has_ipv6:
            address = ("::1", self.port)
            self._listeners.append(socket.create_server(address, family=socket.AF_INET6))
        return self

    def __exit__(self, *_):
        for listener in self._listeners:
            listener.close()

    @property
    def was_reached(self):
        for listener in self._listeners:
            listener.setblocking(False)
            try:
                connection, _ = listener.accept()
            except BlockingIOError:
                continue
            connection.close()
            return True
        return False
