import errno
import socket
import ssl

import aiohttp
import pytest

from tidings.errors import (
    BrokenTransferError,
    ForbiddenAddressError,
    TimedOutError,
    UnknownHostError,
    UnreachableError,
)
from tidings.fetching.exchange import translate_error

KEY = aiohttp.client_reqrep.ConnectionKey("a.example", 443, True, True, None, None, None)


@pytest.mark.parametrize(
    ("error", "kind", "because"),
    [
        pytest.param(
            aiohttp.ClientConnectorDNSError(KEY, socket.gaierror(-2, "Name not known")),
            UnknownHostError,
            "name not found: Name not known",
            id="no such name",
        ),
        pytest.param(
            aiohttp.ClientConnectorCertificateError(KEY, ssl.CertificateError("self-signed")),
            UnreachableError,
            "certificate refused: ('self-signed',)",
            id="certificate",
        ),
        pytest.param(
            aiohttp.ClientConnectorError(KEY, OSError(errno.ENETUNREACH, "Connect call failed")),
            UnreachableError,
            "no connection: Network is unreachable",
            id="no way",
        ),
        pytest.param(
            aiohttp.ClientConnectorError(KEY, OSError("Multiple exceptions: a, b")),
            UnreachableError,
            "no connection",
            id="several reasons",
        ),
        pytest.param(
            aiohttp.ClientConnectorError(KEY, OSError(errno.EACCES, "private")),
            ForbiddenAddressError,
            "its address is not public",
            id="refused by the guard",
        ),
        pytest.param(
            aiohttp.ClientOSError(errno.ECONNRESET, "reset"),
            UnreachableError,
            "connection lost: Connection reset by peer",
            id="reset",
        ),
        pytest.param(TimeoutError(), TimedOutError, "took too long", id="a deadline of others"),
        pytest.param(
            aiohttp.ClientConnectionError("Connector is closed"),
            BrokenTransferError,
            "ClientConnectionError",
            id="anything else",
        ),
    ],
)
def test_foreign_errors_become_ours(error, kind, because):
    failure = translate_error(error, "https://a.example/")

    assert type(failure) is kind
    assert str(failure) == f"cannot fetch https://a.example/: {because}"
