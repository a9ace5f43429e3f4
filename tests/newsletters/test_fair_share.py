from hypothesis import given
from hypothesis import strategies as st

from tidings.newsletters.digests import fair_shares

WANTED = st.lists(st.integers(0, 60), max_size=8)


@given(WANTED, st.integers(0, 200))
def test_all_room_is_given_away_and_nobody_gets_much_less_than_another(wanted, room):
    shares = fair_shares(wanted, room)

    assert sum(shares) == min(room, sum(wanted))
    assert all(0 <= share <= want for share, want in zip(shares, wanted, strict=True))
    short = [share for share, want in zip(shares, wanted, strict=True) if share < want]
    assert not short or max(shares) - min(short) <= 1


@given(WANTED, st.integers(0, 200))
def test_with_more_room_no_share_gets_smaller(wanted, room):
    less, more = fair_shares(wanted, room), fair_shares(wanted, room + 1)

    assert all(one <= other for one, other in zip(less, more, strict=True))
