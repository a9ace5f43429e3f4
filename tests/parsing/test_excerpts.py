# ruff: noqa: RUF001 - Chinese punctuation looks like Latin
import re
from itertools import accumulate

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from tidings.parsing.code import Code
from tidings.parsing.excerpts import (
    LIMIT,
    MAX_CHARACTERS,
    MAX_CLUSTERS,
    Break,
    _ends_of_singles,
    _Line,
    excerpt,
)
from tidings.parsing.formulas import Formula

BLOCK = Break.BLOCK
SENTENCE = "The quick brown fox jumps over the lazy dog, again and again. "
SENTENCE_IN_CHINESE = "我们今天讨论一个问题，它很重要。"


def clusters(text):
    return len(regex.findall(r"\X", text))


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        pytest.param([], "", id="nothing"),
        pytest.param([" a \n b\t"], "a b", id="blanks collapse"),
        pytest.param(["a", "b ", " c"], "ab c", id="inline pieces make words"),
        pytest.param(["A heading", BLOCK, "Text."], "A heading Text.", id="blocks are set apart"),
        pytest.param(
            [BLOCK, BLOCK, "a", BLOCK, " ", BLOCK, "b", BLOCK],
            "a b",
            id="empty blocks do not count",
        ),
        pytest.param(
            ["标题", BLOCK, "正文。", BLOCK, "第二段"],
            "标题 正文。第二段",
            id="Chinese punctuation needs no blank",
        ),
        pytest.param(["1. ", "One", BLOCK, "2. ", "Two"], "1. One 2. Two", id="list numbers stay"),
        pytest.param(
            ["Let ", Formula(tex="x^2"), "-th be"], r"Let \(x^2\)-th be", id="a formula stays whole"
        ),
        pytest.param(
            ["So", Formula(tex="x", display=True), "is"],
            "So [formula] is",
            id="a displayed formula",
        ),
        pytest.param(
            ["So ", Formula(tex="x+" * 100), " is"],
            "So [formula] is",
            id="a formula as long as a line",
        ),
        pytest.param(["Run", Code(source="x"), "now"], "Run [code] now", id="a block of code"),
        pytest.param(["a\x00\u202eb\u2028c"], "ab c", id="no controls"),
    ],
)
def test_a_short_body_is_its_own_excerpt(pieces, expected):
    assert excerpt(pieces, language="en") == expected


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        pytest.param("Run", "zh-cn", "Run [代码]", id="the language decides"),
        pytest.param("运行", "en", "运行 [code]", id="even against the script"),
        pytest.param("运行这个 x", None, "运行这个 x [代码]", id="without it the script decides"),
        pytest.param("Run it", None, "Run it [code]", id="of most letters"),
        pytest.param(
            "これはコードです", None, "これはコードです [code]", id="Japanese is no Chinese"
        ),
    ],
)
def test_labels_are_in_the_language_of_the_entry(text, language, expected):
    assert excerpt([text, Code(source="x")], language=language) == expected


@pytest.mark.parametrize(
    ("text", "ending"),
    [
        pytest.param(SENTENCE * 20, "lazy dog, again and again. …", id="after a sentence"),
        pytest.param("Some words here, " * 40, "Some words here…", id="after a clause"),
        pytest.param("word " * 200, " word word…", id="after a word"),
        pytest.param(
            "so on and on " * 25 + "with Mr. Smith and on and on and on",
            " with Mr. Smith and on…",
            id="not after an abbreviation",
        ),
        pytest.param(SENTENCE_IN_CHINESE * 40, "它很重要。…", id="after a Chinese sentence"),
        pytest.param("这很重要，" * 100, "这很重要…", id="after a Chinese clause"),
        pytest.param("他说：“好。”" * 100, "他说：“好。”…", id="after closing quotes"),
        pytest.param("x" * 500, "xxx…", id="within a word as long as an excerpt"),
        pytest.param("สวัสดี" * 100, "…", id="where words have no blanks"),
        pytest.param(
            "한국어 문장은 띄어쓰기를 합니다. " * 40, "합니다. …", id="after a Korean sentence"
        ),
    ],
)
def test_a_long_text_is_cut_where_a_reader_would_pause(text, ending):
    shortened = excerpt([text], language="en")

    assert shortened.endswith(ending)
    assert MAX_CLUSTERS / 2 < clusters(shortened) <= MAX_CLUSTERS


def test_a_body_of_nothing_but_code_is_quoted():
    pieces = [Break.BLOCK, Code(source="Mend the tides\n\n* tides.c: They were off."), " "]

    assert excerpt(pieces, language="en") == "Mend the tides * tides.c: They were off."


def test_the_language_does_not_matter_where_nothing_is_labelled():
    assert excerpt(["文字"], language=None) == "文字"


def test_a_formula_is_never_cut():
    pieces = ["word " * 68, Formula(tex="x + y + z"), " and more" * 10]

    line = excerpt(pieces, language="en")

    assert line == "word " * 67 + "word…"


def test_a_formula_before_the_cut_stays():
    pieces = ["word " * 60, Formula(tex="x + y"), " and more" * 10]

    line = excerpt(pieces, language="en")

    assert r" \(x + y\) and more" in line


def test_a_url_is_never_cut():
    text = "See https://example.org/" + "a" * 400 + " there"

    assert excerpt([text], language="en") == "See…"


def test_a_url_with_chinese_in_it_is_never_cut():
    text = "见 https://zh.example.org/wiki/" + "中文" * 200

    assert excerpt([text], language="zh") == "见…"


def test_a_url_longer_than_an_excerpt_leaves_nothing():
    assert excerpt(["https://example.org/" + "a" * 400], language="en") == "…"


def test_many_marks_on_one_letter_count_as_one_but_not_for_ever():
    short = excerpt(["e\u0301" * 300], language="en")
    long = excerpt(["e" + "\u0301" * 10_000], language="en")

    assert clusters(short) == 300
    assert len(long) <= MAX_CHARACTERS + len("…")


def test_a_text_of_exactly_the_limit_is_not_cut():
    text = "é" * MAX_CLUSTERS

    assert excerpt([text], language="en") == text


ATOMS = st.sampled_from(
    [
        "word ", "Other", ", ", ". ", "。", "，", "中文", "日本語テスト", "สวัสดี", " ", "\n", "é", "e\u0301",
        "👨\u200d👩\u200d👧", "🇩🇪", "https://example.org/a?b=c,d ", "\u202e", "\x07", "“", "”", "(", ")", "1. ", "…",
        "x" * 60, Formula(tex="x^2 + y"), Formula(tex="z", display=True), Code(source="c"), BLOCK,
    ]
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(ATOMS, min_size=60, max_size=150))
def test_an_excerpt_keeps_every_promise(pieces):
    line = excerpt(pieces, language="en")

    assert clusters(line) <= MAX_CLUSTERS
    assert not regex.search(r"[\p{Cc}\n\u202e]|  ", line)
    assert line == line.strip()
    kept = re.sub(r"\\\(x\^2 \+ y\\\)|\[formula\]|\[code\]", "", line)
    assert "\\" not in kept
    for url in re.findall(r"https?:\S*?(?=[\s…]|$)", line):
        assert url.startswith("https://example.org/a?b=c,d")


@given(
    st.lists(
        st.sampled_from(["alpha", "beta", "gamma", "delta,", "end."]), min_size=1, max_size=200
    )
)
def test_an_excerpt_consists_of_whole_words_and_says_when_it_was_cut(words):
    text = " ".join(words)

    line = excerpt([text], language="en")

    body = line.removesuffix("…").rstrip()
    assert line.endswith("…") == (len(text) > MAX_CLUSTERS)
    assert text.startswith(body)
    assert text[len(body) :][:1] in {"", " ", ","}


SINGLES = st.sampled_from(
    [
        "word ", "Other", ", ", ". ", "。", "，", "中文", "テスト", " ", "é", "я", "—", "“", "(", "x" * 60, "w", "h", "\u02df", "１",
        Formula(tex="x^2 + y"), Formula(tex="z", display=True), BLOCK,
    ]
)  # fmt: skip
RARE = st.sampled_from(["e\u0301", "👨\u200d👩", "www.example.org/a,b ", "https://", "\u3000", "ﾞ"])


@given(
    st.lists(SINGLES, min_size=100, max_size=200), st.lists(RARE, max_size=1), st.integers(0, 99)
)
def test_where_no_characters_join_all_ends_are_found_at_once(pieces, rare, place):
    line = _Line(chinese=False)
    for piece in [*pieces[:place], *rare, *pieces[place:]]:
        line.add(piece)

    found = _ends_of_singles(line)

    units = [unit for unit, _ in line.units()]
    ends = zip(accumulate(map(len, units)), accumulate(map(clusters, units)), units, strict=True)
    expected = [end for end, count, unit in ends if count <= LIMIT and not unit.isspace()]
    assert found in (expected, []) if rare else found == expected
