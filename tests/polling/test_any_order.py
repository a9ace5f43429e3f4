"""Readers do everything in any order: they have what the record says, and once."""

from contextlib import suppress
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subscriber_service import VISITOR, SubscriberService
from tidings.errors import TidingsError
from tidings.model.subscribers import ConsentEvent, PreferencesForm
from tidings.subscribers.store import consents, subscribers

DEEDS = {
    "ask": lambda house, reader: house.ask(reader.address),
    "confirm": lambda house, reader: house.subscribing.confirm(reader.letter(), VISITOR),
    "pause": lambda house, reader: house.preferences.pause(*reader.own, VISITOR),
    "resume": lambda house, reader: house.preferences.resume(
        *reader.own, VISITOR, catches_up=False
    ),
    "edit": lambda house, reader: house.preferences.save(
        *reader.own, PreferencesForm(hour="9"), VISITOR
    ),
    "end": lambda house, reader: house.preferences.end(*reader.own, VISITOR),
    "undo": lambda house, reader: house.preferences.undo(*reader.own, VISITOR),
    "wait": lambda house, _reader: house.wait(timedelta(hours=30)),
}


class Someone:
    """A reader with their own address; `own` is what their preferences are reached by."""

    def __init__(self, house, address):
        self.house = house
        self.address = address

    @property
    def own(self):
        token = self.house.token(self.address)
        return token, self.house.preferences.read(token).subscriptions[0].id

    def letter(self):
        kinds = [kind for kind, address in self.house.letters() if address == self.address]
        if "confirm" not in kinds:
            self.house.ask(self.address)
        return self.house.confirm_token()


def as_recorded(lines):
    """Return whether somebody is subscribed, and whether they pause, by the consent record."""
    is_on = is_paused = False
    for line in lines:
        match line.event:
            case ConsentEvent.CONFIRMED:
                is_on, is_paused = True, False
            case ConsentEvent.ENDED:
                is_on = False
            case ConsentEvent.UNDONE:
                is_on = True
            case ConsentEvent.PAUSED:
                is_paused = True
            case ConsentEvent.RESUMED:
                is_paused = False
    return is_on, is_paused


@pytest.fixture
def house(database):
    house = SubscriberService(database)
    house.room.add_newsletter()
    return house


def test_whatever_readers_do_they_have_what_the_record_says_and_once(house):
    numbers = count()

    @settings(max_examples=12, deadline=None)
    @given(st.lists(st.sampled_from(sorted(DEEDS)), max_size=12))
    def do(deeds):
        house.wait(timedelta(days=1))
        reader = Someone(house, f"reader-{next(numbers):03}@example.org")
        for deed in deeds:
            with suppress(TidingsError):
                DEEDS[deed](house, reader)
        theirs = house.subscriptions(like=reader.address)
        if "confirm" not in deeds:
            assert theirs == []
            return
        [one] = theirs
        with house.database.read() as connection:
            number = subscribers.get_of(connection, reader.address).id
            lines = consents.of_subscriber(connection, number)
        assert (one.ended_at is None, one.paused_at is not None) == as_recorded(lines)

    do()
