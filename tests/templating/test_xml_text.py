import pytest

from tidings.templating.plain_text import find_uri, xml_line, xml_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a\tb\r\nc", "a\tb\r\nc", id="blanks stay"),
        pytest.param("a\0b\x08\x0b\x1fc\x7f\x85", "abc", id="controls go"),
        pytest.param("a\ud83cb\udfffc", "abc", id="lone surrogates go"),
        pytest.param("a\ufffe\uffff\ufdd0b", "ab", id="noncharacters go"),
        pytest.param(
            "潮\U0001f30a\xa0\u2028\ufffd", "潮\U0001f30a\xa0\u2028\ufffd", id="the rest stays"
        ),
    ],
)
def test_text_keeps_what_xml_allows(text, expected):
    assert xml_text(text) == expected


def test_a_line_has_no_breaks_and_no_blanks_at_its_ends():
    assert xml_line("\0 a\r\n b\u2028c\xa0") == "a b c"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("https://a.example/b?c=d#e", "https://a.example/b?c=d#e", id="as it is"),
        pytest.param("https://a.example", "https://a.example/", id="without path"),
        pytest.param("https://a.example?b", "https://a.example/?b", id="query without path"),
        pytest.param("HTTPS://a.example/B", "HTTPS://a.example/B", id="scheme in capitals"),
        pytest.param(
            "https://a.example/潮 汐", "https://a.example/%E6%BD%AE%20%E6%B1%90", id="IRI"
        ),
        pytest.param(
            "https://a.example/?b[]=%20|", "https://a.example/?b%5B%5D=%20%7C", id="brackets"
        ),
        pytest.param("http://[::1]:80/a", "http://[::1]:80/a", id="an IPv6 host"),
        pytest.param("https://潮.example/", "https://%E6%BD%AE.example/", id="a host beyond ASCII"),
        pytest.param("https://me:p@ss@a.example/b@c", "https://a.example/b@c", id="credentials"),
        pytest.param("https://", None, id="no host"),
        pytest.param("javascript:alert(1)", None, id="another scheme"),
        pytest.param("", None, id="empty"),
        pytest.param(None, None, id="none"),
    ],
)
def test_an_address_becomes_a_uri(url, expected):
    assert find_uri(url) == expected
