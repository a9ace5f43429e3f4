"""From an empty instance to its first sent issue, in the browser alone and without scripts.

As docs/how-to/in-the-browser.md tells it.
"""

import email
import email.policy
import re
import signal
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from acceptance.conftest import Web
from fake_publisher import answer
from fake_relay import FakeRelay
from feed_documents import atom, recent_items
from installation import Installation, free_port, wait_until

READER = "ada@example.net"

SECONDS_OF_A_PERSON = 4


@pytest.fixture
def web():
    with Web() as web:
        yield web


@pytest.fixture
def publisher(web):
    """Who may be asked: the service has to know before it starts."""
    return web.publisher()


@pytest.fixture
def relay():
    with FakeRelay() as relay:
        yield relay


@pytest.fixture
def service(sqlite_database_url, tmp_path, monkeypatch, capsys, web, publisher, relay):
    """An empty instance that serves, polls and mails; return its address and a token."""
    monkeypatch.chdir(tmp_path)
    tidings = Installation(
        sqlite_database_url, tmp_path, web=web, monkeypatch=monkeypatch, capsys=capsys
    )
    port = free_port()
    process = tidings.start(
        "run",
        WEB__PORT=port,
        POLL__TICK="1s",
        MAIL__TRANSPORT="smtp",
        MAIL__FROM="Tidings <news@tidings.example.net>",
        SMTP__HOST="127.0.0.1",
        SMTP__PORT=relay.port,
    )
    url = f"http://127.0.0.1:{port}"
    wait_until(lambda: answers(url))
    yield url, tidings("token").out.strip()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)


def answers(url):
    try:
        return urlopen(f"{url}/health/ready").status == 200
    except URLError:
        return False


def letters(relay):
    return [email.message_from_bytes(one.letter, policy=email.policy.SMTP) for one in relay.taken]


class Visitor:
    """Somebody in front of a browser that runs no scripts."""

    def __init__(self, browser, origin):
        self.page = browser.new_context(java_script_enabled=False).new_page()
        self.origin = origin

    def visit(self, path):
        self.page.goto(path if path.startswith("http") else self.origin + path)

    def press(self, name):
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=name, exact=True).first.click()

    def follow(self, name):
        with self.page.expect_navigation():
            self.page.get_by_role("link", name=name).first.click()

    def fill(self, **fields):
        for name, value in fields.items():
            self.page.locator(f"[name={name}]").first.fill(value)


def follow(operator, url):
    operator.visit("/operator")
    operator.fill(address=url)
    operator.press("Find feeds")
    operator.page.locator("[name=feed]").first.check()
    operator.press("Follow this feed")
    wait_until(lambda: entries(operator) == 3)


def entries(visitor):
    visitor.visit("/")
    return visitor.page.locator("article").count()


def make_newsletter(operator):
    operator.visit("/operator/newsletters")
    operator.follow("New newsletter")
    operator.fill(title="The Notes", slug="notes", review="yes")
    operator.press("Save")


def subscribe(reader, relay):
    reader.visit("/subscribe/notes")
    reader.fill(address=READER)
    # Who is quicker than a person is asked to press once more.
    reader.page.wait_for_timeout(1000 * SECONDS_OF_A_PERSON)
    reader.press("Subscribe")
    wait_until(lambda: letters(relay))
    [asked] = letters(relay)
    [link] = re.findall(r"http\S+/confirm/\S+", asked.get_body(("plain",)).get_content())
    reader.visit(link)
    with reader.page.expect_navigation():
        reader.page.locator("main button").click()


def review_and_send(operator):
    operator.visit("/operator/newsletters/notes/next")
    operator.press("Review what is new now")
    operator.page.locator("[name=note-en]").fill("Our *first* issue.")
    operator.press("Approve")
    operator.follow("Send now")
    assert "Send to 1 person now?" in operator.page.content()
    operator.press("Send now")


def test_a_first_issue_is_sent_by_somebody_with_a_browser(browser, service, publisher, relay):
    origin, token = service
    newest, *items = recent_items(4)
    url = publisher.serve("/feed", answer(body=atom(*items, title="Notes")))
    operator, reader = Visitor(browser, origin), Visitor(browser, origin)

    operator.visit("/operator")
    operator.fill(token=token)
    operator.press("Sign in")
    make_newsletter(operator)
    subscribe(reader, relay)
    follow(operator, url)
    publisher.serve("/feed", answer(body=atom(newest, *items, title="Notes")))
    operator.visit("/sources")
    operator.follow("Notes")
    operator.press("Poll now")
    wait_until(lambda: entries(operator) == 4)
    review_and_send(operator)
    # To confirm, to welcome, and then the issue.
    wait_until(lambda: len(letters(relay)) == 3)

    issue = letters(relay)[-1]
    assert issue["To"] == READER
    assert "Our <em>first</em> issue." in issue.get_body(("html",)).get_content()
    operator.visit("/operator/audit")
    done = operator.page.locator("td[data-is=Did]").all_text_contents()
    assert {"follow", "add", "poll", "open", "approve", "send"} <= set(done)
