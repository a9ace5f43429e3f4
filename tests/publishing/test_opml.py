from lxml import etree

from tidings.model.scopes import FeedOutline
from tidings.publishing.formats.opml import render_opml

OUTLINES = (
    FeedOutline(
        url="https://harbour.example/feed?a=1&b=2",
        title="The Harbour <Log>",
        site_url="https://harbour.example/",
        topics=("sea", "weather, local"),
    ),
    FeedOutline(url="https://shu.example/feed", title="读书"),
    FeedOutline(url="https://bare.example/feed"),
)


def test_a_list_of_sources_is_written_as_in_the_golden_file(golden):
    body = render_opml(OUTLINES, title="Sources")

    golden("sources.opml", body)


def test_a_list_has_what_opml_2_demands():
    opml = etree.fromstring(render_opml(OUTLINES, title="Sources & more"))

    assert (opml.tag, opml.get("version")) == ("opml", "2.0")
    assert [child.tag for child in opml] == ["head", "body"]
    assert opml.findtext("head/title") == "Sources & more"
    for outline in opml.iter("outline"):
        assert outline.get("type") == "rss"
        assert outline.get("text")
        assert outline.get("xmlUrl")


def test_the_same_sources_give_the_same_bytes():
    assert render_opml(OUTLINES, title="Sources") == render_opml(OUTLINES, title="Sources")


def test_a_list_of_nothing_is_a_list():
    opml = etree.fromstring(render_opml((), title="Sources"))

    assert opml.findall("body/outline") == []
