import asyncio
import gc
from contextlib import suppress
from datetime import timedelta

import pytest

from tidings.fetching.exchange import HostThrottle
from tidings.fetching.policy import FetchPolicy, HostPolicy

HOST, OTHER = "a.example:443", "b.example:443"


def a_throttle(*, lease=lambda _host: True, interval=0.0, patience=1.0, hosts=None):
    second = timedelta(seconds=1)
    policy = FetchPolicy(
        contact_url="",
        allow=(),
        host_interval=interval * second,
        concurrency=1,
        connect_timeout=second,
        first_byte_timeout=second,
        read_timeout=second,
        total_timeout=patience * second,
        max_size=1,
        max_ratio=1,
        max_redirects=1,
        hosts={name: HostPolicy(interval=value * second) for name, value in (hosts or {}).items()},
    )
    return HostThrottle(policy, lease=lease)


async def starts(throttle, hosts, *, work=0.0):
    """Take a turn for each of `hosts` at once; return when each began, from the first on."""
    begun = []

    async def take(host):
        async with throttle.turn(host):
            begun.append((host, asyncio.get_running_loop().time()))
            await asyncio.sleep(work)

    await asyncio.gather(*map(take, hosts))
    return [(host, time - begun[0][1]) for host, time in begun]


def test_starts_for_one_host_are_an_interval_apart():
    begun = asyncio.run(starts(a_throttle(interval=0.1), [HOST] * 3))

    assert [time >= number * 0.095 for number, (_, time) in enumerate(begun)] == [True] * 3
    assert begun[-1][1] < 5


def test_work_that_takes_longer_than_the_interval_is_waited_for():
    begun = asyncio.run(starts(a_throttle(interval=0.02), [HOST] * 2, work=0.1))

    assert begun[1][1] >= 0.095


def test_hosts_do_not_wait_for_each_other():
    begun = asyncio.run(starts(a_throttle(interval=60), [HOST, OTHER]))

    assert begun[1][1] < 5


def test_a_host_may_have_an_interval_of_its_own():
    begun = asyncio.run(starts(a_throttle(interval=60, hosts={HOST: 0}), [HOST] * 2))

    assert begun[1][1] < 5


def test_a_turn_that_fails_or_is_cancelled_passes_on():
    async def run():
        throttle = a_throttle()
        with suppress(ZeroDivisionError):
            async with throttle.turn(HOST):
                raise ZeroDivisionError
        async with throttle.turn(HOST):
            waiting = asyncio.create_task(starts(throttle, [HOST]))
            await asyncio.sleep(0)
            waiting.cancel()
        return await starts(throttle, [HOST])

    assert len(asyncio.run(run())) == 1


def test_hosts_are_forgotten_once_they_do_not_matter():
    async def run():
        throttle = a_throttle(interval=0.05)
        await starts(throttle, [HOST, OTHER])
        remembered = len(throttle._locks)
        await asyncio.sleep(0.1)
        gc.collect()
        return remembered, len(throttle._locks)

    assert asyncio.run(run()) == (2, 0)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        pytest.param([True], True, id="free"),
        pytest.param([False, True], True, id="free a little later"),
        pytest.param([False, False], False, id="held"),
    ],
)
def test_a_host_is_borrowed_if_it_gets_free_in_time(answers, expected):
    asked = []

    def lease(host):
        asked.append(host)
        return answers[len(asked) - 1]

    borrowed = asyncio.run(a_throttle(lease=lease, patience=0.1).borrow(HOST))

    assert borrowed is expected
    assert asked == [HOST] * len(answers)
