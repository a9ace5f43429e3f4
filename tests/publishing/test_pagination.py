from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsed_entries import NOON
from tidings.publishing.pagination import Place, cuts


def places(number):
    return [Place(NOON + timedelta(minutes=n), n) for n in range(1, number + 1)]


@pytest.mark.parametrize(
    ("number", "ends"),
    [
        pytest.param(0, [], id="nothing: no page"),
        pytest.param(19, [], id="less than two pages: all of it stays on the front"),
        pytest.param(20, [10], id="two pages: the older one gets a number"),
        pytest.param(29, [10], id="the front grows"),
        pytest.param(30, [10, 20], id="and leaves another page behind"),
    ],
)
def test_cuts(number, ends):
    assert [place.entry_id for place in cuts(places(number), size=10)] == ends


@given(number=st.integers(0, 300), more=st.integers(0, 100), size=st.integers(1, 20))
def test_what_comes_later_moves_no_cut(number, more, size):
    before = list(cuts(places(number), size=size))
    after = list(cuts(places(number + more), size=size))

    assert after[: len(before)] == before
    assert [place.entry_id for place in after] == [size * (n + 1) for n in range(len(after))]
    front = number - size * len(before)
    assert min(number, size) <= front < 2 * size
