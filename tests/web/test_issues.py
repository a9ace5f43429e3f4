"""The archive of newsletters over HTTP, on databases of both kinds."""

import re
from dataclasses import replace

import pytest
from lxml import etree
from sqlalchemy import event

from browser.showcase import serving, shipped_templates
from installation import on_sqlite
from newsletter_site import NewsletterSite, a_schedule
from parsed_entries import DAY, HOUR, NOON, an_entry
from polls_by_hand import read_poll
from tidings.catalog import newsletters
from tidings.model.scopes import IssueAddress, ListAddress, PageAddress, PublishSettings, Scope
from tidings.newsletters.store import issues
from tidings.polling.source_list import remove_source
from tidings.polling.store import leases, polls
from tidings.publishing import static_site
from tidings.publishing.issue_archive import PAGE_SIZE
from tidings.publishing.publication import Publication
from tidings.publishing.site_context import ISSUES_IN_FEED, SiteContext
from tidings.publishing.static_site import page_path
from tidings.templating.site import Site
from web.visitors import Operations, Visitor, app_of

SEVEN = NOON - 5 * HOUR + DAY
"""Tomorrow at seven, when the daily slot of these tests falls due."""

SITE = Site(
    title="Latest updates",
    kicker="Incoming transmission",
    base_url="https://news.example",
    language="en",
    version="0.1.0",
)
SETTINGS = PublishSettings(
    title="Latest updates",
    kicker="Incoming transmission",
    language="en",
    feed_size=50,
    page_size=12,
    first_poll=5,
    fold=0,
)
ATOM = {"a": "http://www.w3.org/2005/Atom"}
LIST, FEED = ListAddress(name="issues"), ListAddress(name="issues.atom")


@pytest.fixture
def newsletter_site(database):
    return NewsletterSite(database)


IMPRINT = SiteContext(
    settings=SETTINGS,
    site=SITE,
    templates=shipped_templates(),
    page_path=lambda path, number: f"{path}?page={number}",
)


@pytest.fixture
def publication(database):
    return Publication(database, IMPRINT)


def publish(database, folder):
    context = replace(IMPRINT, page_path=page_path)
    static_site.publish(database, context, folder, assets={}, clock=lambda: SEVEN)


@pytest.fixture
def visitor(publication):
    with serving(app_of(publication, Operations(), SITE)) as url:
        yield Visitor(url)


@pytest.fixture
def issued(newsletter_site):
    """Let a newsletter issue what a source of its own has published; return slugs by listing."""

    def issue(number=2, *, source=None, at=SEVEN):
        source = source or newsletter_site.follow()
        told = newsletter_site.publish(source, number)
        newsletter_site.now = at
        newsletter_site.plan()
        return source, told

    return issue


def slugs_of(database, *, listed):
    with database.read() as connection:
        found = issues.latest(connection, only_listed=False, limit=None)
    return [issue.slug for issue in found if issue.listed is listed]


def etags(publication, *addresses):
    return [publication.stamp(address).etag for address in addresses]


def linked_in(feed):
    entries = etree.fromstring(feed).findall("a:entry", ATOM)
    return [entry.find("a:link", ATOM).get("href") for entry in entries]


def change_entry(database, source_id, guid, *, now):
    """Poll a source that has a new title for an entry."""
    with database.write() as connection:
        [due] = leases.due(connection, [source_id])
        leases.claim_one(connection, "test", due.host)
        known = polls.known_entries(connection, [source_id])[source_id]
        changed = an_entry(guid, title="Another title")
        polls.save(connection, "test", [read_poll(due, changed, known=known, now=now)])


def test_an_issue_of_its_own_is_in_the_archive_and_in_the_feed_and_has_a_page(
    newsletter_site, issued, visitor
):
    newsletter_site.add_newsletter(title="The <News>")
    _, told = issued(3)
    [slug] = slugs_of(newsletter_site.database, listed=True)

    archive, feed, page = (
        visitor.ask(path) for path in ("/issues", "/issues.atom", f"/issues/{slug}")
    )

    assert [archive.status, feed.status, page.status] == [200, 200, 200]
    assert f'<a href="/issues/{slug}">'.encode() in archive.body
    assert b"The &lt;News&gt;" in archive.body
    assert feed.headers["content-type"] == "application/atom+xml; charset=utf-8"
    assert linked_in(feed.body) == [f"https://news.example/issues/{slug}"]
    linked = re.findall(r'<h3[^>]*><a href="/entries/(\d+)"', page.body.decode())
    assert sorted(map(int, linked)) == told
    assert b"noindex" not in page.body


def test_an_issue_for_some_readers_has_a_page_and_is_found_by_nobody_else(
    newsletter_site, issued, visitor
):
    newsletter_site.add_newsletter()
    newsletter_site.subscribe(language="zh")
    issued()
    [slug] = slugs_of(newsletter_site.database, listed=False)

    page = visitor.ask(f"/issues/{slug}")

    assert page.status == 200
    assert b'<meta name="robots" content="noindex">' in page.body
    assert b'href="/issues/' not in page.body
    for path in ("/issues", "/issues.atom"):
        assert slug.encode() not in visitor.ask(path).body


@pytest.mark.parametrize(
    "path", ["/issues/", "/issues/nothing", "/issues/news%00", "/issues/%ff", "/issues/a/b"]
)
@on_sqlite
def test_there_is_nothing_at_other_addresses(newsletter_site, visitor, path):
    newsletter_site.add_newsletter()

    assert visitor.ask(path).status == 404


def test_without_a_newsletter_nothing_leads_to_the_archive_which_is_empty(visitor):
    archive, feed = visitor.ask("/issues"), visitor.ask("/issues.atom")

    assert b"No newsletter has been sent yet." in archive.body
    assert etree.fromstring(feed.body).findall("a:entry", ATOM) == []
    assert b'href="/issues"' not in visitor.ask("/").body


def test_every_page_leads_to_the_archive_from_the_first_newsletter_to_the_last(
    newsletter_site, visitor
):
    before = visitor.ask("/")
    newsletter_site.add_newsletter()

    between = visitor.ask("/", If_None_Match=before.headers["etag"])
    with newsletter_site.database.write() as connection:
        newsletters.remove(connection, "news", now=newsletter_site.now)
    after = visitor.ask("/", If_None_Match=between.headers["etag"])

    assert b'<a href="/issues">Newsletters</a>' in between.body
    assert after.body == before.body


def test_an_issue_goes_with_its_newsletter(newsletter_site, issued, visitor):
    newsletter_site.add_newsletter()
    issued()
    [slug] = slugs_of(newsletter_site.database, listed=True)
    assert visitor.ask(f"/issues/{slug}").status == 200

    with newsletter_site.database.write() as connection:
        newsletters.remove(connection, "news", now=newsletter_site.now)

    assert visitor.ask(f"/issues/{slug}").status == 404
    assert slug.encode() not in visitor.ask("/issues").body


def test_a_stamp_costs_one_read(newsletter_site, issued, publication):
    newsletter_site.add_newsletter()
    issued()
    [slug] = slugs_of(newsletter_site.database, listed=True)
    statements = []
    engine = newsletter_site.database._engine
    event.listen(
        engine, "before_cursor_execute", lambda *said: statements.append(said[2]), named=False
    )

    etags(publication, IssueAddress(slug=slug), LIST, FEED)

    asked = [one for one in statements if one.lstrip().startswith(("SELECT", "WITH"))]
    assert len(asked) == 3


def test_news_of_other_sources_leave_an_issue_and_the_feed_as_they_are(
    newsletter_site, issued, publication
):
    newsletter_site.add_newsletter()
    issued()
    [slug] = slugs_of(newsletter_site.database, listed=True)
    other = newsletter_site.follow()
    addresses = (IssueAddress(slug=slug), LIST, FEED)
    before = etags(publication, *addresses, PageAddress(scope=Scope(kind="all")))

    newsletter_site.publish(other)

    after = etags(publication, *addresses, PageAddress(scope=Scope(kind="all")))
    assert after[:3] == before[:3]
    assert after[3] != before[3]


def test_a_changed_entry_changes_the_pages_and_the_feed_that_tell_of_it(
    newsletter_site, issued, publication
):
    newsletter_site.add_newsletter()
    source, _ = issued(1)
    [slug] = slugs_of(newsletter_site.database, listed=True)
    addresses = (IssueAddress(slug=slug), FEED)
    before = etags(publication, *addresses)

    change_entry(newsletter_site.database, source, "urn:example:2", now=newsletter_site.now)

    assert all(old != new for old, new in zip(before, etags(publication, *addresses), strict=True))
    assert all(b"Another title" in publication.body(address) for address in addresses)


def test_the_list_changes_with_issues_that_are_listed_and_only_with_those(
    newsletter_site, publication
):
    newsletter_site.add_newsletter()
    newsletter_site.subscribe(hour=13, language="zh")
    source = newsletter_site.follow()
    before = etags(publication, LIST, FEED)
    newsletter_site.publish(source)

    newsletter_site.now += HOUR
    newsletter_site.plan()
    with_an_unlisted_one = etags(publication, LIST, FEED)
    newsletter_site.now = SEVEN
    newsletter_site.plan()

    assert len(slugs_of(newsletter_site.database, listed=False)) == 1
    assert len(slugs_of(newsletter_site.database, listed=True)) == 1
    assert with_an_unlisted_one == before
    assert not set(before) & set(etags(publication, LIST, FEED))


def test_an_issue_that_some_readers_had_before_may_be_listed_later(newsletter_site, publication):
    newsletter_site.add_newsletter()
    newsletter_site.subscribe(hour=13)
    newsletter_site.publish(newsletter_site.follow())
    newsletter_site.now += HOUR
    newsletter_site.plan()
    [slug] = slugs_of(newsletter_site.database, listed=False)
    before = etags(publication, IssueAddress(slug=slug), LIST)

    newsletter_site.now = SEVEN
    newsletter_site.plan()

    assert slugs_of(newsletter_site.database, listed=True) == [slug]
    assert not set(before) & set(etags(publication, IssueAddress(slug=slug), LIST))
    assert b"noindex" not in publication.body(IssueAddress(slug=slug))


def test_hidden_entries_leave_an_issue_which_keeps_its_period(newsletter_site, publication):
    newsletter_site.add_newsletter()
    source = newsletter_site.follow()
    [first] = newsletter_site.publish(source)
    newsletter_site.now += 9 * HOUR
    [last] = newsletter_site.publish(source)
    newsletter_site.now = SEVEN + DAY
    newsletter_site.plan()
    [slug] = slugs_of(newsletter_site.database, listed=True)

    newsletter_site.hide(first, last)

    page = publication.body(IssueAddress(slug=slug)).decode()
    assert "<h1>20 November 2026</h1>" in page
    assert "<article" not in page
    assert b"/entries/" not in publication.body(FEED)


def test_an_issue_keeps_its_dates_when_its_newsletter_moves_to_another_zone(
    newsletter_site, publication
):
    newsletter_site.add_newsletter(schedule=a_schedule(timezone="UTC"))
    source = newsletter_site.follow()
    newsletter_site.now = NOON + 9 * HOUR
    newsletter_site.publish(source)
    newsletter_site.now = SEVEN
    newsletter_site.plan()
    [slug] = slugs_of(newsletter_site.database, listed=True)

    newsletter_site.edit_newsletter(schedule=a_schedule(timezone="Asia/Shanghai"))

    assert b"<h1>20 November 2026</h1>" in publication.body(IssueAddress(slug=slug))


def test_an_issue_outlives_its_sources(newsletter_site, issued, publication):
    newsletter_site.add_newsletter()
    source, _ = issued()
    [slug] = slugs_of(newsletter_site.database, listed=True)
    before = etags(publication, IssueAddress(slug=slug), FEED)

    with newsletter_site.database.write() as connection:
        remove_source(connection, source, now=newsletter_site.now)

    assert b'class="nothing"' in publication.body(IssueAddress(slug=slug))
    assert etree.fromstring(publication.body(FEED)).findall("a:entry", ATOM)
    assert not set(before) & set(etags(publication, IssueAddress(slug=slug), FEED))


def test_the_static_site_has_the_archive_of_what_is_listed(
    newsletter_site, issued, publication, tmp_path
):
    newsletter_site.add_newsletter()
    newsletter_site.subscribe(language="zh")
    issued()
    [slug] = slugs_of(newsletter_site.database, listed=True)

    publish(newsletter_site.database, tmp_path / "public")

    files = {path.relative_to(tmp_path / "public").as_posix() for path in tmp_path.rglob("issues*")}
    pages = [path.parent.name for path in (tmp_path / "public" / "issues").glob("*/index.html")]
    assert files == {"issues", "issues.atom"}
    assert pages == [slug]
    assert (tmp_path / "public" / "issues" / "index.html").is_file()


def test_the_static_site_of_no_newsletter_has_no_archive(newsletter_site, publication, tmp_path):
    publish(newsletter_site.database, tmp_path / "public")

    assert not list(tmp_path.rglob("issues*"))


def test_the_feed_has_the_newest_issues_and_the_archive_has_all_on_its_pages(
    newsletter_site, publication, visitor, tmp_path
):
    newsletter_site.add_newsletter()
    source = newsletter_site.follow()
    for day in range(2 * PAGE_SIZE + 2):
        newsletter_site.publish(source)
        newsletter_site.now = SEVEN + day * DAY
        newsletter_site.plan()

    feed = publication.body(FEED)
    front, oldest = visitor.ask("/issues").body, visitor.ask("/issues?page=1").body
    publish(newsletter_site.database, tmp_path / "public")

    newest_first = slugs_of(newsletter_site.database, listed=True)
    newest = newest_first[:ISSUES_IN_FEED]
    assert linked_in(feed) == [f"https://news.example/issues/{slug}" for slug in newest]
    linked = re.compile(r'<h3[^>]*><a href="/issues/([^"]+)"')
    assert linked.findall(front.decode()) == newest_first[:-PAGE_SIZE]
    assert linked.findall(oldest.decode()) == newest_first[-PAGE_SIZE:]
    assert b'rel="next" href="/issues?page=1"' in front
    assert [visitor.ask(f"/issues?page={n}").status for n in ("2", "0")] == [404, 400]
    assert (tmp_path / "public" / "issues" / "page" / "1" / "index.html").is_file()
    middle = publication.body(IssueAddress(slug=newest_first[1])).decode()
    assert re.findall(r'rel="(\w+)" href="/issues/([^"]+)"', middle) == [
        ("prev", newest_first[0]),
        ("next", newest_first[2]),
    ]
