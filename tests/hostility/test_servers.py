"""Servers that attack: each costs its source an error, and nobody else anything."""

import socket

import pytest

import hostile_servers
from fake_publisher import FakePublisher, answer
from feed_documents import atom, items
from hostile_round import (
    HEALTHY,
    an_app,
    assert_contained,
    assert_healthy,
    poll,
    poll_beside_a_healthy_source,
)
from hostile_servers import FEED, HURRY, SMALL, SPELLINGS, STRAIN
from hostile_web import Ring
from installation import on_sqlite

NOW_AND_AGAIN = 2


@pytest.mark.parametrize(
    "servers",
    [
        pytest.param(hostile_servers.bodies(), id="bodies"),
        pytest.param(hostile_servers.heads(), id="heads"),
    ],
)
def test_a_hostile_server_costs_its_own_source_an_error(database, subtests, servers):
    assert_given_up(database, subtests, servers, **SMALL)


@on_sqlite
@pytest.mark.parametrize(
    ("servers", "deadlines"),
    [
        pytest.param(hostile_servers.floods(), STRAIN, id="floods"),
        pytest.param(hostile_servers.delays(), HURRY, id="delays"),
    ],
)
def test_a_server_that_never_ends_costs_its_own_source_an_error(
    database, subtests, servers, deadlines
):
    assert_given_up(database, subtests, servers, **deadlines)


def assert_given_up(database, subtests, servers, **settings):
    scripts = {name: server.script for name, server in servers.items()}

    left = poll_beside_a_healthy_source(database, scripts, **settings)

    assert_healthy(left.pop(HEALTHY))
    for name, server in servers.items():
        with subtests.test(name):
            assert_contained(left[name])
            assert (server.said or "") in (left[name].error or "")
            assert len(left[name].entries) == (0 if server.said else 3)


def test_no_redirect_leads_where_we_do_not_go(database, subtests):
    with FakePublisher() as canary:
        servers = hostile_servers.redirects(canary.port)
        scripts = {name: server.script for name, server in servers.items()}

        left = poll_beside_a_healthy_source(database, scripts, **SMALL)

        assert canary.connections == 0
    assert_healthy(left.pop(HEALTHY))
    for name, server in servers.items():
        with subtests.test(name):
            assert_contained(left[name])
            assert server.said in left[name].error
            assert "secret" not in left[name].text
            assert left[name].source["url"].endswith("/feed")


@on_sqlite
def test_no_spelling_of_a_private_address_is_dialled(database, subtests):
    healthy = answer(body=atom(*items(3)))
    with FakePublisher() as canary, Ring({HEALTHY: healthy}) as ring:
        spelled = {name: f"http://{name}:{canary.port}/{n}" for n, name in enumerate(SPELLINGS)}
        app = an_app(database, ring.hosts, **SMALL)

        left = poll(app, {**ring.urls, **spelled})

        assert canary.connections == 0
    assert len(left.pop(HEALTHY)["entries"]) == 3
    for name, one in left.items():
        with subtests.test(name):
            assert "not public" in one["error"] or "not a valid" in one["error"]
            assert one["entries"] == []


def test_what_cannot_be_sent_back_safely_is_not_sent_back(database, subtests):
    servers = {name: one.script for name, one in hostile_servers.heads().items() if "ETag" in name}
    sound = {"a sound ETag": answer(body=FEED, ETag='"1"')}

    left = poll_beside_a_healthy_source(database, servers | sound, rounds=NOW_AND_AGAIN, **SMALL)

    assert left["a sound ETag"].requests[-1].headers["if-none-match"] == '"1"'
    for name in servers:
        with subtests.test(name):
            assert len(left[name].requests) == NOW_AND_AGAIN
            assert "if-none-match" not in left[name].requests[-1].headers
            assert left[name].source["etag"] is None


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param([["127.0.0.1"], ["127.0.0.2"]], id="one answer, then another"),
        pytest.param([["127.0.0.1"], ["127.0.0.2", "127.0.0.1"]], id="one answer, then both"),
        pytest.param([["127.0.0.2", "127.0.0.1"]], id="both at once"),
        pytest.param([["127.0.0.1", "127.0.0.2"]], id="both at once, the other way round"),
    ],
)
@on_sqlite
def test_a_name_that_changes_its_address_leads_nowhere_else(database, monkeypatch, answers):
    with Ring({"rebound": answer(body=FEED)}) as ring:
        port = ring.publishers["rebound"].port
        with socket.create_server(("127.0.0.2", port)) as canary:
            # The resolver of this machine, which an attacker's name server speaks through.
            monkeypatch.setattr(socket, "getaddrinfo", _Resolver(answers))
            app = an_app(database, ring.hosts, **SMALL)

            left = poll(app, {"rebound": f"http://name.example:{port}/feed"}, rounds=NOW_AND_AGAIN)

            canary.setblocking(False)
            with pytest.raises(BlockingIOError):
                canary.accept()
    assert len(left["rebound"]["entries"]) == 3


class _Resolver:
    """Answers differently from one question to the next; the last answer stays."""

    def __init__(self, answers):
        self._answers = list(answers)
        self._really = socket.getaddrinfo

    def __call__(self, host, port, *args, **kwargs):
        if host not in ("name.example", b"name.example"):
            return self._really(host, port, *args, **kwargs)
        addresses = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        stream = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
        return [(*stream, (address, port)) for address in addresses]


@on_sqlite
def test_the_environment_neither_redirects_us_nor_lends_us_credentials(
    database, monkeypatch, tmp_path
):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password secret\ndefault login x password y\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with FakePublisher() as canary:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, canary.url())

        left = poll_beside_a_healthy_source(database, {}, **SMALL)[HEALTHY]

        assert canary.connections == 0
    assert_healthy(left)
    assert "authorization" not in left.requests[0].headers
