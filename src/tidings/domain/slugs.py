"""Slugs and titles: what things are called in addresses, in ASCII, and what by people."""

import re
import unicodedata
from hashlib import sha256
from urllib.parse import urlsplit

from tidings.errors import InvalidError

MAX_SLUG = 60

_NOT_OF_A_LINE = frozenset({"Cc", "Zl", "Zp"})
"""Control characters, and what separates lines or paragraphs."""


def checked_slug(slug: str) -> str:
    """Return a slug that somebody chose.

    Raises:
        InvalidError: It cannot stand in an address.
    """
    if not slug or slugify(slug) != slug:
        example = f", as in {topic_slug(slug)}" if slugify(slug) else ""
        because = f"use lower-case ASCII letters, digits and hyphens{example}"
        raise InvalidError("slug", slug, because)
    return slug


def checked_title(title: str) -> str:
    """Return a title that somebody chose, without blanks round it.

    Raises:
        InvalidError: It says nothing, or more than one line holds.
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
    """Return a slug for a topic; one whose title has no ASCII letters is numbered by hash.

    Signs that tell names apart are spelled out: C, C++ and C# are three languages.
    """
    spoken = title.replace("+", " plus ").replace("#", " sharp ")
    return slugify(spoken) or f"topic-{_number(title)}"


def other_topic_slug(title: str) -> str:
    """Return the slug of a topic whose first choice another one has, such as 数学 C beside C."""
    number = _number(title)
    return f"{topic_slug(title)[: MAX_SLUG - len(number) - 1]}-{number}"


def _number(title: str) -> str:
    return sha256(title.encode()).hexdigest()[:6]


def source_slugs(title: str, url: str) -> list[str]:
    """Return what a source's slug may be, best first; never empty.

    The title makes the best one, failing that the host, failing that host and path.
    """
    parts = urlsplit(url)
    host = f"{parts.hostname or ''}-{parts.port or ''}".removeprefix("www.")
    path = re.sub(r"\.(xml|atom|rss|rdf|json)$", "", parts.path)
    candidates = [slugify(title), slugify(host), slugify(f"{host} {path}")]
    return [slug for slug in candidates if len(slug) > 2] or ["source"]
