"""`tidings run` as its visitors, its probes and its supervisor meet it."""

import gzip
import json
import re
import resource
import signal
import socket
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from http.client import HTTPConnection
from itertools import pairwise

import pytest
from alembic import command
from alembic.config import Config

from database_outage import taken_away
from fake_hub import FakeHub
from fake_publisher import answer, dripping
from feed_documents import atom, items
from installation import free_port, on_sqlite, wait_until
from tidings.db import schema
from tidings.db.database import BUSY_SECONDS, Database
from tidings.publishing.store import pings

PATIENCE = 30
GRACE = 20
GAP = 1
DELAY = 0.5
"""How much later than it was sent a request may be seen on a busy machine."""


IN_A_HURRY = """
from tidings.__main__ import main
from tidings.web import connections

connections.HEAD_SECONDS, connections.STALL_SECONDS, connections.LOOK_SECONDS = 2, 4, 1
main()
"""
"""The program, which waits for its visitors for a fifth of the time that it usually does."""


@pytest.fixture
def running(tidings):
    """Start `tidings run` on a port of its own, and end it as a supervisor does."""

    @contextmanager
    def running(command="run", **settings):
        port = settings.setdefault("WEB__PORT", free_port())
        settings = {"LOG__FORMAT": "json", "POLL__TICK": "0.5s"} | settings
        with tidings.start(command, **settings) as process:
            try:
                service = Service(process, port)
                wait_until(lambda: service.is_ready)
                yield service
                process.send_signal(signal.SIGTERM)
                service.log = process.communicate(timeout=GRACE)[1]
            finally:
                process.kill()
        assert process.returncode == 0, service.log
        assert "Traceback" not in service.log

    return running


class Service:
    def __init__(self, process, port):
        self.process = process
        self.port = port

    @property
    def is_ready(self):
        assert self.process.poll() is None, self.process.communicate()
        try:
            return self.get("/health/ready").status == 200
        except OSError:
            return False

    def get(self, path, **headers):
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request("GET", path, headers=names)
            response = connection.getresponse()
            response.body = response.read()
            return response
        finally:
            connection.close()

    def metrics(self):
        text = self.get("/metrics").body.decode()
        pairs = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in pairs}


def test_the_service_imports_polls_and_serves(running, tidings, web, tmp_path):
    good = [web.serve(answer(body=atom(*items(8), title=f"Feed {n}"))) for n in range(2)]
    outlines = [f'<outline type="rss" xmlUrl="{url}" category="news"/>' for url in good]
    outlines.append(f'<outline type="rss" xmlUrl="{web.serve(answer("404 Not Found"))}"/>')
    (tmp_path / "first.opml").write_text(f"<opml><body>{''.join(outlines)}</body></opml>")

    with running(SOURCES__IMPORT_AT_FIRST_START=tmp_path / "first.opml") as service:
        wait_until(lambda: polls(service) == 3)
        figures = service.metrics()
        page, entry = service.get("/"), service.get(f"/entries/{first_entry(service)}")
        missing = [service.get(path).status for path in ("/entries/999", "/topics/no", "/x")]
        live, ready = service.get("/health/live"), service.get("/health/ready")

    assert page.status == entry.status == 200
    assert b"Latest updates" in page.body
    assert b"Entry 8" in page.body
    assert missing == [404, 404, 404]
    assert json.loads(live.body) == {"live": True}
    assert json.loads(ready.body)["ready"] is True
    assert figures['tidings_sources{state="active"}'] == 3
    assert figures["tidings_sources_failing"] == 1
    assert figures['tidings_entries{state="public"}'] == 10
    assert figures['tidings_entries{state="backfill"}'] == 6
    assert figures['tidings_polls_total{outcome="new"}'] == 2
    assert figures['tidings_polls_total{outcome="failed"}'] == 1
    assert figures["tidings_poll_overdue_seconds"] < PATIENCE
    for line in service.log.splitlines():
        assert {"time", "level", "message"} <= set(json.loads(line))
    assert len(tidings("entry", "list", "--json").json) == 10


@on_sqlite
def test_the_services_say_where_they_serve_and_where_letters_go(running, tidings):
    public = {"WEB__BASE_URL": "https://news.example"}
    relay = {
        "MAIL__TRANSPORT": "smtp",
        "MAIL__FROM": "news@news.example",
        "SMTP__HOST": "127.0.0.1",
        "SMTP__PORT": free_port(),
    }

    with running() as first:
        pass
    with running(**public, **relay) as second:
        pass
    with running("web", **public) as third:
        pass

    here = {"to": str(tidings.folder / "var" / "outbox")}
    assert said(first, "messages go into a folder") == here
    assert said(second, "messages go through a relay") == {"to": f"127.0.0.1:{relay['SMTP__PORT']}"}
    at = f"http://127.0.0.1:{first.port}"
    assert said(first, "serving") == {"at": at, "public": at}
    for one in (second, third):
        at = f"http://127.0.0.1:{one.port}"
        assert said(one, "serving") == {"at": at, "public": "https://news.example"}
    assert "messages go" not in third.log
    assert "new database made" not in first.log + second.log + third.log


@on_sqlite
def test_a_service_says_once_that_its_database_is_new(running, tmp_path):
    new = {"DATABASE__URL": "sqlite:///new/tidings.db"}

    with running(**new) as first:
        pass
    with running(**new) as second:
        pass

    assert said(first, "new database made")["at"] == str(tmp_path / "new" / "tidings.db")
    assert "new database made" not in second.log


@on_sqlite
def test_a_service_says_that_it_upgraded_its_database_and_where_the_copy_is(running, tmp_path):
    database = Database(f"sqlite:///{tmp_path}/old.db")
    with database.write() as connection:
        config = Config()
        config.set_main_option("script_location", str(schema.MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "0005")
    database.close()

    with running(DATABASE__URL="sqlite:///old.db") as service:
        pass

    upgraded = said(service, "database upgraded")
    [copy] = tmp_path.glob("*.bak")
    assert upgraded["at"] == str(tmp_path / "old.db")
    assert upgraded["backup"] == str(copy)


def said(service, message):
    """Return what came with the one line of the log that says this."""
    events = [json.loads(line) for line in service.log.splitlines()]
    [event] = [event for event in events if event["message"] == message]
    return {key: event[key] for key in event.keys() - {"time", "level", "logger", "message"}}


def polls(service):
    return sum(n for name, n in service.metrics().items() if name.startswith("tidings_polls_total"))


def first_entry(service):
    feed = json.loads(service.get("/feed.json").body)
    assert len(feed["items"]) == 5  # both sources tell the same stories
    return int(re.search(r"/entries/(\d+)", service.get("/").body.decode())[1])


@on_sqlite
def test_feeds_are_served_with_validators_and_compression(running, tidings, web):
    tidings("source", "add", web.serve(answer(body=atom(*items(8)))), "--topic", "news")

    with running("web") as service:
        for path in ("/feed.atom", "/feed.rss", "/feed.json", "/topics/news.atom", "/"):
            plain = service.get(path)
            packed = service.get(path, Accept_Encoding="gzip")
            same = service.get(path, If_None_Match=plain.headers["ETag"])
            assert plain.status == 200
            assert gzip.decompress(packed.body) == plain.body
            assert (same.status, same.body) == (304, b"")
        before = service.get("/feed.atom").headers["ETag"]
        tidings("source", "edit", 1, "--title", "Renamed")
        changed = service.get("/feed.atom", If_None_Match=before)

    assert changed.status == 200
    assert b"Renamed" in changed.body


@on_sqlite
def test_sigterm_ends_the_service_although_a_source_is_slow(running, tidings, web):
    slow = web.serve(dripping(answer(Content_Length=10_000), b"x"))
    good = web.serve(answer(body=atom(*items(3))))
    tidings.add(slow, good)

    with running() as service:
        wait_until(lambda: web.requests(slow) and polls(service))
        started = time.monotonic()

    assert time.monotonic() - started < GRACE
    assert tidings("db", "check").status == 0
    [first, second] = tidings("source", "list", "--json").json
    assert (first["last_polled_at"], first["failures"]) == (None, 0)
    assert second["entries"] == 3
    again = tidings.polled(1, FETCH__TOTAL_TIMEOUT="1s")
    assert again[slow]["outcome"] == "failed"


@on_sqlite
def test_what_a_hub_pushes_is_published_without_asking_the_publisher(running, tidings, web):
    hub, publisher, port = web.enter(FakeHub()), web.publisher(), free_port()
    named = f'<link rel="hub" href="{hub.url()}"/>'
    url = publisher.serve("/feed", answer(body=atom(*items(1), extra=named)))
    tidings("source", "add", url, WEBSUB__SUBSCRIBE="on", WEB__BASE_URL=f"http://127.0.0.1:{port}")
    public = {"WEB__PORT": port, "WEB__BASE_URL": f"http://127.0.0.1:{port}"}

    with running(WEBSUB__SUBSCRIBE="on", **public) as service:
        wait_until(lambda: hub.received)
        confirmed = hub.confirm()
        wait_until(lambda: polls(service) == 1)
        pushed = hub.push(atom(*items(2), extra=named))
        wait_until(lambda: b"Entry 2" in service.get("/feed.atom").body)
        figures = service.metrics()

    assert (confirmed.status, pushed.status) == (200, 202)
    assert len(publisher.received) == 1
    assert figures['tidings_hub_subscriptions{state="active"}'] == 1
    assert "hub: " in tidings("source", "show", 1).out
    assert hub.asked[0].secret not in service.log
    assert hub.asked[0].callback.rpartition("/")[2] not in service.log


@on_sqlite
def test_hubs_are_told_of_a_change_and_the_status_page_tells_of_them(running, tidings, web):
    hub, url = web.enter(FakeHub()), web.serve(answer(body=atom(*items(2))))
    tidings("source", "add", url)
    base = "https://news.example"

    with running(WEBSUB__HUBS=hub.url(), WEB__BASE_URL=base) as service:
        wait_until(lambda: has_looked(tidings))
        tidings("entry", "hide", 1)
        wait_until(lambda: f"{base}/feed.atom" in hub.told)
        wait_until(lambda: service.metrics()['tidings_hub_pings{standing="told"}'] >= 6)
        page, feed = service.get("/status"), service.get("/feed.atom")

    assert hub.url().encode() in page.body
    assert f'<{hub.url()}>; rel="hub", <{base}/feed.atom>; rel="self"' == feed.headers["Link"]
    assert f'href="{hub.url()}" rel="hub"'.encode() in feed.body
    assert len(hub.told) == len(set(hub.told))


def has_looked(tidings):
    """Tell whether the service knows its feeds."""
    with tidings.opened() as app, app.database.read() as connection:
        return not pings.changed_scopes(connection, limit=1)


@contextmanager
def few_descriptors(number):
    """Let what is started in this context have no more descriptors than that."""
    usual = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, usual)


@on_sqlite
def test_visitors_who_keep_us_waiting_stop_neither_the_site_nor_polling(running, tidings, web):
    long = [replace(item, text="long " * 50_000) for item in items(5)]
    tidings("source", "add", web.serve(answer(body=atom(*long))))
    url = web.serve(answer(body=atom(*items(3))))

    with ExitStack() as stack:
        with few_descriptors(300):
            service = stack.enter_context(running(program=("-c", IN_A_HURRY)))
        silent = [
            stack.enter_context(socket.create_connection(("127.0.0.1", service.port)))
            for _ in range(400)
        ]
        silent[-1].sendall(b"GET / HTTP/1.1\r\nHost: ")
        deaf = stack.enter_context(socket.socket())
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", service.port))
        deaf.sendall(b"GET /feed.atom HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
        home = service.get("/")
        tidings.add(url)
        wait_until(lambda: polls(service) == 2)
        wait_until(lambda: is_reset(deaf))
        for one in silent:
            one.settimeout(PATIENCE)
            with suppress(ConnectionResetError):
                assert one.recv(1) == b""

    assert home.status == 200
    warnings = [line for line in service.log.splitlines() if '"warning"' in line]
    assert len([line for line in warnings if "too many connections" in line]) == 1
    assert len(warnings) < 10


@on_sqlite
def test_who_never_ends_a_request_makes_room_for_others(running):
    begun = b"POST /unsubscribe/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\na"

    with ExitStack() as stack:
        with few_descriptors(300):
            service = stack.enter_context(running())
        slow = [
            stack.enter_context(socket.create_connection(("127.0.0.1", service.port)))
            for _ in range(100)
        ]
        for one in slow:
            one.setblocking(False)
            with suppress(ConnectionError):
                one.sendall(begun)
        wait_until(lambda: any(map(is_over, slow)))
        seen = {service.get("/").status for _ in range(9)}

    assert seen == {200}


def is_over(connection):
    """Tell whether the other end has closed a connection on which it said nothing."""
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def is_reset(connection):
    """Tell whether the other end has given a connection up, without reading from it."""
    return connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0


def test_while_the_database_is_away_the_service_says_so_and_goes_on_later(running, tidings, web):
    tidings("source", "add", web.serve(answer(body=atom(*items(3)))))
    is_read = tidings.url.startswith("sqlite")

    with running() as service:
        with taken_away(tidings.url):
            asked_at = time.monotonic()
            ready, home = service.get("/health/ready"), service.get("/")
            waited = time.monotonic() - asked_at
        wait_until(lambda: service.is_ready)

    assert ready.status == 503
    assert waited < BUSY_SECONDS  # a probe that waits as long as writers do is given up
    assert json.loads(ready.body)["checks"][0]["detail"]
    assert home.status == (200 if is_read else 503)
    assert ("Retry-After" in home.headers) != is_read


def test_two_services_on_one_database_do_each_thing_once(running, tidings, web):
    publishers = [web.publisher() for _ in range(6)]
    urls = [
        publisher.serve(f"/{name}", answer(body=atom(*items(5), title=f"{name} {number}")))
        for number, publisher in enumerate(publishers)
        for name in "abc"
    ]
    tidings.add(*urls)
    gap = {"FETCH__HOST_INTERVAL": f"{GAP}s"}

    with running(**gap) as one, running(**gap) as other:
        wait_until(lambda: polls(one) == len(urls))
        time.sleep(1.5)  # more than two ticks in which nobody may poll anything again
        assert polls(other) == len(urls)

    for publisher in publishers:
        assert sorted(request.path for request in publisher.received) == ["/a", "/b", "/c"]
        starts = [request.at for request in publisher.received]
        assert all(later - earlier >= GAP - DELAY for earlier, later in pairwise(starts))
    entries = tidings("entry", "list", "--json", "--limit", 0).json
    assert sorted(entry["seq"] for entry in entries) == list(range(1, 5 * len(urls) + 1))
