import gzip
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tidings.errors import NotFoundError
from tidings.model.scopes import EntryAddress
from tidings.web.response_cache import ResponseCache, compress


class Renderer:
    """Renders a body of some size, and counts."""

    def __init__(self, size=100):
        self.size = size
        self.times = 0

    def __call__(self):
        self.times += 1
        return b"x" * self.size


def test_a_body_is_rendered_once_while_it_is_current():
    bodies, render = ResponseCache(), Renderer()

    first = bodies.get(EntryAddress(id=1), '"1"', render=render)
    second = bodies.get(EntryAddress(id=1), '"1"', render=render)

    assert first is second
    assert render.times == 1
    assert gzip.decompress(first.gzipped) == first.plain


def test_a_new_tag_renders_again():
    bodies, render = ResponseCache(), Renderer()

    for etag in ('"1"', '"2"', '"2"'):
        bodies.get(EntryAddress(id=1), etag, render=render)

    assert render.times == 2


def test_what_was_used_last_is_kept_and_the_rest_makes_room():
    room = 3 * compress(b"x" * 10_000).size
    bodies, render = ResponseCache(max_size=room), Renderer(10_000)

    for number in (1, 2, 3, 1, 4, 1, 3):
        bodies.get(EntryAddress(id=number), '"1"', render=render)
    assert render.times == 4

    bodies.get(EntryAddress(id=2), '"1"', render=render)
    assert render.times == 5


def test_replaced_versions_take_no_room():
    room = 2 * compress(b"x" * 10_000).size
    bodies, render = ResponseCache(max_size=room), Renderer(10_000)
    bodies.get(EntryAddress(id=1), '"1"', render=render)

    for version in range(50):
        bodies.get(EntryAddress(id=2), f'"{version}"', render=render)
    bodies.get(EntryAddress(id=1), '"1"', render=render)

    assert render.times == 51


def test_a_body_that_is_too_large_is_given_but_not_kept():
    bodies, render = ResponseCache(max_size=1000), Renderer(5000)

    for _ in range(2):
        assert len(bodies.get(EntryAddress(id=1), '"1"', render=render).plain) == 5000

    assert render.times == 2


def test_those_who_wait_share_the_error_and_the_next_tries_again():
    bodies, waiting, render = ResponseCache(), threading.Event(), Renderer()

    def fail():
        waiting.wait(timeout=10)
        raise NotFoundError("entry", 1)

    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(bodies.get, EntryAddress(id=1), '"1"', render=fail) for _ in range(2)]
        waiting.set()
        for one in asked:
            with pytest.raises(NotFoundError):
                one.result()

    bodies.get(EntryAddress(id=1), '"1"', render=render)
    assert render.times == 1


def test_one_slow_body_does_not_hold_up_another():
    bodies, done = ResponseCache(), threading.Event()

    def slow():
        assert done.wait(timeout=10)
        return b"slow"

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(bodies.get, EntryAddress(id=1), '"1"', render=slow)
        bodies.get(EntryAddress(id=2), '"1"', render=Renderer())
        done.set()

        assert asked.result().plain == b"slow"
