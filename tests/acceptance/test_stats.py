"""`tidings stats`: the service in numbers, for people, pipes and programs."""

import pytest

from fake_publisher import answer
from feed_documents import atom, recent_items
from installation import on_sqlite
from tidings.cli.stats import bar, sparkline


@pytest.fixture
def busy(tidings, web):
    """A source that has brought something new, and one that fails."""
    first, second = (answer(body=atom(*recent_items(number))) for number in (2, 3))
    url = web.serve(first, second)
    tidings("source", "add", url, "--title", "Good one")
    tidings.add(web.serve(answer("404 Not Found")))
    assert tidings("poll", "--all").status == 1
    return tidings


def test_programs_get_every_number(busy):
    figures = busy("stats", "--json").json

    assert list(figures) == [
        "at",
        "since",
        "last_polled_at",
        "overdue_seconds",
        "sources",
        "polls",
        "entries",
        "seen_within_seconds",
        "issues",
        "letters",
        "steps",
        "failing",
        "slow",
        "hubs",
    ]
    assert figures["sources"] == {"fine": 1, "new": 0, "failing": 1, "paused": 0, "retired": 0}
    assert (figures["polls"]["new"], figures["polls"]["failed"]) == (2, 1)
    assert sum(figures["seen_within_seconds"].values()) == 1
    assert list(figures["seen_within_seconds"]) == ["900", "3600", "21600", "86400", "more"]
    assert len(figures["steps"]) == 7
    assert [one["with"] for one in figures["failing"]] == ["http 404"]
    assert [one["title"] for one in figures["slow"]] == ["Good one"]


@on_sqlite
def test_pipes_get_a_line_for_each_number(busy):
    lines = [line.split("\t") for line in busy("stats").out.splitlines()]

    assert ["polls", "new", "2"] in lines
    assert ["sources", "failing", "1"] in lines
    assert ["letters", "accepted", "0"] in lines
    assert [line[1::2] for line in lines if line[0] == "failing longest"] == [["2", "http 404"]]


@on_sqlite
def test_how_far_to_look_back_is_said_as_everywhere(busy):
    assert len(busy("stats", "--since", "24h", "--json").json["steps"]) == 24

    wrong = busy("stats", "--since", "yesterday")

    assert wrong.status == 2
    assert "yesterday" in wrong.err


def test_nothing_has_happened_in_the_beginning(tidings):
    assert tidings("stats").status == 0
    assert tidings("stats", "--json").json["last_polled_at"] is None


@pytest.mark.parametrize(
    ("number", "drawn"),
    [(8, "████"), (4, "██"), (3, "█▌"), (0, ""), (0.001, "▏")],
    ids=["the most", "half of it", "in eighths", "nothing", "little"],
)
def test_bars_are_in_proportion(number, drawn):
    assert bar(number, most=8, width=4) == drawn


def test_a_sparkline_has_a_column_for_each_number():
    assert sparkline([0, 1, 4, 8]) == "·▂▅█"
    assert sparkline([]) == ""
    assert sparkline([0, 0]) == "··"
