"""Whatever format we write feeds in: it is served, linked, announced, and a file of the static site."""

import pytest
from selectolax.lexbor import LexborHTMLParser

from browser.showcase import SITE, serving, shipped_templates
from newsletter_site import NewsletterSite
from parsed_entries import NOON
from published_documents import SETTINGS, PublishedDocuments
from tidings.catalog import sources
from tidings.publishing import search_page
from tidings.publishing.formats.registry import FORMATS
from tidings.publishing.hub_pings import feeds_of
from tidings.publishing.site_context import SiteContext
from tidings.publishing.static_site import files, page_path
from tidings.search.query import SavedSearch
from web.visitors import Operations, Visitor, app_of

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def stems(database):
    """What stands before the suffix of the feeds of every scope, by the address of its page."""
    room = NewsletterSite(database)
    source_id = room.follow(topic="birds")
    room.publish(source_id)
    saved = SavedSearch(slug="terns", title="Terns", query="tern")
    with database.write() as connection:
        search_page.save(connection, saved, now=NOON)
        slug = sources.get(connection, source_id).slug
    pages = ("/topics/birds", f"/sources/{slug}", "/searches/terns")
    return {"/": "/feed"} | {page: page for page in pages}


@pytest.fixture
def visitor(database):
    with serving(app_of(PublishedDocuments(database).publication, Operations())) as url:
        yield Visitor(url)


def test_every_feed_is_served_in_every_format(stems, visitor):
    for name, one in FORMATS.items():
        for path in (*(f"{stem}.{name}" for stem in stems.values()), f"/feed.{name}?q=tern"):
            answer = visitor.ask(path)

            assert answer.status == 200
            assert answer.headers["content-type"] == one.content_type


def test_every_page_leads_to_its_feed_in_every_format(stems, visitor):
    for page, stem in stems.items():
        html = LexborHTMLParser(visitor.ask(page).body.decode())

        for rel in ("link[rel=alternate]", "footer a"):
            links = {(a.attributes["href"], a.attributes.get("type")) for a in html.css(rel)}
            wanted = {(f"{stem}.{name}", one.media_type) for name, one in FORMATS.items()}
            assert wanted <= links


def test_every_feed_is_a_file_in_every_format(stems, database):
    context = SiteContext(
        settings=SETTINGS, site=SITE, templates=shipped_templates(), page_path=page_path
    )

    with database.read() as connection:
        written = {file.path for file in files(connection, context)}

    wanted = {f"{stem.lstrip('/')}.{name}" for stem in stems.values() for name in FORMATS}
    assert wanted <= written


def test_hubs_are_told_of_every_format(database):
    assert set(feeds_of("all")) == {f"/feed.{name}" for name in FORMATS}


def test_what_is_written_as_xml_names_all_the_others(stems, database):
    published = PublishedDocuments(database)

    for name in FORMATS:
        body = published.body(form=name).decode()
        if body.startswith("<?xml"):
            assert all(f"{SITE.base_url}/feed.{other}" in body for other in FORMATS)
