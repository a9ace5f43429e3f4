"""Words and patterns: what they find, what is refused, and that no text makes them slow."""
# ruff: noqa: RUF001 - other scripts, and wide forms of ours

import time

import pytest

from tidings.errors import InvalidError
from tidings.filters.patterns import MAX_LENGTH, matcher_of
from tidings.filters.rules import Action, Field, Kind, Rule


def finds(wanted, text, *, kind=Kind.WORDS, field=Field.TITLE):
    rule = Rule(action=Action.DROP, field=field, kind=kind, pattern=wanted)
    return matcher_of(rule)(text)


@pytest.mark.parametrize(
    ("wanted", "text", "expected"),
    [
        pytest.param("python", "Python 3.14 is out", True, id="whatever the case"),
        pytest.param("PYTHON", "python", True, id="the case of the filter"),
        pytest.param("straße", "STRASSE", True, id="case that changes the length"),
        pytest.param("python", "Pythons bite", False, id="part of a longer word"),
        pytest.param("son", "Jackson", False, id="end of a longer word"),
        pytest.param("caf", "café", False, id="a letter with an accent follows"),
        pytest.param("caf", "cafe\u0301", False, id="so does one in two characters"),
        pytest.param("café", "cafe\u0301", True, id="accents spelled in two ways"),
        pytest.param("क", "कि", False, id="a vowel sign belongs to its word"),
        pytest.param("ABC123", "ＡＢＣ１２３", True, id="full width"),
        pytest.param("ﬁne", "fine", True, id="a ligature"),
        pytest.param("don't", "don\u2019t panic", True, id="either apostrophe"),
        pytest.param("go", "(go), go!", True, id="beside punctuation"),
        pytest.param("a", "aa a", True, id="only the second time a word"),
        pytest.param("c++", "Modern C++20", True, id="what ends in no letter"),
        pytest.param(".net", "ASP.NET", True, id="what begins with no letter"),
        pytest.param("sale shop", "Shop now: SALE", True, id="several: all of them"),
        pytest.param("sale shop", "Shop now", False, id="several: one is missing"),
        pytest.param('"new york"', "In New\u00a0York", True, id="a phrase"),
        pytest.param('"new york"', "York is new", False, id="a phrase in another order"),
        pytest.param('"new york" jazz', "Jazz in New York", True, id="a phrase and a word"),
        pytest.param("“new york”", "New York", True, id="a phrase in curly quotes"),
        pytest.param('"new york', "york, new", True, id="a quote that does not close"),
        pytest.param("学习", "机器学习入门", True, id="Chinese within a sentence"),
        pytest.param("机器学习", "机器 学习", False, id="Chinese in two pieces"),
        pytest.param("python", "用Python写爬虫", True, id="a Latin word between Chinese"),
        pytest.param("サーバー", "新サーバーの話", True, id="Japanese"),
        pytest.param("서울", "서울에서 만나요", True, id="Korean with a particle"),
        pytest.param("ไทย", "ภาษาไทยง่าย", True, id="Thai"),
        pytest.param("a.c", "abc", False, id="nothing in it is a pattern"),
        pytest.param("x", "", False, id="an empty text"),
    ],
)
def test_words_are_found_as_a_reader_finds_them(wanted, text, expected):
    assert finds(wanted, text) is expected


@pytest.mark.parametrize(
    ("wanted", "text", "expected"),
    [
        pytest.param("^Ad:", "Ad: buy", True, id="at the beginning"),
        pytest.param("^Ad:", "ad: buy", False, id="as it is written"),
        pytest.param("(?i)^ad:", "AD: buy", True, id="whatever the case, if it says so"),
        pytest.param(r"机器.习", "机器学习", True, id="a character is one, not its bytes"),
        pytest.param(r"\bfoo\b|\d{4}", "in 2026", True, id="alternatives"),
        pytest.param("^$", "", True, id="without a title"),
    ],
)
def test_patterns_are_those_of_re2(wanted, text, expected):
    assert finds(wanted, text, kind=Kind.PATTERN) is expected


@pytest.mark.parametrize(
    ("wanted", "language", "expected"),
    [
        pytest.param("zh", "zh", True, id="itself"),
        pytest.param("zh", "zh-hans", True, id="with a script"),
        pytest.param("ZH_cn", "zh-cn", True, id="written otherwise"),
        pytest.param("zh-hans", "zh", False, id="a wider one"),
        pytest.param("hans", "zh-hans", False, id="not the beginning"),
        pytest.param("en", "enm", False, id="a longer name"),
    ],
)
def test_a_language_takes_in_its_variants(wanted, language, expected):
    assert finds(wanted, language, field=Field.LANGUAGE) is expected


@pytest.mark.parametrize(
    ("wanted", "kind", "field", "message"),
    [
        pytest.param("a(b", "pattern", "title", "pattern 'a(b': missing ): a(b", id="open group"),
        pytest.param("x**", "pattern", "title", "bad repetition operator: **", id="operator"),
        pytest.param("a(?=b)", "pattern", "title", "invalid perl operator: (?=", id="look-around"),
        pytest.param(r"(a)\1", "pattern", "title", r"invalid escape sequence: \1", id="backwards"),
        pytest.param(r"\pL{999}", "pattern", "title", "pattern too large", id="too large"),
        pytest.param("x" * (MAX_LENGTH + 1), "pattern", "title", "at most 1000", id="too long"),
        pytest.param("\udcff", "words", "title", "characters that are no text", id="no text"),
        pytest.param("", "words", "title", "name at least one", id="no words"),
        pytest.param('a " "', "words", "title", "nothing empty", id="an empty phrase"),
        pytest.param("zh en", "words", "language", "name one, as in zh", id="two languages"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_the_place(wanted, kind, field, message):
    with pytest.raises(InvalidError) as caught:
        finds(wanted, "", kind=Kind(kind), field=Field(field))

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "wanted", "text"),
    [
        pytest.param("pattern", "(a+)+$", "a" * 50_000 + "b", id="nested repetition"),
        pytest.param("pattern", "(.*)*x", "a" * 1_000_000, id="nested stars"),
        pytest.param("pattern", "(a|aa)+$", "a" * 1_000_000 + "b", id="overlapping choices"),
        pytest.param(
            "words", "a" * 999, "a" * 1_000_000, id="a word that nearly stands everywhere"
        ),
    ],
)
def test_no_text_makes_a_filter_slow(kind, wanted, text):
    began = time.process_time()

    assert finds(wanted, text, kind=Kind(kind)) is False

    assert time.process_time() - began < 1
