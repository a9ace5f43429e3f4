"""When too much is asked, and by whom."""

from datetime import timedelta

import pytest

from parsed_entries import NOON
from tidings.model.subscribers import abuse_key, is_role, looks_human, network_of


@pytest.mark.parametrize(
    ("address", "network"),
    [
        pytest.param("203.0.113.77", "203.0.113.0/24", id="IPv4"),
        pytest.param("::ffff:203.0.113.77", "203.0.113.0/24", id="IPv4 in IPv6"),
        pytest.param("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48", id="IPv6"),
        pytest.param("fe80::1%eth0", "fe80::/48", id="with a zone"),
        pytest.param("unix:", "unknown", id="no address"),
    ],
)
def test_a_network_is_what_a_provider_hands_out(address, network):
    assert network_of(address) == network


def test_ways_to_write_one_address_count_as_one():
    written = ["a.nn@example.org", "ann+news@example.org", "a.n.n+x.y@example.org"]

    assert {abuse_key(one) for one in written} == {"ann@example.org"}
    assert abuse_key("ann@mail.example.org") == "ann@mail.example.org"


def test_nobody_reads_news_at_an_address_for_machines():
    assert is_role("mailer-daemon@example.org")
    assert not is_role("ann@postmaster.example.org")


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        pytest.param(-5, False, id="of the future"),
        pytest.param(2, False, id="too quick"),
        pytest.param(3, True, id="quick"),
        pytest.param(7 * 24 * 3600, True, id="a form left open for a week"),
        pytest.param(7 * 24 * 3600 + 1, False, id="longer"),
    ],
)
def test_people_take_their_time(seconds, expected):
    assert looks_human(NOON - timedelta(seconds=seconds), now=NOON) is expected
