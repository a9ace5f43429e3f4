"""What is read together, and what is not, when many ask for stamps."""

import asyncio
from threading import Event

import pytest

from parsed_entries import NOON
from tidings.errors import NotFoundError
from tidings.model.scopes import CacheValidator, EntryAddress
from tidings.web.published import StampReader

ONE, OTHER, GONE = (EntryAddress(id=number) for number in (1, 2, 3))


class Reader:
    """Stamps of which each has the number of reads so far; reading begins when it may."""

    def __init__(self):
        self.asked = []
        self.reads, self.may_read = Event(), Event()

    def __call__(self, address):
        self.asked.append(address)
        self.reads.set()
        assert self.may_read.wait(timeout=10)
        if address == GONE:
            raise NotFoundError("entry", address.id)
        return CacheValidator(change=len(self.asked), changed_at=NOON, fingerprint="f")


@pytest.fixture
def read():
    return Reader()


def begin(stamps, *addresses):
    return [asyncio.create_task(stamps.get(address)) for address in addresses]


def test_those_who_ask_during_a_read_share_the_next_one(read):
    async def ask():
        stamps = StampReader(read)
        first = begin(stamps, ONE)
        assert await asyncio.to_thread(read.reads.wait, 10)
        later = begin(stamps, ONE, OTHER, ONE, ONE)
        await asyncio.sleep(0)
        read.may_read.set()
        return [stamp.change for stamp in await asyncio.gather(*first, *later)]

    changes = asyncio.run(ask())

    assert changes == [1, 2, 3, 2, 2]
    assert read.asked == [ONE, ONE, OTHER]


def test_what_cannot_be_read_is_an_error_for_those_alone_who_asked_for_it(read):
    read.may_read.set()

    async def ask():
        stamps = StampReader(read)
        found = await asyncio.gather(*begin(stamps, GONE, ONE, GONE), return_exceptions=True)
        return [*found, await stamps.get(OTHER)]

    gone, one, as_well, other = asyncio.run(ask())

    assert isinstance(gone, NotFoundError)
    assert as_well is gone
    assert (one.change, other.change) == (2, 3)


def test_who_does_not_wait_any_more_takes_nothing_from_the_others(read):
    async def ask():
        stamps = StampReader(read)
        leaves, stays = begin(stamps, ONE, ONE)
        assert await asyncio.to_thread(read.reads.wait, 10)
        leaves.cancel()
        read.may_read.set()
        return (await stays).change, (await stamps.get(ONE)).change

    assert asyncio.run(ask()) == (1, 2)
