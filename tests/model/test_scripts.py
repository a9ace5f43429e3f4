# ruff: noqa: RUF001 - signs of mathematics look like letters

import pytest

from tidings.model.text import readable
from tidings.parsing.entry_body import clean_body
from tidings.parsing.text_cleaning import clean_line

CASES = [
    pytest.param("10<sup>-9</sup> m", "10⁻⁹ m", id="a negative power"),
    pytest.param("10<sup>−9</sup> m", "10⁻⁹ m", id="with a real minus"),
    pytest.param("O(n<sup>2</sup>)", "O(n²)", id="a square"),
    pytest.param("H<sub>2</sub>O", "H₂O", id="water"),
    pytest.param("a<sub>i + 1</sub>", "aᵢ₊₁", id="an index"),
    pytest.param("e<sup>-7t</sup>", "e^(-7t)", id="a power with letters"),
    pytest.param("x<sup>a</sup>y<sup>b</sup>", "xªy^b", id="letters alone"),
    pytest.param("x<sub>max</sub>", "x_max", id="a word as index"),
    pytest.param("the 1<sup>st</sup>", "the 1st", id="an ordinal"),
    pytest.param("XX<sup>e</sup>", "XXᵉ", id="a French ordinal"),
    pytest.param("X<sup>TM</sup>", "XTM", id="a trade mark"),
    pytest.param("true<sup>[1]</sup>", "true[1]", id="a note in brackets"),
    pytest.param("true<sup>1,2</sup>", "true¹,²", id="notes"),
    pytest.param("a <sub>few small words</sub>", "a few small words", id="small print"),
    pytest.param("x<sup></sup>y", "xy", id="nothing"),
]


@pytest.mark.parametrize(("html", "expected"), CASES)
def test_raised_and_lowered_text_keeps_its_meaning_wherever_only_text_can_stand(html, expected):
    assert clean_body(f"<p>{html}</p>", bases=[], language="en").excerpt == expected
    assert clean_line(html, html=True) == expected
    assert readable(f"<p>{html}</p>") == expected


def test_markup_within_a_script_changes_nothing():
    html = "<p>true<sup><a href='#1'>1</a></sup> for 10<sup><i>n</i></sup></p>"

    assert clean_body(html, bases=[], language="en").excerpt == "true¹ for 10ⁿ"
