"""The sitemap and robots.txt."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.sax.saxutils import escape

from tidings.templating.site import Site

# Addresses in one document, by the protocol (sitemaps.org).
MOST = 50_000

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"


@dataclass(frozen=True, slots=True, kw_only=True)
class SitemapEntry:
    """A page, or a part of the sitemap; `changed_at` is None where it is not known."""

    url: str
    changed_at: datetime | None = None


def render_sitemap(pages: Sequence[SitemapEntry]) -> bytes:
    """Render a sitemap."""
    return _document("urlset", "url", pages)


def render_sitemap_index(parts: Sequence[SitemapEntry]) -> bytes:
    """Render the index of a sitemap that is too long for one document."""
    return _document("sitemapindex", "sitemap", parts)


def robots(site: Site) -> bytes:
    """Return robots.txt."""
    # Answers for machines: nobody searches for them.
    closed = [site.href(path) for path in ("/health/", "/metrics")]
    rules = "".join(f"Disallow: {path}\n" for path in closed)
    return f"User-agent: *\n{rules}\nSitemap: {site.base_url}/sitemap.xml\n".encode()


def _document(root: str, element: str, entries: Sequence[SitemapEntry]) -> bytes:
    lines = [f"<{element}>{_described(one)}</{element}>\n" for one in entries]
    return f'{_HEAD}<{root} xmlns="{_NAMESPACE}">\n{"".join(lines)}</{root}>\n'.encode()


def _described(one: SitemapEntry) -> str:
    location = f"<loc>{escape(one.url)}</loc>"
    if one.changed_at is None:
        return location
    changed_at = one.changed_at.astimezone(UTC).isoformat(timespec="seconds")
    return f"{location}<lastmod>{changed_at}</lastmod>"
