"""An address is exactly one address, or refused."""

import pytest

from tidings.errors import InvalidError
from tidings.mail.addresses import EmailAddress, FromAddress, parse_address, parse_sender


@pytest.mark.parametrize(
    ("text", "address", "key"),
    [
        pytest.param("ann@example.org", "ann@example.org", "ann@example.org", id="plain"),
        pytest.param(
            " Ann.B+c@EXAMPLE.Org ", "Ann.B+c@example.org", "ann.b+c@example.org", id="case"
        ),
        pytest.param(
            "Postmaster@example.org",
            "Postmaster@example.org",
            "postmaster@example.org",
            id="a name that the standards fold stays as typed",
        ),
        pytest.param(
            "u@b\u00fccher.example.org",
            "u@xn--bcher-kva.example.org",
            "u@xn--bcher-kva.example.org",
            id="a domain of another script",
        ),
        pytest.param(
            "u@bu\u0308cher.example.org",
            "u@xn--bcher-kva.example.org",
            "u@xn--bcher-kva.example.org",
            id="the same, composed otherwise",
        ),
        pytest.param("a@\uff45xample.org", "a@example.org", "a@example.org", id="full width"),
        pytest.param("a\uff20example.org", "a@example.org", "a@example.org", id="a wide sign"),
        pytest.param(
            "\uff41\uff20\uff45\uff58\uff0eorg", "a@ex.org", "a@ex.org", id="all of it wide"
        ),
        pytest.param("a@example\u3002org", "a@example.org", "a@example.org", id="a wide stop"),
        pytest.param("a\u200b@example.org", "a@example.org", "a@example.org", id="of no width"),
        pytest.param(
            "a@exam\u200dple.org\ufeff", "a@example.org", "a@example.org", id="more of it"
        ),
        pytest.param("\u202aa@example.org\u202c", "a@example.org", "a@example.org", id="embedded"),
        pytest.param("\u3000a@example.org\u00a0 ", "a@example.org", "a@example.org", id="blanks"),
    ],
)
def test_an_address_has_one_form(text, address, key):
    assert parse_address(text) == EmailAddress(address=address, key=key)


@pytest.mark.parametrize(
    ("text", "because"),
    [
        pytest.param("", "must have an @-sign", id="empty"),
        pytest.param("ann", "must have an @-sign", id="no sign"),
        pytest.param("Ann <ann@example.org>", "a display name", id="a name"),
        pytest.param("<ann@example.org>", "display name and angle brackets", id="brackets"),
        pytest.param("a@example.org,b@example.org", "invalid characters", id="a list"),
        pytest.param("a@example.org; b@example.org", "invalid characters", id="another list"),
        pytest.param("ann(a comment)@example.org", "invalid characters", id="a comment"),
        pytest.param('"ann b"@example.org', "quoting", id="quoted"),
        pytest.param("ann@[127.0.0.1]", "a bracketed IP address", id="an IP address"),
        pytest.param("ann@127.0.0.1", "not valid", id="an IP address without brackets"),
        pytest.param("ann@localhost", "should have a period", id="this machine"),
        pytest.param("ann@example.org\n", "U+000A", id="a line feed"),
        pytest.param("ann@example.org\r\nRCPT TO:<b@c.org>", "U+000D", id="a command"),
        pytest.param("ann\0@example.org", "invalid characters", id="a null"),
        pytest.param("ann\u202e@example.org", "RIGHT-TO-LEFT OVERRIDE", id="turned around"),
        pytest.param("-f@example.org", "begins with a hyphen", id="an option"),
        pytest.param("\uff0df@example.org", "begins with a hyphen", id="a wide option"),
        pytest.param("=?utf-8?q?a?=@example.org", "has =? in it", id="an encoded word"),
        pytest.param("a\uff0cb@example.org", "invalid characters", id="a wide comma"),
        pytest.param("x" * 65 + "@example.org", "too long", id="long"),
        pytest.param("jos\u00e9@example.org", "only ASCII letters", id="a letter for few servers"),
        pytest.param("a@\ud800.org", "", id="half a character"),
    ],
)
def test_whatever_is_not_one_address_is_refused_in_a_sentence(text, because):
    with pytest.raises(InvalidError) as caught:
        parse_address(text)

    message = str(caught.value)
    assert because in message
    assert message.startswith("address ")
    assert message.isprintable()
    assert not message.endswith(".")


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("", "sign"),
        ("ann", "sign"),
        ("ann@b@example.org", "sign"),
        ("@example.org", "name"),
        ("a n@example.org", "name"),
        ("-f@example.org", "name"),
        ("josé@example.org", "letters"),
        ("ann@localhost", "domain"),
        ("ann@example,org", "domain"),
        ("ann@", "domain"),
        ("ann@example..org", "domain"),
    ],
)
def test_the_part_that_is_wrong_is_named(text, detail):
    with pytest.raises(InvalidError) as caught:
        parse_address(text)

    assert caught.value.detail == detail


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a@example.org", FromAddress(name="", address="a@example.org"), id="alone"),
        pytest.param(
            "News <a@example.org>", FromAddress(name="News", address="a@example.org"), id="bare"
        ),
        pytest.param(
            ' "News, daily" <a@EXAMPLE.org> ',
            FromAddress(name="News, daily", address="a@example.org"),
            id="quoted",
        ),
        pytest.param(
            "\u65b0\u95fb <a@example.org>",
            FromAddress(name="\u65b0\u95fb", address="a@example.org"),
            id="zh",
        ),
    ],
)
def test_a_sender_has_a_name_and_an_address(text, expected):
    assert parse_sender(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "News",
        "News <>",
        "News <a@example.org>, <b@example.org>",
        "Ne\nws <a@example.org>",
        "a@example.org <b@example.org",
    ],
)
def test_a_sender_without_one_address_is_refused(text):
    with pytest.raises(InvalidError):
        parse_sender(text)
