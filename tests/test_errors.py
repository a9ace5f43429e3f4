"""Messages: one line, bounded, whatever a hostile server put into them."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.errors import (
    MAX_MESSAGE,
    ConflictError,
    FetchError,
    NoFeedError,
    NotFoundError,
    StatusError,
    one_line,
)


@given(st.text())
def test_a_message_is_one_printable_line_of_bounded_size(text):
    line = str(FetchError("https://example.org/", text))

    assert line.isprintable()
    assert len(line.encode()) <= MAX_MESSAGE


@pytest.mark.parametrize("character", ["a", "é", "数", "🗞"])
def test_a_long_message_is_cut_between_characters(character):
    line = one_line(character * 5000)

    assert len(line.encode()) <= MAX_MESSAGE
    assert line.endswith("…")


def test_line_breaks_and_controls_become_blanks():
    assert one_line("a\r\nb\t\x1b[31mc\x00\u2028d") == "a b [31mc d"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        pytest.param(NotFoundError("source", 7), "no source 7", id="not found"),
        pytest.param(ConflictError("topic", "x"), "topic x exists already", id="conflict"),
        pytest.param(
            StatusError("https://e.org/", 404, "Not Found"),
            "cannot fetch https://e.org/: 404 Not Found",
            id="a status",
        ),
        pytest.param(
            StatusError("https://e.org/", 520, ""), "cannot fetch https://e.org/: 520", id="no name"
        ),
        pytest.param(
            NoFeedError("https://e.org/", "a page", ("https://e.org/f", "https://e.org/g")),
            "no feed at https://e.org/: a page; feeds found: https://e.org/f, https://e.org/g",
            id="no feed",
        ),
    ],
)
def test_an_error_says_what_it_is_about(error, message):
    assert str(error) == message
    assert str(pickle.loads(pickle.dumps(error))) == message  # noqa: S301 - our own bytes


@pytest.mark.parametrize(
    ("status", "transient"), [(404, False), (410, False), (429, True), (408, True), (503, True)]
)
def test_some_statuses_pass_by_themselves(status, transient):
    assert StatusError("https://e.org/", status, "").transient is transient
