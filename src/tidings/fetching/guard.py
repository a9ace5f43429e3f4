"""SSRF guard: only public addresses are dialled, and what the operator has allowed.

It decides where the socket is made, on the IP address that is about to be dialled. So neither
DNS rebinding, nor another spelling of an address, nor a redirect leads around it.
"""

import errno
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from aiohttp import AddrInfoType, encode_basic_auth
from yarl import URL

from tidings.errors import FetchError, ForbiddenAddressError
from tidings.model.urls import DEFAULT_PORTS

# The interpreter's own `is_global` changes between patch releases, and lets through multicast,
# 6to4, NAT64 and others that lead to private addresses: hence lists of our own.
_CLOSED_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # the host agent of a large cloud, public by its looks only
        "169.254.0.0/16",  # link-local, metadata of clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)

_OPEN_V6 = IPv6Network("2000::/3")  # global unicast: all else is reserved, local or multicast

_CLOSED_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, Teredo
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
    )
)

_NAT64 = IPv6Network("64:ff9b::/96")

_CLOSED_PORTS = frozenset(
    {0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95}
    | {101, 102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179}
    | {389, 427, 445, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587}
    | {601, 636, 873, 989, 990, 993, 995, 1433, 1521, 1719, 1720, 1723, 2049, 2375, 2376, 3306}
    | {3389, 3659, 4045, 4190, 5060, 5061, 5432, 5672, 5900, 6000, 6379, 6566, 6665, 6666, 6667}
    | {6668, 6669, 6679, 6697, 9042, 10080, 11211, 27017}
)

_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+", re.ASCII)

_SURROGATES = re.compile("[\udc80-\udcff]")


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Tell whether `address` is one of the public internet.

    An IPv4 address that is mapped into IPv6, or reached through NAT64, counts as itself;
    every other address that embeds one is not public.
    """
    address = _unwrapped(address)
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _CLOSED_V4)
    return address in _OPEN_V6 and not any(address in network for network in _CLOSED_V6)


def is_web_port(port: int) -> bool:
    """Tell whether HTTP may be spoken to `port`; not to those known for another protocol."""
    return port not in _CLOSED_PORTS


class Guard:
    """Public addresses, and the exceptions that the operator allows.

    An exception that is a name (`localhost:8123`) opens that name and port, and nothing else
    that resolves to the same address. One that is an address (`127.0.0.1:8123`) opens that
    address and port, under whatever name it is reached.

    Args:
        allow: Exact `host:port`, IPv6 addresses in brackets.
    """

    def __init__(self, allow: Iterable[str]) -> None:
        self._allow = frozenset(_canonical(entry) for entry in allow)

    def is_exempt(self, host: str) -> bool:
        """Tell whether the operator named `host`, a `hostname:port`, as a whole."""
        return bool(self._allow) and (host in self._allow or _canonical(host) in self._allow)

    def open_socket(self, target: AddrInfoType) -> socket.socket:
        """Return a new socket to dial `target` with.

        Raises:
            OSError: With `errno.EACCES`: `target` must not be dialled.
        """
        family, kind, protocol, _, (host, port, *_) = target
        address = ip_address(host)
        if not is_public(address) and _joined(_unwrapped(address), port) not in self._allow:
            raise OSError(errno.EACCES, f"{host} is not a public address")
        return socket.socket(family, kind, protocol)


def _unwrapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address


def _canonical(host: str) -> str:
    name, _, port = host.lower().rpartition(":")
    try:
        return _joined(_unwrapped(ip_address(name.strip("[]"))), port)
    except ValueError:
        return f"{name.rstrip('.')}:{port}"


def _joined(address: IPv4Address | IPv6Address, port: object) -> str:
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A URL to request, and the credentials that were written in it.

    Attributes:
        url: Normalised, absolute, http(s), without credentials and fragment.
        authorization: The header that presents the credentials, if there are any.
    """

    url: URL
    authorization: str | None = field(default=None, repr=False)


def parse_target(address: str) -> Target:
    """Return the address of a source as a target.

    Raises:
        ForbiddenAddressError: It is not an http(s) address, or none we could dial.
    """
    try:
        url = _checked(_url(address))
        authorization = _authorization(url)
    except ValueError as error:
        shown = without_credentials(address)
        raise ForbiddenAddressError(shown, "not a valid http(s) address") from error
    return Target(url=_bare(url, address), authorization=authorization)


def without_credentials(address: str) -> str:
    """Return `address` as it may be shown, even if it is not valid."""
    try:
        return str(_bare(_checked(_url(address)), address))
    except ValueError:
        # What cannot be taken apart may hold a password anywhere before its last "@".
        return address.rpartition("@")[2]


def resolve_redirect(url: URL, location: str) -> URL:
    """Return where a redirect from `url` leads.

    Raises:
        FetchError: It leads nowhere.
        ForbiddenAddressError: It leads to what is not an http(s) address, or none we could
            dial, or brings credentials of its own.
    """
    # Headers are bytes: aiohttp decodes what is not UTF-8 to surrogates, which go back escaped.
    location = _SURROGATES.sub(lambda match: f"%{ord(match[0]) - 0xDC00:02X}", location.strip())
    if not location:
        raise FetchError(str(url), "redirect without a location")
    try:
        link = _url(location)
        target = _checked(link if link.scheme else url.join(link))
    except ValueError as error:
        because = "redirects to what is not a valid http(s) address"
        raise ForbiddenAddressError(str(url), because) from error
    if _authorization(target):
        raise ForbiddenAddressError(str(url), "redirects to an address with credentials")
    return _bare(target, location)


def host_port(url: URL) -> str:
    """Return what `host_of` returns for the text of `url`, the address of a target."""
    hostname = (url.raw_host or "").rstrip(".")
    port = url.port or DEFAULT_PORTS[url.scheme]
    return f"[{hostname}]:{port}" if ":" in hostname else f"{hostname}:{port}"


def _url(text: str) -> URL:
    try:
        return URL(text)
    except IndexError as error:  # met at "http://user@[::1]@"
        raise ValueError("not an address at all") from error


def _checked(url: URL) -> URL:
    if url.scheme not in DEFAULT_PORTS or not _HOST.fullmatch(url.raw_host or ""):
        raise ValueError("not an address we could dial")
    return url


def _authorization(url: URL) -> str | None:
    if url.raw_user is None and url.raw_password is None:
        return None
    return encode_basic_auth(url.user or "", url.password or "")


def _bare(url: URL, written: str) -> URL:
    # Most addresses are written as we would write them, and need not be parsed twice.
    if "@" not in url.raw_authority and not url.raw_fragment and str(url) == written:
        return url
    # Written and parsed again: with and without the default port it must be the same value.
    return URL(str(url.with_user(None).with_fragment(None)))
