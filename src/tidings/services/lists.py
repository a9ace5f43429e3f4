"""The pages that list entries, and the page of one."""

from dataclasses import replace
from functools import partial

from tidings.domain.publishing import PageAddress
from tidings.errors import NotFoundError
from tidings.rendering.pages import EntryPage, ListPage, paginate
from tidings.services.headings import heading_of
from tidings.services.imprint import Imprint
from tidings.storage import entries, publishing
from tidings.storage.database import Connection
from tidings.storage.entries import Window


def list_page(connection: Connection, address: PageAddress, imprint: Imprint) -> ListPage:
    """Return a page of entries.

    Raises:
        NotFoundError: There is no such topic, source or page.
    """
    scope, size = address.scope, imprint.settings.page_size
    heading = heading_of(connection, scope, title=imprint.settings.title)
    is_mixed = scope.kind != "source"
    selection = replace(
        heading.selection, states=heading.page_states, folded=False if is_mixed else None
    )
    count = max(-(-entries.count(connection, selection) // size), 1)
    if address.number > count:
        raise NotFoundError("page", address.number)
    window = Window(limit=size, offset=(address.number - 1) * size)
    shown = entries.select_entries(connection, selection, window)
    href = partial(imprint.page_href, scope.path)
    return ListPage(
        site=imprint.site_now(connection),
        scope=scope,
        heading=heading.title,
        about=heading.about,
        site_url=heading.site_url,
        entries=tuple(shown),
        folded=entries.folded_with(connection, shown) if is_mixed else {},
        pagination=paginate(address.number, count=count, href=href),
    )


def entry_page(connection: Connection, entry_id: int, imprint: Imprint) -> EntryPage:
    """Return the page of an entry that is for everybody.

    Raises:
        NotFoundError: There is none.
    """
    entry = entries.get(connection, entry_id)
    if entry.state not in publishing.OPEN_STATES:
        raise NotFoundError("entry", entry_id)
    return EntryPage(site=imprint.site_now(connection), entry=entry)
