"""Access of a source: login, headers, cookies, proxy and user agent for its requests."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from tidings.errors import InvalidError
from tidings.model.urls import host_of, without_credentials

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_UNSENDABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_COOKIE = re.compile(r"[\x21-\x3a\x3c-\x7e]*", re.ASCII)
# Set by the HTTP client: another value would break the exchange, or conditional requests.
_RESERVED_HEADERS = re.compile(
    r"A-Im|Accept-Encoding|Connection|Content-.*|Expect|Host|If-.*|Keep-Alive|Proxy-.*|Range|Te"
    r"|Trailer|Transfer-Encoding|Upgrade"
)
_SET_BY_OPTION = {"Cookie": "--cookie", "User-Agent": "--user-agent"}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Access:
    """What requests for a source carry. It holds secrets: its repr is only the summary.

    Attributes:
        user: With `password`, the login for HTTP Basic authentication.
        headers: Sent beside our own, by name in Title-Case.
        cookies: Sent as they are; cookies that the publisher sets are not stored.
        proxy: The http(s) address of a proxy, with a login if it needs one.
        user_agent: Sent in place of ours.
    """

    user: str | None = None
    password: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    proxy: str | None = None
    user_agent: str | None = None

    @property
    def summary(self) -> str:
        """What it consists of, without secrets; empty if it is empty."""
        parts = (
            "" if self.user is None else "login",
            _counted(len(self.headers), "header"),
            _counted(len(self.cookies), "cookie"),
            "proxy" if self.proxy else "",
            "user agent" if self.user_agent else "",
        )
        return ", ".join(filter(None, parts))

    def __repr__(self) -> str:
        return f"Access({self.summary})"


def apply_change(access: Access, change: Access) -> Access:
    """Return `access` with an operator's change.

    None stays as it is; what is empty is removed: headers and cookies by their names, the
    password together with its user.

    Raises:
        InvalidError: Something cannot be sent; the message holds no secret.
    """
    user = _replaced(access.user, change.user)
    result = Access(
        user=user,
        password=None if user is None else _replaced(access.password, change.password),
        headers=_merged(access.headers, {n.title(): text for n, text in change.headers.items()}),
        cookies=_merged(access.cookies, change.cookies),
        proxy=_replaced(access.proxy, change.proxy),
        user_agent=_replaced(access.user_agent, change.user_agent),
    )
    if change.password and user is None:
        raise InvalidError("login", "", "a password needs the name of a user")
    if not _can_log_in(result):
        raise InvalidError("login", user, "it holds a colon, or what cannot be sent")
    _check_headers(result)
    _check_cookies(result.cookies)
    if result.proxy:
        _check_proxy(result.proxy)
    return result


def parse_pairs(texts: Iterable[str], *, mark: str) -> dict[str, str]:
    """Return headers or cookies by name.

    Args:
        texts: `NAME: VALUE`, or `NAME=VALUE`; an empty value is to remove it.
        mark: What parts name and value.

    Raises:
        ValueError: One is not like that; the message holds no secret.
    """
    pairs = [text.partition(mark) for text in texts]
    if not all(found for _, found, _ in pairs):
        raise ValueError(f"expected NAME{mark}VALUE")
    return {name.strip(): value.strip() for name, _, value in pairs}


def split_credentials(url: str) -> tuple[str, Access]:
    """Return the address of a source without the login in it, and that login.

    A login that cannot be sent is dropped: the publisher will ask for one.
    """
    # Stored apart from the address, which is shown, exported and logged.
    bare = without_credentials(url)
    if bare == url:
        return url, Access()
    user, _, password = urlsplit(url).netloc.rpartition("@")[0].partition(":")
    login = Access(user=unquote(user), password=unquote(password) or None)
    return bare, login if _can_log_in(login) else Access()


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number > 1 else ''}" if number else ""


def _replaced(old: str | None, new: str | None) -> str | None:
    return old if new is None else new or None


def _merged(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in {**old, **new}.items() if text}


def _can_log_in(access: Access) -> bool:
    user, password = access.user or "", access.password or ""
    # The first colon separates user and password (RFC 7617, section 2).
    return ":" not in user and not _UNSENDABLE.search(user + password)


def _check_headers(access: Access) -> None:
    for name in access.headers:
        if not _NAME.fullmatch(name):
            raise InvalidError("header", name, "not a name that a header can have")
        if name in _SET_BY_OPTION:
            raise InvalidError("header", name, f"this one is set with {_SET_BY_OPTION[name]}")
        if _RESERVED_HEADERS.fullmatch(name):
            raise InvalidError("header", name, "this one is ours to set")
    if access.user is not None and "Authorization" in access.headers:
        raise InvalidError("header", "Authorization", "the login makes this one")
    for name, text in {**access.headers, "User-Agent": access.user_agent or ""}.items():
        if _UNSENDABLE.search(text):
            raise InvalidError("header", name, "it holds characters that cannot be sent")


def _check_cookies(cookies: Mapping[str, str]) -> None:
    for name, text in cookies.items():
        if not _NAME.fullmatch(name):
            raise InvalidError("cookie", name, "not a name that a cookie can have")
        if not _COOKIE.fullmatch(text):
            raise InvalidError("cookie", name, "it holds characters that cannot be sent")


def _check_proxy(proxy: str) -> None:
    shown = proxy.rpartition("@")[2]
    expected = "expected one like http://user:password@host:port"
    try:
        parts = urlsplit(proxy)
        host_of(proxy)
    except ValueError as error:
        raise InvalidError("proxy", shown, expected) from error
    if not proxy.isprintable() or " " in proxy or parts.path.strip("/") or parts.query:
        raise InvalidError("proxy", shown, expected)
