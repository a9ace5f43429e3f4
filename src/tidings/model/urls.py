"""URLs: hosts, normal forms, private ones and how they are masked; slugs, titles, Atom ids."""

import re
import unicodedata
from hashlib import sha256
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from tidings.errors import InvalidError

DEFAULT_PORTS = {"http": 80, "https": 443}

_SECRET_WORDS = frozenset(
    {
        *("auth", "email", "hash", "hmac", "jwt", "key", "login", "pass", "passwd", "password"),
        *("private", "pwd", "secret", "session", "sid", "sig", "signature", "token"),
    }
)

# How names end that are one word, such as "phpsessid" and "apikey", but not "monkey".
_SECRET_ENDING = re.compile(
    r"(?:token|sess(?:ion)?id|ssid|password|signature|secret"
    r"|(?:access|api|auth|feed|pass|private|rss|secret|user)key)\Z"
)

# Parameters whose values are long, but do not identify a subscriber.
_PUBLIC_NAMES = frozenset({"channel_id", "cid", "id", "list", "playlist_id", "q", "url", "v"})

# Long strings of letters and digits mixed: tokens.
_TOKEN = re.compile(
    r"(?=[^\d]*\d)(?=[^A-Za-z]*[A-Za-z])(?:[\w.~-]{20,}|[0-9a-f]{16,}|[0-9A-F]{16,})", re.ASCII
)

# JSON in base64url, by which hosts of podcasts name a subscriber within the path.
_JSON_TOKEN = re.compile(r"/eyJ[\w-]{8,}", re.ASCII)

_PATH_PARAMETER = re.compile(r";([^;=/]+)=[^;/]")

_FEED_SCHEME = re.compile(r"(?:feed|pcast|itpc):(?!\d+(?:/|\Z))", re.IGNORECASE)

# As "http:/a.example" and "https//a.example": browsers take the first, no host is called so.
_HALF_A_SCHEME = re.compile(r"\A(https?)(?::/*|//+)", re.IGNORECASE)

MAX_SLUG = 60

# Control characters, and what separates lines or paragraphs.
_NOT_OF_A_LINE = frozenset({"Cc", "Zl", "Zp"})

MAX_IRI = 500

_REST = r"(?:[0-9A-Za-z;/?:@&=+$.~!*'(),_-]|%[0-9A-F]{2})*"

_HEX = "[0-9A-Fa-f]"

_FORMS = (
    rf"https?://[a-z0-9.-]+(?::[1-9][0-9]*)?/(?!(?:.*/)?\.\.?(?:[/?#]|$)){_REST}(?:#{_REST})?",
    rf"urn:uuid:{_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}}",
    r"urn:(?!uuid:)[A-Za-z0-9][A-Za-z0-9-]{1,31}:(?:[0-9A-Za-z()+,.:=@;$_!*'-]|%[0-9A-F]{2})+",
    rf"tag:(?:[a-z0-9._-]+@)?[a-z0-9.-]+,[0-9]{{4}}(?:-[0-9]{{2}}){{0,2}}:{_REST}(?:#{_REST})?",
)

_NAME = re.compile("|".join(_FORMS))


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
    """Return a URL without user and password."""
    parts = urlsplit(url)
    _, at, server = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=server)) if at else url


def is_private(url: str, *, has_access: bool = False) -> bool:
    """Tell whether the address of a source is for its subscriber alone.

    That is a guess, by tokens in the query and folders called `private`.

    Args:
        url: Of the source.
        has_access: The source has a login, headers or cookies; then any query is private.
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
    """Tell by the name of a parameter whether its value is a secret."""
    words = re.split(r"[^a-z]+", name.lower())
    return any(word in _SECRET_WORDS or _SECRET_ENDING.search(word) for word in words)


def mask(url: str) -> str:
    """Return what may be shown of a private address: scheme and host."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/…"


def path_of(url: str | None) -> str | None:
    """Return the path and query of a page; None for the root.

    They stay when a site moves to another host, or to https.
    """
    parts = urlsplit(url or "")
    return urlunsplit(parts._replace(scheme="", netloc="")).rstrip("/") or None


def normalised_page(url: str | None) -> str | None:
    """Return a normal form of a page's address; None for a site's front page.

    Scheme, `www.` and a slash at the end are left out; a fragment counts only where it names a
    page (`#!`).
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

    `feed:`, by which links open feed readers, counts as none.

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


def checked_slug(slug: str) -> str:
    """Return `slug` if it is a valid one.

    Raises:
        InvalidError: It has other characters than `slugify` leaves.
    """
    if not slug or slugify(slug) != slug:
        example = f", as in {topic_slug(slug)}" if slugify(slug) else ""
        because = f"use lower-case ASCII letters, digits and hyphens{example}"
        raise InvalidError("slug", slug, because)
    return slug


def checked_title(title: str) -> str:
    """Return a title, without blanks round it.

    Raises:
        InvalidError: It is empty, or has line breaks or control characters.
    """
    trimmed = title.strip(" ")
    if not trimmed.strip():
        raise InvalidError("title", title, "say in a few words what readers see")
    if any(unicodedata.category(one) in _NOT_OF_A_LINE for one in trimmed):
        raise InvalidError("title", title, "write it on one line, without line breaks or tabs")
    return trimmed


def slugify(text: str) -> str:
    """Return `text` in lower-case ASCII letters, digits and hyphens; empty if none remain."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:MAX_SLUG].strip("-")


def topic_slug(title: str) -> str:
    """Return a slug for a topic; from a hash if its title has no ASCII letters."""
    # C, C++ and C# are three languages.
    spoken = title.replace("+", " plus ").replace("#", " sharp ")
    return slugify(spoken) or f"topic-{_number(title)}"


def other_topic_slug(title: str) -> str:
    """Return the slug of a topic whose first choice is taken, such as 数学 C beside C."""
    number = _number(title)
    return f"{topic_slug(title)[: MAX_SLUG - len(number) - 1]}-{number}"


def _number(title: str) -> str:
    return sha256(title.encode()).hexdigest()[:6]


def source_slugs(title: str, url: str) -> list[str]:
    """Return candidates for a source's slug, best first: title, host, host with path.

    Never empty.
    """
    parts = urlsplit(url)
    host = f"{parts.hostname or ''}-{parts.port or ''}".removeprefix("www.")
    path = re.sub(r"\.(xml|atom|rss|rdf|json)$", "", parts.path)
    candidates = [slugify(title), slugify(host), slugify(f"{host} {path}")]
    return [slug for slug in candidates if len(slug) > 2] or ["source"]


def is_stable_iri(text: str) -> bool:
    """Tell whether `text` can be an Atom id (RFC 4287, section 4.2.6): an IRI in canonical form.

    Feed validators refuse tags without a date and malformed UUIDs, and warn of addresses that
    have another spelling.
    """
    return len(text) <= MAX_IRI and _NAME.fullmatch(text) is not None
