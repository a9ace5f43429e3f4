"""Nothing but the public internet is dialled, however it is spelled."""

import pytest

from fake_publisher import answer, redirect
from hostile_servers import SPELLINGS
from tidings.errors import FetchError, ForbiddenAddressError
from tidings.fetching.outcomes import Fetched


@pytest.mark.parametrize("name", SPELLINGS)
def test_an_address_that_is_not_public_is_refused(fetch, canary, name):
    url = f"http://{name}:{canary.port}/feed"

    outcome = fetch(url)

    assert isinstance(outcome, ForbiddenAddressError)
    assert not outcome.transient
    assert not canary.was_reached


@pytest.mark.parametrize("status", ["302 Found", "307 Temporary Redirect"])
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "127.1"])
def test_a_redirect_does_not_lead_there_either(fetch, publisher, canary, name, status):
    url = publisher.serve("/feed", redirect(f"http://{name}:{canary.port}/", status))

    outcome = fetch(url)

    assert isinstance(outcome, ForbiddenAddressError)
    assert not canary.was_reached


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "gopher://127.0.0.1/",
        "feed://127.0.0.1/",
        "/feed",
        "",
        "http://",
        "http:///feed",
        "http://[::1",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:port/",
        "http://127.0.0.1\\@host.example/",
        "http://host%00.127.0.0.1/",
        "http://host name/",
        "http://user:pa/ss@host.example/",
        "http://us%3Aer:secret@host.example/",
    ],
)
def test_what_is_not_a_web_address_is_refused(fetch, url):
    outcome = fetch(url)

    assert isinstance(outcome, ForbiddenAddressError)
    assert "not a valid http(s) address" in str(outcome)
    assert "secret" not in str(outcome)
    assert "pa" not in outcome.url.partition("/etc/")[0]


@pytest.mark.parametrize("port", [0, 22, 25, 5432, 6379, 11211])
def test_ports_of_other_protocols_are_refused(fetch, port):
    outcome = fetch(f"http://8.8.8.8:{port}/")

    assert str(outcome) == f"cannot fetch http://8.8.8.8:{port}/: port {port} is not for the web"


def test_an_exempt_name_is_reached(fetch, publisher):
    publisher.serve("/feed", answer(body=b"document"))

    outcome = fetch(
        f"http://LocalHost:{publisher.port}/feed", allow=(f"localhost:{publisher.port}",)
    )

    assert isinstance(outcome, Fetched)


def test_an_exempt_name_opens_no_other_port(fetch, publisher, canary):
    publisher.serve("/feed", redirect(f"http://localhost:{canary.port}/"))

    outcome = fetch(
        f"http://localhost:{publisher.port}/feed", allow=(f"localhost:{publisher.port}",)
    )

    assert isinstance(outcome, ForbiddenAddressError)
    assert not canary.was_reached


def test_an_exempt_name_opens_no_other_name_for_the_same_address(a_fetcher, gather, publisher):
    publisher.serve("/feed", answer(body=b"document"))
    names = ["localhost", "127.0.0.1", "0x7f.1"]
    allow = (f"localhost:{publisher.port}",)

    with a_fetcher(allow=allow) as fetcher:
        urls = [f"http://{name}:{publisher.port}/feed" for name in names]
        outcomes = [gather(fetcher, [url])[0] for url in urls]

    assert [type(outcome) for outcome in outcomes] == [
        Fetched,
        ForbiddenAddressError,
        ForbiddenAddressError,
    ]


def test_an_exempt_address_is_reached_by_every_name_it_has(fetch, publisher):
    publisher.serve("/feed", answer(body=b"document"))

    outcome = fetch(f"http://0x7f.1:{publisher.port}/feed", allow=(publisher.host,))

    assert isinstance(outcome, Fetched)


def test_an_exempt_address_opens_no_other_port(fetch, publisher, canary):
    outcome = fetch(f"http://127.0.0.1:{canary.port}/", allow=(publisher.host,))

    assert isinstance(outcome, FetchError)
    assert not canary.was_reached
