"""Logins, headers, cookies, proxies: who gets to see them, and who does not."""

import base64
import socket

import pytest

from fake_publisher import FakePublisher, answer, redirect, silence
from tidings.errors import StatusError, TimedOutError, UnreachableError
from tidings.model.access import Access

DOCUMENT = answer(body=b"document")
SECRET = Access(
    user="reäder",
    password="pass:wörd",
    headers={"X-Key": "k€y"},
    cookies={"a": "1", "b": "2=3"},
    user_agent="Reader/7",
)
PRIVATE = {"authorization", "x-key", "cookie"}


@pytest.fixture
def proxy():
    """A proxy that has pages of its own for whatever it is asked."""
    with FakePublisher() as proxy:
        yield proxy


def seen(request):
    return PRIVATE & request.headers.keys()


def basic(text):
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_everything_is_sent_as_it_was_given(fetch, publisher):
    url = publisher.serve("/feed", DOCUMENT)

    fetch(url, access=SECRET)

    sent = publisher.received[0].headers
    assert sent["authorization"] == basic("reäder:pass:wörd")
    assert sent["x-key"].encode("latin-1").decode() == "k€y"
    assert sent["cookie"] == "a=1; b=2=3"
    assert sent["user-agent"] == "Reader/7"


def test_nothing_is_sent_that_was_not_given(fetch, publisher):
    url = publisher.serve("/feed", DOCUMENT)

    fetch(url, access=Access())

    assert seen(publisher.received[0]) == set()
    assert publisher.received[0].headers["user-agent"].startswith("tidings/")


def test_one_of_our_headers_can_be_another(fetch, publisher):
    url = publisher.serve("/feed", DOCUMENT)

    fetch(url, access=Access(headers={"Accept": "text/xml", "Authorization": "Bearer 1"}))

    sent = publisher.received[0].headers
    assert (sent["accept"], sent["authorization"]) == ("text/xml", "Bearer 1")


def test_a_login_goes_before_that_in_the_address(fetch, publisher):
    publisher.serve("/feed", DOCUMENT)

    fetch(f"http://old:old@{publisher.host}/feed", access=Access(user="new", password="new"))

    assert publisher.received[0].headers["authorization"] == basic("new:new")


def test_a_cookie_that_the_publisher_sets_does_not_replace_the_operator_s(fetch, publisher):
    publisher.serve("/feed", answer("302 Found", Location="/end", Set_Cookie="a=theirs; Path=/"))
    publisher.serve("/end", DOCUMENT)

    fetch(publisher.url("/feed"), access=Access(cookies={"a": "ours"}))

    assert [one.headers["cookie"] for one in publisher.received] == ["a=ours", "a=ours"]


def test_a_redirect_to_another_host_takes_nothing_secret_along(fetch, publisher, elsewhere):
    there = elsewhere.serve("/feed", DOCUMENT)
    publisher.serve("/feed", redirect("/next", "301 Moved Permanently"))
    publisher.serve("/next", redirect(there, "301 Moved Permanently"))

    outcome = fetch(publisher.url("/feed"), access=SECRET)

    assert [seen(one) for one in publisher.received] == [PRIVATE, PRIVATE]
    assert seen(elsewhere.received[0]) == set()
    assert elsewhere.received[0].headers["user-agent"] == "Reader/7"
    assert outcome.moved_to is None  # where it would not be let in


def test_another_spelling_of_the_host_is_another_host(fetch, publisher, elsewhere):
    name = f"localhost:{publisher.port}"
    publisher.serve("/feed", redirect(f"http://{name}/end"))
    publisher.serve("/end", DOCUMENT)

    fetch(publisher.url("/feed"), access=SECRET, allow=(publisher.host, name))

    assert [seen(one) for one in publisher.received] == [PRIVATE, set()]


def test_a_redirect_to_another_scheme_takes_nothing_secret_along(fetch, proxy):
    """Through a proxy, so that no certificate is needed to see it."""
    proxy.serve("http://feeds.example/feed", redirect("https://feeds.example/feed"))
    proxy.serve("feeds.example:443", answer("403 Forbidden"))

    outcome = fetch("http://feeds.example/feed", access=a_way_through(proxy, SECRET))

    assert isinstance(outcome, UnreachableError)
    assert [one.method for one in proxy.received] == ["GET", "CONNECT"]
    assert [seen(one) for one in proxy.received] == [PRIVATE, set()]


def a_way_through(proxy, access=SECRET, *, login=""):
    return Access(
        user=access.user,
        password=access.password,
        headers=access.headers,
        cookies=access.cookies,
        user_agent=access.user_agent,
        proxy=f"http://{login}{proxy.host}",
    )


@pytest.mark.parametrize(
    ("end", "has_moved"),
    [pytest.param("/end", True, id="same host"), pytest.param("elsewhere", False, id="another")],
)
def test_a_source_moves_only_where_its_login_may_go(fetch, publisher, elsewhere, end, has_moved):
    to = elsewhere.serve("/end", DOCUMENT) if end == "elsewhere" else publisher.serve(end, DOCUMENT)
    url = publisher.serve("/feed", redirect(to, "308 Permanent Redirect"))

    outcome = fetch(url, access=SECRET)

    assert (outcome.moved_to is not None) is has_moved


def test_a_source_with_but_a_user_agent_moves_anywhere(fetch, publisher, elsewhere):
    there = elsewhere.serve("/feed", DOCUMENT)
    url = publisher.serve("/feed", redirect(there, "301 Moved Permanently"))

    outcome = fetch(url, access=Access(user_agent="Reader/7"))

    assert outcome.moved_to == there


def test_a_proxy_is_told_the_whole_address_and_asked_for_every_hop(fetch, proxy):
    proxy.serve("http://feeds.example/feed", redirect("http://other.example:8080/feed?a=b"))
    proxy.serve("http://other.example:8080/feed?a=b", DOCUMENT)

    outcome = fetch(
        "http://feeds.example/feed", access=a_way_through(proxy, login="me:s%C3%A9cret@")
    )

    assert outcome.body == b"document"
    assert outcome.url == "http://other.example:8080/feed?a=b"
    assert [one.headers["host"] for one in proxy.received] == [
        "feeds.example",
        "other.example:8080",
    ]
    assert [seen(one) for one in proxy.received] == [PRIVATE, set()]
    assert {one.headers["proxy-authorization"] for one in proxy.received} == {basic("me:sécret")}


def test_a_tunnel_shows_the_proxy_its_own_login_and_nothing_else(fetch, proxy):
    proxy.serve("feeds.example:443", answer("407 Proxy Authentication Required"))

    outcome = fetch("https://feeds.example/feed", access=a_way_through(proxy, login="me:secret@"))

    [request] = proxy.received
    assert (request.method, request.path) == ("CONNECT", "feeds.example:443")
    assert request.headers["proxy-authorization"] == basic("me:secret")
    assert seen(request) == set()
    assert str(outcome) == "cannot fetch https://feeds.example/feed: its proxy answers 407"


def test_a_proxy_that_is_not_there_is_named_as_the_reason(fetch):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = f"http://me:secret@127.0.0.1:{listener.getsockname()[1]}"

    outcome = fetch("http://feeds.example/feed", access=Access(proxy=closed))

    assert isinstance(outcome, UnreachableError)
    assert str(outcome) == "cannot fetch http://feeds.example/feed: no connection to its proxy"


def test_a_proxy_that_refuses_is_an_error_of_the_source(fetch, proxy):
    proxy.serve("http://feeds.example/feed", answer("407 Proxy Authentication Required"))

    outcome = fetch("http://feeds.example/feed", access=a_way_through(proxy, login="me:secret@"))

    assert isinstance(outcome, StatusError)
    assert "secret" not in str(outcome)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_silent_runs_out_of_time(fetch, proxy, seconds, scheme):
    proxy.serve("http://feeds.example/feed", silence)
    proxy.serve("feeds.example:443", silence)

    outcome = fetch(
        f"{scheme}://feeds.example/feed",
        access=a_way_through(proxy),
        connect_timeout=seconds(0.2),
        first_byte_timeout=seconds(0.2),
    )

    assert isinstance(outcome, TimedOutError)
