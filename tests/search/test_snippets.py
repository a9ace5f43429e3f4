import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.search.query import SearchInput, parse_query
from tidings.search.snippets import LENGTH, find_snippet, highlight


def terms(question):
    return parse_query(SearchInput(q=question)).terms


def shown(pieces):
    return "".join(f"[{one.text}]" if one.is_found else one.text for one in pieces)


@pytest.mark.parametrize(
    ("text", "question", "expected"),
    [
        pytest.param("A fox, a Fox!", "fox", "A [fox], a [Fox]!", id="case"),
        pytest.param("In Zürich", "zurich", "In [Zürich]", id="accents"),
        pytest.param("Write-ahead log", '"write ahead"', "[Write-ahead] log", id="a phrase"),
        pytest.param("write then ahead", '"write ahead"', "write then ahead", id="no phrase"),
        pytest.param("我们研究机器学习", "机器学习", "我们研究[机器学习]", id="Chinese"),
        pytest.param("北京大学", "京", "北[京]大学", id="one character"),
        pytest.param("北京", "京", "北[京]", id="one character at the end"),
        pytest.param("人机器人", "机器 器人", "人[机器人]", id="what overlaps is one"),
        pytest.param("用C++写 C", "c++", "用[C++]写 C", id="C++"),
    ],
)
def test_what_was_looked_for_is_marked(text, question, expected):
    assert shown(highlight(text, terms(question))) == expected


@given(st.text(max_size=80), st.text(max_size=20))
def test_marking_changes_no_text(text, question):
    assert "".join(piece.text for piece in highlight(text, terms(question))) == text


def test_a_snippet_is_cut_where_words_end():
    text = f"{'before ' * 60}needle {'after ' * 60}"

    snippet = shown(find_snippet(text, terms("needle")))

    assert snippet.startswith("…before ")
    assert " [needle] after " in snippet
    assert snippet.endswith("after…")
    assert len(snippet) <= LENGTH + len("……[]")


def test_a_snippet_of_a_text_without_blanks_is_cut_between_characters():
    snippet = shown(find_snippet("字" * 500 + "机器" + "符" * 500, terms("机器")))

    assert "字[机器]符" in snippet
    assert len(snippet) <= LENGTH + len("……[]")


def test_a_snippet_is_found_whatever_its_spelling():
    text = f"{'İ ' * 300}the Machine\u2013LEARNING way"

    assert "[Machine\u2013LEARNING]" in shown(find_snippet(text, terms('"machine learning"')))


def test_there_is_no_snippet_of_what_is_not_there():
    assert find_snippet("nothing of the kind: needles", terms("needle")) is None
