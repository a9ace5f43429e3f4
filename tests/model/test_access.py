import pytest

from tidings.errors import InvalidError
from tidings.model.access import Access, apply_change, split_credentials

EVERYTHING = Access(
    user="reader",
    password="s3cret",
    headers={"X-Key": "s3cret"},
    cookies={"session": "s3cret"},
    proxy="http://me:s3cret@proxy.example:3128",
    user_agent="s3cret",
)


def test_it_never_shows_more_than_what_it_consists_of():
    shown = (repr(EVERYTHING), str(EVERYTHING), f"{[EVERYTHING]}", EVERYTHING.summary)

    assert not any("s3cret" in text or "reader" in text for text in shown)
    assert EVERYTHING.summary == "login, 1 header, 1 cookie, proxy, user agent"


def test_what_is_empty_has_an_empty_summary():
    assert Access().summary == ""


def test_what_a_change_leaves_out_stays():
    assert apply_change(EVERYTHING, Access()) == EVERYTHING


@pytest.mark.parametrize(
    ("change", "summary"),
    [
        pytest.param(
            Access(user=""), "1 header, 1 cookie, proxy, user agent", id="the login, with password"
        ),
        pytest.param(
            Access(headers={"x-KEY": ""}), "login, 1 cookie, proxy, user agent", id="a header"
        ),
        pytest.param(
            Access(cookies={"session": ""}), "login, 1 header, proxy, user agent", id="a cookie"
        ),
        pytest.param(
            Access(cookies={"Session": ""}), EVERYTHING.summary, id="a cookie of another name"
        ),
        pytest.param(Access(proxy=""), "login, 1 header, 1 cookie, user agent", id="the proxy"),
        pytest.param(Access(user_agent=""), "login, 1 header, 1 cookie, proxy", id="the agent"),
    ],
)
def test_what_is_empty_in_a_change_is_taken_away(change, summary):
    assert apply_change(EVERYTHING, change).summary == summary


def test_a_password_does_not_outlive_its_user():
    left = apply_change(EVERYTHING, Access(user=""))

    assert left.password is None
    assert apply_change(left, Access(user="other")).password is None


def test_a_header_has_one_value_however_its_name_is_written():
    result = apply_change(
        Access(headers={"X-Key": "old"}), Access(headers={"x-key": "new", "b": "2"})
    )

    assert result.headers == {"X-Key": "new", "B": "2"}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(Access(password="s3cret"), id="a password of nobody"),
        pytest.param(Access(user="a:b", password="s3cret"), id="a colon in a name"),
        pytest.param(Access(user="a", password="s3cret\n"), id="a line break in a password"),
        pytest.param(Access(user="a", password="s3cret\udcff"), id="bytes that are no text"),
        pytest.param(Access(headers={"X": "s3cret\r\nHost: b"}), id="a line break in a header"),
        pytest.param(Access(headers={"X": "s3cret\0"}), id="a zero in a header"),
        pytest.param(Access(headers={"X Y": "s3cret"}), id="a blank in a name"),
        pytest.param(Access(headers={"": "s3cret"}), id="no name"),
        pytest.param(Access(headers={"é": "s3cret"}), id="a name beyond ASCII"),
        pytest.param(Access(headers={"X\r\nY": "s3cret"}), id="a line break in a name"),
        pytest.param(Access(headers={"cookie": "s3cret"}), id="cookies as a header"),
        pytest.param(Access(headers={"user-agent": "s3cret"}), id="the user agent as a header"),
        pytest.param(
            Access(user="a", headers={"authorization": "s3cret"}), id="a login in two ways"
        ),
        pytest.param(Access(cookies={"a b": "s3cret"}), id="a blank in a cookie's name"),
        pytest.param(Access(cookies={"a": "s3cret;b"}), id="a semicolon in a cookie"),
        pytest.param(Access(cookies={"a": "s3cret\n"}), id="a line break in a cookie"),
        pytest.param(Access(proxy="a:s3cret@host"), id="a proxy without a scheme"),
        pytest.param(Access(proxy="socks5://a:s3cret@host:1"), id="a proxy of another kind"),
        pytest.param(Access(proxy="http://a:s3cret@host:x"), id="a port that is no number"),
        pytest.param(Access(proxy="http://a:s3cret@host/path"), id="a proxy with a path"),
        pytest.param(Access(proxy="http://a:s3cret@ho st"), id="a proxy with a blank"),
        pytest.param(Access(user_agent="s3cret\n"), id="a line break in the agent"),
    ],
)
def test_what_cannot_be_sent_is_refused_without_a_word_of_it(change):
    with pytest.raises(InvalidError) as refused:
        apply_change(Access(), change)

    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    "name",
    [
        *("A-IM", "accept-encoding", "Connection", "Content-Length", "content-type", "Expect"),
        *("Host", "If-None-Match", "If-Modified-Since", "Keep-Alive", "Proxy-Authorization"),
        *("Range", "TE", "Trailer", "Transfer-Encoding", "Upgrade"),
    ],
)
def test_headers_that_are_ours_to_set_are_refused(name):
    with pytest.raises(InvalidError, match="ours to set"):
        apply_change(Access(), Access(headers={name: "x"}))


@pytest.mark.parametrize(
    ("url", "bare", "user", "password"),
    [
        pytest.param("https://a.example/f", "https://a.example/f", None, None, id="none"),
        pytest.param("https://a.example/@f", "https://a.example/@f", None, None, id="in the path"),
        pytest.param("http://u:p@a.example:81/f", "http://a.example:81/f", "u", "p", id="both"),
        pytest.param("https://key@a.example/f", "https://a.example/f", "key", None, id="a name"),
        pytest.param("https://:p@a.example/f", "https://a.example/f", "", "p", id="a password"),
        pytest.param("https://u:p:q@r@a.example/", "https://a.example/", "u", "p:q@r", id="marks"),
        pytest.param("https://%C3%BC:%40@a.example/", "https://a.example/", "ü", "@", id="escapes"),
        pytest.param("https://u%3A:p@a.example/", "https://a.example/", None, None, id="colon"),
        pytest.param("https://u:%00@a.example/", "https://a.example/", None, None, id="a zero"),
    ],
)
def test_an_address_and_its_login_are_taken_apart(url, bare, user, password):
    assert split_credentials(url) == (bare, Access(user=user, password=password))
