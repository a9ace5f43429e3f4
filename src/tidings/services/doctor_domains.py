"""The doctor on DNS: whether others can see that letters from a domain are ours."""

from collections.abc import Iterator
from dataclasses import dataclass

from tidings.delivery.dkim import Signer
from tidings.delivery.dns import Dns
from tidings.domain.findings import (
    DmarcPolicy,
    Finding,
    find_policy,
    is_aligned,
    ok,
    organizational_domains,
    problem,
    read_tags,
    warning,
)
from tidings.errors import DnsError
from tidings.services.doctor_spf import examine_spf

USUAL_BITS = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Senders:
    """In whose name letters go out.

    Attributes:
        domains: Of the addresses in `From`.
        envelope: The domain that bounces go to.
        relay: The host whose address others see, as far as we know.
        is_this_machine: Whether that is we, and not a relay elsewhere.
        signer: None where the relay signs.
    """

    domains: tuple[str, ...]
    envelope: str
    relay: str
    is_this_machine: bool
    signer: Signer | None


def examine_domains(dns: Dns, senders: Senders) -> Iterator[Finding]:
    """Look at SPF, the names of the sending host, DKIM, and each domain's DMARC and MX."""
    try:
        relays = dns.addresses(senders.relay)
        yield from examine_spf(dns, senders.envelope, relays=relays)
        if senders.is_this_machine:
            yield from _names(dns, senders.relay, relays)
        yield from _dkim(dns, senders.signer)
        for domain in senders.domains:
            yield _exchange(dns, domain)
            yield from _dmarc(dns, domain, senders)
    except DnsError as error:
        yield problem("DNS", str(error), "look at the name servers of this machine, and try again")


def _names(dns: Dns, host: str, addresses: list[str]) -> Iterator[Finding]:
    """Check that address and name of a host lead to each other."""
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
    elif any(one.get("t") == "y" for one in published):
        yield warning(what, "published as a test: nobody heeds it", "take t=y out of the record")
    else:
        yield ok(what, "the published key is that of our signatures")
    if signer.bits is None:
        advice = "use an RSA key of 2048 bits"
        yield warning(what, "many providers cannot read Ed25519 signatures yet", advice)
    elif signer.bits < USUAL_BITS:
        yield warning(what, f"a key of {signer.bits} bits", "use one of 2048 bits")


def _exchange(dns: Dns, domain: str) -> Finding:
    what = f"MX of {domain}"
    hosts = dns.exchanges(domain)
    if hosts and hosts[0]:
        return ok(what, f"{hosts[0]} takes mail for it")
    advice = "answers and bounces go there, and some refuse mail from a domain that takes none"
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
    """Say which of the two proofs counts for letters from this domain."""
    signer = senders.signer
    by_spf = is_aligned(senders.envelope, domain, policy, is_strict=policy.is_strict_for_spf)
    by_dkim = signer is not None and is_aligned(
        signer.domain, domain, policy, is_strict=policy.is_strict_for_dkim
    )
    said = f"p={policy.action}"
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
