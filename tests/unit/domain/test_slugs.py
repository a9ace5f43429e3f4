"""The names of sources and topics in addresses."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.domain.slugs import MAX_SLUG, slugify, source_slugs, topic_slug


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Machine Learning", "machine-learning", id="words"),
        pytest.param("  R&D: C++ / Rust  ", "r-d-c-rust", id="signs"),
        pytest.param("Ünïcödé Straße", "unicode-strae", id="accents go"),
        pytest.param("数据库", "", id="nothing remains"),
        pytest.param("AI 人工智能", "ai", id="what is ASCII remains"),
    ],
)
def test_a_slug_of_a_text(text, expected):
    assert slugify(text) == expected


@given(st.text(max_size=200))
def test_a_slug_can_always_stand_in_an_address(text):
    assert re.fullmatch(r"(?:[a-z0-9]+(?:-[a-z0-9]+)*)?", slugify(text))
    assert len(slugify(text)) <= MAX_SLUG
    assert slugify(slugify(text)) == slugify(text)
    assert topic_slug(text)


def test_topics_in_another_script_have_slugs_of_their_own():
    assert topic_slug("数据库") == topic_slug("数据库")
    assert topic_slug("数据库") != topic_slug("机器学习")
    assert topic_slug("Databases") == "databases"


@pytest.mark.parametrize(
    ("title", "url", "expected"),
    [
        pytest.param(
            "The Daily Query",
            "https://www.example.org/news/feed.xml",
            ["the-daily-query", "example-org", "example-org-news-feed"],
            id="the title first",
        ),
        pytest.param("新闻", "https://example.org:8080/", ["example-org-8080"] * 2, id="the host"),
        pytest.param("", "https://b.c/x.atom", ["b-c", "b-c-x"], id="host and path"),
        pytest.param("ab", "https://数.据/", ["source"], id="when all else fails"),
    ],
)
def test_what_the_slug_of_a_source_may_be(title, url, expected):
    assert source_slugs(title, url) == expected
