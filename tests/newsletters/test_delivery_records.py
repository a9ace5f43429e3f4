"""What the operator sees of deliveries, and decides over them, on both databases."""

import pytest

from newsletter_site import NewsletterSite
from parsed_entries import DAY, HOUR, NOON
from tidings.errors import ConflictError, NotFoundError
from tidings.model.newsletters import DeliveryState
from tidings.newsletters.retries import Search
from tidings.newsletters.store import deliveries
from tidings.newsletters.store.outbox import Settled
from tidings.subscribers.store import subscriptions

SEVEN = NOON - 5 * HOUR + DAY
READERS = ("ann@example.org", "bob@example.org", "cleo@example.org")


@pytest.fixture
def house(database):
    """Three letters that are on their way."""
    made = NewsletterSite(database)
    made.add_newsletter()
    source = made.follow()
    for address in READERS:
        made.subscribe(address)
    made.publish(source, 2)
    made.now = SEVEN
    made.plan()
    with database.write() as connection:
        deliveries.claim(connection, "test", limit=3, now=SEVEN)
    return made


def settle(house, delivery_id, state, *, is_marked=False):
    """Let an attempt come to an end."""
    with house.database.write() as connection:
        if is_marked:
            deliveries.OUTBOX.mark(connection, "test", [delivery_id], now=house.now)
        one = Settled(
            id=delivery_id,
            state=state,
            next_try_at=house.now,
            reply="said",
            unmarked=not is_marked,
        )
        deliveries.OUTBOX.settle(connection, "test", [one], now=house.now)


def resend(house, *ids):
    with house.database.write() as connection:
        deliveries.resend(connection, ids, now=house.now)


def cancel(house, *ids):
    with house.database.write() as connection:
        deliveries.cancel(connection, ids, now=house.now)


def state_of(house, delivery_id):
    with house.database.read() as connection:
        return deliveries.get(connection, delivery_id).state


def test_the_operator_sees_the_newest_first(house):
    settle(house, 1, DeliveryState.REJECTED)

    with house.database.read() as connection:
        every = deliveries.latest(connection, Search(), limit=2)
        search = Search(state=DeliveryState.REJECTED, newsletter="news", issue=1, key=READERS[0])
        [rejected] = deliveries.latest(connection, search, limit=None)
        none = deliveries.latest(connection, Search(newsletter="other"), limit=None)
        counts = deliveries.by_state_of_issue(connection, 1)

    assert [one.subscriber for one in every] == ["cleo@example.org", "bob@example.org"]
    assert (rejected.newsletter, rejected.slot, rejected.reply) == ("news", "d:2026-11-21", "said")
    assert (rejected.attempts, rejected.may_have_arrived, none) == (1, False, [])
    assert counts == {"rejected": 1, "sending": 2}


@pytest.mark.parametrize(
    ("state", "is_marked", "then"),
    [
        pytest.param("rejected", False, "ready", id="rejected: as if new"),
        pytest.param("held", False, "ready", id="held: as if new"),
        pytest.param("assumed_accepted", True, "uncertain", id="in doubt: as a repetition"),
        pytest.param("uncertain", True, "uncertain", id="waiting in doubt: at once"),
    ],
)
def test_a_letter_is_sent_again_as_what_it_is(house, state, is_marked, then):
    settle(house, 2, DeliveryState(state), is_marked=is_marked)
    house.now += 5 * DAY

    resend(house, 2)

    with house.database.write() as connection:
        again = deliveries.get(connection, 2)
        [claimed] = [
            one for one in deliveries.claim(connection, "b", limit=3, now=house.now) if one.id == 2
        ]
    assert (again.state, again.finished_at, again.next_try_at) == (then, None, house.now)
    assert again.expires_at == house.now + 2 * DAY
    assert claimed.is_resend == is_marked
    assert claimed.message_id == again.message_id


@pytest.mark.parametrize("state", ["accepted", "deferred", "cancelled"])
def test_what_needs_no_repetition_gets_none(house, state):
    settle(house, 2, DeliveryState(state), is_marked=state == "accepted")
    settle(house, 1, DeliveryState.REJECTED)

    with pytest.raises(ConflictError, match=f"delivery 2 is {state}"):
        resend(house, 1, 2)

    assert state_of(house, 1) == "rejected"


def test_nothing_is_sent_again_to_who_has_left(house):
    settle(house, 2, DeliveryState.REJECTED)
    with house.database.write() as connection:
        subscriptions.end(connection, 2, now=house.now)

    with pytest.raises(ConflictError, match="delivery 2 is for somebody who gets nothing"):
        resend(house, 2)


@pytest.mark.parametrize("decide", [resend, cancel])
def test_a_delivery_that_does_not_exist_is_named(house, decide):
    with pytest.raises(NotFoundError, match="no delivery 99"):
        decide(house, 99)


@pytest.mark.parametrize(
    ("state", "is_marked", "then"),
    [
        pytest.param("deferred", False, "cancelled", id="not sent"),
        pytest.param("uncertain", True, "assumed_accepted", id="perhaps sent"),
    ],
)
def test_a_letter_is_taken_back_for_good(house, state, is_marked, then):
    settle(house, 2, DeliveryState(state), is_marked=is_marked)

    cancel(house, 2)

    assert state_of(house, 2) == then
    assert house.deliveries()[1].finished_at == SEVEN


def test_a_letter_on_its_way_is_not_taken_back(house):
    settle(house, 1, DeliveryState.REJECTED)

    with pytest.raises(ConflictError, match="delivery 2 is sending"):
        cancel(house, 2)


def test_what_is_held_waits_for_the_operator_and_is_told_of_in_nothing_else(house):
    with house.database.write() as connection:
        held = deliveries.hold_unfinished(connection, because="why", now=house.now)
    house.publish(1)
    house.now += DAY
    house.plan()

    with house.database.read() as connection:
        old = deliveries.get(connection, 1)
        doubtful = deliveries.doubtful_of_issue(connection, 1, limit=9)
    assert (held, old.state, old.reply, old.may_have_arrived) == (3, "held", "why", True)
    assert doubtful == []
    assert [row.from_seq for row in house.deliveries(1)] == [0, 2]


def test_doubtful_letters_of_an_issue_are_named(house):
    settle(house, 3, DeliveryState.UNCERTAIN, is_marked=True)

    with house.database.read() as connection:
        [one] = deliveries.doubtful_of_issue(connection, 1, limit=9)

    assert (one.id, one.subscriber, one.may_have_arrived) == (3, "cleo@example.org", True)
