"""Our feeds: which entries each one holds."""

from uuid import uuid5

from tidings.domain.publishing import FeedDocument, Scope
from tidings.rendering.atom import render_atom
from tidings.rendering.json_feed import render_json
from tidings.rendering.rss import render_rss
from tidings.services.headings import heading_of
from tidings.services.imprint import Imprint
from tidings.services.stamps import key_of
from tidings.storage import entries, publishing
from tidings.storage.database import Connection
from tidings.storage.entries import Window

FORMS = {"atom": render_atom, "rss": render_rss, "json": render_json}


def feed_of(connection: Connection, scope: Scope, imprint: Imprint) -> FeedDocument:
    """Return the feed of a scope.

    Raises:
        NotFoundError: There is no such topic or source.
    """
    settings = imprint.settings
    heading = heading_of(connection, scope, title=settings.title)
    window = Window(limit=settings.feed_size, by_seq=True, with_content=True)
    shown = entries.select_entries(connection, heading.selection, window)
    _, changed_at = publishing.get_change(connection, key_of(scope))
    base = imprint.site.base_url
    return FeedDocument(
        id=uuid5(publishing.instance(connection), key_of(scope)).urn,
        title=heading.title,
        subtitle=heading.about,
        page_url=base + scope.path,
        feed_urls={form: base + scope.feed_path(form) for form in FORMS},
        updated=max((entry.changed_at for entry in shown), default=changed_at),
        entries=tuple(shown),
        language=heading.language or settings.language,
    )
