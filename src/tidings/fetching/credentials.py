"""What a source shows of itself to its publisher, and to the proxy on the way."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import encode_basic_auth
from yarl import URL

from tidings.domain.access import Access
from tidings.fetching import addresses
from tidings.fetching.addresses import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What goes with the questions of one fetch.

    Attributes:
        source: Whose they are.
        secret: Headers for the origin of the source, and for nobody else.
        open: Headers for every server on the way.
        proxy: Who is told to ask every question.
    """

    source: Target
    secret: Mapping[str, str] = field(repr=False)
    open: Mapping[str, str]
    proxy: Target | None = None

    def shown_to(self, url: URL) -> dict[str, str]:
        """Return the headers that go with a question for `url`."""
        return {**self.open, **self.secret} if self._is_home(url) else {**self.open}

    def are_known_at(self, url: URL) -> bool:
        """Tell whether the source would still have them if it moved to `url`."""
        return not self.source.authorization and (not self.secret or self._is_home(url))

    def _is_home(self, url: URL) -> bool:
        return url.origin() == self.source.url.origin()


def credentials_for(source: Target, access: Access | None) -> Credentials:
    """Return what a source is asked with; `access` goes before a login in its address.

    Raises:
        ForbiddenAddressError: The address of the proxy is none that we could dial.
    """
    own = access or Access()
    login = _login(own) or source.authorization
    secret = {"Authorization": login} if login else {}
    secret |= own.headers
    if own.cookies:
        secret["Cookie"] = "; ".join(f"{name}={value}" for name, value in own.cookies.items())
    return Credentials(
        source=source,
        secret=secret,
        open={"User-Agent": own.user_agent} if own.user_agent else {},
        proxy=addresses.parse_target(own.proxy) if own.proxy else None,
    )


def _login(access: Access) -> str | None:
    return None if access.user is None else encode_basic_auth(access.user, access.password or "")
