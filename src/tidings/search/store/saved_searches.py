"""Saved searches: queries with a page and feeds of their own."""

from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from tidings.catalog import change_log
from tidings.db.tables import search
from tidings.errors import ConflictError, NotFoundError
from tidings.model.text import nearest
from tidings.model.urls import checked_slug, checked_title
from tidings.search.query import SavedSearch


def add(connection: Connection, new: SavedSearch, *, now: datetime) -> None:
    """Store a search.

    Raises:
        ConflictError: There is one with that slug.
        InvalidError: The slug cannot stand in an address, or the title not on a line.
    """
    if find(connection, checked_slug(new.slug)):
        raise ConflictError("search", new.slug)
    values = {
        "slug": new.slug,
        "title": checked_title(new.title),
        "query": new.query,
        "added_at": now,
    }
    connection.execute(insert(search).values(values))
    change_log.touch_everything(connection, [change_log.of_search(new.slug)], now=now)


def remove(connection: Connection, slug: str, *, now: datetime) -> None:
    """Remove a search.

    Raises:
        NotFoundError: There is no such search.
    """
    if connection.execute(delete(search).where(search.c.slug == slug)).rowcount == 0:
        raise NotFoundError("search", slug)
    change_log.forget(connection, change_log.of_search(slug))
    change_log.touch_everything(connection, now=now)


def get(connection: Connection, slug: str) -> SavedSearch:
    """Return a search.

    Raises:
        NotFoundError: There is none with that slug.
    """
    found = find(connection, slug)
    if found is None:
        known = connection.scalars(select(search.c.slug))
        raise NotFoundError("search", slug, nearest=nearest(slug, known))
    return found


def find(connection: Connection, slug: str) -> SavedSearch | None:
    """Return a search by its slug."""
    row = connection.execute(select(search).where(search.c.slug == slug)).first()
    return SavedSearch(slug=row.slug, title=row.title, query=row.query) if row else None


def every(connection: Connection) -> list[SavedSearch]:
    """Return all searches, in order of their titles."""
    rows = connection.execute(select(search).order_by(search.c.title, search.c.id))
    return [SavedSearch(slug=row.slug, title=row.title, query=row.query) for row in rows]
