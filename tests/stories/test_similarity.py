"""When two entries are one story, on pairs that were labelled by hand, and at the limits."""
# ruff: noqa: RUF001 - Chinese text has Chinese punctuation

import pytest
from hypothesis import given
from hypothesis import strategies as st

import story_pairs
from tidings.model.minhash import BINS, MAX_HTML, sketch_of, title_numbers
from tidings.stories.matching import MatchReason, find_similarity

PAIRS = story_pairs.pairs()
TEXT = " ".join(f"word{number}" for number in range(50))


@pytest.mark.parametrize(("language", "recall"), [("english", 0.9), ("chinese", 0.94)])
def test_stories_are_found_and_nothing_else_is_taken_for_one(language, recall):
    chosen = [pair for pair in PAIRS if pair.language == language]

    score, wrong = story_pairs.score(chosen)

    assert score.precision == 1.0, wrong
    assert score.recall >= recall, wrong


def test_the_set_is_large_varied_and_half_of_it_are_traps():
    chinese = sum(pair.language == "chinese" for pair in PAIRS)
    traps = sum(not pair.is_same for pair in PAIRS)

    assert len(PAIRS) > 90
    assert len({pair.about for pair in PAIRS}) == len(PAIRS)
    assert chinese * 3 > len(PAIRS)
    assert traps * 2 >= len(PAIRS) - 4


@pytest.mark.parametrize(
    ("one", "other", "because"),
    [
        pytest.param(
            ("A", "https://x.example/p", ""),
            ("B", "http://www.x.example/p/", ""),
            MatchReason.LINK,
            id="one page",
        ),
        pytest.param(
            ("Red fox meets hen", None, TEXT),
            ("Red fox meets hen", None, TEXT),
            MatchReason.TITLE,
            id="title and text",
        ),
        pytest.param(
            ("Red fox meets hen", None, TEXT),
            ("Grey owl meets hen", None, TEXT),
            MatchReason.TEXT,
            id="text",
        ),
        pytest.param(
            ("Red fox meets grey owl under old bridge", None, ""),
            ("red fox, meets: grey owl under old bridge!", None, TEXT),
            MatchReason.HEADLINE,
            id="a long title, where there is no text",
        ),
        pytest.param(
            ("Red fox meets grey owl under bridge", None, ""),
            ("Red fox meets grey owl under bridge", None, TEXT),
            None,
            id="a title that is not so long",
        ),
        pytest.param(
            ("", "https://x.example/", ""), ("", "https://x.example", ""), None, id="a whole site"
        ),
        pytest.param(("", None, ""), ("", None, ""), None, id="nothing at all"),
    ],
)
def test_why_two_entries_are_one_story(one, other, because):
    found = find_similarity(sketch_of(*one), sketch_of(*other))

    assert (found.because if found else None) is because


texts = st.text(max_size=300) | st.lists(
    st.sampled_from(
        [
            "一二三四五六七八九十",
            "the",
            "of",
            "bomb",
            "3",
            "4.2",
            "found",
            "<p>",
            "</p>",
            "&amp;",
            ".",
        ]
    ),
    max_size=90,
).map(" ".join)


@given(texts, texts, texts, texts)
def test_likeness_knows_no_order_and_stays_within_its_bounds(title, text, other, more):
    one, two = sketch_of(title, None, text), sketch_of(other, None, more)

    found = find_similarity(one, two)

    assert found == find_similarity(two, one)
    assert found is None or 0 < found.score <= 1


@given(texts, texts)
def test_the_same_entry_twice_finds_itself_if_it_is_found_alike(title, text):
    one, two = sketch_of(title, None, text), sketch_of(title, None, text)

    assert one == two
    assert not find_similarity(one, two) or set(one.keys) & set(two.keys)


def test_an_entry_has_a_bounded_number_of_keys_that_a_database_can_hold():
    sketch = sketch_of("Red fox meets hen again", "https://x.example/p", TEXT * 100)

    assert len(set(sketch.keys)) == 2 + BINS
    assert all(-(2**63) <= key < 2**63 for key in sketch.keys)


def test_of_a_long_text_only_the_opening_is_looked_at():
    long, longer = TEXT * 50, TEXT * 50 + " and more" * MAX_HTML

    assert sketch_of("A", None, long) == sketch_of("A", None, longer)


def test_markup_makes_no_difference():
    marked = f'<h2 class="x">{TEXT[:60]}</h2><p>{TEXT[60:]}<math><mi>x</mi></math></p>'

    assert sketch_of("A", None, marked).grams >= sketch_of("A", None, TEXT).grams - {0}


@pytest.mark.parametrize(
    ("title", "figures"),
    [
        ("Release 1.2.3", {"1.2.3"}),
        ("1,000 people in 24 hours", {"1000", "24"}),
        ("Search, Part III", {"iii"}),
        ("A matter of I and II", set()),
        ("Weather for Tuesday, fifth of May", {"tuesday", "fifth", "may"}),
        ("第十二期：周三", {"第十二", "周三"}),
        ("分词（下）", {"下"}),
        ("山上的雪", set()),
    ],
)
def test_numbers_in_titles_are_known_however_they_are_written(title, figures):
    assert title_numbers(title) == figures
