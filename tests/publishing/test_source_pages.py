"""The directory of sources, page by page."""

import re
import shutil
from functools import partial

import pytest
from sqlalchemy import event

from browser.showcase import SITE, shipped_templates
from parsed_entries import NOON
from published_documents import SETTINGS
from tidings.catalog import sources, topics
from tidings.catalog.sources import NewSource
from tidings.db.database import Database
from tidings.errors import NotFoundError
from tidings.model.scopes import ListAddress
from tidings.publishing import static_site
from tidings.publishing.directories import PAGE_SIZE
from tidings.publishing.publication import Publication
from tidings.publishing.site_context import SiteContext

LISTED = 2 * PAGE_SIZE + 1


def follow_many(database, number, *, topic=()):
    """Follow sources whose titles stand in the order of their numbers, whatever their case."""
    titles = [f"{'aA'[place % 2]} blog {place:04}" for place in reversed(range(number))]
    new = [
        NewSource(
            url=f"https://{place}.example.org/feed",
            title=title.replace("A", "a") if place % 3 else title.upper(),
            topics=topic,
        )
        for place, title in enumerate(titles)
    ]
    with database.write() as connection:
        sources.add(connection, new, now=NOON)


def publication_of(database, page_path=lambda path, number: f"{path}?page={number}"):
    context = SiteContext(
        settings=SETTINGS, site=SITE, templates=shipped_templates(), page_path=page_path
    )
    return Publication(database, context)


@pytest.fixture
def page(database):
    publication = publication_of(database)
    return lambda number=None, topic="": publication.body(
        ListAddress(name="sources", number=number, topic=topic)
    ).decode()


def titles_on(html):
    return [int(number) for number in re.findall(r">a blog (\d+)</a>", html, re.IGNORECASE)]


def links_of(html):
    return dict(re.findall(r'<a rel="(prev|next)" href="([^"]+)"', html))


def test_every_source_is_on_one_page_by_title(database, page):
    follow_many(database, LISTED)

    first, second, third = page(), page(2), page(3)

    assert titles_on(first) + titles_on(second) + titles_on(third) == [*range(LISTED)]
    assert len(titles_on(first)) == len(titles_on(second)) == PAGE_SIZE
    assert page(1) == first
    assert all(f"{LISTED} sources." in html for html in (first, second, third))


def test_pages_lead_to_their_neighbours_and_the_first_has_no_number(database, page):
    follow_many(database, LISTED)

    assert links_of(page()) == {"next": "/sources?page=2"}
    assert links_of(page(2)) == {"prev": "/sources", "next": "/sources?page=3"}
    assert links_of(page(3)) == {"prev": "/sources?page=2"}
    with pytest.raises(NotFoundError):
        page(4)


def test_the_sources_of_a_topic_have_pages_of_their_own(database, page):
    with database.write() as connection:
        topics.add(connection, "tides", title="Tides", now=NOON)
    follow_many(database, PAGE_SIZE + 1, topic=["tides"])
    with database.write() as connection:
        sources.add(connection, [NewSource(url="https://other.example/feed")], now=NOON)

    first, second = page(topic="tides"), page(2, topic="tides")

    assert links_of(first) == {"next": "/sources?topic=tides&amp;page=2"}
    assert links_of(second) == {"prev": "/sources?topic=tides"}
    assert titles_on(first) + titles_on(second) == [*range(PAGE_SIZE + 1)]
    assert f"{PAGE_SIZE + 1} sources" in first
    with pytest.raises(NotFoundError):
        page(3, topic="tides")


def test_a_short_list_has_no_pages(database, page):
    follow_many(database, 3)

    assert links_of(page()) == {}
    assert "page 1 of" not in page()


def test_a_page_reads_no_more_of_sources_that_are_not_on_it_than_their_titles(database, page):
    follow_many(database, LISTED)

    wide = rows_read(database, partial(page, 2), asking_for="last_error")

    assert wide == PAGE_SIZE


def rows_read(database, work, *, asking_for):
    """Return how many rows a read gives that asks for this column of sources."""
    read = []

    def ran(_connection, cursor, statement, parameters, *_):
        if asking_for in statement:
            again = f"SELECT count(*) FROM ({statement}) AS them"
            read.append((again, parameters))

    event.listen(database._engine, "after_cursor_execute", ran)
    work()
    event.remove(database._engine, "after_cursor_execute", ran)
    [(statement, parameters)] = read
    with database.read() as connection:
        return connection.exec_driver_sql(statement, parameters).scalar_one()


def test_the_static_site_has_a_file_for_each_page(sqlite_template, tmp_path):
    shutil.copyfile(sqlite_template, tmp_path / "tidings.db")
    database = Database(f"sqlite:///{tmp_path}/tidings.db")
    follow_many(database, LISTED)
    context = SiteContext(
        settings=SETTINGS,
        site=SITE,
        templates=shipped_templates(),
        page_path=static_site.page_path,
    )

    static_site.publish(database, context, tmp_path / "public", assets={}, clock=lambda: NOON)

    folder = tmp_path / "public" / "sources"
    files = [folder / "index.html", *(folder / "page" / n / "index.html" for n in "23")]
    listed = [number for file in files for number in titles_on(file.read_text())]
    assert listed == [*range(LISTED)]
    assert links_of(files[1].read_text()) == {"prev": "/sources", "next": "/sources/page/3/"}
    assert not (folder / "page" / "1").exists()
    database.close()
