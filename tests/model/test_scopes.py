import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.model import scopes

SEQS = st.integers(min_value=0, max_value=10**9)
SIZES = st.integers(min_value=1, max_value=1000)


@pytest.mark.parametrize(("last_seq", "expected"), [(0, 0), (99, 0), (100, 1), (199, 1), (200, 2)])
def test_an_archive_is_there_once_it_is_full(last_seq, expected):
    assert scopes.full_archives(last_seq) == expected


@given(last_seq=SEQS, feed_size=SIZES)
def test_the_feed_keeps_its_size_and_less_than_an_archive_more(last_seq, feed_size):
    left_out = scopes.archives_left_out(last_seq, feed_size=feed_size)

    _, last_left_out = scopes.archive_span(left_out)
    kept = last_seq - last_left_out
    assert left_out <= scopes.full_archives(last_seq)
    assert min(feed_size, last_seq) <= kept < feed_size + scopes.ARCHIVE_SIZE


@given(seq=st.integers(min_value=1, max_value=10**9))
def test_every_sequence_is_in_one_archive(seq):
    number = -(-seq // scopes.ARCHIVE_SIZE)

    spans = [scopes.archive_span(one) for one in (number - 1, number, number + 1)]

    assert [first <= seq <= last for first, last in spans] == [False, True, False]
