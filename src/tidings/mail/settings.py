"""The operator's settings for mail: the relay, bounces, DKIM."""

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
    """Limits for a recipient's domain; None, or 0, for those of the relay.

    Attributes:
        connections: Messages that are sent to it at the same time.
        per_second: Messages to it.
    """

    connections: int | None = None
    per_second: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpSettings:
    """The relay; each is a setting under `[smtp]`.

    Attributes:
        security: `tls`, `starttls`, or `none` for a relay on this machine.
        user: Empty for no AUTH.
        timeout: For the connection, and for each reply but the last.
        reply_timeout: For the reply after the payload; RFC 5321 wants 10 minutes (4.5.3.2.6).
        connections: Kept open at the same time, by all senders together.
        per_second: Messages over all connections together; 0 for no limit.
        senders: How many workers may send issues at the same time; they share `connections`.
        domains: Limits by recipient domain.

    Raises:
        ConfigError: A password would be sent in the clear, or cannot be sent; a domain is invalid.
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
    senders: int = 2
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
class MailboxSettings:
    """A mailbox that is read: a Maildir, or a folder on an IMAP server.

    Attributes:
        maildir: A folder that messages are delivered into; empty for none.
        imap_host: A server that they are fetched from, over TLS; empty for none.

    Raises:
        ConfigError: A password cannot be sent.
    """

    section = "a mailbox"  # each has one of its own

    maildir: str
    imap_host: str
    imap_port: int
    imap_user: str
    imap_password: str = field(repr=False)
    imap_folder: str

    def __post_init__(self) -> None:
        if not (self.imap_user + self.imap_password + self.imap_folder).isascii():
            raise ConfigError(
                f"[{self.section}] imap_user, imap_password, imap_folder: only ASCII characters "
                "can be sent"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class BounceSettings(MailboxSettings):
    """Where bounces arrive, and where they are read; each is a setting under `[bounce]`.

    Attributes:
        address: Empty for the sender's own address, without VERP.
    """

    section = "bounce"

    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxSettings(MailboxSettings):
    """Where newsletters and mailing lists write to; each is a setting under `[inbox]`."""

    section = "inbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class DkimSettings:
    """DKIM signatures; each is a setting under `[dkim]`. All empty: the relay signs.

    Attributes:
        domain: The signing domain (`d=`): that of the sender, or one above it.
        selector: Which of the domain's keys (`s=`).
        key: The private key, in PEM.

    Raises:
        ConfigError: Some are set and others not, or one is no DNS name.
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
