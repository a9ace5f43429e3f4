import pytest
from yarl import URL

from tidings.errors import FetchError, ForbiddenAddressError
from tidings.fetching.guard import (
    Target,
    host_port,
    parse_target,
    resolve_redirect,
    without_credentials,
)
from tidings.model.urls import host_of


@pytest.mark.parametrize(
    ("address", "url", "authorization"),
    [
        pytest.param(
            "http://a.example/feed?q=1#top", "http://a.example/feed?q=1", None, id="plain"
        ),
        pytest.param("HTTP://A.Example:80/", "http://a.example/", None, id="capitals, port"),
        pytest.param(
            "https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC", None, id="IDN"
        ),
        pytest.param("http://u:p@a.example/", "http://a.example/", "Basic dTpw", id="credentials"),
        pytest.param("http://u@a.example/", "http://a.example/", "Basic dTo=", id="no password"),
        pytest.param("http://:p@a.example/", "http://a.example/", "Basic OnA=", id="no user"),
        pytest.param(
            "http://%C3%BC:p@a.example/", "http://a.example/", "Basic w7w6cA==", id="UTF-8"
        ),
        pytest.param("http://[2001:DB8::1]:81/", "http://[2001:db8::1]:81/", None, id="IPv6"),
        pytest.param("http://a_b.example/", "http://a_b.example/", None, id="underscore"),
    ],
)
def test_an_address_is_taken_apart(address, url, authorization):
    assert parse_target(address) == Target(url=URL(url, encoded=True), authorization=authorization)


@pytest.mark.parametrize(
    "address",
    [
        "http://a.example/",
        "https://a.example/",
        "http://a.example:8080/",
        "https://a.example.:443/",
        "http://a.example:0/",
        "http://[2001:db8::1]/",
        "http://[2001:db8::1]:81/",
    ],
)
def test_the_host_of_a_target_is_the_one_that_its_source_is_leased_by(address):
    assert host_port(parse_target(address).url) == host_of(address)


@pytest.mark.parametrize(
    "address",
    [
        "mailto:a@b.example",
        "//a.example/",
        "http://a b.example/",
        "http://a%2eb.example/",
        "http://[fe80::1%25eth0]/",
        "http://u:pass/word@a.example/",
        "http://a.example:x/",
    ],
)
def test_what_cannot_be_dialled_is_refused(address):
    with pytest.raises(ForbiddenAddressError) as caught:
        parse_target(address)

    assert "pass" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        pytest.param("http://u:secret@a.example/@x", "http://a.example/@x", id="valid"),
        pytest.param("http://u:se/cret@a.example/", "a.example/", id="not valid"),
        pytest.param("no address", "no address", id="nothing like it"),
    ],
)
def test_credentials_are_never_shown(address, shown):
    assert without_credentials(address) == shown


@pytest.mark.parametrize(
    ("location", "target"),
    [
        pytest.param("/b", "https://a.example/b", id="path"),
        pytest.param("//b.example/", "https://b.example/", id="host"),
        pytest.param("http://b.example/", "http://b.example/", id="down to http"),
        pytest.param("../c/./d", "https://a.example/c/d", id="dots"),
    ],
)
def test_a_location_is_followed(location, target):
    assert str(resolve_redirect(URL("https://a.example/x/y"), location)) == target


@pytest.mark.parametrize("location", ["http:b", "http:///b", "data:,x", "http://u@b.example/"])
def test_some_locations_are_not_followed(location):
    with pytest.raises(FetchError) as caught:
        resolve_redirect(URL("https://a.example/"), location)

    assert caught.value.url == "https://a.example/"
