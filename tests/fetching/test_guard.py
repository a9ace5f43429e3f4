import errno
import socket
from ipaddress import ip_address

import pytest

from tidings.fetching.guard import Guard, is_public, is_web_port


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "100.63.255.255",
        "100.128.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "223.255.255.255",
        "2001:4860:4860::8888",
        "2606:4700::1111",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
    ],
)
def test_the_public_internet_is_public(address):
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("0.0.0.0", id="unspecified"),
        pytest.param("0.1.2.3", id="this network"),
        pytest.param("10.255.255.255", id="private A"),
        pytest.param("100.64.0.1", id="carrier-grade NAT"),
        pytest.param("100.100.100.200", id="metadata in carrier-grade NAT"),
        pytest.param("127.255.0.1", id="loopback"),
        pytest.param("168.63.129.16", id="host agent of a cloud"),
        pytest.param("169.254.169.254", id="metadata"),
        pytest.param("172.31.255.255", id="private B"),
        pytest.param("192.0.0.192", id="protocol assignments"),
        pytest.param("192.0.2.1", id="documentation 1"),
        pytest.param("192.88.99.1", id="6to4 relay"),
        pytest.param("192.168.255.255", id="private C"),
        pytest.param("198.19.255.255", id="benchmarks"),
        pytest.param("198.51.100.1", id="documentation 2"),
        pytest.param("203.0.113.1", id="documentation 3"),
        pytest.param("224.0.0.1", id="multicast"),
        pytest.param("239.255.255.255", id="multicast, last"),
        pytest.param("240.0.0.1", id="reserved"),
        pytest.param("255.255.255.255", id="broadcast"),
        pytest.param("::", id="unspecified, IPv6"),
        pytest.param("::1", id="loopback, IPv6"),
        pytest.param("::127.0.0.1", id="compatible"),
        pytest.param("::8.8.8.8", id="compatible, public inside"),
        pytest.param("::ffff:127.0.0.1", id="mapped loopback"),
        pytest.param("::ffff:169.254.169.254", id="mapped metadata"),
        pytest.param("64:ff9b::169.254.169.254", id="NAT64 of metadata"),
        pytest.param("64:ff9b:1::8.8.8.8", id="local NAT64"),
        pytest.param("100::1", id="discard"),
        pytest.param("2001::1", id="Teredo"),
        pytest.param("2001:20::1", id="ORCHID"),
        pytest.param("2001:db8::1", id="documentation, IPv6"),
        pytest.param("2002:808:808::1", id="6to4, public inside"),
        pytest.param("3fff::1", id="documentation, IPv6, new"),
        pytest.param("5f00::1", id="segment routing"),
        pytest.param("4000::1", id="not assigned"),
        pytest.param("fc00::1", id="unique local, first half"),
        pytest.param("fd00:ec2::254", id="metadata, IPv6"),
        pytest.param("fe80::1", id="link-local"),
        pytest.param("fe80::1%eth0", id="link-local with its zone"),
        pytest.param("fec0::1", id="site-local"),
        pytest.param("ff02::1", id="multicast, IPv6"),
    ],
)
def test_everything_else_is_not(address):
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("port", [80, 443, 3000, 4000, 8000, 8080, 8443, 65535])
def test_http_may_be_spoken_to(port):
    assert is_web_port(port)


@pytest.mark.parametrize("port", [0, 21, 22, 25, 53, 110, 587, 3306, 5432, 6379, 6667, 11211])
def test_http_is_not_spoken_to(port):
    assert not is_web_port(port)


def _target(host, port):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    address = (host, port, 0, 0) if ":" in host else (host, port)
    return (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address)


@pytest.mark.parametrize(
    ("allow", "host", "port", "is_open"),
    [
        pytest.param("127.0.0.1:8123", "127.0.0.1", 8123, True, id="the address and port"),
        pytest.param("127.0.0.1:8123", "127.0.0.1", 8124, False, id="another port"),
        pytest.param("127.0.0.1:8123", "127.0.0.2", 8123, False, id="another address"),
        pytest.param("127.0.0.1:8123", "::ffff:127.0.0.1", 8123, True, id="the same, mapped"),
        pytest.param("127.0.0.1:8123", "::1", 8123, False, id="its IPv6 sibling"),
        pytest.param("[::1]:8123", "::1", 8123, True, id="IPv6"),
        pytest.param("[0:0::1]:8123", "::1", 8123, True, id="IPv6 in another spelling"),
        pytest.param("[::1]:8123", "::1", 812, False, id="IPv6, another port"),
        pytest.param("localhost:8123", "127.0.0.1", 8123, False, id="a name opens no address"),
        pytest.param("127.0.0.1:8123", "8.8.8.8", 80, True, id="public: always"),
    ],
)
def test_what_is_dialled(allow, host, port, is_open):
    guard = Guard([allow])

    try:
        guard.open_socket(_target(host, port)).close()
        error = None
    except OSError as refusal:
        error = refusal.errno

    assert error == (None if is_open else errno.EACCES)


@pytest.mark.parametrize(
    ("host", "is_exempt"),
    [
        pytest.param("localhost:8123", True, id="the same"),
        pytest.param("LocalHost.:8123", True, id="another spelling"),
        pytest.param("localhost:8124", False, id="another port"),
        pytest.param("my.localhost:8123", False, id="a name below"),
        pytest.param("127.0.0.1:8123", False, id="its address"),
    ],
)
def test_who_is_exempt_by_name(host, is_exempt):
    assert Guard(["localhost:8123"]).is_exempt(host) is is_exempt


def test_without_exceptions_nobody_is_exempt():
    assert not Guard([]).is_exempt("localhost:8123")
