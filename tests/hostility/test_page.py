"""The service while it reads documents made to hold it up: pages and feeds are served."""

import json
import re
import signal
import time
import urllib.error
import urllib.request
from types import SimpleNamespace

import lxml.html
import pytest
from lxml import etree

import hostile_documents
from fake_publisher import FakePublisher, answer
from feed_documents import atom, items
from hostile_documents import SCRIPTS, item, linked
from hostile_web import Ring, document
from installation import Installation

VISITS = 50
PATIENCE = 5
"""Seconds: no measure of speed, but a server whose loop is held up takes longer."""


@pytest.fixture
def ring():
    """Publishers of what costs most to read, of what would do most, and of a healthy feed."""
    costly = hostile_documents.masses() | {
        name: item(described=html) for name, html in hostile_documents.burdens().items()
    }
    vicious = {name: item(described=html) for name, html in SCRIPTS.items()}
    vicious |= hostile_documents.characters() | linked("javascript:alert(1)")
    scripts = {name: document(body) for name, body in {**vicious, **costly}.items()}
    with Ring({**scripts, "healthy": answer(body=atom(*items(3)))}) as ring:
        yield ring


@pytest.fixture
def service(ring, sqlite_url, tmp_path, monkeypatch, capsys):
    """The address of a service that polls all of `ring`."""
    monkeypatch.chdir(tmp_path)
    web = SimpleNamespace(hosts=ring.hosts)
    tidings = Installation(sqlite_url, tmp_path, web=web, monkeypatch=monkeypatch, capsys=capsys)
    tidings.add(*ring.urls.values())
    with FakePublisher() as free:
        port = free.port
    settings = {"WEB__PORT": port, "POLL__TICK": "0.5s", "PARSE__TIME_LIMIT": "6s"}
    settings |= {"PARSE__PROCESSES": 2, "PUBLISH__FEED_SIZE": 200}
    log = tmp_path / "log"
    with log.open("w") as stderr, tidings.start("run", stderr=stderr, **settings) as process:
        try:
            yield f"http://127.0.0.1:{port}"
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=20) == 0
            assert "Traceback" not in log.read_text()
        finally:
            process.kill()


def test_pages_are_served_while_hostile_documents_are_read(service, ring):
    until(lambda: answers(service))

    slowest = 0.0
    for _ in range(VISITS):
        started = time.monotonic()
        assert visit(f"{service}/").status == 200
        slowest = max(slowest, time.monotonic() - started)
        time.sleep(0.05)
    until(lambda: polled(service) >= len(ring.urls))

    assert slowest < PATIENCE
    assert "Entry 3" in visit(f"{service}/feed.json").text
    for feed in ("atom", "rss"):
        assert etree.fromstring(visit(f"{service}/feed.{feed}").body).tag is not None
    shown = [visit(f"{service}/"), *(visit(url) for url in entry_pages(service))]
    assert len(shown) > 20
    for page in shown:
        assert_runs_nothing(page.text)


def entry_pages(service):
    """Return our own page of every entry on the newest pages."""
    found, path = [], "/"
    for _ in range(4):
        page = visit(service + path).text
        found += re.findall(r'"(/entries/\d+)', page)
        older = re.search(r'rel="next" href="([^"]+)"', page)
        path = older[1] if older else "/"
    return [service + path for path in dict.fromkeys(found)]


def assert_runs_nothing(page):
    """Assert that a page holds no script but our file and no address of one, wherever it is from."""
    ours, *elements = sorted(
        lxml.html.document_fromstring(page).iter(), key=lambda one: one.tag != "script"
    )
    assert re.fullmatch(r"/script\.js\?v=\w+", ours.get("src"))
    assert ours.text is None
    for element in elements:
        assert element.tag not in {"script", "iframe", "object", "embed", "base"}
        for name, value in element.attrib.items():
            assert not name.startswith("on")
            if name in {"href", "src", "action", "formaction", "poster", "data"}:
                assert not re.match(
                    r"[\x00-\x20]*(?:java|vb)script:|data:text", value, re.IGNORECASE
                )


def visit(url):
    with urllib.request.urlopen(url, timeout=60) as response:
        body = response.read()
        return SimpleNamespace(status=response.status, body=body, text=body.decode())


def answers(service):
    try:
        return json.loads(visit(f"{service}/health/ready").body)["ready"]
    except (urllib.error.URLError, ConnectionError):
        return False


def polled(service):
    figures = re.findall(
        r"^tidings_polls_total\S* (\S+)", visit(f"{service}/metrics").text, re.MULTILINE
    )
    return sum(map(float, figures))


def until(is_so):
    give_up_at = time.monotonic() + 90
    while not is_so():
        assert time.monotonic() < give_up_at
        time.sleep(0.2)
