from datetime import timedelta

from sqlalchemy import update

from parsed_entries import DAY, HOUR, NOON
from tidings.catalog import sources
from tidings.db.tables import host
from tidings.polling.store import leases
from tidings.polling.store.leases import LeaseRequest

DUE = LeaseRequest(due_at=NOON)


def claim(database, owner, *, wanted=DUE, limit=10):
    with database.write() as connection:
        return leases.claim(connection, owner, wanted=wanted, limit=limit)


def test_a_host_comes_with_all_its_due_sources_and_belongs_to_one(database, follow):
    follow("https://a.example/1")
    follow("https://a.example/2")
    follow("https://b.example/1")

    mine, theirs = claim(database, "mine", limit=1), claim(database, "theirs")

    assert [due.url for due in mine[0]] == ["https://a.example/1", "https://a.example/2"]
    assert [due.url for due in theirs[0]] == ["https://b.example/1"]
    assert claim(database, "late") == []


def test_a_source_that_is_not_due_is_claimed_only_by_name(database, follow):
    source_id = follow()

    assert claim(database, "mine", wanted=LeaseRequest(due_at=NOON - HOUR)) == []
    assert claim(database, "mine", wanted=LeaseRequest(only=[source_id])) != []


def test_a_lease_that_ran_out_is_free_for_the_next(database, follow):
    follow()
    claim(database, "dead")
    with database.write() as connection:
        past = leases.clock(connection) - timedelta(seconds=1)
        connection.execute(update(host).values(lease_until=past))

    assert claim(database, "alive") != []


def test_a_lease_that_is_renewed_stays(database, follow):
    follow()
    claim(database, "mine")
    with database.write() as connection:
        past = leases.clock(connection) - timedelta(seconds=1)
        connection.execute(update(host).values(lease_until=past))
        leases.renew(connection, "mine")

    assert claim(database, "other") == []


def test_a_host_that_was_given_back_is_left_alone_for_its_pause(database, follow):
    follow()
    [[due]] = claim(database, "mine")

    with database.write() as connection:
        leases.release(connection, "mine", {due.host: DAY})

    assert claim(database, "other") == []
    with database.read() as connection:
        assert "asked for a pause" in (leases.find_obstacle(connection, due.host) or "")


def test_nobody_gives_back_what_is_not_his(database, follow):
    follow()
    [[due]] = claim(database, "mine")

    with database.write() as connection:
        leases.release(connection, "other", {due.host: timedelta(0)})
        leases.release_all(connection, "other")

    assert claim(database, "other") == []


def test_two_rounds_of_one_process_keep_what_each_holds(database, follow):
    follow("https://a.example/1")
    follow("https://b.example/1")
    one, other = leases.name_of_round("mine"), leases.name_of_round("mine")
    claim(database, one, limit=1)
    claim(database, other, limit=1)

    with database.write() as connection:
        leases.release_all(connection, one)

    assert [due.host for [due] in claim(database, "theirs")] == ["a.example:443"]


def test_a_redirect_may_lead_to_a_host_we_hold_but_not_to_one_that_others_hold(database, follow):
    follow("https://a.example/1")
    follow("https://b.example/1")
    claim(database, leases.name_of_round("mine"), limit=1)
    claim(database, "theirs", limit=1)

    with database.write() as connection:
        assert leases.claim_hop(connection, "mine", "a.example:443")
        assert leases.claim_hop(connection, "mine", "unknown.example:443")
        assert not leases.claim_hop(connection, "mine", "b.example:443")
        assert not leases.claim_one(connection, "theirs", "unknown.example:443")


def test_paused_sources_are_not_due(database, follow):
    from tidings.model.sources import SourceState  # noqa: PLC0415

    source_id = follow()
    with database.write() as connection:
        sources.set_state(connection, source_id, SourceState.PAUSED, now=NOON)

    assert claim(database, "mine") == []
