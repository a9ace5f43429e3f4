"""Foreign exceptions, translated into ours."""

import errno
import os

import aiohttp

from tidings.errors import (
    BrokenTransferError,
    FetchError,
    ForbiddenAddressError,
    TimedOutError,
    UnknownHostError,
    UnreachableError,
)

MAX_DETAIL = 120
"""Characters of what is told of an answer that nobody can read."""

# The first that fits counts: the special stand before the general.
_MEANINGS: tuple[tuple[type[Exception], type[FetchError], str], ...] = (
    (aiohttp.ClientConnectorCertificateError, UnreachableError, "certificate refused"),
    (aiohttp.ClientConnectorDNSError, UnknownHostError, "name not found"),
    (aiohttp.ClientConnectorError, UnreachableError, "no connection"),
    (aiohttp.InvalidURL, ForbiddenAddressError, "not a valid address"),
    (aiohttp.ClientPayloadError, BrokenTransferError, "the body ends early"),
    (aiohttp.ClientResponseError, BrokenTransferError, "the answer is not HTTP"),
    (aiohttp.ServerDisconnectedError, BrokenTransferError, "disconnected without an answer"),
    (TimeoutError, TimedOutError, "took too long"),
    (OSError, UnreachableError, "connection lost"),
)


def translated(error: aiohttp.ClientError | OSError, url: str) -> FetchError:
    """Return what `error`, met while asking `url`, means to us."""
    if isinstance(error, aiohttp.ClientConnectorError) and error.errno == errno.EACCES:
        return ForbiddenAddressError(url, "its address is not public")
    for foreign, ours, phrase in _MEANINGS:
        if isinstance(error, foreign):
            detail = _detail(error)
            return ours(url, f"{phrase}: {detail}" if detail else phrase)
    return BrokenTransferError(url, type(error).__name__)


def _detail(error: Exception) -> str:
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return str(error.certificate_error)
        case aiohttp.ClientResponseError():
            # aiohttp quotes all that came with what it cannot read: a whole document, perhaps.
            said = " ".join(error.message.split())
            return said if len(said) <= MAX_DETAIL else f"{said[:MAX_DETAIL]}…"
        case aiohttp.ClientConnectorDNSError() | aiohttp.ClientConnectorSSLError():
            return error.strerror or ""
        case OSError():
            return os.strerror(error.errno) if error.errno else error.strerror or ""
    return ""
