"""The relay as the operator sets it."""

import ipaddress
from dataclasses import dataclass, field
from datetime import timedelta

from tidings.errors import ConfigError

SECURITIES = ("none", "starttls", "tls")


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

    Raises:
        ConfigError: A password would go over the network unprotected, or cannot be sent.
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


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
