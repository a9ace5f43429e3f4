"""Lists as Miniflux, FreshRSS, Planet, Venus and Pluto write them, with what is theirs alone."""

import pytest

from tidings.errors import ParseError
from tidings.model.access import Access
from tidings.model.full_text import TextMode
from tidings.parsing.source_lists import read_source_list


def read(*outlines):
    namespace = 'xmlns:frss="https://freshrss.org/opml"'
    body = f'<opml version="2.0" {namespace}><body>{"".join(outlines)}</body></opml>'
    return read_source_list(body.encode())


def feed(attributes):
    return f'<outline text="A" xmlUrl="https://a.example/feed" {attributes}/>'


@pytest.mark.parametrize(
    "attributes",
    ['crawler="true"', 'scraperRules="article"', 'frss:cssFullContent="div.main, .summary"'],
)
def test_full_text_is_carried_over(attributes):
    [outline] = read(feed(attributes)).outlines

    assert outline.full_text is TextMode.ON


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ('userAgent="agent/1.0"', Access(user_agent="agent/1.0")),
        ('cookie="a=b; c=d;"', Access(cookies={"a": "b", "c": "d"})),
        ('frss:CURLOPT_COOKIE="a=b"', Access(cookies={"a": "b"})),
        ('frss:CURLOPT_USERAGENT="x" cookie="a=b"', Access(user_agent="x", cookies={"a": "b"})),
    ],
)
def test_what_requests_carry_is_carried_over(attributes, expected):
    [outline] = read(feed(attributes)).outlines

    assert outline.access == expected


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [('disabled="true"', True), ('frss:ttl="-3600"', True), ('frss:ttl="900"', False)],
)
def test_what_was_disabled_or_muted_is_paused(attributes, expected):
    [outline] = read(feed(attributes)).outlines

    assert outline.is_paused is expected


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ('type="HTML+XPath" frss:xPathItem="//article"', "source add --page"),
        ('blockFilterEntryRules="EntryTitle=ads"', "filter add"),
        ('frss:filtersActionRead="intitle:ads"', "filter add"),
        ('frss:cssFullContent="article"', "selectors"),
        ('frss:CURLOPT_HTTPHEADER="X-One: 1"', "headers"),
        ('proxyUrl="http://127.0.0.1:8080"', "proxy"),
        ('frss:CURLOPT_PROXY="p.example:8080"', "proxy"),
        ('cookie="nonsense"', "its cookie,"),
        ('rewriteRules="add_image_title"', "rewrite"),
    ],
)
def test_what_there_is_nothing_for_is_told_with_its_source(attributes, said):
    listed = read(feed(attributes))

    [left] = listed.left
    assert left.startswith("A: ")
    assert said in left
    assert len(listed.outlines) == 1


def test_what_says_nothing_changes_nothing():
    listed = read(feed('crawler="false" disabled="false" userAgent="" frss:CURLOPT_COOKIE=" ; "'))

    [outline] = listed.outlines
    assert (outline.full_text, outline.access, outline.is_paused) == (None, None, False)
    assert listed.left == ()


VENUS = """\
# A planet of harbours.
[Planet]
name = Planet Harbour
link: https://planet.example/
feed_timeout = 20

[DEFAULT]
facewidth = 85

[templates/atom.xml.tmpl]
days_per_page = 7

[https://ada.example/feed?a=1;b]
name = Ada: on tides
face = ada.png
filters = excerpt.py

[http://bob.example/rss]
name: Bob 涛

[https://lists.example/more.opml]
content_type = opml

[ftp://old.example/feed]
name = Gone
"""

PLUTO = """\
title = Planet Harbour
url   = https://planet.example

[ada]
  title = Ada
  link  = https://ada.example
  feed  = https://ada.example/feed

[bob]
  feed  = https://bob.example/rss
"""


def test_the_settings_of_a_planet_are_a_list():
    listed = read_source_list(VENUS.encode())

    assert [(one.url, one.title) for one in listed.outlines] == [
        ("https://ada.example/feed?a=1;b", "Ada: on tides"),
        ("http://bob.example/rss", "Bob 涛"),
    ]
    assert listed.problems == ("Gone: not an http(s) address",)
    assert [left.partition(":")[0] for left in listed.left] == [
        "Ada",
        "https",
    ]


def test_so_are_those_of_pluto_which_begin_without_a_section():
    listed = read_source_list(PLUTO.encode())

    assert [(one.url, one.title, one.site_url) for one in listed.outlines] == [
        ("https://ada.example/feed", "Ada", "https://ada.example"),
        ("https://bob.example/rss", "", None),
    ]


def test_what_is_said_of_a_source_without_a_name_tells_no_secret():
    settings = (
        b"[https://ann:hush@a.example/feed?key=hush]\nfilter = x\n[ftp://ann:hush@b.example]\n"
    )
    outline = '<outline xmlUrl="https://a.example/?api_key=hush" blocklistRules="x"/>'

    for found in (read_source_list(settings), read(outline)):
        told = " ".join((*found.left, *found.problems))
        assert "a.example" in told
        assert "hush" not in told


def test_what_no_database_takes_is_left_out():
    body = b"""
[https://a.example/feed]
name = \x00\x1b[31mA
link = javascript:alert(1)
[https://b.example/\x00feed]
[https://c.example/%s]
""" % (b"c" * 3000)

    found = read_source_list(body)

    [outline] = found.outlines
    assert (outline.title, outline.site_url) == ("[31mA", None)
    assert len(found.problems) == 2


@pytest.mark.parametrize(
    "body",
    [
        b"[Planet]\nname = x\n",
        b"[a\nb",
        b"[x]\n= y\n",
        b"\x00[\xff]",
        b"",
        b"[x]\ny\n  z\n",
    ],
)
def test_what_names_no_feed_is_refused(body):
    with pytest.raises(ParseError):
        read_source_list(body)
