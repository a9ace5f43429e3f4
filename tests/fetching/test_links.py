import time

import pytest

from tidings.fetching.interpret import related_links

BASE = "https://example.org/blog/feed"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param("", (), id="nothing"),
        pytest.param("<https://hub.example/>; rel=hub", ("https://hub.example/",), id="a word"),
        pytest.param('<https://hub.example/>; rel="hub"', ("https://hub.example/",), id="quoted"),
        pytest.param(
            '<https://hub.example/>; title="a; b, c" ; REL = "self HUB"',
            ("https://hub.example/",),
            id="one of several relations, in capitals, after a title",
        ),
        pytest.param(
            "<https://a.example/>; rel=hub, <https://b.example/>;rel=hub",
            ("https://a.example/", "https://b.example/"),
            id="two",
        ),
        pytest.param(
            "<https://a.example/>; rel=hub,<https://a.example/>; rel=hub",
            ("https://a.example/",),
            id="one twice",
        ),
        pytest.param("</hub>; rel=hub", ("https://example.org/hub",), id="relative"),
        pytest.param("<https://a.example/>; rel=self", (), id="another relation"),
        pytest.param("<https://a.example/>; rel=github", (), id="part of another word"),
        pytest.param("<https://a.example/>; rel=self; rel=hub", (), id="only the first counts"),
        pytest.param("<javascript:alert(1)>; rel=hub", (), id="a script"),
        pytest.param("<http://[::1>; rel=hub", (), id="a broken address"),
        pytest.param("<http://a.example/\x07>; rel=hub", (), id="a control character"),
        pytest.param("<http://a.example/\udce9>; rel=hub", (), id="bytes that are no text"),
        pytest.param("https://a.example/; rel=hub", (), id="no brackets"),
        pytest.param("<https://a.example/", (), id="a bracket without an end"),
        pytest.param("<https://a.example/>", (), id="no relation"),
    ],
)
def test_links_are_found_by_relation(header, expected):
    assert related_links(header, "hub", base=BASE) == expected


@pytest.mark.parametrize(
    "header",
    ["<" * 300_000, "<>;" * 100_000, "<>" + "; rel" * 60_000, "<>;" + " " * 300_000],
    ids=["brackets", "empty links", "relations", "blanks"],
)
def test_a_hostile_header_takes_no_time(header):
    began = time.process_time()

    related_links(header, "hub", base=BASE)

    assert time.process_time() - began < 2
