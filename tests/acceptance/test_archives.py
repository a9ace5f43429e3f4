"""Archives of the feed, through the whole program."""

from fake_publisher import answer
from feed_documents import items, rss
from published_documents import Atom
from tidings.app.publishing import publication_of
from tidings.model.scopes import EVERYTHING, ArchiveAddress, FeedAddress

SETTINGS = {
    "PUBLISH__FIRST_POLL": 120,
    "PUBLISH__FEED_SIZE": 10,
    "WEB__BASE_URL": "https://news.example",
}


def documents_of(tidings):
    """Return the feed and its archive with their tags."""
    addresses = FeedAddress(scope=EVERYTHING, form="atom"), ArchiveAddress(number=1)
    with tidings.opened(**SETTINGS) as app:
        publication = publication_of(app, lambda path, number: f"{path}?page={number}")
        return [(publication.stamp(one), publication.body(one)) for one in addresses]


def test_a_copy_of_the_other_kind_has_the_same_archives_byte_for_byte(
    install, web, sqlite_url, postgres_url
):
    one, other = install(sqlite_url), install(postgres_url)
    one("source", "add", web.serve(answer(body=rss(*items(120)))), **SETTINGS)
    before = documents_of(one)

    assert one("db", "copy", postgres_url).status == 0

    assert documents_of(other) == before
    [feed, archive] = [Atom(body) for _, body in before]
    assert (len(feed.ids), len(archive.ids)) == (20, 100)
    assert feed.link("prev-archive") == "https://news.example/archive/1.atom"
