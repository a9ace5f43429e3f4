"""Full text: the pages of new entries are fetched, politely, and their articles are entries' bodies."""

import pytest

from fake_publisher import answer, redirect
from tidings.parsing import article as tidings_article

WORDS = (
    "The log is flushed before any page it describes, so that a crash loses nothing that was"
    " promised; what remains to be found out is how long it takes to come back, and this is"
)
ARTICLE = "".join(f"<p>{WORDS} measured in run {number}.</p>" for number in range(6))
CODE = "<pre><code>def step(rows):\n    return rows\n</code></pre>"
MATH = "<math><msup><mi>e</mi><mi>x</mi></msup></math><script type='math/tex'>a<b</script>"


def article(body=ARTICLE, **headers):
    page = (
        "<!doctype html><meta charset=utf-8><title>A page</title><nav><a href=/>Home</a></nav>"
        f"<article><h1>Entry 2</h1>{body}<img src=plot.png alt='A plot'></article>"
        "<div class=comments><p>First!</p></div><footer>All rights reserved</footer>"
    )
    return answer(body=page.encode(), Content_Type="text/html", **headers)


def listed(items):
    feed = f"<rss version='2.0'><channel><title>A feed</title>{items}</channel></rss>"
    return answer(body=feed.encode(), Content_Type="application/rss+xml")


def feed(*entries):
    """Return a feed of entries by number; a text that is named replaces the teaser."""
    items = "".join(
        f"<item><title>Entry {number}</title><link>/posts/{number}</link>"
        f"<guid isPermaLink='false'>{number}</guid>"
        f"<description>{text or f'Teaser of {number}. Read more…'}</description></item>"
        for number, text in entries
    )
    return listed(items)


class TeasingPublisher:
    """A publisher whose feed has one entry at first, and a second one from then on."""

    def __init__(self, web, *, second="", third=()):
        self.server = web.publisher()
        documents = [feed((1, "")), feed((2, second), (1, "")), *third]
        self.url = self.server.serve("/feed", *documents)
        self.server.serve("/posts/2", article())

    @property
    def paths(self):
        return [one.path for one in self.server.received if one.path != "/feed"]


def follow(tidings, publisher, *options):
    tidings("source", "add", publisher.url)
    return tidings("source", "edit", 1, "--full-text", *(options or ("on",)))


def content(tidings, entry=2):
    return tidings("entry", "show", entry, "--json").json["content"]


def test_a_new_entry_has_the_article_of_its_page_when_it_is_first_shown(tidings, web):
    publisher = TeasingPublisher(web)
    publisher.server.serve("/posts/2", article(ARTICLE + CODE + MATH))

    follow(tidings, publisher)
    tidings("poll", "--all")

    text = content(tidings)
    assert "measured in run 5." in text
    assert "Home" not in text
    assert "First!" not in text
    assert "Entry 2" not in text
    assert "    return rows" in text
    assert text.count("<math") == 2
    assert f'src="http://{publisher.server.host}/posts/plot.png"' in text
    shown = tidings("entry", "show", 2, "--json").json
    assert shown["excerpt"] == "Teaser of 2. Read more…"
    # What was there before is left alone, and so is robots.txt from then on.
    assert publisher.paths == ["/robots.txt", "/posts/2"]
    assert tidings("search", "find", "flushed", "--json").json
    assert tidings("source", "show", 1).out.count("full text: on, 1 fetched\n") == 1


def test_edits_of_the_feed_keep_the_article_and_edits_of_the_page_are_no_news(tidings, web):
    edited = feed((2, "Teaser, mended. Read more…"), (1, ""))
    publisher = TeasingPublisher(web, third=[edited])
    follow(tidings, publisher)
    tidings("poll", "--all")
    before = content(tidings)
    publisher.server.serve("/posts/2", article("<p>Rewritten.</p>" * 9))

    polled = tidings("poll", "--all")

    assert "1 updated" in polled.out
    assert content(tidings) == before
    shown = tidings("entry", "show", 2, "--json").json
    assert shown["excerpt"] == "Teaser, mended. Read more…"
    assert "0 entries new, 0 updated" in tidings("poll", "--replay", 1).out
    assert content(tidings) == before
    assert tidings("search", "find", "flushed", "--json").json
    assert publisher.paths == ["/robots.txt", "/posts/2"]


@pytest.mark.parametrize(
    ("page", "said"),
    [
        pytest.param(answer("404 Not Found"), "404 Not Found", id="not found"),
        pytest.param(article("<p>Short.</p>"), "no longer text than the feed", id="no article"),
        pytest.param(answer(body=b"%PDF-1.7"), "no HTML page", id="no page"),
        pytest.param(answer(body=b"", Content_Type="text/html"), "reading it fails", id="empty"),
    ],
)
def test_what_fails_leaves_the_teaser_and_is_said(tidings_on_sqlite, web, page, said):
    publisher = TeasingPublisher(web)
    publisher.server.serve("/posts/2", page)
    follow(tidings_on_sqlite, publisher)

    polled = tidings_on_sqlite("poll", "--all")

    assert polled.status == 0
    assert content(tidings_on_sqlite) == "Teaser of 2. Read more…"
    shown = tidings_on_sqlite("source", "show", 1).out
    [line] = [line for line in shown.splitlines() if line.startswith("full text: ")]
    assert "on, 0 fetched, 1 not; failing since " in line
    assert said in line


@pytest.mark.parametrize(
    ("robots", "asks"),
    [
        pytest.param(answer("404 Not Found"), True, id="none"),
        pytest.param(answer(body=b"User-agent: *\nDisallow: /admin"), True, id="not for these"),
        pytest.param(answer(body=b"User-agent: *\nDisallow: /posts"), False, id="for everybody"),
        pytest.param(
            answer(body=b"User-agent: *\nDisallow:\n\nUser-agent: tidings\nDisallow: /"),
            False,
            id="for us",
        ),
        pytest.param(answer("503 Service Unavailable"), False, id="out of order"),
    ],
)
def test_robots_txt_is_obeyed(tidings_on_sqlite, web, robots, asks):
    publisher = TeasingPublisher(web)
    publisher.server.serve("/robots.txt", robots)
    follow(tidings_on_sqlite, publisher)

    tidings_on_sqlite("poll", "--all")

    assert ("/posts/2" in publisher.paths) is asks
    assert ("measured in run 5" in content(tidings_on_sqlite)) is asks


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        pytest.param("The beginning of it [&amp;hellip;]", True, id="dots in brackets"),
        pytest.param("A note. It says all there is to say.", False, id="whole"),
        pytest.param("摘要内容。阅读全文", True, id="chinese"),
        pytest.param(f"{WORDS * 9} and so on…", False, id="long"),
    ],
)
def test_auto_fetches_the_pages_of_teasers(tidings_on_sqlite, web, text, asks):
    publisher = TeasingPublisher(web, second=text)
    follow(tidings_on_sqlite, publisher, "auto")

    tidings_on_sqlite("poll", "--all")

    assert ("/posts/2" in publisher.paths) is asks


def test_others_see_the_excerpt_unless_the_operator_says_so(tidings_on_sqlite, web):
    publisher = TeasingPublisher(web)

    edited = follow(tidings_on_sqlite, publisher)

    assert edited.out == "changed (what may be shown, whether its articles are fetched): A feed\n"
    assert "`--republish full` shows them the articles" in edited.err
    again = tidings_on_sqlite("source", "edit", 1, "--full-text", "auto", "--republish", "full")
    assert again.err == ""
    shown = tidings_on_sqlite("source", "show", 1, "--json").json
    assert (shown["republish"], shown["full_text"]) == ("full", "auto")
    tidings_on_sqlite("source", "edit", 1, "--full-text", "off")
    tidings_on_sqlite("poll", "--all")
    assert publisher.paths == []


def test_a_page_of_another_host_is_asked_without_the_login_of_the_source(tidings_on_sqlite, web):
    other = web.publisher()
    page = other.serve("/page", article())
    item = f"<item><title>T</title><link>{page}</link><description>…</description></item>"
    url = web.serve(feed((1, "")), listed(item))
    tidings_on_sqlite("source", "add", url)
    tidings_on_sqlite("source", "access", 1, "--header", "X-Key: secret")
    tidings_on_sqlite("source", "edit", 1, "--full-text", "on")

    tidings_on_sqlite("poll", "--all", FETCH__HOST_INTERVAL="0.5s")

    assert "measured in run 5" in content(tidings_on_sqlite)
    robots, page = other.received
    assert (robots.path, page.path) == ("/robots.txt", "/page")
    assert "x-key" not in robots.headers | page.headers
    assert page.at - robots.at >= 0.45


def test_a_missing_extra_is_said_and_no_page_is_fetched(tidings_on_sqlite, web, monkeypatch):
    publisher = TeasingPublisher(web)
    follow(tidings_on_sqlite, publisher)
    monkeypatch.setattr(tidings_article, "find_spec", lambda _: None)

    refused = tidings_on_sqlite("source", "edit", 1, "--full-text", "auto")
    tidings_on_sqlite("poll", "--all")

    assert refused.status == 2
    assert "full text needs the extra: pip install 'tidings[text]'" in refused.err
    assert "pip install 'tidings[text]'" in tidings_on_sqlite("source", "show", 1).out
    assert publisher.paths == []


def test_where_a_link_leads_has_a_say_as_well(tidings_on_sqlite, web):
    other = web.publisher()
    other.serve("/robots.txt", answer(body=b"User-agent: *\nDisallow: /"))
    publisher = TeasingPublisher(web)
    publisher.server.serve("/posts/2", redirect(other.serve("/page", article())))
    follow(tidings_on_sqlite, publisher)

    tidings_on_sqlite("poll", "--all")

    assert content(tidings_on_sqlite) == "Teaser of 2. Read more…"
    assert "asks not to fetch it" in tidings_on_sqlite("source", "show", 1).out


def test_a_site_that_refuses_is_not_asked_for_every_page(tidings_on_sqlite, web):
    publisher = TeasingPublisher(web)
    numbers = range(9, 0, -1)
    publisher.url = publisher.server.serve(
        "/feed", feed((1, "")), feed(*((number, "") for number in numbers))
    )
    for number in numbers:
        publisher.server.serve(f"/posts/{number}", answer("403 Forbidden"))
    follow(tidings_on_sqlite, publisher)

    tidings_on_sqlite("poll", "--all")

    assert publisher.paths == ["/robots.txt", "/posts/9", "/posts/8", "/posts/7"]
    assert len(tidings_on_sqlite("entry", "list", "--json").json) == 9
    assert "8 not; failing since" in tidings_on_sqlite("source", "show", 1).out
