"""Following redirects, hop by hop."""

import time

import pytest

from fake_publisher import answer, redirect
from tidings.errors import FetchError, ForbiddenAddressError, StatusError, UnreachableError

PERMANENT, TEMPORARY = "301 Moved Permanently", "302 Found"


@pytest.mark.parametrize(
    ("hops", "has_moved"),
    [
        pytest.param([], False, id="none"),
        pytest.param(["301 Moved"], True, id="301"),
        pytest.param(["308 Moved"], True, id="308"),
        pytest.param(["301 Moved", "308 Moved"], True, id="permanent all the way"),
        pytest.param(["302 Found"], False, id="302"),
        pytest.param(["303 See Other"], False, id="303"),
        pytest.param(["307 Temporary"], False, id="307"),
        pytest.param(["301 Moved", "302 Found"], False, id="temporary at the end"),
        pytest.param(["302 Found", "301 Moved"], False, id="temporary at the start"),
    ],
)
def test_only_permanent_redirects_move_a_source(fetch, publisher, hops, has_moved):
    for number, status in enumerate(hops):
        publisher.serve(f"/{number}", redirect(f"/{number + 1}", status))
    end = publisher.serve(f"/{len(hops)}", answer(body=b"document"))

    outcome = fetch(publisher.url("/0"))

    assert (outcome.body, outcome.url) == (b"document", end)
    assert outcome.moved_to == (end if has_moved else None)


def test_an_unchanged_document_can_have_moved_too(fetch, publisher):
    end = publisher.serve("/new", answer(body=b"document", ETag="1"), answer("304 Not Modified"))
    start = publisher.serve("/old", redirect("/new", PERMANENT))
    validators = fetch(start).validators

    outcome = fetch(start, validators=validators)

    assert outcome.moved_to == outcome.url == end


@pytest.mark.parametrize(
    ("location", "path"),
    [
        pytest.param("next", "/a/next", id="relative"),
        pytest.param("/next?q=1#part", "/next?q=1", id="absolute path, fragment"),
        pytest.param("?q=1", "/a/start?q=1", id="query only"),
        pytest.param(" /next ", "/next", id="blanks around"),
        pytest.param("/a b", "/a%20b", id="blank inside"),
        pytest.param("/caf\u00e9", "/caf%C3%A9", id="UTF-8"),
        pytest.param("/caf\udce9", "/caf%E9", id="other bytes"),
    ],
)
def test_locations_are_understood(fetch, publisher, location, path):
    start = publisher.serve("/a/start", redirect(location))
    end = publisher.serve(path, answer(body=b"document"))

    outcome = fetch(start)

    assert outcome.url == end


@pytest.mark.parametrize(
    ("location", "error"),
    [
        pytest.param("", FetchError, id="nowhere"),
        pytest.param("file:///etc/passwd", ForbiddenAddressError, id="a file"),
        pytest.param("ftp://127.0.0.1/", ForbiddenAddressError, id="ftp"),
        pytest.param("gopher://127.0.0.1/", ForbiddenAddressError, id="gopher"),
        pytest.param("javascript:alert(1)", ForbiddenAddressError, id="a script"),
        pytest.param("http://[::1", ForbiddenAddressError, id="a broken address"),
        pytest.param("http:///feed", ForbiddenAddressError, id="no host"),
        pytest.param("http://127.0.0.1\\@host.example/", ForbiddenAddressError, id="backslash"),
        pytest.param("http://127.0.0.1:6379/", ForbiddenAddressError, id="a port of redis"),
        pytest.param("http://169.254.169.254/", ForbiddenAddressError, id="metadata"),
        pytest.param("http://[::ffff:169.254.169.254]/", ForbiddenAddressError, id="mapped"),
        pytest.param("http://user:secret@127.0.0.1/", ForbiddenAddressError, id="credentials"),
        pytest.param("//user@127.0.0.1/", ForbiddenAddressError, id="a user without a scheme"),
    ],
)
def test_a_redirect_to_where_we_do_not_go_is_an_error(fetch, publisher, location, error):
    url = publisher.serve("/feed", redirect(location))

    outcome = fetch(url)

    assert type(outcome) is error
    assert "secret" not in str(outcome)
    assert len(publisher.received) == 1


@pytest.mark.parametrize("status", [PERMANENT, TEMPORARY])
def test_a_redirect_without_a_location_is_an_error(fetch, publisher, status):
    url = publisher.serve("/feed", answer(status))

    outcome = fetch(url)

    assert str(outcome) == f"cannot fetch {url}: redirect without a location"


def test_a_loop_ends(fetch, publisher, elsewhere):
    there = elsewhere.url("/feed")
    here = publisher.serve("/feed", redirect(there))
    elsewhere.serve("/feed", redirect(here))

    outcome = fetch(here, max_redirects=4)

    assert str(outcome) == f"cannot fetch {here}: more than 4 redirects"
    assert len(publisher.received) + len(elsewhere.received) == 5


def test_as_many_redirects_as_the_policy_has_are_followed(fetch, publisher):
    for number in range(4):
        publisher.serve(f"/{number}", redirect(f"/{number + 1}"))
    publisher.serve("/4", answer(body=b"document"))

    outcome = fetch(publisher.url("/0"), max_redirects=4)

    assert outcome.body == b"document"


def test_an_error_after_a_redirect_names_the_address_that_failed(fetch, publisher, elsewhere):
    there = elsewhere.serve("/gone", answer("410 Gone"))
    here = publisher.serve("/feed", redirect(there))

    outcome = fetch(here)

    assert isinstance(outcome, StatusError)
    assert str(outcome) == f"cannot fetch {there}: 410 Gone"


def test_credentials_stay_with_the_origin_they_are_for(fetch, publisher, elsewhere):
    there = elsewhere.serve("/feed", redirect(publisher.url("/end"), PERMANENT))
    publisher.serve("/start", redirect("/middle", PERMANENT))
    publisher.serve("/middle", redirect(there, PERMANENT))
    publisher.serve("/end", answer(body=b"document"))

    outcome = fetch(f"http://user:secret@{publisher.host}/start")

    assert [r.path for r in publisher.received if "authorization" in r.headers] == [
        "/start",
        "/middle",
        "/end",
    ]
    assert "authorization" not in elsewhere.received[0].headers
    assert outcome.moved_to is None  # where the credentials would be lost


def test_another_host_is_borrowed_before_it_is_asked(fetch, publisher, elsewhere):
    borrowed = []
    there = elsewhere.serve("/feed", answer(body=b"document"))
    publisher.serve("/feed", redirect("/second"))
    publisher.serve("/second", redirect(there))

    def lease(host):
        borrowed.append((host, len(elsewhere.received)))
        return True

    fetch(publisher.url("/feed"), lease=lease)

    assert borrowed == [(elsewhere.host, 0)]


def test_a_host_that_another_process_holds_is_left_alone(fetch, publisher, elsewhere, seconds):
    there = elsewhere.serve("/feed", answer(body=b"document"))
    url = publisher.serve("/feed", redirect(there))

    outcome = fetch(url, lease=lambda _host: False, total_timeout=seconds(0.2))

    assert isinstance(outcome, UnreachableError)
    assert outcome.transient
    assert str(outcome) == f"cannot fetch {there}: {elsewhere.host} is kept busy by another process"
    assert elsewhere.received == []


def test_a_redirect_takes_its_turn_on_its_own_host(fetch, publisher, seconds):
    arrivals = []

    def noting(data):
        async def script(writer):
            arrivals.append(time.monotonic())
            writer.write(data)

        return script

    url = publisher.serve("/feed", noting(redirect("/next")))
    publisher.serve("/next", noting(answer(body=b"document")))

    outcome = fetch(url, host_interval=seconds(0.8), total_timeout=seconds(0.7))

    assert outcome.body == b"document"
    # Less than the pause: on a busy machine the first may be seen late.
    assert arrivals[1] - arrivals[0] >= 0.4
