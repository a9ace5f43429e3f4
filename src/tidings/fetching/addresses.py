"""Addresses on their way to the wire: from sources, from redirects."""

import re
from dataclasses import dataclass, field

from aiohttp import encode_basic_auth
from yarl import URL

from tidings.domain.urls import DEFAULT_PORTS
from tidings.errors import FetchError, ForbiddenAddressError

_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+", re.ASCII)
_UNDECODED = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An address to ask, and the credentials that were written in it.

    Attributes:
        url: Normalised, absolute, http(s), without credentials and fragment.
        authorization: The header that presents the credentials, if there are any.
    """

    url: URL
    authorization: str | None = field(default=None, repr=False)


def parse_target(address: str) -> Target:
    """Return the address of a source, taken apart.

    Raises:
        ForbiddenAddressError: It is not an http(s) address, or none we could dial.
    """
    try:
        url = _checked(_url(address))
        authorization = _authorization(url)
    except ValueError as error:
        shown = without_credentials(address)
        raise ForbiddenAddressError(shown, "not a valid http(s) address") from error
    return Target(url=_bare(url), authorization=authorization)


def without_credentials(address: str) -> str:
    """Return `address` as it may be shown, whatever it is."""
    try:
        return str(_bare(_checked(_url(address))))
    except ValueError:
        # What cannot be taken apart may hold a password anywhere before its last "@".
        return address.rpartition("@")[2]


def resolve_redirect(url: URL, location: str) -> URL:
    """Return where a redirect from `url` leads.

    Raises:
        FetchError: It leads nowhere.
        ForbiddenAddressError: It leads to what is not an http(s) address, or none we could
            dial, or brings credentials of its own.
    """
    # A header is bytes: what is not UTF-8 comes to us as surrogates, and goes back as it came.
    location = _UNDECODED.sub(lambda match: f"%{ord(match[0]) - 0xDC00:02X}", location.strip())
    if not location:
        raise FetchError(str(url), "redirect without a location")
    try:
        link = _url(location)
        target = _checked(link if link.scheme else url.join(link))
    except ValueError as error:
        because = "redirects to what is not a valid http(s) address"
        raise ForbiddenAddressError(str(url), because) from error
    if _authorization(target):
        raise ForbiddenAddressError(str(url), "redirects to an address with credentials")
    return _bare(target)


def _url(text: str) -> URL:
    try:
        return URL(text)
    except IndexError as error:  # met at "http://user@[::1]@"
        raise ValueError("not an address at all") from error


def _checked(url: URL) -> URL:
    if url.scheme not in DEFAULT_PORTS or not _HOST.fullmatch(url.raw_host or ""):
        raise ValueError("not an address we could dial")
    return url


def _authorization(url: URL) -> str | None:
    if url.raw_user is None and url.raw_password is None:
        return None
    return encode_basic_auth(url.user or "", url.password or "")


def _bare(url: URL) -> URL:
    # Written and read again, so that one address is one value, with the default port or without.
    return URL(str(url.with_user(None).with_fragment(None)))
