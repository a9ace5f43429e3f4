"""The SMTP transport: one relay, and a line to it for every thread."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from tidings.delivery.pace import RateLimit
from tidings.delivery.settings import SmtpSettings
from tidings.delivery.smtp import SmtpConnection
from tidings.delivery.transports import Send


class Relay:
    """A mail server that passes letters on, as seen by all threads of this process."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._pace = RateLimit(settings.per_second)
        # Reading all the certificates that are trusted takes a while; without TLS none is.
        is_clear = settings.security == "none"
        self._tls = (
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if is_clear else ssl.create_default_context()
        )

    @contextmanager
    def connect(self) -> Iterator[Send]:
        """Give a thread a connection of its own, made when the first letter goes out."""
        line = SmtpConnection(self._settings, pace=self._pace, tls=self._tls)
        try:
            yield line.send
        finally:
            line.close()
