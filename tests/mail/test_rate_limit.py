"""However many threads ask, letters go out no faster than the relay wants them."""

import pytest

from tidings.mail.smtp import RateLimit


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.now = 1000.0
        self.sleeps = 0

    def sleep(self, seconds):
        self.sleeps += 1
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


def test_letters_go_out_at_a_steady_rate(clock):
    pace = RateLimit(10, clock=lambda: clock.now, sleep=clock.sleep)

    for _ in range(101):
        pace.wait()

    assert clock.now == pytest.approx(1010)


def test_time_that_nobody_used_is_not_saved_up(clock):
    pace = RateLimit(100, clock=lambda: clock.now, sleep=clock.sleep)
    clock.now += 60
    began = clock.now

    for _ in range(110):
        pace.wait()

    assert clock.now == pytest.approx(began + 1, abs=0.02)


def test_without_a_limit_nobody_waits(clock):
    pace = RateLimit(0, clock=lambda: clock.now, sleep=clock.sleep)

    for _ in range(1000):
        pace.wait()

    assert clock.sleeps == 0
