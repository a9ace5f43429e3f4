"""Pages that have no feed: their items as entries, and one element that is watched."""

import pytest

from fake_publisher import answer

ITEM = (
    '<li class="post"><h2><a href="/{number}">Post {number}</a></h2>'
    '<time datetime="2026-11-{number:02}">a while ago</time><p>Text of {number}.</p></li>'
)


def page(*numbers, extra=""):
    items = "".join(ITEM.format(number=number) for number in numbers)
    body = f"<html lang=en><title>A page</title><main><ul>{items}</ul>{extra}</main></html>"
    return answer(body=body.encode(), Content_Type="text/html; charset=utf-8")


def notice(*lines):
    body = "".join(f"<p>{line}</p>" for line in lines)
    text = f"<title>Harbour</title><div id=notice>{body}</div><footer>{len(lines)}</footer>"
    return answer(body=text.encode(), Content_Type="text/html")


def titles(tidings):
    return [entry["title"] for entry in tidings("entry", "list", "--json").json]


def test_the_items_of_a_page_are_entries(tidings, web):
    url = web.serve(page(2, 1), page(3, 2, 1))

    added = tidings("source", "add", "--page", url, "--item", "li.post")

    assert added.out == "1: A page\n2 entries found, 2 of them public now\n"
    tidings("poll", "--all")
    assert titles(tidings) == ["Post 3", "Post 2", "Post 1"]
    newest = tidings("entry", "show", 3, "--json").json
    assert newest["url"] == url.replace("/feed", "/3")
    assert newest["published"] == "2026-11-03T00:00:00Z"
    assert newest["content"] == "<p>Text of 3.</p>"


def test_a_page_is_asked_for_as_politely_as_a_feed(tidings_on_sqlite, web):
    body = page(1).split(b"\r\n\r\n", 1)[1]
    first = answer(body=body, Content_Type="text/html", ETag='"1"')
    url = web.serve(first, answer("304 Not Modified", Content_Length=0))

    tidings_on_sqlite("source", "add", "--page", url, "--item", ".post")
    tidings_on_sqlite("poll", "--all")

    assert web.requests(url)[-1].headers["if-none-match"] == '"1"'
    shown = tidings_on_sqlite("source", "show", 1, "--json").json
    assert shown["failures"] == 0
    assert shown["page"] == {"item": ".post"}


def test_parts_of_an_item_are_what_the_selectors_say(tidings_on_sqlite, web):
    body = (
        '<base href="/deep/"><div class=row><b>Ignored</b><i class=t>数据库 &amp; more</i>'
        '<a href=other>Other</a><a class=go href="page">Go</a><u>3 May 2026</u> Rest</div>'
    )
    url = web.serve(answer(body=body.encode(), Content_Type="text/html; charset=utf-8"))
    parts = ("--title", ".t", "--link", ".go", "--date", "u")

    tidings_on_sqlite("source", "add", "--page", url, "--item", ".row", *parts)

    entry = tidings_on_sqlite("entry", "show", 1, "--json").json
    assert entry["title"] == "数据库 & more"
    assert entry["url"] == url.replace("/feed", "/deep/page")
    assert entry["published"] == "2026-05-03T00:00:00Z"
    assert "May" not in entry["content"]
    assert "Rest" in entry["content"]


def test_items_without_links_are_told_apart_by_what_they_say(tidings_on_sqlite, web):
    def listed(*lines):
        body = "".join(f"<li>{line}</li>" for line in lines)
        return answer(body=body.encode(), Content_Type="text/html")

    url = web.serve(listed("One", "Two"), listed("Three", "One", "Two"))

    tidings_on_sqlite("source", "add", "--page", url, "--item", "li")
    polled = tidings_on_sqlite("poll", "--all")

    assert "1 new" in polled.out
    assert len(tidings_on_sqlite("entry", "list", "--json").json) == 3


def test_a_page_whose_items_are_gone_has_failed(tidings, web):
    url = web.serve(page(1), answer(body=b"<p>Redesigned.", Content_Type="text/html"))
    tidings("source", "add", "--page", url, "--item", "li.post")

    polled = tidings("poll", "--all")

    assert polled.status == 1
    shown = tidings("source", "show", 1, "--json").json
    assert "'li.post' finds nothing any more; the page may have changed" in shown["last_error"]
    assert titles(tidings) == ["Post 1"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param(("--item", "li["), "'li[': cannot be read from '[' on", id="broken"),
        pytest.param(("--item", "li:old"), "cannot be read from ':old' on", id="unknown"),
        pytest.param((), "either --item CSS or --watch CSS", id="none"),
        pytest.param(("--item", "li", "--watch", "p"), "either --item CSS or --watch", id="both"),
        pytest.param(("--watch", "p", "--date", "u"), "are parts of an --item", id="of nothing"),
        pytest.param(("--item", "nav"), "'nav' finds nothing", id="fits nothing"),
    ],
)
def test_selectors_that_cannot_be_meant_are_refused(tidings_on_sqlite, web, options, said):
    url = web.serve(page(1))

    refused = tidings_on_sqlite("source", "add", "--page", url, *options)

    assert refused.status != 0
    assert said in refused.err
    assert tidings_on_sqlite("source", "list", "--json").json == []


def test_trying_shows_what_each_selector_finds_and_stores_nothing(tidings_on_sqlite, web):
    url = web.serve(page(2, 1))

    tried = tidings_on_sqlite("source", "try", url, "--item", "li.post", "--date", ".when")

    assert tried.status == 0
    assert tried.out.splitlines()[0].startswith("item\tli.post\t2\tPost 2 a while ago")
    assert "\t2\tPost 2 | Post 1\n" in tried.out
    assert "date\t.when\t0\t\n" in tried.out
    assert tried.err == "note: no item has .when\n"
    assert tidings_on_sqlite("source", "list", "--json").json == []


def test_trying_says_how_far_a_selector_gets(tidings_on_sqlite, web):
    url = web.serve(page(2, 1))

    tried = tidings_on_sqlite("source", "try", url, "--item", "main ul div.post")

    assert tried.status == 1
    assert tried.err == "note: main ul fits 1, and main ul div.post none of them\n"


def test_a_change_of_what_is_watched_is_one_entry_that_shows_it(tidings, web):
    url = web.serve(
        notice("Open 9 to 5", "Closed on Monday"),
        notice("Open  9\nto 5", "Closed on Monday"),
        notice("Open 9 to 6", "Closed on Monday", "港口开放"),
    )

    added = tidings("source", "add", "--page", url, "--watch", "#notice")
    assert added.out == "1: Harbour\nwatched from now on: its changes are entries\n"
    tidings("poll", "--all")
    assert titles(tidings) == []
    tidings("poll", "--all")
    tidings("poll", "--all")

    assert titles(tidings) == ["Harbour"]
    content = tidings("entry", "show", 1, "--json").json["content"]
    assert "Open 9 to <del>5</del><ins>6</ins>" in content
    assert "<ins>港口开放</ins>" in content
    assert tidings("entry", "show", 1, "--json").json["state"] == "public"


def test_what_goes_back_and_forth_changes_each_time(tidings_on_sqlite, web):
    states = [notice("Open"), notice("Shut"), notice("Open"), notice("Shut")]
    url = web.serve(*states)
    tidings_on_sqlite("source", "add", "--page", url, "--watch", "#notice")

    for _ in states[1:]:
        tidings_on_sqlite("poll", "--all")

    assert len(tidings_on_sqlite("entry", "list", "--json").json) == 3
    refused = tidings_on_sqlite("poll", "--replay", 1)
    assert refused.status == 1
    assert "is watched" in refused.err


def test_selectors_can_be_changed(tidings_on_sqlite, web):
    url = web.serve(page(1, extra="<p class=tip>A tip</p>"))
    tidings_on_sqlite("source", "add", "--page", url, "--item", "li.post", "--date", "time")

    edited = tidings_on_sqlite("source", "edit", 1, "--item", ".tip", "--item-date", "")

    assert edited.out == "changed (what is read of the page): A page\n"
    assert tidings_on_sqlite("source", "list", "--json").json[0]["page"] == {"item": ".tip"}
    tidings_on_sqlite("poll", 1)
    assert len(tidings_on_sqlite("entry", "list", "--json").json) == 2
    refused = tidings_on_sqlite("source", "edit", 1, "--item", "p..x")
    assert "cannot be read from '..x' on" in refused.err


def test_a_feed_has_no_selectors(tidings_on_sqlite, web):
    url = web.serve(page(1))
    tidings_on_sqlite.add(url)

    refused = tidings_on_sqlite("source", "edit", 1, "--item", "li")

    assert refused.status == 2
    assert "it has a feed" in refused.err


def test_a_list_of_sources_keeps_the_selectors(tidings_on_sqlite, web, tmp_path):
    url = web.serve(page(1))
    other = web.serve(notice("Open"))
    tidings_on_sqlite("source", "add", "--page", url, "--item", 'li[class="post"]')
    tidings_on_sqlite("source", "add", "--page", other, "--watch", "#notice")
    tidings_on_sqlite("source", "export", tmp_path / "list.opml")
    for source in (1, 2):
        tidings_on_sqlite("source", "remove", source, "--yes")

    tidings_on_sqlite("source", "import", tmp_path / "list.opml")

    pages = [one["page"] for one in tidings_on_sqlite("source", "list", "--json").json]
    assert pages == [{"item": 'li[class="post"]'}, {"watch": "#notice"}]
    tidings_on_sqlite("poll")
    assert titles(tidings_on_sqlite) == ["Post 1"]


def test_a_page_that_robots_txt_excludes_is_followed_with_a_note(tidings_on_sqlite, web):
    publisher = web.publisher()
    publisher.serve("/robots.txt", answer(body=b"User-agent: *\nDisallow: /news"))
    url = publisher.serve("/news", page(1))

    tried = tidings_on_sqlite("source", "try", url, "--item", "li.post")
    added = tidings_on_sqlite("source", "add", "--page", url, "--item", "li.post")

    note = "note: the robots.txt of its site asks programs not to fetch this page\n"
    assert (tried.err, added.err) == (note, note)


def test_another_address_is_another_beginning_of_what_is_watched(tidings_on_sqlite, web):
    url, other = web.serve(notice("Open")), web.serve(notice("Something else"))
    tidings_on_sqlite("source", "add", "--page", url, "--watch", "#notice")

    tidings_on_sqlite("source", "edit", 1, "--url", other)
    tidings_on_sqlite("poll", "--all")

    assert titles(tidings_on_sqlite) == []
    explained = tidings_on_sqlite("explain", "source", 1).out
    assert "a page without a feed, read by watch #notice\n" in explained
