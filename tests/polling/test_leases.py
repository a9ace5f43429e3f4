from datetime import timedelta

from sqlalchemy import event, insert, select, text, update

from parsed_entries import DAY, HOUR, NOON
from tidings.catalog import source_edits, sources
from tidings.db.tables import host, source
from tidings.model.sources import SourceState
from tidings.polling.store import leases
from tidings.polling.store.leases import DUE_A_LEASE, LeaseRequest

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


def test_a_host_with_many_due_sources_waits_its_turn_again(database, follow):
    ids = [follow(f"https://platform.example/{number}") for number in range(DUE_A_LEASE + 2)]
    with database.write() as connection:
        longest_due = update(source).where(source.c.id == ids[-1])
        connection.execute(longest_due.values(next_poll_at=NOON - HOUR))

    [claimed] = claim(database, "mine")

    assert [due.id for due in claimed] == [ids[-1], *ids[: DUE_A_LEASE - 1]]
    with database.write() as connection:
        leases.release(connection, "mine", {"platform.example:443": timedelta(0)})
    [named] = claim(database, "other", wanted=LeaseRequest(only=ids))
    assert len(named) == len(ids)


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
    source_id = follow()
    with database.write() as connection:
        source_edits.set_state(connection, source_id, SourceState.PAUSED, now=NOON)

    assert claim(database, "mine") == []


def test_a_claim_steps_over_no_host_that_is_held_or_cools_down(database, follow):
    follow("https://free.example/1")
    with database.write() as connection:
        held = leases.clock(connection) + HOUR
        copy_source(connection, host="held.example:443", number=300)
        connection.execute(insert(host), {"name": "held.example:443", "lease_until": held})
        for number in range(300):
            name = f"{number}.example:443"
            connection.execute(insert(host), {"name": name, "cooldown_until": held})
            copy_source(connection, host=name, number=1)

    with database.write() as connection:
        if connection.dialect.name == "postgresql":
            # So few rows are read quickest from the first to the last.
            connection.execute(text("SET LOCAL enable_seqscan = off"))
            connection.execute(text("SET LOCAL enable_bitmapscan = off"))
        plan = plan_of_claim(connection)
        [[due]] = leases.claim(connection, "mine", wanted=DUE, limit=10)

    assert "ix_host_ready" in plan, plan
    assert "Rows Removed" not in plan
    assert due.host == "free.example:443"


def test_a_host_is_due_with_the_first_of_its_active_sources(database, follow):
    first, second = follow("https://a.example/1"), follow("https://a.example/2")
    with database.write() as connection:
        schedule(connection, first, NOON + HOUR)
        schedule(connection, second, NOON + DAY)
    assert due_at(database) == {"a.example:443": NOON + HOUR}

    with database.write() as connection:
        source_edits.set_state(connection, first, SourceState.PAUSED, now=NOON)
    assert due_at(database) == {"a.example:443": NOON + DAY}

    with database.write() as connection:
        moved = source_edits.SourceEdit(url="https://b.example/2")
        source_edits.edit(connection, second, moved, now=NOON)
    assert due_at(database) == {"a.example:443": None, "b.example:443": NOON}

    with database.write() as connection:
        source_edits.set_state(connection, first, SourceState.ACTIVE, now=NOON + HOUR)
        sources.remove(connection, second, now=NOON)
    assert due_at(database) == {"a.example:443": NOON + HOUR, "b.example:443": None}


def test_a_host_that_is_not_due_after_all_is_not_claimed(database, follow):
    source_id = follow()
    with database.write() as connection:
        source_edits.set_state(connection, source_id, SourceState.PAUSED, now=NOON)
    with database.write() as connection:
        connection.execute(update(host).values(due_at=NOON))

    assert claim(database, "mine") == []


def schedule(connection, source_id, at):
    its = update(source).where(source.c.id == source_id)
    connection.execute(its.values(next_poll_at=at))


def due_at(database):
    with database.read() as connection:
        return dict(connection.execute(select(host.c.name, host.c.due_at)).all())


def copy_source(connection, *, host, number):
    """Add copies of the first source, due long before it."""
    row = dict(connection.execute(select(source).where(source.c.id == 1)).mappings().one())
    del row["id"]
    rows = [
        row
        | {"slug": f"{host}-{copy}", "url": f"https://{host}/{copy}", "host": host}
        | {"next_poll_at": row["next_poll_at"] - DAY}
        for copy in range(number)
    ]
    connection.execute(insert(source), rows)


def plan_of_claim(connection):
    """Return how the database finds what can be claimed."""
    statements = []

    def keep(_connection, _cursor, statement, parameters, *_):
        statements.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", keep)
    with connection.begin_nested() as attempt:
        leases.claim(connection, "nobody", wanted=DUE, limit=10)
        attempt.rollback()
    event.remove(connection, "before_cursor_execute", keep)
    [(claim, parameters)] = [one for one in statements if one[0].startswith("UPDATE host")]
    explain = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN ANALYZE"
    with connection.begin_nested() as attempt:
        rows = connection.exec_driver_sql(f"{explain} {claim}", parameters).all()
        attempt.rollback()
    return "\n".join(str(row[-1]) for row in rows)
