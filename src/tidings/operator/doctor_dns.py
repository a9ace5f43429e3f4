"""The doctor on DNS and the relay: SPF, DKIM, DMARC, MX, reverse names, the SMTP session."""

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from tidings.errors import DeliveryError, DnsError
from tidings.mail.dkim import Signer
from tidings.mail.dns import Dns
from tidings.mail.probes import RelayOffer, probe_relay
from tidings.mail.settings import SmtpSettings
from tidings.operator.checks import (
    ASKING,
    MAX_LOOKUPS,
    DmarcPolicy,
    Finding,
    SpfTerm,
    find_policy,
    is_aligned,
    ok,
    organizational_domains,
    problem,
    read_tags,
    spf_records,
    spf_terms,
    warning,
)

# A DKIM key of RSA: RFC 8301 asks for that many.
USUAL_BITS = 2048

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Bytes of the largest message: base64 makes 4 of 3, and there are two parts.
ENOUGH_SIZE = 300_000

# Certificates of 90 days are mostly renewed a month before: with less left that has failed.
SOON = timedelta(days=14)

USEFUL = ("8bitmime", "pipelining", "smtputf8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Senders:
    """What our mail is sent from.

    Attributes:
        domains: Of the addresses in `From`.
        envelope: The domain of the envelope sender.
        relay: The host whose address others see, as far as we know.
        is_this_machine: Whether mail is sent from here, without a relay elsewhere.
        signer: None where the relay signs.
    """

    domains: tuple[str, ...]
    envelope: str
    relay: str
    is_this_machine: bool
    signer: Signer | None


def examine_domains(dns: Dns, senders: Senders) -> Iterator[Finding]:
    """Check SPF, the sending host's names, DKIM, and each domain's DMARC and MX."""
    try:
        relays = dns.addresses(senders.relay)
        yield from examine_spf(dns, senders.envelope, relays=relays)
        # Of a relay elsewhere only its owner can set the names.
        if senders.is_this_machine:
            yield from _names(dns, senders.relay, relays)
        yield from _dkim(dns, senders.signer)
        for domain in senders.domains:
            yield _exchange(dns, domain)
            yield from _dmarc(dns, domain, senders)
    except DnsError as error:
        yield problem("DNS", str(error), "look at the name servers of this machine, and try again")


def _names(dns: Dns, host: str, addresses: list[str]) -> Iterator[Finding]:
    """Check that address and name of a host point to each other (forward-confirmed reverse DNS)."""
    what = f"name of {host}"
    advice = "large providers refuse a host without: ask who gave you the address for a PTR record"
    if not addresses:
        said = "this machine hands letters to a relay of its own, and its name has no address"
        yield problem(what, said, "give it a public name, or send through a relay elsewhere")
    for address in addresses:
        names = dns.names(address)
        if any(address in dns.addresses(name) for name in names):
            yield ok(what, f"{address} is {names[0]}, and the other way round")
        elif names:
            yield problem(what, f"{address} is {names[0]}, which is another address", advice)
        else:
            yield problem(what, f"{address} has no name", advice)


def _dkim(dns: Dns, signer: Signer | None) -> Iterator[Finding]:
    if signer is None:
        said = "tidings does not sign letters"
        advice = "see that the relay does, List-Unsubscribe and -Post included; else set [dkim]"
        yield warning("DKIM", said, advice)
        return
    what = f"DKIM {signer.name}"
    published = [read_tags(text) for text in dns.texts(signer.name)]
    if not published:
        yield problem(what, "no key is published", f'publish there, as TXT: "{signer.record}"')
    elif signer.public_key not in [one.get("p") for one in published]:
        advice = f'publish there, as TXT: "{signer.record}"'
        yield problem(what, "the published key is not that of our signatures", advice)
    # RFC 6376, 3.6.1: verifiers treat mail of a domain in test mode as unsigned.
    elif any(one.get("t") == "y" for one in published):
        yield warning(what, "published as a test: nobody heeds it", "take t=y out of the record")
    else:
        yield ok(what, "the published key is that of our signatures")
    if signer.bits is None:
        advice = "use an RSA key of 2048 bits"
        yield warning(what, "many providers cannot read Ed25519 signatures yet", advice)
    elif signer.bits < USUAL_BITS:  # RFC 8301 asks for 2048, and accepts 1024
        yield warning(what, f"a key of {signer.bits} bits", "use one of 2048 bits")


def _exchange(dns: Dns, domain: str) -> Finding:
    what = f"MX of {domain}"
    hosts = dns.exchanges(domain)
    # An MX of "." says that no mail is taken (RFC 7505).
    if hosts and hosts[0]:
        return ok(what, f"{hosts[0]} takes mail for it")
    advice = "answers and bounces go there, and some refuse mail from a domain that takes none"
    # Then the address is its own exchanger (RFC 5321, 5.1).
    if not hosts and dns.addresses(domain):
        return warning(what, "none; its own address takes mail", advice)
    return problem(what, "nobody takes mail for it", advice)


def _dmarc(dns: Dns, domain: str, senders: Senders) -> Iterator[Finding]:
    what = f"DMARC of {domain}"
    policy = find_policy(
        domain, {one: dns.texts(f"_dmarc.{one}") for one in organizational_domains(domain)}
    )
    if policy is None:
        advice = f'publish at _dmarc.{domain}, as TXT: "v=DMARC1; p=none; rua=mailto:…"'
        yield problem(what, "none; large providers ask for one", advice)
    else:
        yield _alignment(what, domain, policy, senders)


def _alignment(what: str, domain: str, policy: DmarcPolicy, senders: Senders) -> Finding:
    """Check whether SPF or DKIM is aligned with the domain in `From`."""
    signer = senders.signer
    by_spf = is_aligned(senders.envelope, domain, policy, is_strict=policy.is_strict_for_spf)
    by_dkim = signer is not None and is_aligned(
        signer.domain, domain, policy, is_strict=policy.is_strict_for_dkim
    )
    said = f"p={policy.action}"
    # DKIM first: forwarding keeps a signature, and breaks SPF.
    if by_dkim:
        return ok(what, f"{said}; our signature counts{', SPF too' if by_spf else ''}")
    if by_spf:
        advice = "sign in the name of this domain: what is forwarded has nothing but that"
        return warning(what, f"{said}; SPF counts, no signature of ours does", advice)
    if signer is None:
        advice = "let the relay sign in the name of this domain, or set [dkim]"
        said = f"{said}; SPF is for {senders.envelope}, and only the relay could sign"
        return warning(what, said, advice)
    said = f"{said}; neither SPF ({senders.envelope}) nor DKIM ({signer.domain}) is for this domain"
    return problem(what, said, "letters fail: use a sender below the domain of [dkim]")


def examine_spf(dns: Dns, domain: str, *, relays: Iterable[str]) -> Iterator[Finding]:
    """Check the SPF record of the envelope sender's domain.

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
    """Evaluates a record and all that it includes.

    Attributes:
        broken: An included domain without a record; empty if there is none.
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
            # Also ends records that include each other.
            if self.lookups > MAX_LOOKUPS:
                return
            self._take(term, domain)

    def _take(self, term: SpfTerm, domain: str) -> None:
        if "%" in term.value:  # depends on the letter
            return
        if term.kind in {"include", "redirect"}:
            self.walk(term.value)
        # A term that matches with another sign allows nobody.
        elif term.sign == "+":
            self.is_open |= term.kind == "all"
            self._allow(self._networks(term, domain))

    def _networks(self, term: SpfTerm, domain: str) -> list[str]:
        """Return the networks of a term."""
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


def examine_relay(smtp: SmtpSettings, *, now: datetime) -> Iterator[Finding]:
    """Open a session as for a message: connection, certificate, AUTH."""
    what = f"relay {smtp.host}:{smtp.port}"
    try:
        offer = probe_relay(smtp)
    except DeliveryError as error:
        yield problem(what, error.because, "compare [smtp] with what its provider says")
        return
    security = "no encryption, on this machine" if smtp.security == "none" else smtp.security
    login = f"AUTH as {smtp.user}" if smtp.user else "no AUTH"
    offered = ", ".join(one.upper() for one in USEFUL if one in offer.extensions)
    yield ok(what, f"answers; {security}; {login}; offers {offered or 'no extensions'}")
    yield from _limits(what, offer, now=now)


def _limits(what: str, offer: RelayOffer, *, now: datetime) -> Iterator[Finding]:
    size = offer.extensions.get("size", "")
    if size.isdecimal() and 0 < int(size) < ENOUGH_SIZE:
        said = f"takes letters of {size} bytes at most"
        yield problem(what, said, f"let it take {ENOUGH_SIZE} bytes")
    if offer.valid_until is not None and offer.valid_until - now < SOON:
        said = f"its certificate ends on {offer.valid_until:%Y-%m-%d}"
        yield warning(what, said, "see that it is renewed: without it no letter leaves")
    if "pipelining" not in offer.extensions:
        said = "without PIPELINING each letter takes three round trips more"
        yield warning(what, said, "nothing, unless letters leave too slowly")
