"""Slugs: the names of sources and topics in addresses, in ASCII."""

import re
import unicodedata
from hashlib import sha256
from urllib.parse import urlsplit

MAX_SLUG = 60


def slugify(text: str) -> str:
    """Return `text` in lower-case ASCII letters, digits and hyphens; empty if none remain."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:MAX_SLUG].strip("-")


def topic_slug(title: str) -> str:
    """Return a slug for a topic; one whose title has no ASCII letters is numbered by hash."""
    return slugify(title) or f"topic-{sha256(title.encode()).hexdigest()[:6]}"


def source_slugs(title: str, url: str) -> list[str]:
    """Return what a source's slug may be, best first; never empty.

    The title makes the best one, failing that the host, failing that host and path.
    """
    parts = urlsplit(url)
    host = f"{parts.hostname or ''}-{parts.port or ''}".removeprefix("www.")
    path = re.sub(r"\.(xml|atom|rss|rdf|json)$", "", parts.path)
    candidates = [slugify(title), slugify(host), slugify(f"{host} {path}")]
    return [slug for slug in candidates if len(slug) > 2] or ["source"]
