import pytest

from tidings.errors import ParseError
from tidings.model.feed import Document
from tidings.model.page_rules import PageRules
from tidings.parsing.document import parse
from tidings.parsing.page_items import find_on_page

URL = "https://example.org/news/"


def read(page, **rules):
    body = page if isinstance(page, bytes) else page.encode()
    return parse(Document(url=URL, body=body, page=PageRules(**rules)), {})


@pytest.mark.parametrize(
    ("item", "title", "url"),
    [
        pytest.param("<li><h3>T</h3><a href=x>more</a>", "T", "x", id="heading, and a link below"),
        pytest.param("<li><a href=x><h3>T</h3></a>", "T", "x", id="heading within a link"),
        pytest.param("<li><a href=x>T</a> text", "T", "x", id="only a link"),
        pytest.param("<li><h3>T</h3>", "T", None, id="no link"),
        pytest.param("<li>Text alone", "", None, id="nothing but text"),
    ],
)
def test_an_item_has_a_likely_title_and_link(item, title, url):
    [entry] = read(f"<ul>{item}</ul>", item="li").entries

    assert entry.title == title
    assert entry.url == (url and URL + url)


def test_an_item_can_be_the_link_itself():
    page = "<a class=card href=/x><h3>Title</h3><p>Text</p></a>"

    [entry] = read(page, item="a.card").entries

    assert (entry.title, entry.url, entry.content) == (
        "Title",
        "https://example.org/x",
        "<p>Text</p>",
    )


def test_an_element_that_fits_twice_is_one_item():
    rules = PageRules(item="li, .post")

    [items, *_] = find_on_page("<ul><li class=post>One<li>Two</ul>", rules)

    assert (items.found, items.examples) == (2, ("One", "Two"))


def test_a_date_that_only_counts_days_is_no_part_of_the_text():
    page = "<li><h3>T</h3><i>{} days ago</i><p>Text</p>"

    first, later = (read(page.format(days), item="li", date="i").entries[0] for days in (2, 3))

    assert later.reads_like(first.revision)
    assert (first.published, first.published_raw) == (None, "2 days ago")


def test_the_page_gives_the_title_and_the_language_and_its_charset_counts():
    page = (
        '<html lang="zh-Hans"><meta charset="gb18030"><title>公告</title><li>今日无事</li>'
    ).encode("gb18030")

    feed = read(page, item="li")

    assert (feed.title, feed.language, feed.entries[0].excerpt) == ("公告", "zh-hans", "今日无事")


def test_nothing_found_is_a_failure_that_names_the_selector():
    with pytest.raises(ParseError, match=r"selector 'li\.x' finds nothing any more"):
        read("<li>T</li>", item="li.x")


def test_scripts_and_comments_are_no_change_of_what_is_watched():
    first = read("<div id=a>One<script>1</script><!-- 1 --></div>", watch="#a")
    page = "<div id=a>\n One <script>2</script><!-- 2 --></div><title>T</title>"

    again = read(page, watch="#a", seen=first.seen.text)

    assert (first.seen.text, first.entries, again.entries) == ("One", (), ())


def test_a_hostile_page_is_refused_in_time_linear_in_its_size():
    with pytest.raises(ParseError, match="finds nothing"):
        read("<div>" * 100_000, item="div div div p")
