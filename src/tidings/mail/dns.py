"""DNS lookups for `tidings doctor`: TXT, MX, A, AAAA and PTR."""

from dns.exception import DNSException
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.TXT import TXT
from dns.resolver import NXDOMAIN, NoAnswer, Resolver
from dns.reversename import from_address

from tidings.errors import DnsError

# Seconds for an answer, over all name servers.
TIMEOUT = 5.0


class Dns:
    """A resolver, that of this machine by default.

    Names without records give an empty list; every method raises `DnsError` if nobody answers.
    """

    def __init__(self, resolver: Resolver | None = None) -> None:
        try:
            self._resolver = resolver or Resolver()
        except DNSException as error:
            raise DnsError("this machine", "it knows of no name server") from error

    def texts(self, name: str) -> list[str]:
        """Return the texts at a name."""
        return [
            b"".join(one.strings).decode(errors="replace")
            for one in self._ask(name, "TXT")
            if isinstance(one, TXT)
        ]

    def exchanges(self, domain: str) -> list[str]:
        """Return the hosts that take mail for a domain, the preferred one first."""
        found = [one for one in self._ask(domain, "MX") if isinstance(one, MX)]
        found.sort(key=lambda one: one.preference)
        return [str(one.exchange).rstrip(".") for one in found]

    def addresses(self, host: str) -> list[str]:
        """Return the addresses of a host."""
        return [str(one) for kind in ("A", "AAAA") for one in self._ask(host, kind)]

    def names(self, address: str) -> list[str]:
        """Return the names of an address."""
        return [str(one).rstrip(".") for one in self._ask(str(from_address(address)), "PTR")]

    def _ask(self, name: str, kind: str) -> list[object]:
        try:
            # Without `search` a missing name would be looked up again below the machine's own
            # domain.
            return list(self._resolver.resolve(name, kind, search=False, lifetime=TIMEOUT))
        except (NXDOMAIN, NoAnswer):
            return []
        except DNSException as error:
            raise DnsError(name, str(error) or type(error).__name__) from error
