"""The pages that list entries, and the page of one."""

from dataclasses import replace
from functools import partial

from tidings.domain.entries import Entry
from tidings.domain.publishing import PageAddress
from tidings.errors import NotFoundError
from tidings.rendering.pages import EntryPage, ListPage, paginate
from tidings.services.directories import line_of
from tidings.services.headings import heading_of
from tidings.services.imprint import SiteContext
from tidings.services.stamps import key_of
from tidings.storage import entries, paging, pins, publishing
from tidings.storage.database import Connection

MOST = 10
"""How many times what a page holds may stand on one that is to be cut, but is not yet."""


def list_page(connection: Connection, address: PageAddress, imprint: SiteContext) -> ListPage:
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
    span = paging.get_span(connection, key_of(scope), address.number)
    on_it = paging.ids_on(connection, selection, span, most=MOST * size)
    shown = entries.in_order(connection, on_it)
    pinned = _pinned(connection) if scope.kind == "all" and address.number is None else ()
    href = partial(imprint.page_href, scope.path)
    return ListPage(
        site=imprint.site_now(connection),
        scope=scope,
        heading=heading.title,
        about=heading.about,
        source=line_of(heading.source) if heading.source else None,
        pinned=pinned,
        entries=tuple(one for one in shown if one not in pinned),
        folded=entries.folded_with(connection, shown) if is_mixed else {},
        pagination=paginate(span.number, count=span.last + 1, href=href),
    )


def _pinned(connection: Connection) -> tuple[Entry, ...]:
    return tuple(entries.in_order(connection, pins.on_top(connection)))


def entry_page(connection: Connection, entry_id: int, imprint: SiteContext) -> EntryPage:
    """Return the page of an entry that is for everybody, or of any to an operator.

    Raises:
        NotFoundError: There is none.
    """
    entry = entries.get(connection, entry_id)
    if entry.state not in publishing.OPEN_STATES and imprint.site.operator is None:
        raise NotFoundError("entry", entry_id)
    return EntryPage(site=imprint.site_now(connection), entry=entry)
