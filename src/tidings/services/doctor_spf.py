"""The doctor on SPF: who may send for a domain, and what that costs to find out."""

import ipaddress
from collections.abc import Iterable, Iterator

from tidings.delivery.dns import Dns
from tidings.domain.findings import (
    ASKING,
    MAX_LOOKUPS,
    Finding,
    SpfTerm,
    ok,
    problem,
    spf_records,
    spf_terms,
    warning,
)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def examine_spf(dns: Dns, domain: str, *, relays: Iterable[str]) -> Iterator[Finding]:
    """Look at the record of the domain that bounces go to.

    Raises:
        DnsError: Nobody answers.
    """
    what = f"SPF of {domain}"
    records = spf_records(dns.texts(domain))
    if len(records) != 1:
        said = f"{len(records)} records, there has to be one" if records else "none"
        advice = 'publish one, as TXT: "v=spf1 … -all" with what the relay\'s provider says'
        yield problem(what, said, advice)
        return
    seen = _Walk(dns, [ipaddress.ip_address(one) for one in relays])
    seen.walk(domain)
    if seen.lookups > MAX_LOOKUPS:
        said = f"more than {MAX_LOOKUPS} lookups: it counts for nothing"
        yield problem(what, said, "take out what you do not use, or name addresses instead")
    elif seen.broken:
        said = f"leads to {seen.broken}, which has no record: it counts for nothing"
        yield problem(what, said, "take that out")
    elif seen.is_open:
        yield problem(what, "+all: everybody may send for it", "end it with -all or ~all")
    elif seen.is_allowed:
        yield ok(what, f"allows our relay, in {seen.lookups} lookups")
    else:
        advice = "right if the relay sends from other hosts than the one it listens at; ask there"
        yield warning(what, "does not name the address of our relay", advice)


class _Walk:
    """A walk through a record and all that it includes.

    Attributes:
        broken: What is included and is not there; empty if nothing.
    """

    def __init__(self, dns: Dns, relays: list[Address]) -> None:
        self._dns, self._relays = dns, relays
        self.lookups = 0
        self.is_allowed = self.is_open = False
        self.broken = ""

    def walk(self, domain: str) -> None:
        [record] = spf_records(self._dns.texts(domain)) or [""]
        if not record:
            self.broken = domain
            return
        for term in spf_terms(record):
            self.lookups += term.kind in ASKING
            if self.lookups > MAX_LOOKUPS:
                return
            self._take(term, domain)

    def _take(self, term: SpfTerm, domain: str) -> None:
        if "%" in term.value:  # depends on the letter
            return
        if term.kind in {"include", "redirect"}:
            self.walk(term.value)
        elif term.sign == "+":
            self.is_open |= term.kind == "all"
            self._allow(self._networks(term, domain))

    def _networks(self, term: SpfTerm, domain: str) -> list[str]:
        """Return whom a term is about."""
        name = term.value or domain
        match term.kind:
            case "ip4" | "ip6":
                return [term.value + term.size]
            case "a":
                return _sized(self._dns.addresses(name), term.size)
            case "mx":
                hosts = self._dns.exchanges(name)
                return _sized(
                    [one for host in hosts for one in self._dns.addresses(host)], term.size
                )
        return []

    def _allow(self, networks: Iterable[str]) -> None:
        for one in networks:
            try:
                network = ipaddress.ip_network(one, strict=False)
            except ValueError:
                continue
            self.is_allowed |= any(relay in network for relay in self._relays)


def _sized(addresses: Iterable[str], size: str) -> list[str]:
    """Return networks; of `/24//64` the second length is for IPv6."""
    four, _, six = size.partition("//")
    return [f"{one}{('/' + six if six else '') if ':' in one else four}" for one in addresses]
