"""Those who visit the pages: where the pages are, and which address a visitor has."""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """Where the pages are served, and where the public finds them.

    Attributes:
        base_url: Absolute, without a slash at the end; empty for `http://HOST:PORT`.
        trusted_proxies: Addresses and networks whose `X-Forwarded-For` is believed.
    """

    host: str
    port: int
    base_url: str
    trusted_proxies: tuple[str, ...]

    @property
    def public_url(self) -> str:
        """The address that pages and feeds are known by."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.base_url.rstrip("/") or f"http://{host}:{self.port}"


def read_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Read addresses (`10.0.0.5`) and networks (`10.0.0.0/8`).

    Raises:
        ValueError: One of them is neither.
    """
    return tuple(ipaddress.ip_network(text) for text in texts)


def visitor_address(peer: str, forwarded: Sequence[str], *, trusted: Sequence[Network]) -> str:
    """Return the address that a request came from; empty if nobody knows.

    Each proxy adds who asked it at the end. So the list is read from there, for as long as
    one of ours wrote it: what stands before that anybody may have made up. Where it cannot be
    read, all that come through that proxy are one.

    Args:
        peer: Who holds the connection.
        forwarded: What the headers `X-Forwarded-For` say.
        trusted: Our proxies.
    """
    hops = [hop.strip() for line in forwarded for hop in line.split(",")]
    address = _address(peer)
    while hops and address is not None and any(address in one for one in trusted):
        before = _address(hops.pop())
        if before is None:
            break
        address = before
    return str(address) if address is not None else ""


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if address.version == 6 else None
    return mapped or address
