"""Addresses as we compare and show them."""

from urllib.parse import urlsplit, urlunsplit

DEFAULT_PORTS = {"http": 80, "https": 443}


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
