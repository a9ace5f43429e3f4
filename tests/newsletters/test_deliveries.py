"""Deliveries on both databases: claimed by one, marked, settled, and never lost."""

import pytest
from sqlalchemy import insert, update

from newsletter_site import NewsletterSite
from parsed_entries import DAY, HOUR, NOON
from tidings.db.mail_tables import delivery
from tidings.model.newsletters import DeliveryState
from tidings.newsletters.store import deliveries, relay_pauses
from tidings.newsletters.store.outbox import Settled

SEVEN = NOON - 5 * HOUR + DAY


@pytest.fixture
def newsletter_site(database):
    """Three letters that are ready."""
    newsletter_site = NewsletterSite(database)
    newsletter_site.add_newsletter()
    for name in ("ann", "bob", "cleo"):
        newsletter_site.subscribe(f"{name}@example.org")
    newsletter_site.publish(newsletter_site.follow())
    newsletter_site.now = SEVEN
    newsletter_site.plan()
    return newsletter_site


def claim(newsletter_site, owner="ours", *, limit=10, now=SEVEN):
    with newsletter_site.database.write() as connection:
        return deliveries.claim(connection, owner, limit=limit, now=now)


def mark(newsletter_site, delivery_id, owner="ours"):
    with newsletter_site.database.write() as connection:
        return deliveries.OUTBOX.mark(connection, owner, [delivery_id], now=SEVEN)


def settle(newsletter_site, *settled, owner="ours"):
    with newsletter_site.database.write() as connection:
        deliveries.OUTBOX.settle(connection, owner, settled, now=SEVEN)


def settled(delivery_id, state, *, unmarked=False):
    return Settled(
        id=delivery_id, state=state, next_try_at=SEVEN + HOUR, reply="said", unmarked=unmarked
    )


def change(newsletter_site, delivery_id, **values):
    with newsletter_site.database.write() as connection:
        connection.execute(update(delivery).where(delivery.c.id == delivery_id).values(**values))


def recover(newsletter_site, *, gone=()):
    with newsletter_site.database.write() as connection:
        deliveries.OUTBOX.recover(connection, gone=gone)


def withdraw(newsletter_site, *, now=SEVEN):
    with newsletter_site.database.write() as connection:
        deliveries.withdraw(connection, now=now)


def test_what_one_has_claimed_the_other_cannot(newsletter_site):
    ours = claim(newsletter_site, "ours", limit=2)
    theirs = claim(newsletter_site, "theirs")
    nobodys = claim(newsletter_site, "third")

    assert [one.address for one in ours] == ["ann@example.org", "bob@example.org"]
    assert [one.address for one in theirs] == ["cleo@example.org"]
    assert nobodys == []
    assert {(one.attempt, one.is_resend, one.planned_at) for one in ours} == {(1, False, SEVEN)}


def test_the_longest_waiting_comes_first_and_nothing_before_its_time(newsletter_site):
    change(newsletter_site, 1, next_try_at=SEVEN + HOUR)
    change(newsletter_site, 3, next_try_at=SEVEN - HOUR)

    first = claim(newsletter_site, limit=1)
    rest = claim(newsletter_site)

    assert [one.id for one in first + rest] == [3, 2]


@pytest.mark.parametrize("state", ["ready", "deferred", "held", "uncertain"])
def test_whatever_waits_is_claimed_when_its_time_has_come(newsletter_site, state):
    change(newsletter_site, 1, state=state)

    assert 1 in {one.id for one in claim(newsletter_site)}


@pytest.mark.parametrize(
    "state", ["accepted", "assumed_accepted", "rejected", "cancelled", "superseded", "expired"]
)
def test_what_has_come_to_its_end_is_left_alone(newsletter_site, state):
    change(newsletter_site, 1, state=state, finished_at=SEVEN)

    claimed = claim(newsletter_site)
    recover(newsletter_site)
    withdraw(newsletter_site, now=SEVEN + 99 * DAY)

    assert [one.id for one in claimed] == [2, 3]
    assert newsletter_site.states()[0] == state


def test_letters_of_one_issue_are_claimed_together(newsletter_site):
    with newsletter_site.database.write() as connection:
        row = connection.exec_driver_sql("SELECT * FROM issue").mappings().one()
        copy = {**row, "id": 2, "key": b"other", "slug": "other"}
        connection.execute(insert(delivery.metadata.tables["issue"]), [_typed(copy)])
    change(newsletter_site, 1, issue_id=2)

    claimed = claim(newsletter_site, limit=2)

    assert [one.id for one in claimed] == [2, 3]


def _typed(row):
    return row | {"created_at": SEVEN, "since": None, "listed": False}


def test_domains_that_are_left_to_others_are_not_claimed(newsletter_site):
    with newsletter_site.database.write() as connection:
        nothing = deliveries.claim(
            connection, "ours", limit=10, now=SEVEN, without=("other.example", "example.org")
        )
        all_of_them = deliveries.claim(
            connection, "ours", limit=10, now=SEVEN, without=("ample.org", "example.com")
        )

    assert nothing == []
    assert len(all_of_them) == 3


def test_a_marker_is_set_only_by_who_holds_the_lease(newsletter_site):
    claim(newsletter_site)
    settle(newsletter_site, settled(3, DeliveryState.DEFERRED, unmarked=True))

    assert mark(newsletter_site, 1) == {1}
    assert mark(newsletter_site, 2, owner="theirs") == set()
    assert mark(newsletter_site, 3) == set()

    assert [row.marked_at for row in newsletter_site.deliveries()] == [SEVEN, None, None]


def test_what_came_of_it_is_written_at_once_for_many(newsletter_site):
    claim(newsletter_site)
    for number in (1, 2, 3):
        mark(newsletter_site, number)

    settle(
        newsletter_site,
        settled(1, DeliveryState.ACCEPTED),
        settled(2, DeliveryState.DEFERRED, unmarked=True),
        settled(3, DeliveryState.UNCERTAIN),
    )

    rows = newsletter_site.deliveries()
    assert [row.state for row in rows] == ["accepted", "deferred", "uncertain"]
    assert [row.marked_at for row in rows] == [SEVEN, None, SEVEN]
    assert [row.finished_at for row in rows] == [SEVEN, None, None]
    assert {(row.reply, row.next_try_at, row.lease_owner) for row in rows} == {
        ("said", SEVEN + HOUR, None)
    }


def test_who_has_lost_the_lease_writes_nothing(newsletter_site):
    claim(newsletter_site)

    settle(newsletter_site, settled(1, DeliveryState.ACCEPTED), owner="theirs")

    assert newsletter_site.states()[0] == "sending"


def test_a_repetition_is_known_as_one(newsletter_site):
    claim(newsletter_site)
    mark(newsletter_site, 1)
    settle(newsletter_site, settled(1, DeliveryState.UNCERTAIN))

    [again] = claim(newsletter_site, now=SEVEN + HOUR)

    assert (again.attempt, again.is_resend) == (2, True)


def test_what_a_dead_process_left_is_ready_again_or_taken_for_accepted(newsletter_site):
    claim(newsletter_site, limit=2)
    mark(newsletter_site, 1)
    recover(newsletter_site)
    alive = newsletter_site.states()

    newsletter_site.let_leases_run_out()
    recover(newsletter_site)

    rows = newsletter_site.deliveries()
    assert alive == ["sending", "sending", "ready"]
    assert [row.state for row in rows] == ["assumed_accepted", "ready", "ready"]
    assert [row.finished_at for row in rows] == [SEVEN, None, None]
    assert {row.lease_owner for row in rows} == {None}


def test_what_an_owner_held_that_is_known_to_be_gone_does_not_wait_for_the_lease(newsletter_site):
    claim(newsletter_site, "gone", limit=2)
    claim(newsletter_site, "alive")
    mark(newsletter_site, 1, owner="gone")
    with newsletter_site.database.read() as connection:
        owners = deliveries.OUTBOX.owners(connection)

    recover(newsletter_site, gone=["gone"])

    rows = newsletter_site.deliveries()
    assert sorted(owners) == ["alive", "gone"]
    assert [row.state for row in rows] == ["assumed_accepted", "ready", "sending"]
    assert [row.lease_owner for row in rows] == [None, None, "alive"]
    # If it was not gone after all, it sends nothing.
    assert mark(newsletter_site, 2, owner="gone") == set()


def test_a_renewed_lease_does_not_run_out(newsletter_site):
    claim(newsletter_site, "ours", limit=1)
    claim(newsletter_site, "theirs", limit=1)
    newsletter_site.let_leases_run_out()

    with newsletter_site.database.write() as connection:
        deliveries.OUTBOX.renew(connection, "ours")
    recover(newsletter_site)

    assert newsletter_site.states() == ["sending", "ready", "ready"]


def test_what_is_given_back_is_ready_or_in_doubt_and_after_a_second_time_assumed(newsletter_site):
    claim(newsletter_site, limit=1)
    mark(newsletter_site, 1)
    settle(newsletter_site, settled(1, DeliveryState.UNCERTAIN))
    claim(newsletter_site, now=SEVEN + HOUR)
    mark(newsletter_site, 2)

    with newsletter_site.database.write() as connection:
        deliveries.OUTBOX.give_back(connection, "ours", doubtful_until=SEVEN + DAY, now=SEVEN)

    rows = newsletter_site.deliveries()
    assert [row.state for row in rows] == ["assumed_accepted", "uncertain", "ready"]
    assert [row.finished_at for row in rows] == [SEVEN, None, None]
    assert rows[1].next_try_at == SEVEN + DAY
    assert rows[2].next_try_at == SEVEN


def test_who_left_and_what_waited_too_long_is_withdrawn(newsletter_site):
    newsletter_site.leave(1)
    change(newsletter_site, 1, state="deferred", finished_at=None)
    change(newsletter_site, 2, expires_at=SEVEN)

    withdraw(newsletter_site)

    rows = newsletter_site.deliveries()
    assert [row.state for row in rows] == ["cancelled", "expired", "ready"]
    assert [row.finished_at for row in rows] == [SEVEN, SEVEN, None]


def test_what_is_in_doubt_is_taken_for_accepted_when_it_is_withdrawn(newsletter_site):
    change(newsletter_site, 1, state="uncertain", marked_at=SEVEN)
    change(newsletter_site, 2, state="uncertain", marked_at=SEVEN, expires_at=SEVEN)
    newsletter_site.leave(1)

    withdraw(newsletter_site)

    assert newsletter_site.states() == ["assumed_accepted", "assumed_accepted", "ready"]


def test_a_relays_pause_ends_by_itself(newsletter_site):
    with newsletter_site.database.write() as connection:
        relay_pauses.pause_relay(connection, "a", until=SEVEN + HOUR, reason="first")
        relay_pauses.pause_relay(connection, "a", until=SEVEN + 2 * HOUR, reason="second")

    with newsletter_site.database.read() as connection:
        during = relay_pauses.find_relay_pause(connection, "a", now=SEVEN + HOUR)
        after = relay_pauses.find_relay_pause(connection, "a", now=SEVEN + 2 * HOUR)
        other = relay_pauses.find_relay_pause(connection, "b", now=SEVEN)

    assert (during, after, other) == ((SEVEN + 2 * HOUR, "second"), None, None)
