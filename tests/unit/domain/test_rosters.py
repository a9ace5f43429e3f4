"""Lists of subscribers as CSV."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.domain import rosters
from tidings.errors import InvalidError

CELLS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("address,proof\nann@example.org,letter\n", id="commas"),
        pytest.param("address;proof\r\nann@example.org;letter\r\n", id="semicolons"),
        pytest.param("\ufeffAddress,Proof\nann@example.org,letter", id="a byte order mark"),
        pytest.param('"address","proof"\n"ann@example.org","letter"\n', id="quotes"),
        pytest.param("address,proof\n ann@example.org , letter \n", id="blanks"),
    ],
)
def test_every_program_writes_csv_its_own_way(text):
    [line] = rosters.read(io.StringIO(text, newline=""))

    assert line.cells == {"address": "ann@example.org", "proof": "letter"}


def test_lines_are_numbered_as_in_the_file():
    text = 'address,proof\na@example.org,"two\nlines"\n\nb@example.org,one\n'

    lines = list(rosters.read(io.StringIO(text, newline="")))

    assert [(line.number, line.cells["address"]) for line in lines] == [
        (2, "a@example.org"),
        (5, "b@example.org"),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("", "name each column once", id="nothing"),
        pytest.param("mail\n", "column 'mail'", id="unknown column"),
        pytest.param("address,address\n", "name each column once", id="twice"),
        pytest.param("proof\n", "name each column once", id="no address"),
        pytest.param(f"address\n{'x' * 200_000}\n", "line 2", id="endless cell"),
    ],
)
def test_what_is_no_list_is_refused(text, words):
    with pytest.raises(InvalidError, match=words):
        list(rosters.read(io.StringIO(text)))


@pytest.mark.parametrize("cell", ["=1+1", "@SUM(A1)", "+1", "-1", "'=1", "''=1", "'ann'", "plain"])
def test_no_cell_is_a_formula_and_every_cell_comes_back(cell):
    file = io.StringIO()

    rosters.write([{"address": "a@example.org", "proof": cell}], file, ("address", "proof"))
    file.seek(0)

    assert file.getvalue().splitlines()[1].partition(",")[2][0] not in "=@+-"
    [line] = rosters.read(file)
    assert line.cells["proof"] == cell


@given(st.lists(CELLS))
def test_what_is_written_is_read_again(cells):
    file = io.StringIO()
    rows = [{"address": "a@example.org", "proof": cell} for cell in cells]

    rosters.write(rows, file, ("address", "proof"))
    file.seek(0)

    assert [line.cells["proof"] for line in rosters.read(file)] == cells
