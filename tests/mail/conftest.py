"""What tests of transports need: a relay, a way to it, letters, and a certificate."""

import ssl
import subprocess
from datetime import timedelta

import pytest

from fake_relay import FakeRelay
from tidings.errors import DeliveryError
from tidings.mail.settings import SmtpSettings
from tidings.mail.smtp import Relay
from tidings.mail.transport import Envelope, OutgoingMessage

LETTER = (
    b"From: news@example.org\r\n"
    b"Message-ID: <one@example.org>\r\n"
    b"\r\n"
    b".\r\n"
    b"..two dots\r\n"
    b".hidden\r\n"
    b"the end\r\n"
)


@pytest.fixture
def relay():
    with FakeRelay() as relay:
        yield relay


@pytest.fixture
def settings_for():
    """Return what makes settings for a relay, quick to lose patience."""

    def settings_for(relay, **changes):
        usual = {
            "host": "127.0.0.1",
            "port": relay.port,
            "security": "none",
            "user": "",
            "password": "",
            "timeout": timedelta(seconds=0.6),
            "reply_timeout": timedelta(seconds=0.6),
            "connections": 1,
            "per_second": 0,
        }
        return SmtpSettings(**usual | changes)

    return settings_for


def _message_to(recipient, letter=LETTER):
    envelope = Envelope(sender="bounces@example.org", recipient=recipient)
    return OutgoingMessage(envelope=envelope, content=letter)


class Attempts:
    """Letters sent over one line, and what became of each."""

    def __init__(self, send):
        self._send = send
        self.marks = 0

    def __call__(self, recipient="ann@example.org", *, letter=LETTER, mark=None):
        """Return the reply, or the error."""
        return self.send(_message_to(recipient, letter), mark=mark)

    def send(self, message, *, mark=None, following=None):
        """Return the reply, or the error."""
        try:
            return self._send(message, mark or self._mark, following=following)
        except DeliveryError as error:
            return error

    def _mark(self):
        self.marks += 1


@pytest.fixture
def attempt(relay, settings_for):
    """Send a letter to the relay; all of a test's go over one line."""
    with Relay(settings_for(relay)).connect() as send:
        yield Attempts(send)


@pytest.fixture
def attempts_at():
    """Return what sends letters over another line."""
    return Attempts


@pytest.fixture
def message_to():
    """Return what makes a message to somebody."""
    return _message_to


@pytest.fixture
def letter():
    return LETTER


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A key and a certificate for 127.0.0.1 that nobody trusts by itself."""
    folder = tmp_path_factory.mktemp("tls")
    key, crt = folder / "server.key", folder / "server.crt"
    command = [
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
        *("-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"),
        *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", crt),
    ]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no openssl to make a certificate with")
    return key, crt


@pytest.fixture
def server_tls(certificate):
    key, crt = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, key)
    return context


@pytest.fixture
def trusted(certificate, monkeypatch):
    """Trust that certificate."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[1]))
