from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.parsing.absolute_urls import (
    MAX_LENGTH,
    _joined_quickly,
    _joined_to_all,
    absolute_url,
    canonical_url,
    exact_url,
)

PAGE = "https://example.org/posts/1"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("https://example.com/a", "https://example.com/a", id="good as it is"),
        pytest.param("/a.png", "https://example.org/a.png", id="relative to the host"),
        pytest.param("a.png", "https://example.org/posts/a.png", id="relative to the page"),
        pytest.param("//cdn.example/a", "https://cdn.example/a", id="relative to the scheme"),
        pytest.param("#n1", f"{PAGE}#n1", id="within the page"),
        pytest.param("  https://example.com/ \n", "https://example.com/", id="trimmed"),
        pytest.param(
            "https://exam\nple.com/\ta",
            "https://example.com/a",
            id="line breaks and tabs do not count",
        ),
        pytest.param(
            "http:\\\\evil.example\\x", "http://evil.example/x", id="backslashes are slashes"
        ),
        pytest.param("/\\evil.example", "https://evil.example", id="a backslash hides no host"),
        pytest.param("https://me:secret@example.com/", "https://example.com/", id="no credentials"),
        pytest.param(
            "HTTPS://EXAMPLE.com:443/A",
            "https://example.com/A",
            id="host in lower case, no default port",
        ),
        pytest.param(
            "http://example.com:8080/", "http://example.com:8080/", id="another port stays"
        ),
        pytest.param(
            "https://例え.jp/パス",
            "https://xn--r8jz45g.jp/%E3%83%91%E3%82%B9",
            id="an IRI becomes a URI",
        ),
        pytest.param("https://faß.de/", "https://xn--fa-hia.de/", id="by the IDNA of today"),
        pytest.param(
            "https://example.com/a b?q=é|", "https://example.com/a%20b?q=%C3%A9%7C", id="quoted"
        ),
        pytest.param(
            "https://example.com/100%/%41",
            "https://example.com/100%25/%41",
            id="a stray percent sign",
        ),
        pytest.param("http://[::1]:80/x", "http://[::1]/x", id="an IPv6 address"),
        pytest.param(
            "https://example.com/?utm_source=a&id=1&fbclid=b",
            "https://example.com/?id=1",
            id="no tracking",
        ),
        pytest.param(
            "https://example.com/?a=1&amp;utm_medium=x",
            "https://example.com/?a=1",
            id="tracking escaped twice",
        ),
        pytest.param(
            "https://example.com/?gclid=x", "https://example.com/", id="nothing but tracking"
        ),
        pytest.param(
            "https://example.com/#utm_source=rss",
            "https://example.com/",
            id="tracking in the fragment",
        ),
        pytest.param(
            "https://example.com/?b=2&a=1&a=",
            "https://example.com/?b=2&a=1&a=",
            id="the query keeps its order",
        ),
    ],
)
def test_absolute_url(url, expected):
    assert absolute_url(url, PAGE) == expected


@pytest.mark.parametrize(
    "url",
    [
        pytest.param(None, id="nothing"),
        pytest.param("", id="empty"),
        pytest.param("  ", id="blank"),
        pytest.param("javascript:alert(1)", id="a script"),
        pytest.param("java\nscript:alert(1)", id="a script in two lines"),
        pytest.param("\x01javascript:alert(1)", id="a script behind a control character"),
        pytest.param("data:text/html,x", id="data"),
        pytest.param("file:///etc/passwd", id="a file"),
        pytest.param("mailto:a@example.org", id="mail"),
        pytest.param("http://[::", id="a broken address"),
        pytest.param("http://example.com:99999/", id="an impossible port"),
        pytest.param("http://exa mple.com/", id="a blank in the host"),
        pytest.param("http://../", id="dots for a host"),
        pytest.param("https://example.com/" + "a" * MAX_LENGTH, id="too long"),
        pytest.param("https://example.com/" + "é" * 1000, id="too long once quoted"),
        pytest.param("x" * 100_000, id="much too long"),
    ],
)
def test_what_is_no_web_address_is_none(url):
    assert absolute_url(url, PAGE) is None


def test_a_relative_url_without_a_base_is_none():
    assert absolute_url("/a") is None


def test_bases_are_resolved_against_one_another():
    url = absolute_url("x.png", "sub/", None, "http://[", "https://example.org/a/b")

    assert url == "https://example.org/a/sub/x.png"


@given(st.text(st.sampled_from("htps:/\\.@?#%&=[]abcé \n\tjavscript"), max_size=60))
def test_an_absolute_url_is_ascii_and_stays_as_it_is(raw):
    url = absolute_url(raw, PAGE)

    if url is not None:
        parts = urlsplit(url)
        assert parts.scheme in {"http", "https"}
        assert parts.hostname
        assert "@" not in parts.netloc
        assert url.isascii()
        assert not set(url) & set(' "<>\\^`{|}\n\t')
        assert absolute_url(url) == url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("HTTP://Example.org:80", "http://example.org/", id="a bare host"),
        pytest.param(
            "https://example.org/a?x=1#top", "https://example.org/a?x=1", id="no fragment"
        ),
        pytest.param(
            "https://example.org/#!/a", "https://example.org/#!/a", id="a fragment that is a page"
        ),
        pytest.param(
            "https://example.org?utm_campaign=x", "https://example.org/", id="no tracking"
        ),
        pytest.param(" tag:example.org,2026:1 ", "tag:example.org,2026:1", id="no web address"),
    ],
)
def test_canonical_url(url, expected):
    assert canonical_url(url) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("https://example.com/a?utm_source=x", None, id="tracking"),
        pytest.param("HTTP://Example.com:80/A%7e", None, id="no normal form"),
        pytest.param(" https://example.com ", "https://example.com", id="blanks around it"),
        pytest.param("feed.xml", "https://example.org/posts/feed.xml", id="relative"),
        pytest.param("https://ann:key@example.com/", "https://example.com/", id="credentials"),
        pytest.param("https://example.com/ä", "https://example.com/%C3%A4", id="beyond ASCII"),
        pytest.param("https://example.com\\\\a", "https://example.com//a", id="backslashes"),
    ],
)
def test_an_exact_url_is_left_as_written_where_it_can_be(url, expected):
    assert exact_url(url, PAGE) == (expected or url)


@pytest.mark.parametrize("url", ["javascript:x", "https://a b/", "", None, "https://[x]/"])
def test_what_is_no_url_is_no_exact_one(url):
    assert exact_url(url, PAGE) is None


_PARTS = (
    r"/ // \ @ ? # % %2e .. . ; & = ~ - _ A a /../ /. ?a=1 #utm_x=1 #top example.org 127.0.0.1 :80"
    " :443 :8080 :08080 :54321 :65536 é utm_source=x fbclid=1 b=c &amp; https:// http:// mailto:"
    " https://example.org https://a.b:8080/c"
)
_URLS = st.lists(st.sampled_from([*_PARTS.split(), " "]), max_size=7).map("".join)
_BASES = st.none() | _URLS | st.sampled_from([PAGE, "https://a.b/?utm_id=1", "http://1.2.3.4:81#x"])


@given(_URLS, st.lists(_BASES, max_size=2))
def test_the_quick_way_is_the_long_way(url, bases):
    quick = _joined_quickly(url, bases) if url else None

    assert quick in (None, _joined_to_all(url, bases))


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com:8080/a?utm_source=x#top",
        "http://127.0.0.1:54321/feed",
        "https://example.com/?utm_source=a&id=1",
        "/a/b?c=d",
        "#top",
    ],
)
def test_urls_as_most_are_take_the_quick_way(url):
    assert _joined_quickly(url, [PAGE]) == _joined_to_all(url, [PAGE])
