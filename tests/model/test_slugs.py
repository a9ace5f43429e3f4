"""The names of sources and topics in addresses."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.errors import InvalidError
from tidings.model.urls import (
    MAX_SLUG,
    checked_slug,
    checked_title,
    other_topic_slug,
    slugify,
    source_slugs,
    topic_slug,
)


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


def test_signs_that_tell_topics_apart_are_spelled_out():
    names = ("C", "C++", "C#", "数学 博客")

    slugs = [topic_slug(name) for name in names]

    assert slugs[:3] == ["c", "c-plus-plus", "c-sharp"]
    assert len(set(slugs)) == 4


@given(st.text(max_size=200))
def test_a_second_choice_can_stand_in_an_address_too(text):
    slug = other_topic_slug(text)

    assert slugify(slug) == slug
    assert slug != topic_slug(text)


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


@pytest.mark.parametrize("slug", ["", "a b", "Ä", "A", "-a", "a-", "a--b", "x" * 61, "a\n"])
def test_what_cannot_stand_in_an_address_is_no_slug(slug):
    with pytest.raises(InvalidError, match="lower-case ASCII"):
        checked_slug(slug)


@pytest.mark.parametrize(
    "title", ["", " ", "\u3000", "a\nb", "a\r\nb", "a\tb", "a\u2028b", "a\x1bb"]
)
def test_what_does_not_stand_on_a_line_is_no_title(title):
    with pytest.raises(InvalidError, match="title"):
        checked_title(title)


@pytest.mark.parametrize("title", ["Latest updates", " 新闻 ", "👩‍💻 & co"])
def test_a_title_may_say_anything_on_its_line(title):
    assert checked_title(title) == title.strip()
