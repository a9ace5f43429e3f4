"""What the program is made of: built when it is first asked for, and once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from tidings.app.app import BuiltOnce

THREADS = 8


class House:
    def __init__(self):
        self.built = []

    @BuiltOnce
    def bricks(self):
        self.built.append("bricks")
        return object()

    @BuiltOnce
    def walls(self):
        self.built.append("walls")
        return [self.bricks]


def test_nothing_is_built_before_it_is_asked_for():
    house = House()

    assert house.built == []
    assert house.walls is house.walls
    assert house.built == ["walls", "bricks"]


def test_threads_that_ask_together_get_the_same():
    house, together = House(), Barrier(THREADS)

    def ask(_):
        together.wait()
        return house.walls

    with ThreadPoolExecutor(THREADS) as pool:
        walls = list(pool.map(ask, range(THREADS)))

    assert house.built == ["walls", "bricks"]
    assert all(one is walls[0] for one in walls)


def test_each_has_its_own():
    one, other = House(), House()

    assert one.walls is not other.walls
