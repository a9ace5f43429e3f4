"""How a session with the relay begins: connection, encryption, AUTH — or why it does not."""

import smtplib
import socket
import ssl

from tidings.delivery.settings import SmtpSettings
from tidings.delivery.transports import Reply
from tidings.delivery.verdicts import SmtpStage, error_of_reply
from tidings.delivery.wire import StrictSmtp, StrictSmtpTls
from tidings.errors import DeliveryError, RelayUnreachableError, SenderFaultError


def open_session(settings: SmtpSettings, tls: ssl.SSLContext, *, recipient: str) -> StrictSmtp:
    """Connect, and do what must come before the first letter.

    Raises:
        DeliveryError: The relay is not there, or does not want us.
    """
    seconds = settings.timeout.total_seconds()
    smtp: StrictSmtp | None = None
    try:
        if settings.security == "tls":
            smtp = StrictSmtpTls(settings.host, settings.port, timeout=seconds, context=tls)
        else:
            smtp = StrictSmtp(settings.host, settings.port, timeout=seconds)
        _introduce(smtp, settings, tls)
    except (OSError, ValueError) as error:  # ValueError: a challenge in AUTH that is no base64
        if smtp is not None:
            smtp.close()
        raise _session_error(recipient, error) from error
    return smtp


def connection_error(recipient: str, error: OSError | ValueError) -> RelayUnreachableError:
    """Return what a broken connection amounts to before the letter is on its way."""
    return RelayUnreachableError(recipient, describe_error(error), stops_relay=True)


def describe_error(error: OSError | ValueError) -> str:
    """Return what became of a connection, in few words."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _introduce(smtp: StrictSmtp, settings: SmtpSettings, tls: ssl.SSLContext) -> None:
    if smtp.sock is not None:  # a letter is one write; its end need not wait for more
        smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    smtp.ehlo_or_helo_if_needed()
    if settings.security == "starttls":
        smtp.starttls(context=tls)
        smtp.ehlo_or_helo_if_needed()
    if settings.user:
        smtp.login(settings.user, settings.password)


def _session_error(recipient: str, error: OSError | ValueError) -> DeliveryError:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        raw = said if isinstance(said, bytes) else said.encode()
        return error_of_reply(recipient, Reply.read(error.smtp_code, raw), SmtpStage.SESSION)
    is_misfit = isinstance(error, smtplib.SMTPException)
    if is_misfit and not isinstance(error, smtplib.SMTPServerDisconnected):
        return SenderFaultError(recipient, str(error).rstrip("."), stops_relay=True)
    return connection_error(recipient, error)
