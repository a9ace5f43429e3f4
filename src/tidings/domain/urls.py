"""Addresses as we compare and show them."""

import re
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from tidings.errors import InvalidError

DEFAULT_PORTS = {"http": 80, "https": 443}

_SECRET_WORDS = frozenset(
    {
        *("auth", "email", "hash", "hmac", "jwt", "key", "login", "pass", "passwd", "password"),
        *("private", "pwd", "secret", "session", "sid", "sig", "signature", "token"),
    }
)
_SECRET_ENDING = re.compile(
    r"(?:token|sess(?:ion)?id|ssid|password|signature|secret"
    r"|(?:access|api|auth|feed|pass|private|rss|secret|user)key)\Z"
)
"""How names end that are one word, such as "phpsessid" and "apikey", but not "monkey"."""
_PUBLIC_NAMES = frozenset({"channel_id", "cid", "id", "list", "playlist_id", "q", "url", "v"})
"""Parameters whose values are long and tell nothing of who asks."""

_TOKEN = re.compile(
    r"(?=[^\d]*\d)(?=[^A-Za-z]*[A-Za-z])(?:[\w.~-]{20,}|[0-9a-f]{16,}|[0-9A-F]{16,})", re.ASCII
)
"""Letters and digits that nobody would write by hand."""
_JSON_TOKEN = re.compile(r"/eyJ[\w-]{8,}", re.ASCII)
"""JSON in base64url, by which hosts of podcasts name a subscriber within the path."""
_PATH_PARAMETER = re.compile(r";([^;=/]+)=[^;/]")

_FEED_SCHEME = re.compile(r"(?:feed|pcast|itpc):(?!\d+(?:/|\Z))", re.IGNORECASE)
_HALF_A_SCHEME = re.compile(r"\A(https?)(?::/*|//+)", re.IGNORECASE)
"""As "http:/a.example" and "https//a.example": browsers take the first, no host is called so."""


def host_of(url: str) -> str:
    """Return the `hostname:port` that polling `url` talks to: the unit of politeness.

    Raises:
        ValueError: `url` is not an absolute http(s) URL, or its port is no number.
    """
    parts = urlsplit(url)
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise ValueError(f"not an http(s) URL: {url!r}")
    port = parts.port or DEFAULT_PORTS[parts.scheme]
    hostname = parts.hostname.rstrip(".")
    return f"[{hostname}]:{port}" if ":" in hostname else f"{hostname}:{port}"


def without_credentials(url: str) -> str:
    """Return the address of a source as everybody may see it: without name and password."""
    parts = urlsplit(url)
    _, at, server = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=server)) if at else url


def is_private(url: str, *, has_access: bool = False) -> bool:
    """Tell whether the address of a source is for its subscriber alone.

    Many publishers tell subscribers apart by a token in the query, or below a folder of that
    name. Of a source with a login or headers of its own, no query is anybody else's business.

    Args:
        url: Of the source.
        has_access: It is asked with what only its subscriber has.
    """
    parts = urlsplit(url)
    if parts.username or parts.password or (has_access and parts.query):
        return True
    if "private" in parts.path.lower().split("/") or _JSON_TOKEN.search(parts.path):
        return True
    if any(map(_is_secret, _PATH_PARAMETER.findall(parts.path))):
        return True
    return any(
        (_is_secret(name) or (name.lower() not in _PUBLIC_NAMES and _TOKEN.fullmatch(value)))
        if value
        else _TOKEN.fullmatch(name)  # all of the query is the token
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    )


def _is_secret(name: str) -> bool:
    """Tell by the name of a parameter whether its value says who asks."""
    words = re.split(r"[^a-z]+", name.lower())
    return any(word in _SECRET_WORDS or _SECRET_ENDING.search(word) for word in words)


def masked(url: str) -> str:
    """Return all that may be told of an address that is private: where it leads."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/…"


def place_of(url: str | None) -> str | None:
    """Return where on its site a page is: its address without scheme and host, None for the root.

    It stays when a site moves to another host, or to https.
    """
    parts = urlsplit(url or "")
    return urlunsplit(parts._replace(scheme="", netloc="")).rstrip("/") or None


def page_of(url: str | None) -> str | None:
    """Return the page that an address leads to, however it is written; None for a whole site.

    It is the same for http and https, with `www.` and without, with a slash at the end and
    without; a fragment counts only where it names a page (`#!`).
    """
    parts = urlsplit(url or "")
    path = parts.path.rstrip("/")
    fragment = parts.fragment if parts.fragment.startswith("!") else ""
    if not parts.netloc or not (path or parts.query or fragment):
        return None
    host = parts.netloc.lower().removeprefix("www.")
    return urlunsplit(("", host, path, parts.query, fragment))


def web_addresses(text: str) -> tuple[str, ...]:
    """Return the addresses that `text` can mean, likeliest first: two where it names no scheme.

    `feed://example.org/` names none either; it is how links open feed readers.

    Raises:
        InvalidError: It is no http(s) address.
    """
    said = text.strip().partition("#")[0]
    if opener := _FEED_SCHEME.match(said):
        said = said[opener.end() :]
    said = _HALF_A_SCHEME.sub(r"\1://", said)
    if "://" in said.partition("?")[0]:  # a query may hold another address
        return (_checked_address(said, text),)
    bare = said.removeprefix("//")
    return tuple(_checked_address(f"{scheme}://{bare}", text) for scheme in ("https", "http"))


def web_address(text: str) -> str:
    """Return the likeliest address that `text` can mean.

    Raises:
        InvalidError: It is no http(s) address.
    """
    return web_addresses(text)[0]


def _checked_address(url: str, text: str) -> str:
    try:
        host_of(url)
    except ValueError as error:
        raise InvalidError("address", text, "expected one like https://example.org/feed") from error
    if any(c.isspace() or not c.isprintable() or c == "\\" for c in url):
        raise InvalidError("address", text, "it holds blanks, controls or a backslash")
    return url
