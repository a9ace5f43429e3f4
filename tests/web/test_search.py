"""Searching as a visitor meets it: the page and the feeds, in front of a real database."""

import json
import re
from html import unescape
from urllib.parse import quote, urlencode

import pytest
from sqlalchemy import text, update

from browser.showcase import SITE, serving, shipped_templates
from installation import on_sqlite
from newsletter_site import NewsletterSite
from parsed_entries import DAY, NOON
from tidings.db.tables import source
from tidings.model.operators import Role
from tidings.model.scopes import PageAddress, PublishSettings, Scope
from tidings.polling.store import visibility
from tidings.publishing import search_page
from tidings.publishing.publication import Publication
from tidings.publishing.site_context import SiteContext
from tidings.search.query import SavedSearch
from tidings.search.store import saved_searches
from tidings.templating.site import Operator
from web.visitors import Operations, Visitor, app_of

SETTINGS = PublishSettings(
    title="Latest updates",
    kicker="Incoming transmission",
    language="en",
    feed_size=3,
    page_size=2,
    first_poll=2,
    fold=3,
)


@pytest.fixture
def room(database):
    return NewsletterSite(database)


@pytest.fixture
def publication(database):
    context = SiteContext(
        settings=SETTINGS,
        site=SITE,
        templates=shipped_templates(),
        page_path=lambda path, number: f"{path}?page={number}",
    )
    return Publication(database, context)


@pytest.fixture
def ask(publication):
    """Ask the service for an address."""
    app = app_of(publication, Operations())
    with serving(app) as url:
        visitor = Visitor(url)

        def ask(path, **headers):
            return visitor.ask(quote(path, safe="/?=&%+:"), **headers)

        yield ask


def titles(answer):
    """Return the titles of the results of a page."""
    return [
        unescape(re.sub("<[^>]+>", "", one))
        for one in re.findall(r"<h2[^>]*><a [^>]+>(.*?)</a></h2>", answer.body.decode())
    ]


def items(answer):
    return [item["title"] for item in json.loads(answer.body)["items"]]


def links(answer, relation):
    return re.findall(f'<link rel="{relation}" href="([^"]+)"', unescape(answer.body.decode()))


def test_what_is_found_is_shown_with_the_words_marked(room, ask):
    source_id = room.follow()
    room.publish(source_id, title="Of <foxes> & hens", text="A FOX &amp;lt;b&amp;gt; and 机器学习")

    answer = ask("/?q=fox")
    chinese = ask("/?q=机器学习")

    assert answer.status == 200
    assert b"A <mark>FOX</mark> &amp;amp;lt;b" in answer.body
    assert "<mark>机器学习</mark>".encode() in chinese.body
    assert titles(answer) == ["Of <foxes> & hens"]
    assert b'value="fox"' in answer.body
    assert b'<meta name="robots" content="noindex">' in answer.body


def test_a_snippet_shows_the_place_in_a_long_text(room, ask):
    source_id = room.follow()
    long = f"{'before ' * 200}a needle {'after ' * 200}"
    room.publish(source_id, title="Hay", text=long, excerpt="before before …")

    body = ask("/?q=needle").body

    assert b"before a <mark>needle</mark> after" in body


def test_results_are_numbered_pages(room, ask):
    room.publish(room.follow(), 5, title="fox")

    first = ask("/?q=fox")
    [onward] = links(first, "next")
    second = ask(onward)
    [onward] = links(second, "next")
    last = ask(onward)

    assert [len(titles(page)) for page in (first, second, last)] == [2, 2, 1]
    assert b"5 entries found" in first.body
    assert (links(first, "prev"), links(last, "next")) == ([], [])
    assert links(last, "prev") == ["/?q=fox&page=2"]
    assert ask("/?q=fox&page=4").status == 404
    assert ask("/?q=fox&page=0").status == 400


def test_fields_of_the_form_narrow_a_search(room, ask):
    with_topic, without = room.follow(topic="science"), room.follow()
    room.publish(with_topic, title="fox one")
    room.publish(without, title="fox two")

    assert titles(ask("/?q=fox&topic=science")) == ["fox one"]
    assert titles(ask("/?q=fox&source=2-example-org")) == ["fox two"]
    assert titles(ask("/?q=fox&since=2026-11-21")) == []
    assert sorted(titles(ask("/?q=&since=2026-11-01&until=&topic="))) == ["fox one", "fox two"]
    assert b'type="text" name="since" value="2026-11"' in ask("/?q=fox&since=2026-11").body


def test_the_feeds_of_a_search_hold_the_newest_public_entries(room, ask):
    source_id = room.follow()
    for title in ("fox one", "a hen", "fox two", "fox three", "fox four"):
        room.publish(source_id, title=title)
        room.now += DAY / 24

    answer = ask("/feed.json?q=fox")
    atom, rss = ask("/feed.atom?q=fox"), ask("/feed.rss?q=fox")

    assert items(answer) == ["fox four", "fox three", "fox two"]
    assert (atom.status, rss.status) == (200, 200)
    assert atom.headers["access-control-allow-origin"] == "*"
    assert atom.headers["x-robots-tag"] == "noindex"
    assert ask("/feed.atom?q=fox", If_None_Match=atom.headers["etag"]).status == 304
    assert json.loads(answer.body)["feed_url"].endswith("/feed.json?q=fox")
    [own_id, *_] = re.findall(b"<id>urn:uuid:.*?</id>", atom.body)
    assert own_id not in ask("/feed.atom?q=hen").body


def test_backfill_is_on_the_page_and_in_no_feed(room, ask):
    room.publish(room.follow(), title="fox")
    with room.database.write() as connection:
        connection.execute(text("UPDATE entry SET state = 'backfill'"))

    assert titles(ask("/?q=fox")) == ["fox"]
    assert items(ask("/feed.json?q=fox")) == []


@pytest.mark.parametrize("republish", ["excerpt", "title"])
def test_nothing_is_shown_that_a_source_withholds(room, ask, republish):
    room.publish(room.follow(), title="Hay", text="a secret needle", excerpt="an excerpt")
    with room.database.write() as connection:
        connection.execute(update(source).values(republish=republish))

    page = ask("/?q=needle")

    assert titles(page) == ["Hay"]
    assert b"secret" not in page.body
    assert (b"an excerpt" in page.body) == (republish == "excerpt")


@pytest.mark.parametrize(
    ("question", "said"),
    [
        pytest.param("", "All words have to be there", id="nothing asked"),
        pytest.param("nothing like it", "Nothing was found", id="nothing found"),
        pytest.param('" * ( NEAR', "Nothing was found", id="rubbish"),
        pytest.param("x since:yesterday", "“yesterday” is not a date", id="no day"),
        pytest.param("x " * 5000, "only its beginning", id="ten kilobytes"),
        pytest.param("\x00\x1b<script>", "Nothing was found", id="what cannot be printed"),
    ],
)
@on_sqlite
def test_a_question_that_leads_nowhere_gets_help(room, ask, question, said):
    room.publish(room.follow(), title="fox")

    answer = ask(f"/?{urlencode({'q': question})}")

    assert answer.status == 200
    assert said in answer.body.decode()
    assert b"<script>" not in answer.body


def test_an_operator_finds_buttons_at_what_is_found(room, publication):
    room.publish(room.follow(), title="fox")
    operator = Operator(proof="the proof", role=Role.ALL, who="Ada", back="/?q=fox", waiting=0)

    body = publication.body(PageAddress(scope=Scope(kind="query", slug="q=fox")), operator=operator)

    assert b'name="do" value="hide"' in body


def test_a_saved_search_has_a_page_and_feeds(room, ask):
    source_id = room.follow()
    room.publish(source_id, title="fox", text="fox")
    room.now += DAY
    room.publish(source_id, title="another", text="word " * 200 + "fox")
    with room.database.write() as connection:
        new = SavedSearch(slug="foxes", title="All the foxes", query="fox -hen")
        search_page.save(connection, new, now=NOON)

    page = ask("/searches/foxes")

    assert titles(page) == ["another", "fox"]
    assert b'<h1 dir="auto">All the foxes</h1>' in page.body
    assert b"noindex" not in page.body
    assert items(ask("/searches/foxes.json")) == ["another", "fox"]
    assert b"/searches/foxes" in ask("/topics").body
    assert ask("/searches/foxes?page=2").status == 404
    assert [ask(path).status for path in ("/searches/hens", "/searches/hens.atom")] == [404, 404]


def test_a_saved_search_is_new_whenever_what_it_finds_is(room, ask):
    source_id = room.follow()
    [fox, _] = room.publish(source_id, 2, title="fox")
    with room.database.write() as connection:
        saved_searches.add(connection, SavedSearch(slug="foxes", title="F", query="fox"), now=NOON)
    tags = [ask("/searches/foxes.atom").headers["etag"]]

    with room.database.write() as connection:
        visibility.hide(connection, [fox], now=room.now)
    tags.append(ask("/searches/foxes.atom").headers["etag"])
    room.publish(source_id, title="fox three")
    tags.append(ask("/searches/foxes.atom").headers["etag"])
    with room.database.write() as connection:
        saved_searches.remove(connection, "foxes", now=room.now)

    assert len(set(tags)) == 3
    assert ask("/searches/foxes.atom").status == 404


def test_where_little_is_found_other_spellings_that_find_more_are_suggested(room, ask):
    source_id = room.follow()
    room.publish(source_id, title="The e-mail of foxes")
    room.publish(source_id, title="Databases do this")

    def suggested(path):
        return re.findall(
            r'<a href="[^"]+">([^<]+)</a> \((\d+)\)', unescape(ask(path).body.decode())
        )

    assert suggested("/?q=email") == [("e-mail", "1")]
    assert suggested("/?q=fox") == [("foxes", "1"), ("fox*", "1")]
    assert suggested("/?q=data") == [("data*", "1")]
    assert suggested("/?q=this") == []
    assert titles(ask("/?q=data*")) == ["Databases do this"]


def test_topics_of_what_was_found_are_counted(room, ask):
    room.publish(room.follow(topic="science"), 2, title="fox")
    room.publish(room.follow(), title="fox")

    found = re.findall(r'<span>(\w+)</span> <span class="num">(\d)<', ask("/?q=fox").body.decode())

    assert found == [("All", "3"), ("science", "2")]
