import json
import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from real_samples import SAMPLES, needs
from tidings.errors import ParseError
from tidings.model.scopes import FeedOutline
from tidings.parsing.decoding import undo_mojibake
from tidings.parsing.opml import MAX_DEPTH, MAX_OUTLINES, MAX_TOPICS, SourceList, read_opml
from tidings.publishing.formats.opml import render_opml


def a_list(outlines, *, prolog=""):
    return f'{prolog}<opml version="2.0"><body>{outlines}</body></opml>'.encode()


def a_feed(url="https://a.example/feed", **attributes):
    written = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f'<outline xmlUrl="{url}"{written}/>'


def urls(subscriptions):
    return [outline.url for outline in subscriptions.outlines]


def test_a_feed_is_read_with_all_that_is_said_of_it():
    body = a_list(
        a_feed(title="A &amp; B", text="C", htmlUrl="https://a.example/", category="/sea,/air")
    )

    assert read_opml(body) == SourceList(
        outlines=(
            FeedOutline(
                url="https://a.example/feed",
                title="A & B",
                site_url="https://a.example/",
                topics=("sea", "air"),
            ),
        )
    )


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        pytest.param({"title": "A", "text": "B"}, "A", id="both"),
        pytest.param({"text": " B\n c "}, "B c", id="text"),
        pytest.param({}, "", id="neither"),
        pytest.param({"text": "https://a.example/feed"}, "", id="the address again"),
        pytest.param({"title": "x" * 1000}, "x" * 300, id="endless"),
    ],
)
def test_a_title_is_taken_from_where_it_stands(attributes, expected):
    (outline,) = read_opml(a_list(a_feed(**attributes))).outlines

    assert outline.title == expected


@pytest.mark.parametrize(
    ("claimed", "expected"),
    [
        pytest.param(" \n https://a.example/ \t", "https://a.example/", id="blanks around"),
        pytest.param("https://a.example/a b", "https://a.example/a%20b", id="a blank within"),
        pytest.param("feed://a.example/b", "http://a.example/b", id="feed://"),
        pytest.param("feed:https://a.example/b", "https://a.example/b", id="feed:https:"),
        pytest.param("FEED:HTTP://a.example/B", "http://a.example/B", id="capitals"),
    ],
)
def test_an_address_is_normalised(claimed, expected):
    assert urls(read_opml(a_list(a_feed(claimed)))) == [expected]


@pytest.mark.parametrize(
    "claimed",
    [
        "file:///etc/passwd",
        "javascript:alert(1)",
        "feed:file:///etc/passwd",
        "a.example/feed",
        "//a.example/feed",
        "http://",
        "http://[::1/feed",
        "http://a.example:port/",
        "",
        "  ",
    ],
)
def test_an_address_that_is_not_http_is_a_problem_and_the_others_are_read(claimed):
    body = a_list(a_feed(claimed, text="Odd") + "\n" + a_feed("https://b.example/"))

    subscriptions = read_opml(body)

    assert urls(subscriptions) == ["https://b.example/"]
    (problem,) = subscriptions.problems
    assert problem.startswith("line 1, Odd: ")


def test_a_page_that_is_not_http_is_dropped():
    (outline,) = read_opml(a_list(a_feed(htmlUrl="javascript:alert(1)"))).outlines

    assert outline.site_url is None


def test_names_are_read_in_any_case():
    body = b'<OPML><Body><Outline XMLURL="https://a.example/" TEXT="A"/></Body></OPML>'

    assert read_opml(body).outlines == (FeedOutline(url="https://a.example/", title="A"),)


def test_folders_become_topics_of_what_lies_in_them():
    body = a_list(
        '<outline text="Sea"><outline title="Tides">'
        + a_feed("https://a.example/", category="/Sea,local")
        + "</outline>"
        + a_feed("https://b.example/")
        + "</outline>"
        + a_feed("https://c.example/")
    )

    topics = {outline.url: outline.topics for outline in read_opml(body).outlines}

    assert topics == {
        "https://a.example/": ("Sea", "Tides", "local"),
        "https://b.example/": ("Sea",),
        "https://c.example/": (),
    }


def test_a_feed_listed_twice_is_one_with_the_topics_of_both():
    body = a_list(
        f'<outline text="Sea">{a_feed(text="A")}</outline>'
        f'<outline text="Air">{a_feed(htmlUrl="https://a.example/")}</outline>'
    )

    assert read_opml(body).outlines == (
        FeedOutline(
            url="https://a.example/feed",
            title="A",
            site_url="https://a.example/",
            topics=("Sea", "Air"),
        ),
    )


def test_a_source_keeps_a_bounded_number_of_topics():
    categories = ",".join(f"/{number}" for number in range(10 * MAX_TOPICS))
    folders = "".join(
        f'<outline text="in {number}">{a_feed()}</outline>' for number in range(10 * MAX_TOPICS)
    )

    (outline,) = read_opml(a_list(folders + a_feed(category=categories))).outlines
    (other,) = read_opml(a_list(a_feed(category=categories))).outlines

    assert len(outline.topics) == len(other.topics) == MAX_TOPICS


def test_a_category_that_hides_a_control_character_shows_it():
    (outline,) = read_opml(a_list(a_feed(category="/a%00b%0Ac"))).outlines

    assert outline.topics == ("a%00b%0Ac",)


def test_an_outline_that_lost_its_address_is_a_problem():
    body = a_list('\n<outline text="Gone" type="rss" htmlUrl="https://a.example/"/>\n' + a_feed())

    subscriptions = read_opml(body)

    assert urls(subscriptions) == ["https://a.example/feed"]
    assert subscriptions.problems == ("line 2, Gone: no feed address",)


def test_a_problem_is_one_short_line_whatever_the_title():
    body = a_list(a_feed("ftp://a.example/", text="x\x85\u202e" * 100_000))

    (problem,) = read_opml(body).problems

    assert problem.isprintable()
    assert len(problem.encode()) <= 1000


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        pytest.param('<outline text="A "b" c" xmlUrl="https://a.example/"/>', 1, id="bare quotes"),
        pytest.param("</folder>", 1, id="an end without a begin"),
    ],
)
def test_broken_xml_is_read_as_far_as_it_goes_and_named(broken, expected):
    subscriptions = read_opml(a_list(f"\n{broken}\n{a_feed('https://b.example/')}"))

    assert len(subscriptions.outlines) == expected
    assert subscriptions.outlines[-1].url == "https://b.example/"
    assert subscriptions.problems[0].startswith("line 2: ")


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        pytest.param("A & B", "A & B", id="a bare ampersand"),
        pytest.param("R&D, Q&A", "R&D, Q&A", id="bare ampersands before letters"),
        pytest.param("A&amp;B & C", "A&B & C", id="a true one and a bare one"),
        pytest.param("A < B", "A < B", id="a bare less-than"),
        pytest.param("Caf&eacute;&nbsp;B", "Café B", id="references of HTML"),
        pytest.param("A\x01B", "AB", id="a control character"),
    ],
)
def test_a_title_that_is_no_xml_is_read_whole(title, expected):
    [outline] = read_opml(a_list(f'<outline xmlUrl="https://a.example/" text="{title}"/>')).outlines

    assert outline.title == expected


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        pytest.param("?a=1&b=2", "?a=1&b=2", id="bare"),
        pytest.param("?a=1&amp;b=2&c=3", "?a=1&b=2&c=3", id="escaped and bare"),
        pytest.param("?a=1&copy=2&lt=3&amp=4", "?a=1&copy=2&lt=3&amp=4", id="named like signs"),
        pytest.param("?a=1&#38;b=2&#x26;c=3", "?a=1&b=2&c=3", id="by number"),
        pytest.param("?a&&b&", "?a&&b&", id="one after the other"),
    ],
)
@pytest.mark.parametrize("quote", ['"', "'"])
def test_an_ampersand_makes_no_other_address(written, meant, quote):
    outline = f"<outline xmlUrl={quote}https://a.example/{written}{quote} text='a'/>"

    subscriptions = read_opml(a_list(outline))

    assert urls(subscriptions) == [f"https://a.example/{meant}"]
    assert subscriptions.problems == ()


@pytest.mark.parametrize("sign", ["copy", "eacute", "section", "x"])
def test_an_address_that_can_mean_two_things_is_named_and_not_guessed(sign):
    doubtful = f'<outline text="Doubt"\n xmlUrl="https://a.example/?a=1&{sign};=2"/>'
    prolog = "<?xml version='1.0'?>\n\n"

    subscriptions = read_opml(a_list(f"{doubtful}\n{a_feed()}", prolog=prolog))

    assert urls(subscriptions) == ["https://a.example/feed"]
    [problem] = subscriptions.problems
    assert problem.startswith("line 4, Doubt: ")
    assert f"&{sign};" in problem


def test_a_page_whose_address_is_in_doubt_is_left_out():
    [outline] = read_opml(a_list(a_feed(htmlUrl="https://a.example/?a&copy;=1"))).outlines

    assert outline.site_url is None


def test_a_list_that_ends_early_is_read_up_to_there():
    whole = a_list(a_feed("https://a.example/") + a_feed("https://b.example/"))

    subscriptions = read_opml(whole[: whole.index(b"b.example")])

    assert urls(subscriptions) == ["https://a.example/"]
    assert subscriptions.problems


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        pytest.param("utf-8-sig", "UTF-8", id="UTF-8 with BOM"),
        pytest.param("utf-16", "UTF-16", id="UTF-16 with BOM"),
        pytest.param("gb18030", "GB18030", id="GB 18030"),
        pytest.param("shift_jis", "Shift_JIS", id="Shift JIS"),
    ],
)
def test_a_list_is_read_in_the_encoding_it_declares(encoding, declared):
    prolog = f'<?xml version="1.0" encoding="{declared}"?>'
    text = a_list(a_feed(text="東京"), prolog=prolog).decode()

    (outline,) = read_opml(text.encode(encoding)).outlines

    assert outline.title == "東京"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b'{"opml": []}', id="JSON"),
        pytest.param(b"<!doctype html><html><body><p>Hello</body></html>", id="HTML"),
        pytest.param(b'<rss version="2.0"><channel/></rss>', id="RSS"),
        pytest.param(b"\0\1\2\3", id="binary"),
    ],
)
def test_what_is_not_opml_is_refused(body):
    with pytest.raises(ParseError):
        read_opml(body)


def test_a_list_of_nothing_is_read():
    assert read_opml(a_list("")) == SourceList(outlines=())


def test_folders_may_be_nested_up_to_the_limit():
    def nested(depth):
        return a_list('<outline text="f">' * (depth - 1) + a_feed() + "</outline>" * (depth - 1))

    assert len(read_opml(nested(MAX_DEPTH)).outlines) == 1
    with pytest.raises(ParseError, match="nested"):
        read_opml(nested(MAX_DEPTH + 1))
    with pytest.raises(ParseError, match="nested"):
        read_opml(nested(10_000))


def test_a_list_may_have_outlines_up_to_the_limit():
    assert len(read_opml(a_list(a_feed() * MAX_OUTLINES)).outlines) == 1
    with pytest.raises(ParseError, match="20000"):
        read_opml(a_list(a_feed() * (MAX_OUTLINES + 1)))


def test_an_entity_bomb_costs_nothing():
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    prolog = f'<!DOCTYPE opml [<!ENTITY e0 "0123456789">{entities}]>'
    body = a_list(a_feed(text="&e9;") + "&e9;", prolog=prolog)

    started = time.process_time()
    try:
        subscriptions = read_opml(body)
    except ParseError:
        subscriptions = SourceList(outlines=())

    assert time.process_time() - started < 1
    assert all(len(outline.title) <= 300 for outline in subscriptions.outlines)


def test_no_file_is_read_for_an_entity(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(a_feed("https://secret.example/", text="opensesame"))
    prolog = f'<!DOCTYPE opml [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'
    body = a_list(f'&x;<outline text="&x;">&x;{a_feed(text="A&x;")}</outline>', prolog=prolog)

    subscriptions = read_opml(body)

    assert "opensesame" not in repr(subscriptions)
    assert urls(subscriptions) == ["https://a.example/feed"]


topics = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12)


@given(
    st.lists(
        st.builds(
            FeedOutline,
            url=st.integers(0, 10**6).map(lambda number: f"https://a.example/{number}?a=b&c=d"),
            title=st.text(st.characters(exclude_categories=["C", "Z"]), max_size=20),
            site_url=st.sampled_from([None, "https://a.example/"]),
            topics=st.lists(topics, max_size=3, unique=True).map(tuple),
        ),
        max_size=5,
        unique_by=lambda outline: outline.url,
    )
)
def test_what_we_write_is_read_back_the_same(outlines):
    written = render_opml(outlines, title="Sources")
    # Titles that all look like text that was encoded twice are taken for it.
    assume(undo_mojibake(written.decode()) is None)

    assert read_opml(written) == SourceList(outlines=tuple(outlines))


@needs("opml/manifest.jsonl")
def test_real_lists_are_read_whole():
    lines = (SAMPLES / "opml" / "manifest.jsonl").read_text().splitlines()

    for sample in map(json.loads, lines):
        subscriptions = read_opml((SAMPLES / "opml" / sample["path"]).read_bytes())
        written = render_opml(subscriptions.outlines, title="Sources")

        assert len(subscriptions.outlines) == sample["distinct"], sample["path"]
        assert bool(subscriptions.problems) != sample["wellformed"], sample["path"]
        assert read_opml(written) == SourceList(outlines=subscriptions.outlines)
