"""What a reader sees of an entry, in one hash."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.model.feed import Enclosure
from tidings.parsing.raw import Text
from tidings.parsing.revisions import first_revision, revision, visible_parts

BODY = (
    '<p class="a">It <a href="https://a.example/x?p=1">rained</a> &amp; poured.</p>'
    '<img src="https://a.example/rain.jpg?v=1" alt="Rain" width="600">'
)


def revision_of(body=BODY, *, title="Rain", html=True, files=()):
    enclosures = [Enclosure(url=file) for file in files]
    return revision(visible_parts(title, Text(value=body, html=html), enclosures))


def edited(old, new):
    assert old in BODY
    return BODY.replace(old, new)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(edited("rained", "snowed"), id="text"),
        pytest.param(edited("<p", "<blockquote"), id="an element"),
        pytest.param(edited("https://a.example/x?p=1", "https://a.example/x?p=2"), id="a target"),
        pytest.param(edited("rain.jpg", "snow.jpg"), id="a picture"),
        pytest.param(edited('alt="Rain"', 'alt="Snow"'), id="what stands for a picture"),
        pytest.param(edited("It <a", "It  <a"), id="blanks, which code and verse show"),
    ],
)
def test_what_a_reader_sees_counts(body):
    assert revision_of(body) != revision_of()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(edited('class="a"', 'class="b" id="c" data-nonce="7"'), id="style and ids"),
        pytest.param(edited('width="600"', 'width="300"'), id="a width"),
        pytest.param(edited("rain.jpg?v=1", "rain.jpg?v=2&amp;w=300"), id="a picture's query"),
        pytest.param(edited("x?p=1", "x?p=1&amp;utm_source=feed"), id="a tracking parameter"),
        pytest.param(edited("x?p=1", "x?p=1#5f3c"), id="a fragment"),
        pytest.param(edited("&amp;", "&#38;"), id="another way to write a character"),
        pytest.param(BODY + '<img height="1" width="1" src="https://t.example/7">', id="a pixel"),
        pytest.param(BODY + "<!-- 2026-11-20 12:00, 0.3 s -->", id="a comment"),
        pytest.param(BODY + "<script>nonce = '7' </script>", id="a script"),
        pytest.param(BODY + "\n", id="blanks around it"),
    ],
)
def test_what_no_reader_sees_does_not(body):
    assert revision_of(body) == revision_of()


def test_title_and_files_count_but_not_what_tells_one_download_from_another():
    assert revision_of(title="Snow") != revision_of()
    assert revision_of(files=["https://a.example/1.ogg"]) != revision_of()
    assert revision_of(files=["https://a.example/1.ogg?s=1"]) == revision_of(
        files=["https://a.example/1.ogg?s=2"]
    )


def test_a_hash_by_one_rule_is_never_one_by_another():
    shown = visible_parts("Rain", Text(value=BODY, html=True), [])

    assert first_revision(shown) != revision(shown)


def test_plain_text_is_not_read_as_markup():
    assert revision_of("a < b", html=False) != revision_of("a", html=False)
    assert revision_of("<!-- a -->", html=False) != revision_of("<!-- b -->", html=False)


@pytest.mark.parametrize(
    "piece",
    ["<!--", "<script", "<a ", '<a "', "<a '", '<a href="', "<a src='", "<script>", "&#", ' src="'],
)
def test_hostile_markup_takes_no_more_time_than_its_size(piece):
    assert revision_of(piece * 100_000) == revision_of(piece * 100_000)


@given(st.text(alphabet="<>!-/\"'= asrc&;#1", max_size=80))
def test_any_text_has_a_revision(text):
    assert len(revision_of(text)) == len(revision_of())
