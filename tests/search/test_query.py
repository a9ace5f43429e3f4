from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsed_entries import DAY, NOON
from tidings.search.query import (
    MAX_LENGTH,
    MAX_TERMS,
    Hit,
    Query,
    SearchInput,
    Term,
    Zone,
    newest_first,
    parse_input,
    parse_query,
    rank,
)


def a_hit(entry_id, *, age=0, **fields):
    usual = {"sort_at": NOON - age * DAY, "story_id": None, "follows": False}
    return Hit(entry_id=entry_id, **usual | fields)


def terms(*groups, last_is_prefix=False):
    return tuple(Term(words=tuple(group.split()), is_prefix=last_is_prefix) for group in groups)


@pytest.mark.parametrize(
    ("question", "query"),
    [
        pytest.param("sqlite WAL", Query(terms=terms("sqlite", "wal")), id="words"),
        pytest.param('"write ahead"', Query(terms=terms("write ahead")), id="a phrase"),
        pytest.param("write-ahead", Query(terms=terms("write ahead")), id="a word of two"),
        pytest.param("机器学习", Query(terms=terms("机器 器学 学习")), id="Chinese: a phrase"),
        pytest.param("“机器学习”", Query(terms=terms("机器 器学 学习")), id="Chinese marks"),
        pytest.param("学", Query(terms=terms("学", last_is_prefix=True)), id="one character"),
        pytest.param(
            "用python", Query(terms=terms("用 python")), id="a character that ends a stretch"
        ),
        pytest.param(
            'a -b -"c d"', Query(terms=terms("a"), without=terms("b", "c d")), id="without"
        ),
        pytest.param("source:acm Topic\uff1aai", Query(source="acm", topic="ai"), id="narrowed"),
        pytest.param(
            "since:2026-11-02 until:2026-11-03",
            Query(since=date(2026, 11, 2), until=date(2026, 11, 3)),
            id="days",
        ),
        pytest.param(
            "since:2026-02 until:2026-02",
            Query(since=date(2026, 2, 1), until=date(2026, 2, 28)),
            id="a month",
        ),
        pytest.param(
            "since:2024 until:2024",
            Query(since=date(2024, 1, 1), until=date(2024, 12, 31)),
            id="a year",
        ),
        pytest.param(
            "since:yesterday a", Query(terms=terms("a"), invalid_dates=("yesterday",)), id="no day"
        ),
        pytest.param("until:2026-02-30", Query(invalid_dates=("2026-02-30",)), id="no such day"),
        pytest.param('"not closed', Query(terms=terms("not closed")), id="an open quotation"),
        pytest.param('- "" \' * ( NEAR', Query(terms=terms("near")), id="rubbish"),
        pytest.param("", Query(), id="nothing"),
    ],
)
def test_what_a_question_means(question, query):
    assert parse_query(SearchInput(q=question)) == query


def test_fields_narrow_what_the_question_says():
    asked = SearchInput(q="a topic:ai since:2020", topic="science", until="2026-01-31")

    query = parse_query(asked)

    assert (query.topic, query.since, query.until) == (
        "science",
        date(2020, 1, 1),
        date(2026, 1, 31),
    )


@pytest.mark.parametrize(
    "question",
    [
        pytest.param("word " * 2000, id="ten kilobytes"),
        pytest.param(" ".join(f"w{number}" for number in range(MAX_TERMS + 1)), id="many words"),
    ],
)
def test_of_a_long_question_the_beginning_is_read(question):
    query = parse_query(SearchInput(q=question))

    assert query.is_truncated
    assert 1 <= len(query.terms) <= MAX_TERMS


@given(st.builds(SearchInput, q=st.text(), topic=st.text(), since=st.text(max_size=12)))
def test_any_question_means_something(asked):
    query = parse_query(asked)

    assert all(term.words for term in (*query.terms, *query.without))
    assert parse_input(asked.encoded).encoded == asked.encoded


def test_an_address_holds_what_was_asked():
    asked = SearchInput(q=" 机器\x00 & C++ ", topic="ai")

    assert parse_input(asked.encoded) == SearchInput(q="机器 & C++", topic="ai")
    assert len(parse_input(SearchInput(q="x" * 10_000).encoded).q) == MAX_LENGTH + 1


def test_what_stands_in_the_title_comes_first_among_entries_of_one_day():
    hits = [a_hit(1), a_hit(2, zone=Zone.LEAD), a_hit(3, zone=Zone.TITLE)]

    assert [hit.entry_id for hit in rank(hits)] == [3, 2, 1]


def test_what_is_new_comes_before_a_much_older_title():
    hits = [a_hit(1, age=200, zone=Zone.TITLE), a_hit(2, age=1), a_hit(3, age=20, zone=Zone.TITLE)]

    assert [hit.entry_id for hit in rank(hits)] == [3, 2, 1]


def test_time_that_passes_changes_no_order():
    hits = [a_hit(1, age=90, zone=Zone.TITLE), a_hit(2, age=10), a_hit(3)]
    older = [a_hit(1, age=1090, zone=Zone.TITLE), a_hit(2, age=1010), a_hit(3, age=1000)]

    assert [hit.entry_id for hit in rank(hits)] == [hit.entry_id for hit in rank(older)]


@pytest.mark.parametrize("order", [rank, newest_first])
def test_of_a_story_the_oldest_that_matches_stands(order):
    follower, lead = a_hit(2, story_id=7, follows=True), a_hit(1, story_id=7, age=1)
    alone = a_hit(4, story_id=8, follows=True)

    assert {hit.entry_id for hit in order([follower, lead, alone])} == {1, 4}
