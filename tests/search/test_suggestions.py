import pytest

from tidings.search.suggestions import MOST, other_spellings


@pytest.mark.parametrize(
    ("asked", "suggested"),
    [
        ("index", "indexes"),
        ("queries", "query"),
        ("query", "queries"),
        ("boxes", "box"),
        ("tides", "tide"),
        ("tide", "tides"),
        ("don't", "dont"),
        ("dont", "don't"),
        ("theyre", "they're"),
        ("e-mail", "email"),
        ("email", "e-mail"),
        ("data", "data*"),
        ("slow queries", "slow query"),
        ('"group commit" tide -moon', '"group commit" tides -moon'),
    ],
)
def test_a_word_is_spelled_as_others_may_have_written_it(asked, suggested):
    assert suggested in other_spellings(asked)


@pytest.mark.parametrize("asked", ["熵", '"exact words"', "-without", "topic:databases", "", "a"])
def test_what_is_meant_exactly_stays_as_it_is(asked):
    assert [one for one in other_spellings(asked) if not one.startswith("as")] == []


def test_few_are_tried_and_prefixes_last():
    found = other_spellings("one two three four five six")

    assert len(found) == MOST
    assert not found[0].endswith("*")
