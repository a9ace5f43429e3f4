"""Probes for `tidings doctor`: what the relay offers, and whether one-click unsubscribing works."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from tidings.errors import UnreachableError
from tidings.mail.settings import SmtpSettings
from tidings.mail.smtp import describe_error, open_session

# Seconds for the connection, and for the answer.
TIMEOUT = 15.0

# What mail programs post (RFC 8058).
ONE_CLICK = b"List-Unsubscribe=One-Click"


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayOffer:
    """A relay's answer to EHLO.

    Attributes:
        extensions: In lower case, each with its parameters.
        valid_until: The end of its certificate; None without encryption.
    """

    extensions: Mapping[str, str]
    valid_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickAnswer:
    """The response to a one-click unsubscribe request.

    Attributes:
        at: Its `Date`, which shows a wrong clock there; None without one.
    """

    status: int
    location: str | None
    sets_cookie: bool
    at: datetime | None


def probe_relay(settings: SmtpSettings) -> RelayOffer:
    """Open a session as for a message, and close it.

    Raises:
        DeliveryError: The relay cannot be reached, or refuses us.
    """
    smtp = open_session(settings, ssl.create_default_context(), recipient="nobody")
    try:
        sock = smtp.sock
        until = _end_of_certificate(sock) if isinstance(sock, ssl.SSLSocket) else None
        return RelayOffer(extensions=dict(smtp.esmtp_features), valid_until=until)
    finally:
        smtp.close()


def click_unsubscribe(url: str) -> ClickAnswer:
    """Post to an unsubscribe link as mail programs do (RFC 8058): no cookies, no redirects.

    Raises:
        UnreachableError: Nobody answers there.
    """
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.netloc, timeout=TIMEOUT)
    try:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", parts.path, ONE_CLICK, headers)
        answer = connection.getresponse()
        said = answer.headers
        answered_at = said.get("Date")
        return ClickAnswer(
            status=answer.status,
            location=said.get("Location"),
            sets_cookie="Set-Cookie" in said,
            at=_time(answered_at) if answered_at else None,
        )
    except (OSError, HTTPException) as error:
        because = describe_error(error) if isinstance(error, OSError) else str(error)
        raise UnreachableError(f"{parts.scheme}://{parts.netloc}", because) from error
    finally:
        connection.close()


def _end_of_certificate(sock: ssl.SSLSocket) -> datetime | None:
    certificate = sock.getpeercert()
    if not certificate:
        return None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)


def _time(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None
