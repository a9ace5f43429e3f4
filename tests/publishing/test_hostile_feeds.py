"""Whatever a publisher wrote, our feeds stay documents that strict parsers read."""

import json
from dataclasses import fields, is_dataclass, replace
from xml.parsers import expat

import feedparser
import pytest
from lxml import etree

from tidings.model.scopes import FeedOutline
from tidings.publishing.formats.atom import render_atom
from tidings.publishing.formats.json_feed import render_json
from tidings.publishing.formats.opml import render_opml
from tidings.publishing.formats.rss import render_rss

POISON = "\0]]>\r<script>\x1b\x85\u2028\ud800\udfff\ufffe\uffff&#0;&nope;\U0001f30a\"'"


def poisoned(value):
    """Return `value` with poison in every text it holds, however deep."""
    if type(value) is str:
        return value + POISON
    if isinstance(value, tuple):
        return tuple(poisoned(member) for member in value)
    if is_dataclass(value):
        return replace(
            value, **{field.name: poisoned(getattr(value, field.name)) for field in fields(value)}
        )
    return value


@pytest.fixture
def feed(an_entry, a_feed):
    """Fifty entries of which the seventh is poisoned in every field."""
    entries = [an_entry(number) for number in range(50)]
    entries[6] = poisoned(entries[6])
    return a_feed(*entries)


@pytest.mark.parametrize(
    ("render", "path"),
    [
        pytest.param(render_atom, "{http://www.w3.org/2005/Atom}entry", id="atom"),
        pytest.param(render_rss, "channel/item", id="rss"),
    ],
)
def test_one_poisoned_entry_does_not_spoil_the_other_forty_nine(feed, render, path):
    body = render(feed)

    expat.ParserCreate().Parse(body, True)
    assert len(etree.fromstring(body).findall(path)) == 50
    parsed = feedparser.parse(body)
    assert not parsed.bozo
    assert len(parsed.entries) == 50


def test_one_poisoned_entry_does_not_spoil_a_json_feed(feed):
    body = render_json(feed)

    assert len(json.loads(body.decode())["items"]) == 50


@pytest.mark.parametrize(
    ("render", "title"),
    [
        pytest.param(render_atom, "{*}entry/{*}title", id="atom"),
        pytest.param(render_rss, "channel/item/title", id="rss"),
    ],
)
def test_what_may_be_written_of_a_hostile_title_is_written(an_entry, a_feed, render, title):
    body = render(a_feed(an_entry(title=f"Tides{POISON}")))

    found = etree.fromstring(body).find(title)
    text = etree.HTML(f"<p>{found.text}</p>").findtext(".//p") if found.get("type") else found.text
    assert text == "Tides]]> <script> &#0;&nope;\U0001f30a\"'"


def test_content_keeps_its_lines_and_its_carriage_returns(an_entry, a_feed):
    content = "<pre>one\r\ntwo\n]]&gt; \U0001f30a\u2028</pre>"

    body = render_atom(a_feed(an_entry(content=content)))

    assert etree.fromstring(body).findtext("{*}entry/{*}content") == content


@pytest.mark.parametrize("url", ["javascript:alert(1)", "/relative", "data:text/html,x", ""])
def test_no_address_but_http_is_written(an_entry, a_feed, url):
    feed = a_feed(an_entry(url=url, image=None, enclosures=()))

    assert etree.fromstring(render_rss(feed)).find("channel/item/link") is None
    assert "url" not in json.loads(render_json(feed))["items"][0]


@pytest.mark.parametrize("language", ["English, mostly", "cn", "jp-JP", "xx", ""])
def test_a_language_that_is_none_is_not_written(an_entry, a_feed, language):
    feed = a_feed(an_entry(language=language), language=language)

    assert b"xml:lang" not in render_atom(feed)
    assert b"language>" not in render_rss(feed)
    assert b'"language"' not in render_json(feed)


def test_characters_that_got_lost_are_written_as_validators_allow(an_entry, a_feed):
    feed = a_feed(an_entry(title="T\ufffdrn", content="<p>T\ufffdrn</p>"))

    for body in (render_atom(feed), render_rss(feed)):
        assert "\ufffd" not in body.decode()
        [read] = feedparser.parse(body).entries
        assert (read.title, read.content[0].value) == ("T?rn", "<p>T&#65533;rn</p>")


def test_a_poisoned_list_of_sources_is_still_a_list():
    outline = FeedOutline(url="https://a.example/", title="A", site_url="https://a.example/")

    body = render_opml([poisoned(outline), outline], title=POISON)

    assert len(etree.fromstring(body).findall("body/outline")) == 2
