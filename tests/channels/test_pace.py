from datetime import timedelta

import pytest

from tidings.channels.pace import ToldSpan, pause_after, share_out


@pytest.mark.parametrize(
    ("seqs", "room", "spans"),
    [
        pytest.param([], 3, [], id="nothing new"),
        pytest.param([12, 15], 3, [(10, 12), (12, 15)], id="room for all: one by one"),
        pytest.param([11, 12, 13], 3, [(10, 11), (11, 12), (12, 13)], id="just enough"),
        pytest.param([11, 12, 13, 14], 3, [(10, 11), (11, 12), (12, 14)], id="the rest together"),
        pytest.param([11, 12], 1, [(10, 12)], id="all together"),
        pytest.param([11], 0, [], id="no room"),
        pytest.param([11, 12], -2, [], id="the limit was lowered"),
    ],
)
def test_entries_are_shared_out_among_messages(seqs, room, spans):
    found = share_out(seqs, watermark=10, room=room)

    assert found == [ToldSpan(from_seq=start, to_seq=end) for start, end in spans]


@pytest.mark.parametrize(
    ("failures", "asked", "minutes"),
    [
        pytest.param(1, None, 1, id="soon at first"),
        pytest.param(2, None, 5, id="then later"),
        pytest.param(50, None, 180, id="no later than that"),
        pytest.param(1, timedelta(minutes=30), 30, id="as long as is asked for"),
        pytest.param(4, timedelta(seconds=1), 60, id="no sooner than we would"),
    ],
)
def test_the_pause_after_failures(failures, asked, minutes):
    assert pause_after(failures, asked) == timedelta(minutes=minutes)
