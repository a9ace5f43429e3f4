"""What is remembered of decisions."""

from parsed_entries import HOUR, NOON
from tidings.model.sources import MAX_DECISIONS, MAX_WORDS, with_decision, with_decisions, with_news


def words(history):
    return [text for _, text in history]


def test_the_same_decision_in_a_row_is_one_line_with_a_count_and_the_last_time():
    history = ()

    for hour in range(12):
        history = with_decision(history, "failed: 404 Not Found", now=NOON + hour * HOUR)

    assert history == [("2026-11-20T23:00:00+00:00", "failed: 404 Not Found (12 times)")]


def test_another_decision_begins_a_line():
    history = ()

    for decision in ("failed: 404", "failed: 404", "works again", "failed: 404"):
        history = with_decision(history, decision, now=NOON)

    assert words(history) == ["failed: 404 (2 times)", "works again", "failed: 404"]


def test_new_entries_of_polls_in_a_row_are_added_up():
    history = with_decision((), "first poll", now=NOON)

    for found in (1, 3, 2):
        history = with_news(history, found, now=NOON)
    history = with_news(with_decision(history, "failed: 404", now=NOON), 1, now=NOON)

    assert words(history) == [
        "first poll",
        "6 new entries in 3 polls",
        "failed: 404",
        "1 new entry",
    ]


def test_old_decisions_are_forgotten_and_long_ones_cut():
    history = ()

    for number in range(100):
        history = with_decision(history, f"{number} " + "x" * 5000, now=NOON)

    assert len(history) == MAX_DECISIONS
    assert history[-1][1].startswith("99 ")
    assert max(map(len, words(history))) == MAX_WORDS


def test_several_decisions_of_one_moment_are_bounded_as_any_others():
    history = with_decisions(
        (), [f"decision {number}" for number in range(MAX_DECISIONS + 5)], now=NOON
    )

    assert len(history) == MAX_DECISIONS
    assert history[-1] == (NOON.isoformat(), f"decision {MAX_DECISIONS + 4}")
