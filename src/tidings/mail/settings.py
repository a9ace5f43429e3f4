"""The relay, the way back, and the signature, as the operator sets them."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from tidings.errors import ConfigError

_LABEL = "(?!-)[a-z0-9-]{1,63}(?<!-)"
_MAIL_DOMAIN = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})+")

SECURITIES = ("none", "starttls", "tls")

_DNS_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainLimits:
    """What a recipient's domain is spared; none, or 0, for as much as the relay takes.

    Attributes:
        connections: Letters to it that are on their way at the same time.
        per_second: Letters to it.
    """

    connections: int | None = None
    per_second: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpSettings:
    """The relay that takes our letters; each is a setting under `[smtp]`.

    Attributes:
        security: `tls`, `starttls`, or `none` for a relay on this machine.
        user: Empty for a relay that takes letters from us without AUTH.
        timeout: For the connection, and for each reply but the last.
        reply_timeout: For the last reply, that the letter is taken; RFC 5321 wants 10 minutes.
        connections: Kept open at the same time.
        per_second: Letters, over all connections together; 0 for as many as the relay takes.
        domains: What less holds for letters to one domain, by its name.

    Raises:
        ConfigError: A password would go over the network unprotected, or cannot be sent;
            a domain is none.
    """

    host: str
    port: int
    security: str
    user: str
    password: str = field(repr=False)
    timeout: timedelta
    reply_timeout: timedelta
    connections: int
    per_second: int
    domains: Mapping[str, DomainLimits] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.security not in SECURITIES:
            raise ConfigError(
                f"[smtp] security: expected one of {', '.join(SECURITIES)}, got {self.security!r}"
            )
        if self.security == "none" and not _is_loopback(self.host):
            raise ConfigError(
                f'[smtp] security: "none" is for a relay on this machine, {self.host} is not; '
                'set "starttls" or "tls"'
            )
        if not (self.user + self.password).isascii():
            raise ConfigError("[smtp] user, password: only ASCII characters can be sent")
        for domain in self.domains:
            if _MAIL_DOMAIN.fullmatch(domain) is None:
                raise ConfigError(
                    f"[smtp.domains] {domain}: name a domain as letters do, as in gmail.com"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class BounceSettings:
    """Where bounces arrive, and where they are read; each is a setting under `[bounce]`.

    Attributes:
        address: Empty for the address that letters are from, with nothing to tell them apart.
        maildir: A folder that they are delivered into; empty for none.
        imap_host: A server that they are fetched from, over TLS; empty for none.

    Raises:
        ConfigError: A password cannot be sent.
    """

    address: str
    maildir: str
    imap_host: str
    imap_port: int
    imap_user: str
    imap_password: str = field(repr=False)
    imap_folder: str

    def __post_init__(self) -> None:
        if not (self.imap_user + self.imap_password + self.imap_folder).isascii():
            raise ConfigError(
                "[bounce] imap_user, imap_password, imap_folder: only ASCII characters can be sent"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class DkimSettings:
    """How letters are signed; each is a setting under `[dkim]`. Empty: the relay does it.

    Attributes:
        domain: In whose name; that of the sender, or one above it.
        selector: Tells the domain's keys apart.
        key: The private key, in PEM.

    Raises:
        ConfigError: One is missing, or is no name.
    """

    domain: str
    selector: str
    key: str = field(repr=False)

    def __post_init__(self) -> None:
        if not self.key and not self.selector and not self.domain:
            return
        if not (self.key and self.selector and self.domain):
            raise ConfigError("[dkim] domain, selector, key: set all three, or none")
        for name, value in (("domain", self.domain), ("selector", self.selector)):
            if _DNS_NAME.fullmatch(value) is None:
                raise ConfigError(f"[dkim] {name}: expected a name as in DNS, got {value!r}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
