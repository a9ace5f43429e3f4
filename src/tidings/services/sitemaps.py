"""The sitemap: the pages that are ours.

Pages of entries are left out: what stands there is the publisher's, and they name it as the
original. So are numbered pages: their entries are on the publishers' pages as well.
"""

from collections.abc import Sequence
from datetime import datetime

from tidings.errors import NotFoundError
from tidings.rendering.site import Site
from tidings.rendering.sitemap import MOST, SitemapEntry, render_sitemap, render_sitemap_index
from tidings.services.scopes import every_scope
from tidings.services.stamps import key_of
from tidings.storage import issues, newsletters, publishing, sources
from tidings.storage.database import Connection


def sitemap(connection: Connection, site: Site, *, number: int | None = None) -> bytes:
    """Render the sitemap, or the list of its parts if it is too long for one document.

    Args:
        connection: A reading one.
        site: Where it is published.
        number: Of a part, from 1.

    Raises:
        NotFoundError: There is no such part.
    """
    listed = _pages(connection, site)
    parts = [listed[start : start + MOST] for start in range(0, len(listed), MOST)]
    if number is not None:
        if len(parts) == 1 or number > len(parts):
            raise NotFoundError("sitemap", number)
        return render_sitemap(parts[number - 1])
    if len(parts) == 1:
        return render_sitemap(listed)
    return render_sitemap_index(
        [
            SitemapEntry(url=f"{site.base_url}/sitemap/{place}.xml")
            for place in range(1, len(parts) + 1)
        ]
    )


def count_of_parts(connection: Connection, site: Site) -> int:
    """Return how many documents the sitemap has beside the first: none if it fits into that."""
    count = -(-len(_pages(connection, site)) // MOST)
    return count if count > 1 else 0


def _pages(connection: Connection, site: Site) -> Sequence[SitemapEntry]:
    changes = publishing.changes(connection)
    kept_out = sources.unindexed(connection)
    pages: dict[str, datetime | None] = {
        scope.path: changes[key_of(scope)].changed_at
        for scope in every_scope(connection)
        if scope.kind != "source" or scope.slug not in kept_out
    }
    pages["/topics"] = pages["/sources"] = changes[publishing.SOURCES].changed_at
    if newsletters.every(connection):
        pages["/issues"] = changes[publishing.ISSUES].changed_at
        pages |= {f"/issues/{line.slug}": None for line in issues.listed(connection)}
    return [
        SitemapEntry(url=site.base_url + path, changed_at=changed_at)
        for path, changed_at in pages.items()
    ]
