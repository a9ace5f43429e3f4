"""Publishing: what stands at an address, as bytes and as a stamp that moves with them."""

from functools import partial

from tidings.domain.publishing import (
    Address,
    EntryAddress,
    FeedAddress,
    IssueAddress,
    ListAddress,
    PageAddress,
    Stamp,
)
from tidings.errors import NotFoundError
from tidings.rendering.atom import render_atom
from tidings.rendering.opml import render_opml
from tidings.rendering.pages import Page, render
from tidings.services import archive, directories
from tidings.services.feeds import FORMS, feed_of
from tidings.services.imprint import Imprint
from tidings.services.lists import entry_page, list_page
from tidings.services.stamps import last_change
from tidings.storage.database import Connection, Database


class Publication:
    """Everything that is published, by address."""

    def __init__(self, database: Database, imprint: Imprint) -> None:
        self._database = database
        self._imprint = imprint
        self._fingerprint = imprint.fingerprint

    def stamp(self, address: Address) -> Stamp:
        """Return what tells whether a copy of `address` is current: one indexed read.

        Raises:
            NotFoundError: There is nothing at that address.
        """
        with self._database.read() as connection:
            change, changed_at = last_change(connection, address)
        return Stamp(change=change, changed_at=changed_at, fingerprint=self._fingerprint)

    def body(self, address: Address) -> bytes:
        """Render what is at `address`, all of it from one moment.

        Raises:
            NotFoundError: There is nothing at that address.
        """
        imprint = self._imprint
        with self._database.read() as connection:
            match address:
                case FeedAddress(scope=scope, form=form):
                    return FORMS[form](feed_of(connection, scope, imprint))
                case ListAddress(name="sources.opml"):
                    listed = directories.outlines(connection)
                    return render_opml(listed, title=imprint.settings.title)
                case ListAddress(name="issues.atom"):
                    site = imprint.site_now(connection)
                    newest = archive.newest_issues(connection, site, templates=imprint.templates)
                    return render_atom(newest)
                case _:
                    page = _page(connection, address, imprint)
        return render(page, imprint.templates)


def _page(
    connection: Connection,
    address: PageAddress | EntryAddress | IssueAddress | ListAddress,
    imprint: Imprint,
) -> Page:
    match address:
        case PageAddress():
            return list_page(connection, address, imprint)
        case EntryAddress(id=entry_id):
            return entry_page(connection, entry_id, imprint)
        case IssueAddress(slug=slug):
            return archive.issue_page(connection, slug, site=imprint.site_now(connection))
        case ListAddress(name="topics"):
            return directories.topics_page(connection, imprint.site_now(connection))
        case ListAddress(name="sources"):
            return directories.sources_page(connection, imprint.site_now(connection))
        case ListAddress(name="issues", number=number):
            site, href = imprint.site_now(connection), partial(imprint.page_href, "/issues")
            return archive.issues_page(connection, site, number=number, href=href)
    raise NotFoundError("list", address.name)
