# ruff: noqa: RUF001 - Chinese text has Chinese punctuation
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.templating.plain_text import WIDTH, clipped, columns, one_line, wrapped


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        pytest.param("", [""], id="nothing"),
        pytest.param("a word " * 12, ["a word " * 11 + "a", "word"], id="words"),
        pytest.param("潮" * 50, ["潮" * 39, "潮" * 11], id="characters of two columns"),
        pytest.param("潮" * 38 + "汐。落", ["潮" * 38, "汐。落"], id="no full stop begins a line"),
        pytest.param("潮" * 38 + "（落）", ["潮" * 38, "（落）"], id="no bracket ends a line"),
        pytest.param("潮" * 38 + "tide 汐", ["潮" * 38, "tide 汐"], id="words among characters"),
        pytest.param("x" * 100 + " y", ["x" * 100, "y"], id="a word wider than a line"),
        pytest.param(
            "a " * 36 + r"\(x + y + z\) b",
            ["a " * 35 + "a", r"\(x + y + z\) b"],
            id="a formula stays whole",
        ),
        pytest.param("あ" * 38 + "ー。", ["あ" * 37, "あー。"], id="long vowels"),
    ],
)
def test_text_is_wrapped_where_its_script_allows(text, lines):
    assert wrapped(text).splitlines() == [line.strip() for line in lines if line]


def test_every_line_is_indented():
    assert wrapped("潮" * 40, "  ") == "  " + "潮" * 38 + "\n  潮潮"


@given(st.text(alphabet=st.sampled_from("ab \\()潮（）。，“”e\u0301🌊ー,.")))
def test_wrapping_loses_nothing_and_keeps_to_the_width(text):
    lines = wrapped(text * 3).splitlines()

    assert "".join("".join(lines).split()) == "".join((text * 3).split())
    for line in lines:
        assert columns(line) <= WIDTH or " " not in line or "\\(" in line


@given(st.text(), st.integers(min_value=2, max_value=40))
def test_clipped_text_is_never_longer_than_allowed(text, limit):
    short = clipped(text, limit)

    assert len(short) <= limit
    assert short == text or short.endswith("…")


@given(st.text())
def test_one_line_is_one_line(text):
    assert len(one_line(text).splitlines()) <= 1


@pytest.mark.parametrize(
    ("text", "width"),
    [
        pytest.param("tide", 4, id="Latin"),
        pytest.param("潮汐。", 6, id="Chinese"),
        pytest.param("조수", 4, id="Korean"),
        pytest.param("e\u0301", 1, id="a letter and its accent"),
        pytest.param("🌊", 2, id="emoji"),
    ],
)
def test_columns_are_those_of_a_terminal(text, width):
    assert columns(text) == width
