import pytest

from tidings.model.urls import is_private, mask, web_addresses, without_credentials


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        pytest.param("https://example.org/feed?a=1", "https://example.org/feed?a=1", id="none"),
        pytest.param("https://me:secret@example.org/f", "https://example.org/f", id="both"),
        pytest.param("https://key@example.org:8443/f", "https://example.org:8443/f", id="a name"),
        pytest.param("https://a:b@c@example.org/f", "https://example.org/f", id="an @ within"),
        pytest.param("https://example.org/@user", "https://example.org/@user", id="in the path"),
    ],
)
def test_an_address_is_shown_without_credentials(url, shown):
    assert without_credentials(url) == shown


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("https://a.example/feed?token=x", True, id="a token"),
        pytest.param("https://a.example/feed?feed=" + "a1b2" * 10, True, id="what looks like one"),
        pytest.param("https://a.example/me.private.atom?token=x", True, id="a token, and a user"),
        pytest.param("https://a.example/private/x/feed", True, id="a folder"),
        pytest.param("https://me:x@a.example/feed", True, id="a login"),
        pytest.param("https://a.example/feed?PHPSESSID=x", True, id="a session"),
        pytest.param(
            "https://a.example/feed;jsessionid=x?page=1", True, id="a session in the path"
        ),
        pytest.param("https://a.example/feed?userToken=x", True, id="a word within a name"),
        pytest.param("https://a.example/feed?X-Amz-Signature=x", True, id="a signature"),
        pytest.param("https://a.example/feed?me[secret_key]=x", True, id="a name in brackets"),
        pytest.param("https://a.example/feed?h=9f8e7d6c5b4a3f2e", True, id="a short hash"),
        pytest.param("https://a.example/feed?" + "a1b2" * 10, True, id="nothing but a token"),
        pytest.param("https://a.example/c/eyJ0IjoicCIsImMiOiIx.rss", True, id="JSON in the path"),
        pytest.param("https://a.example/feed?monkey=x&keyword=y&hashtag=z", False, id="near names"),
        pytest.param("https://a.example/feed?token=&rss", False, id="names without values"),
        pytest.param("https://a.example/feed?format=rss&lang=en", False, id="a choice"),
        pytest.param("https://a.example/?feed=rss2", False, id="a form"),
        pytest.param("https://a.example/feed?user=someone", False, id="somebody's name"),
        pytest.param(f"https://a.example/f?channel_id=UC{'x1' * 11}", False, id="a channel"),
        pytest.param("https://a.example/tag/private-keys/feed", False, id="a word in the path"),
    ],
)
def test_an_address_with_a_token_in_it_is_private(url, expected):
    assert is_private(url) is expected


def test_of_a_source_with_a_login_every_query_is_private():
    assert is_private("https://a.example/feed?list=mine", has_access=True)
    assert not is_private("https://a.example/feed", has_access=True)


def test_of_a_private_address_only_the_host_is_told():
    assert mask("https://me:x@a.example:8443/private/feed?token=x") == "https://a.example:8443/…"


def test_an_address_without_scheme_may_hold_another_in_its_query():
    assert web_addresses("a.example/f?of=http://b.example/") == (
        "https://a.example/f?of=http://b.example/",
        "http://a.example/f?of=http://b.example/",
    )
