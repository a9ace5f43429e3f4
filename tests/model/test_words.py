import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.model.words import (
    FILLER,
    MAX_LENGTH,
    MAX_OCCURRENCES,
    MAX_SIZE,
    MAX_WORDS,
    find_words,
    truncate,
    words_of,
)

TEXTS = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]),
        st.sampled_from("aB1 _-+#.é公式学习ガｶﾞ한국ไทย½№ﬁßİ"),
    ),
    max_size=60,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("The Quick-Brown fox's", "the quick brown fox s", id="English"),
        pytest.param("Zürich, café, ﬁsh, ½", "zurich cafe fish 1 2", id="accents and ligatures"),
        pytest.param("STRASSE Straße", "strasse strasse", id="case"),
        pytest.param("标签# 第一++", "标签 签 第一 一", id="no language"),
        pytest.param("C++ and C#, not a+b or #tag", "c++ and c# not a b or tag", id="languages"),
        pytest.param("max_pool_size 3.11", "max pool size 3 11", id="code"),
        pytest.param("机器学习", "机器 器学 学习 习", id="Chinese: overlapping pairs"),
        pytest.param("用Python写", "用 python 写", id="Chinese and English"),
        pytest.param("ｶﾞｲﾄﾞ", "ガイ イド ド", id="Japanese, half as wide"),
        pytest.param("서울에서", "서울 울에 에서 서", id="Korean"),
        pytest.param("हिन्दी में", "हिन्दी में", id="Hindi: signs belong to their letters"),
        pytest.param(r"\(\frac{a}{b}\)", "frac a b", id="a formula"),
        pytest.param("—— ?! 🙂", "", id="nothing"),
    ],
)
def test_the_words_of_a_text(text, words):
    assert words_of(text) == words.split()


@given(TEXTS)
def test_the_places_of_words_are_those_of_all_words(text):
    found = [word for place in find_words(text) for word in place.words]

    assert found == [word[:MAX_LENGTH] for word in words_of(text)]


@given(TEXTS | st.text("aB1 _-+#。公式学习ガー々한국", max_size=60))
def test_words_are_the_same_whether_or_not_there_is_something_to_normalise(text):
    assert words_of(f"{text} é") == [*words_of(text), "e"]


@given(TEXTS)
def test_words_hold_nothing_that_a_database_would_take_for_more_than_a_word(text):
    assert not set("".join(words_of(text))) & set("\"'\\ \0\n§·:*|&!<>(){}^-")


def test_so_many_words_are_kept_as_both_databases_take():
    assert truncate(["a"] * (MAX_OCCURRENCES + 2)) == ["a"] * MAX_OCCURRENCES + [FILLER] * 2
    assert len(truncate([f"w{number}" for number in range(MAX_WORDS + 1)])) == MAX_WORDS
    assert truncate(["a" * 99]) == ["a" * MAX_LENGTH]


def test_long_words_are_kept_as_far_as_there_is_room():
    words = [
        f"\U0001d4b3{number:05}".ljust(MAX_LENGTH, "\U0001d4b3") for number in range(MAX_WORDS)
    ]

    kept = truncate(words)

    assert MAX_SIZE - 4 * MAX_LENGTH < sum(len(word.encode()) for word in kept) <= MAX_SIZE
    assert kept == words[: len(kept)]
