"""What sources are asked with: for their publishers, and nobody else."""

import base64
import os
import pty
import signal
import socket
import time
from contextlib import contextmanager
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from sqlalchemy import select

from fake_publisher import answer, redirect, silence
from feed_documents import atom, items
from installation import on_sqlite
from tidings.db.all_tables import all_tables
from tidings.db.intake_tables import source_access

PASSWORD, HEADER, COOKIE, AGENT, PROXY = (f"canary-{n}" for n in ("p", "h", "c", "a", "x"))
BASIC = base64.b64encode(f"reader:{PASSWORD}".encode()).decode()
TELLING = (
    ("source", "list"),
    ("source", "list", "--json"),
    *(("source", "show", number) for number in range(1, 9)),
    ("source", "show", 1, "--json"),
    ("source", "access", 1),
    ("source", "export"),
    ("entry", "list", "--json"),
    ("poll", 1, 2, 3, 5, 7, 8),
    ("poll", 1, 2, "--json"),
    ("config", "show"),
)
PAGES = ("/", "/feed.atom", "/feed.json", "/sources", "/sources.opml", "/metrics")
PATIENCE = 30


@pytest.fixture
def secretive(tidings):
    """Have a source asked with a secret in every place that there is."""
    (tidings.folder / "password").write_text(f"{PASSWORD}\n")
    (tidings.folder / "header").write_text(f"X-Key: {HEADER}\n")

    def secretive(source_id, *more):
        given = tidings(
            *("source", "access", source_id, "--user", "reader", "--password-file", "password"),
            *("--header", "@header", "--cookie", f"session={COOKIE}", "--user-agent", AGENT),
            *more,
        )
        assert given.status == 0
        return given.out

    return secretive


@pytest.fixture
def served(tidings):
    """Run the service until every source was polled; yield what its log and pages said."""

    @contextmanager
    def served():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        settings = {"WEB__PORT": port, "POLL__TICK": "0.5s", "LOG__LEVEL": "DEBUG"}
        deadlines = {"FETCH__CONNECT_TIMEOUT": "0.5s", "FETCH__FIRST_BYTE_TIMEOUT": "0.5s"}
        with tidings.start("run", **settings, **deadlines) as process:
            wait_until_polled(tidings)
            pages = [visit(f"http://127.0.0.1:{port}{path}") for path in PAGES]
            process.send_signal(signal.SIGTERM)
            yield [process.communicate(timeout=PATIENCE)[1], *pages]

    return served


def wait_until_polled(tidings):
    give_up_at = time.monotonic() + PATIENCE
    while not all(one["last_polled_at"] for one in tidings("source", "list", "--json").json):
        assert time.monotonic() < give_up_at
        time.sleep(0.2)


def visit(url):
    """Return a page, once there is a server."""
    give_up_at = time.monotonic() + PATIENCE
    while True:
        try:
            return urlopen(url, timeout=PATIENCE).read().decode()
        except URLError:
            assert time.monotonic() < give_up_at
            time.sleep(0.2)


def tells(text):
    return "canary" in text or BASIC in text


def tables_that_tell(tidings):
    with tidings.opened() as app, app.database.read() as connection:
        return [
            table.name
            for table in all_tables()
            if any(tells(str(row)) for row in connection.execute(select(table)))
        ]


@on_sqlite
def test_no_command_page_log_or_table_tells_a_secret(tidings, web, secretive, served):
    publishers = [
        web.serve(script)
        for script in (
            answer(body=atom(*items(3)), ETag="1"),
            answer("401 Unauthorized", WWW_Authenticate="Basic"),
            answer("403 Forbidden"),
            silence,
            redirect(f"http://me:{PASSWORD}@127.0.0.1/"),
            redirect("http://169.254.169.254/"),
        )
    ]
    refusing = web.publisher()
    tidings.add(*publishers, "http://feeds.example/feed", "https://feeds.example/feed")
    for number in range(1, 7):
        secretive(number)
    for number in (7, 8):
        secretive(number, "--proxy", f"http://me:{PROXY}@{refusing.host}")

    with served() as told:
        results = [tidings(*command) for command in TELLING]
    tidings("publish", "public")

    sent = [one for url in publishers for one in web.requests(url)]
    assert all(one.headers["authorization"] == f"Basic {BASIC}" for one in sent)
    assert all(HEADER in str(one) and COOKIE in str(one) and AGENT in str(one) for one in sent)
    assert {one.method for one in refusing.received} == {"GET", "CONNECT"}
    told += [result.out + result.err for result in results]
    assert [text for text in told if tells(text)] == []
    files = [path for path in (tidings.folder / "public").rglob("*") if path.is_file()]
    assert [path.name for path in files if tells(path.read_bytes().decode())] == []
    assert tables_that_tell(tidings) == [source_access.name]


@on_sqlite
def test_no_command_page_feed_or_log_tells_an_address_that_is_private(tidings, web, served):
    private = "/feed?user=me&token=canary-t"
    telling = atom(*items(3), extra=f'<link rel="self" href="https://a.example{private}"/>')
    named = telling.replace(b"urn:example:feed", f"https://a.example{private}".encode())
    scripts = (
        answer(body=named.replace(b"&token", b"&amp;token")),
        answer("401 Unauthorized"),
        redirect(private.replace("feed", "elsewhere"), "301 Moved Permanently"),
        answer(body=b"<html>"),
    )
    urls = [web.publisher().serve(private, script) for script in scripts]
    tidings.add(*urls)

    with served() as told:
        results = [tidings(*command) for command in TELLING]
        results += [tidings("explain", "source", number) for number in range(1, 5)]
    tidings("publish", "public")

    told += [result.out + result.err for result in results]
    files = [path for path in (tidings.folder / "public").rglob("*") if path.is_file()]
    assert [text for text in told if "canary" in text] == []
    assert [path.name for path in files if b"canary" in path.read_bytes()] == []
    assert [len(web.requests(url)) > 0 for url in urls] == [True] * 4
    assert tidings("source", "list", "--json").json[0]["url"].endswith("/…")


def test_the_operator_says_which_private_address_is_none(tidings, web):
    url = web.publisher().serve("/feed?key=of-no-secret", answer(body=atom(*items(1))))
    tidings("source", "add", url)

    hidden = tidings("source", "export")
    told = tidings("source", "edit", 1, "--address", "shown").out
    shown = tidings("source", "export")

    assert url not in hidden.out
    assert "1 source is not in the list" in hidden.err
    assert told == "changed (whether its address is shown): A feed\n"
    assert url in shown.out
    assert tidings("source", "list", "--json").json[0]["url"] == url


def test_a_query_is_private_once_a_source_has_a_login(tidings, web, secretive):
    url = web.publisher().serve("/feed?list=mine", answer(body=atom(*items(1))))
    tidings("source", "add", url)
    before = tidings("source", "export").out

    secretive(1)

    assert url in before
    assert url not in tidings("source", "export").out


def test_what_a_source_is_asked_with_is_summed_up(tidings, web, secretive):
    tidings.add(web.serve(answer(body=atom(*items(1)))))

    summed_up = secretive(1, "--proxy", "http://127.0.0.1:9")

    assert summed_up == "login, 1 header, 1 cookie, proxy, user agent\n"
    assert f"access: {summed_up}" in tidings("source", "show", 1).out
    assert tidings("source", "access", 1).out == summed_up
    assert tidings("source", "show", 1, "--json").json["access"] == summed_up.strip()


def test_a_source_that_wants_a_login_says_how_to_give_it(tidings, web):
    url = web.serve(answer("401 Unauthorized"))
    refused = tidings("source", "add", url)
    tidings.add(url)

    told = [
        refused.err,
        tidings("poll").err,
        tidings("source", "show", 1).out,
        tidings("explain", "source", 1).out,
    ]

    assert ["source access" in text for text in told] == [True] * 4
    assert tidings("source", "show", 1, "--json").json["failing_with"] == "http 401"


def test_a_login_opens_what_was_closed_at_once(tidings, web, secretive):
    url = web.serve(answer("401 Unauthorized"), answer(body=atom(*items(3))))
    tidings.add(url)
    assert tidings("poll").status == 1

    secretive(1)

    assert tidings.polled()[url]["new"] == 3


def test_what_was_set_can_be_taken_away(tidings, web, secretive):
    url = web.serve(answer(body=atom(*items(1))))
    tidings.add(url)
    secretive(1)

    some = tidings(
        "source", "access", 1, "--user", "", "--header", "X-Key:", "--cookie", "session="
    )
    none = tidings("source", "access", 1, "--none")

    assert (some.out, none.out) == ("user agent\n", "fetched like all others\n")
    tidings("poll")
    [request] = web.requests(url)
    assert not request.headers.keys() & {"authorization", "x-key", "cookie"}
    assert request.headers["user-agent"].startswith("tidings/")


def test_a_login_in_an_address_is_kept_apart_from_it(tidings, web):
    url = web.serve(answer(body=atom(*items(3))))

    added = tidings("source", "add", url.replace("//", f"//reader:{PASSWORD}@"))
    polled = tidings.polled("--all")

    assert added.status == 0
    assert list(polled) == [url]
    assert not tells(tidings("source", "export").out)
    assert tables_that_tell(tidings) == [source_access.name]
    assert {one.headers["authorization"] for one in web.requests(url)} == {f"Basic {BASIC}"}


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["--header", PASSWORD], id="a header without a name"),
        pytest.param(["--header", f"Host: {PASSWORD}"], id="a header of ours"),
        pytest.param(["--header", f"X: {PASSWORD}\nY: 1"], id="two headers in one"),
        pytest.param(["--cookie", f"a={PASSWORD};b"], id="two cookies in one"),
        pytest.param(["--proxy", f"socks5://me:{PASSWORD}@127.0.0.1:1"], id="a proxy of a kind"),
        pytest.param(["--user", "me", "--password-file", "absent"], id="a file that is not there"),
        pytest.param(["--header", "@absent"], id="the same for a header"),
    ],
)
def test_what_cannot_be_sent_is_refused_without_a_word_of_it(tidings_on_sqlite, web, options):
    tidings_on_sqlite.add(web.serve(answer()))

    refused = tidings_on_sqlite("source", "access", 1, *options)

    assert refused.status == 2
    assert not tells(refused.err)
    assert tidings_on_sqlite("source", "access", 1).out == "fetched like all others\n"


def test_a_password_can_be_typed_unseen(tidings_on_sqlite, web):
    url = web.serve(answer(body=atom(*items(1))))
    tidings_on_sqlite.add(url)
    ours, theirs = pty.openpty()

    command = ("source", "access", 1, "--user", "reader", "--password-file", "-")
    with tidings_on_sqlite.start(*command, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = read_until(ours, b"Password: ")
        os.write(ours, f"{PASSWORD}\n".encode())
        shown += read_until(ours, b"login")
        process.wait(timeout=PATIENCE)
    os.close(ours)

    assert not tells(shown.decode())
    tidings_on_sqlite("poll")
    assert web.requests(url)[0].headers["authorization"] == f"Basic {BASIC}"


def read_until(terminal, end):
    shown = b""
    while end not in shown:
        shown += os.read(terminal, 4096)
    return shown
