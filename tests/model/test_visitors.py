import pytest

from tidings.model.subscribers import parse_networks, visitor_address

OURS = parse_networks(["10.0.0.0/8", "2001:db8::1"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        pytest.param("203.0.113.9", ["192.0.2.1"], "203.0.113.9", id="a stranger: not believed"),
        pytest.param("10.0.0.1", ["192.0.2.1"], "192.0.2.1", id="our proxy: believed"),
        pytest.param("10.0.0.1", ["1.1.1.1, 192.0.2.1"], "192.0.2.1", id="not what it was told"),
        pytest.param("10.0.0.1", ["1.1.1.1", "192.0.2.1, 10.0.0.2"], "192.0.2.1", id="two of ours"),
        pytest.param("2001:db8::1", ["2001:db8::7"], "2001:db8::7", id="IPv6"),
        pytest.param("::ffff:10.0.0.1", ["192.0.2.1"], "192.0.2.1", id="IPv4 in IPv6"),
        pytest.param("10.0.0.1", ["192.0.2.1:4711"], "10.0.0.1", id="unreadable: as one"),
        pytest.param("10.0.0.1", [], "10.0.0.1", id="a proxy that says nothing"),
        pytest.param("", ["192.0.2.1"], "", id="nobody knows"),
    ],
)
def test_a_visitor_is_whom_our_own_proxies_name(peer, forwarded, expected):
    assert visitor_address(peer, forwarded, trusted=OURS) == expected
